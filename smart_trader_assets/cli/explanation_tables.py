"""An explained wallet as tables for the terminal; numbers are rounded here and nowhere earlier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from rich.table import Table
from rich.text import Text

from smart_trader_assets import text
from smart_trader_assets.cli.explanation import SALE, in_order
from smart_trader_assets.cli.fitted_table import Cell, Column, Line, fitted_table
from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets.pnl.explained_lots import MOVED_ON
from smart_trader_assets.pnl.explained_trades import SELL
from smart_trader_assets.pnl.valuation import ROLLOVER
from smart_trader_assets.report.explanation import ExplainedWallet
from smart_trader_assets.report.sales import REASON_WORDS, sale_matches
from smart_trader_assets.text import short

_TOKEN = Column("token", shortens=True)
_STYLES = {"gain": "green", "loss": "red", "": ""}
_HOURS_A_DAY = 24

Row = Mapping[str, Any]


def explanation_tables(explained: ExplainedWallet, width: int) -> list[Table]:
    """Trades; rollovers, where there are any, and sales, each with the lots that it took; open lots; bets;
    what copying them would have earned; totals beside the table's.

    No number is cut: columns that do not fit into `width` characters are left out.
    """
    views = [_trades, _rollovers, _sales, _open_lots, _bets, _copies, _totals]
    if explained.explanation.rollovers.is_empty():
        views.remove(_rollovers)
    if explained.copies.is_empty():
        views.remove(_copies)
    return [view(explained, width) for view in views]


def _copies(explained: ExplainedWallet, width: int) -> Table:
    names = ("bets", "priced", "a bet", "at least", "entry price", "ends after")
    return fitted_table(
        "Copied later with an equal stake, at the prices of the next trade that anybody in the tables made",
        [Column("after", number=True), *_numbers(*names)],
        [
            Line(
                (
                    f"{row['delay_seconds']} s",
                    f"{row['bets']:,}",
                    text.percent(row["priced_share"]),
                    text.percent(row["copied_return"]),
                    text.percent(row["copied_floor"]),
                    _times(row["price_drift_entry"]),
                    _ends(row),
                )
            )
            for row in explained.copies.iter_rows(named=True)
        ],
        width=width,
    )


def _times(ratio: float | None) -> str:
    return text.percent(None) if ratio is None else f"{ratio:.3f} x"


def _ends(row: dict[str, Any]) -> str:
    """From which delay on copying pays no more."""
    if row["break_even_delay"] is not None:
        return f"{row['break_even_delay']:.0f} s"
    if row["copied_return"] is None:
        return text.percent(None)
    return "pays" if row["copied_return"] > 0 else "never paid"


def _bets(explained: ExplainedWallet, width: int) -> Table:
    """What a copier with the same stake on each would have made, before coming late and his own costs."""
    columns = (
        _TOKEN,
        *_numbers("cost", "result", "return"),
        *_spare("in USD", "in SOL", number=True),
        *_numbers("weight"),
        Column("evidence"),
    )
    lines = [
        Line(
            (
                _token(row, explained),
                text.usd(row["bet_cost"]),
                _money(row["bet_result"]),
                text.percent(100 * row["bet_return"]),
                text.percent(100 * row["usd_return"]),
                text.percent(None if row["sol_return"] is None else 100 * row["sol_return"]),
                text.ratio(row["weight"]),
                "counts" if row["counts"] else "none: it was found by it",
            )
        )
        for row in explained.bets.iter_rows(named=True)
    ]
    return fitted_table("Bets", columns, lines, width=width)


def _trades(explained: ExplainedWallet, width: int) -> Table:
    columns = (
        Column("time, UTC"),
        Column("side"),
        _TOKEN,
        *_numbers("quantity", "worth"),
        *_spare("valued by"),
        *_spare("fee", "worth in SOL", "SOL at", number=True),
        *_spare("transaction"),
    )
    lines = [
        Line(
            (
                text.moment(row["time"]),
                row["side"],
                _token(row, explained),
                text.quantity(row["quantity"]),
                text.usd(row["value"]),
                row["valuation"],
                text.usd(row["fee"]),
                text.sol_number(row["value_sol"]),
                text.price(row["sol_price"]),
                short(row["tx_hash"]),
            )
        )
        for row in explained.explanation.trades.iter_rows(named=True)
    ]
    return fitted_table("Trades", columns, lines, width=width)


def _rollovers(explained: ExplainedWallet, width: int) -> Table:
    """What left, with the lots that it took, then what came and what it cost."""
    columns = (
        Column("moved / bought, UTC"),
        Column("side"),
        _TOKEN,
        *_numbers("quantity", "cost", "paid back", "lost", "gain", "cash paid"),
        *_spare("age", "cost in SOL", "gain in SOL", number=True),
        *_spare("transaction"),
    )
    moved_on = pl.col("unmatched_reason") == MOVED_ON
    taken = _by_sale(explained.explanation.lot_matches.filter(moved_on))
    lines: list[Line] = []
    for rows in explained.explanation.rollovers.partition_by("tx_hash", maintain_order=True):
        for row in rows.iter_rows(named=True):
            lines.append(Line((*_moved_cells(row, explained),), style="bold"))
            lots = taken.get((row["token_address"], row["time"], row["tx_hash"]), [])
            if row["side"] == SELL:
                lines += [Line((*_moved_lot_cells(lot),), style="dim") for lot in lots]
        lines[-1] = replace(lines[-1], ends_section=True)
    title = "Rollovers: a token for a token closes nothing, and its cost moves on"
    return fitted_table(title, columns, lines, width=width)


def _moved_cells(row: Row, explained: ExplainedWallet) -> Iterator[Cell]:
    left = row["side"] == SELL
    age = row["age_days"]
    yield text.moment(row["time"])
    yield "out" if left else "in"
    yield _token(row, explained)
    yield text.quantity(row["quantity"])
    yield text.usd(row["cost_out" if left else "cost_in"])
    yield text.usd(row["returned"]) if left else ""
    yield text.usd(row["lost_cost"]) if left else ""
    yield _money(row["gain"]) if left else ""
    yield "" if left else text.usd(row["paid"])
    yield "" if left else _days(age)
    yield "" if left else text.sol_number(row["cost_in_sol"])
    yield text.sol_number(row["gain_sol"]) if left else ""
    yield short(row["tx_hash"])


def _moved_lot_cells(lot: Row) -> Iterator[Cell]:
    yield _since(lot)
    yield ""
    yield _origin(lot)
    yield text.quantity(lot["quantity"])
    yield text.usd(lot["cost"])
    yield from ("", "", "", "")
    yield text.duration(lot["holding_hours"])
    yield text.sol_number(lot["cost_sol"])
    yield ""
    yield short(lot["purchase_tx"]) if lot["purchase_tx"] else ""


def _sales(explained: ExplainedWallet, width: int) -> Table:
    columns = (
        Column("sold / bought, UTC"),
        _TOKEN,
        *_numbers("quantity", "proceeds", "cost", "result", "held"),
        *_spare("result in SOL", number=True),
        *_spare("transaction"),
    )
    taken = _by_sale(sale_matches(explained.explanation.lot_matches))
    lines: list[Line] = []
    for sale in in_order(explained).iter_rows(named=True):
        own = (
            text.moment(sale["sold_at"]),
            _token(sale, explained),
            *_figures(sale),
            short(sale["sale_tx"]),
        )
        lots = [
            Line((*_lot_cells(lot),), style="dim")
            for lot in taken[tuple(sale[name] for name in SALE)]
        ]
        lines += [Line(own, style="bold"), *lots[:-1], replace(lots[-1], ends_section=True)]
    return fitted_table("Sales, and the lots that they used", columns, lines, width=width)


def _lot_cells(lot: Row) -> Iterator[Cell]:
    reason = lot["unmatched_reason"]
    yield _since(lot)
    yield f"unmatched: {REASON_WORDS.get(reason, reason)}" if reason else _origin(lot)
    yield from _figures(lot)
    yield short(lot["purchase_tx"]) if lot["purchase_tx"] else ""


def _since(lot: Row) -> str:
    bought = lot["bought_at"]
    return f"  ← {text.moment(bought)}" if bought is not None else "  ← no lot"


def _origin(lot: Row) -> str:
    """A lot that came by a rollover is older than the transaction that made it."""
    return "came by a rollover" if lot["purchase_valuation"] == ROLLOVER else ""


def _figures(row: Row) -> Iterator[Cell]:
    yield text.quantity(row["quantity"])
    yield text.usd(row["proceeds"])
    yield text.usd(row["cost"])
    yield _money(row["result"])
    yield text.duration(row["holding_hours"])
    yield text.sol_number(row["result_sol"])


def _open_lots(explained: ExplainedWallet, width: int) -> Table:
    columns = (
        Column("bought, UTC"),
        _TOKEN,
        *_numbers("quantity", "cost", "mark", "unrealized", "mark age", "faded value"),
        *_spare("worth", "cost in SOL", "liquidity", number=True),
        *_spare("mark from", "marked, UTC", "bought for", "transaction"),
    )
    lines = [
        Line(
            (
                text.moment(row["bought_at"]),
                _token(row, explained),
                text.quantity(row["quantity"]),
                text.usd(row["cost"]),
                text.price(row["mark_price"]),
                _money(row["unrealized_pnl"]),
                _mark_age(row),
                text.usd(row["conservative_value"]),
                text.usd(row["open_value"]),
                text.sol_number(row["cost_sol"]),
                text.usd(row["liquidity"]),
                (row["mark_source"] or "").replace("_", " "),
                text.moment(row["marked_at"]),
                row["purchase_valuation"],
                short(row["purchase_tx"]),
            )
        )
        for row in explained.explanation.open_lots.iter_rows(named=True)
    ]
    return fitted_table("Open lots", columns, lines, width=width)


def _mark_age(lot: Row) -> Cell:
    if lot["mark_age_days"] is None:
        return Text("no mark", style="red")
    age = _days(lot["mark_age_days"])
    return Text(f"{age}, stale", style="red") if lot["stale"] else age


def _totals(explained: ExplainedWallet, width: int) -> Table:
    told = ("conservative_pnl", "realized_pnl", "table_conservative_pnl", "table_realized_pnl")
    spare = (
        "open_cost",
        "conservative_value",
        "lost_cost",
        "estimated_fees_usd",
        "realized_pnl_sol",
        "matched_cost",
        "unrealized_pnl",
    )
    columns = (
        _TOKEN,
        *_numbers("conservative", "realized", "table's conservative", "table's realized"),
        *_spare(
            "open cost",
            "faded value",
            "lost cost",
            "fees",
            "realized in SOL",
            "matched cost",
            "unrealized",
            number=True,
        ),
    )
    lines = []
    for row in explained.totals.iter_rows(named=True):
        portfolio = row["token_address"] == ALL_TOKENS
        cells = (
            "all tokens" if portfolio else _token(row, explained),
            *(
                text.sol_number(row[name]) if name.endswith("_sol") else _cents(row[name])
                for name in (*told, *spare)
            ),
        )
        lines.append(Line(cells, style="bold" if portfolio else ""))
    return fitted_table("Totals, compared with silver/wallet_pnl", columns, lines, width=width)


def _by_sale(matches: pl.DataFrame) -> dict[tuple[Any, ...], Sequence[Row]]:
    parts = matches.partition_by(SALE, as_dict=True, maintain_order=True)
    return {key: part.to_dicts() for key, part in parts.items()}


def _numbers(*names: str) -> list[Column]:
    return [Column(name, number=True) for name in names]


def _spare(*names: str, number: bool = False) -> list[Column]:
    return [Column(name, number=number, spare=True) for name in names]


def _token(row: Row, explained: ExplainedWallet) -> Text:
    """Symbols are untrusted: plain text, never markup."""
    mint = row["token_address"]
    return Text.assemble(explained.symbols.get(mint, "unnamed"), " ", (short(mint), "dim"))


def _money(amount: float | None) -> Text:
    return Text(text.usd(amount), style=_STYLES[text.sign(amount)])


def _days(days: float | None) -> str:
    return text.duration(days * _HOURS_A_DAY if days is not None else None)


def _cents(amount: float | None) -> str:
    return f"{round(amount, 2) + 0.0:,.2f}" if amount is not None else text.UNKNOWN

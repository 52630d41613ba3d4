"""An explained wallet as tables for the terminal; numbers are rounded here and nowhere earlier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
# Why a sale has no lot is read to its end.
_TOKEN_OR_REASON = Column("token", folds=True)
_STYLES = {"gain": "green", "loss": "red", "": ""}
_HOURS_A_DAY = 24

Row = Mapping[str, Any]


def explanation_tables(
    explained: ExplainedWallet, width: int, *, newest: int | None = None
) -> list[Table]:
    """Totals beside the table's; what copying would have earned; bets; open lots; sales and rollovers, each
    with the lots that it took; trades.

    What there is none of is left out. Of each only the `newest` so many are shown (None: all), of totals and
    bets the largest; the heading says how many there are. No number is cut: columns that do not fit into
    `width` characters are left out.
    """
    evidence = explained.explanation
    views = [
        (_totals, explained.totals),
        (_copies, explained.copies),
        (_bets, explained.bets),
        (_open_lots, evidence.open_lots),
        (_sales, in_order(explained)),
        (_rollovers, evidence.rollovers),
        (_trades, evidence.trades),
    ]
    return [
        view(_Shown(explained, rows, width, newest)) for view, rows in views if not rows.is_empty()
    ]


@dataclass(frozen=True)
class _Shown:
    """A view's rows, and how many of them are shown: the newest."""

    explained: ExplainedWallet
    rows: pl.DataFrame
    width: int
    newest: int | None

    @property
    def last(self) -> pl.DataFrame:
        """The newest rows, in the order of time."""
        return self.rows if self.newest is None else self.rows.tail(self.newest)

    def largest(self, by: str) -> pl.DataFrame:
        """The rows with the largest amounts, gains and losses alike, in their order."""
        if self.newest is None or self.rows.height <= self.newest:
            return self.rows
        rank = pl.col(by).abs().fill_null(0).rank("ordinal", descending=True)
        return self.rows.filter(rank <= self.newest)

    def title(self, name: str, which: str = "newest") -> str:
        """The name, and what is left out."""
        if self.newest is None or self.rows.height <= self.newest:
            return name
        return f"{name}: the {which} {self.newest:,} of {self.rows.height:,}; --all shows them"


def _copies(shown: _Shown) -> Table:
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
            for row in shown.rows.iter_rows(named=True)
        ],
        width=shown.width,
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


def _bets(shown: _Shown) -> Table:
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
                _token(row, shown.explained),
                text.usd(row["bet_cost"]),
                _money(row["bet_result"]),
                text.percent(100 * row["bet_return"]),
                text.percent(100 * row["usd_return"]),
                text.percent(None if row["sol_return"] is None else 100 * row["sol_return"]),
                text.ratio(row["weight"]),
                "counts" if row["counts"] else "none: it was found by it",
            )
        )
        for row in shown.largest("bet_cost").iter_rows(named=True)
    ]
    return fitted_table(shown.title("Bets", "largest"), columns, lines, width=shown.width)


def _trades(shown: _Shown) -> Table:
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
                _token(row, shown.explained),
                text.quantity(row["quantity"]),
                text.usd(row["value"]),
                row["valuation"],
                text.usd(row["fee"]),
                text.sol_number(row["value_sol"]),
                text.price(row["sol_price"]),
                short(row["tx_hash"]),
            )
        )
        for row in shown.last.iter_rows(named=True)
    ]
    return fitted_table(shown.title("Trades"), columns, lines, width=shown.width)


def _rollovers(shown: _Shown) -> Table:
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
    taken = _by_sale(shown.explained.explanation.lot_matches.filter(moved_on))
    lines: list[Line] = []
    for rows in _whole(shown, "tx_hash"):
        for row in rows.iter_rows(named=True):
            lines.append(Line((*_moved_cells(row, shown.explained),), style="bold"))
            lots = taken.get((row["token_address"], row["time"], row["tx_hash"]), [])
            if row["side"] == SELL:
                lines += [Line((*_moved_lot_cells(lot),), style="dim") for lot in lots]
        lines[-1] = replace(lines[-1], ends_section=True)
    title = "Rollovers (a token for a token closes nothing, and its cost moves on)"
    return fitted_table(shown.title(title), columns, lines, width=shown.width)


def _whole(shown: _Shown, transaction: str) -> Iterator[pl.DataFrame]:
    """The rows of whole transactions that end with those shown."""
    hashes = shown.last[transaction].unique().to_list()
    kept = shown.rows.filter(pl.col(transaction).is_in(hashes))
    yield from kept.partition_by(transaction, maintain_order=True)


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


def _sales(shown: _Shown) -> Table:
    columns = (
        Column("sold / bought, UTC"),
        _TOKEN_OR_REASON,
        *_numbers("quantity", "proceeds", "cost", "result", "held"),
        *_spare("result in SOL", number=True),
        *_spare("transaction"),
    )
    taken = _by_sale(sale_matches(shown.explained.explanation.lot_matches))
    lines: list[Line] = []
    for sale in shown.last.iter_rows(named=True):
        own = (
            text.moment(sale["sold_at"]),
            _token(sale, shown.explained),
            *_figures(sale),
            short(sale["sale_tx"]),
        )
        lots = [
            Line((*_lot_cells(lot),), style="dim")
            for lot in taken[tuple(sale[name] for name in SALE)]
        ]
        lines += [Line(own, style="bold"), *lots[:-1], replace(lots[-1], ends_section=True)]
    return fitted_table(
        shown.title("Sales, and the lots that they used"), columns, lines, width=shown.width
    )


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


def _open_lots(shown: _Shown) -> Table:
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
                _token(row, shown.explained),
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
        for row in shown.last.iter_rows(named=True)
    ]
    return fitted_table(shown.title("Open lots"), columns, lines, width=shown.width)


def _mark_age(lot: Row) -> Cell:
    if lot["mark_age_days"] is None:
        return Text("no mark", style="red")
    age = _days(lot["mark_age_days"])
    return Text(f"{age}, stale", style="red") if lot["stale"] else age


def _totals(shown: _Shown) -> Table:
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
    portfolio_first = shown.largest("conservative_pnl").sort(
        pl.col("token_address") != ALL_TOKENS, maintain_order=True
    )
    for row in portfolio_first.iter_rows(named=True):
        portfolio = row["token_address"] == ALL_TOKENS
        cells = (
            "all tokens" if portfolio else _token(row, shown.explained),
            *(
                text.sol_number(row[name]) if name.endswith("_sol") else _cents(row[name])
                for name in (*told, *spare)
            ),
        )
        lines.append(Line(cells, style="bold" if portfolio else ""))
    return fitted_table(
        shown.title("Totals, compared with silver/wallet_pnl", "largest"),
        columns,
        lines,
        width=shown.width,
    )


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
    return text.ratio(None if amount is None else round(amount, 2) + 0.0)

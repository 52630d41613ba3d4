"""An explained wallet for the terminal, as JSON, and as CSV. Only the terminal's numbers are rounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import polars as pl
from rich.table import Table
from rich.text import Text

from smart_trader_assets import text
from smart_trader_assets.cli.fitted_table import Column, Line, fitted_table
from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets.report.explanation import SUMMED, ExplainedWallet
from smart_trader_assets.report.exports import csv_text, json_text
from smart_trader_assets.report.sales import REASON_WORDS, sales_of
from smart_trader_assets.text import short

_SALE = ["token_address", "sold_at", "sale_tx"]
_TOKEN = Column("token", shortens=True)
_STYLES = {"gain": "green", "loss": "red", "": ""}

Row = Mapping[str, Any]


def explanation_tables(explained: ExplainedWallet, width: int) -> list[Table]:
    """Trades; sales, each with the lots that it used; open lots; totals beside the table's.

    No number is cut: columns that do not fit into `width` characters are left out.
    """
    views = (_trades, _sales, _open_lots, _totals)
    return [view(explained, width) for view in views]


def explanation_head(explained: ExplainedWallet) -> list[str]:
    """The wallet, its rank and why, and whether its numbers match the table; plain lines."""
    standing = explained.standing
    reasons = [f"  {reason}" for reason in standing.reasons]
    return [explained.wallet, standing.headline, *reasons, explained.agreement.verdict]


def explanation_json(explained: ExplainedWallet) -> str:
    """Everything as one JSON object; each sale holds its lots."""
    lots = explained.explanation.lot_matches
    sales = [
        sale | {"lots": _lots_of(sale, lots).drop(_SALE).to_dicts()}
        for sale in _in_order(explained).drop("wallet_address").iter_rows(named=True)
    ]
    return json_text(
        {
            "wallet_address": explained.wallet,
            "as_of": explained.as_of,
            "ranking": vars(explained.standing),
            "silver_wallet_pnl": vars(explained.agreement),
            "totals": explained.totals.to_dicts(),
            "trades": explained.explanation.trades.to_dicts(),
            "sales": sales,
            "open_lots": explained.explanation.open_lots.to_dicts(),
            "symbols": explained.symbols,
        }
    )


def explanation_csv(explained: ExplainedWallet) -> str:
    """One CSV: `record` says what a row is, a trade, a lot_match or an open_lot."""
    frames = {
        "trade": explained.explanation.trades.with_columns(pl.col("valuation").cast(pl.String)),
        "lot_match": explained.explanation.lot_matches,
        "open_lot": explained.explanation.open_lots,
    }
    records = pl.concat(
        [
            frame.select(pl.lit(record).alias("record"), pl.all())
            for record, frame in frames.items()
        ],
        how="diagonal",
    )
    symbol = pl.col("token_address").replace_strict(
        explained.symbols, default=None, return_dtype=pl.String
    )
    return csv_text(records.insert_column(2, records.select(symbol.alias("symbol")).to_series()))


def _in_order(explained: ExplainedWallet) -> pl.DataFrame:
    """The sales, oldest first."""
    matches = explained.explanation.lot_matches
    sales = sales_of(matches.with_columns(wallet_address=pl.lit(explained.wallet)))
    order = matches.select(_SALE).unique(maintain_order=True)
    return order.join(sales, on=_SALE, how="left", maintain_order="left")


def _lots_of(sale: Row, matches: pl.DataFrame) -> pl.DataFrame:
    return matches.filter(
        (pl.col("sale_tx") == sale["sale_tx"]) & (pl.col("token_address") == sale["token_address"])
    )


def _trades(explained: ExplainedWallet, width: int) -> Table:
    columns = (
        Column("time, UTC"),
        Column("side"),
        _TOKEN,
        *_numbers("quantity", "worth"),
        *_spare("valued by", "transaction"),
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
                short(row["tx_hash"]),
            )
        )
        for row in explained.explanation.trades.iter_rows(named=True)
    ]
    return fitted_table("Trades", columns, lines, width=width)


def _sales(explained: ExplainedWallet, width: int) -> Table:
    columns = (
        Column("sold / bought, UTC"),
        _TOKEN,
        *_numbers("quantity", "proceeds", "cost", "result", "held"),
        *_spare("transaction"),
    )
    matches = explained.explanation.lot_matches
    by_sale = matches.partition_by(_SALE, as_dict=True, maintain_order=True)
    lines: list[Line] = []
    for sale in _in_order(explained).iter_rows(named=True):
        own = (
            text.moment(sale["sold_at"]),
            _token(sale, explained),
            *_figures(sale),
            short(sale["sale_tx"]),
        )
        lots = by_sale[tuple(sale[name] for name in _SALE)].iter_rows(named=True)
        taken = [Line((*_lot_cells(lot),), style="dim") for lot in lots]
        lines += [Line(own, style="bold"), *taken[:-1], replace(taken[-1], ends_section=True)]
    return fitted_table("Sales, and the lots that they used", columns, lines, width=width)


def _lot_cells(lot: Row) -> Iterator[str | Text]:
    bought = lot["bought_at"]
    yield f"  ← {text.moment(bought)}" if bought is not None else "  ← no lot"
    reason = lot["unmatched_reason"]
    yield f"unmatched: {REASON_WORDS.get(reason, reason)}" if reason else ""
    yield from _figures(lot)
    yield short(lot["purchase_tx"]) if lot["purchase_tx"] else ""


def _figures(row: Row) -> Iterator[str | Text]:
    yield text.quantity(row["quantity"])
    yield text.usd(row["proceeds"])
    yield text.usd(row["cost"])
    yield _money(row["result"])
    yield text.duration(row["holding_hours"])


def _open_lots(explained: ExplainedWallet, width: int) -> Table:
    columns = (
        Column("bought, UTC"),
        _TOKEN,
        *_numbers("quantity", "cost", "mark", "unrealized"),
        *_spare("marked, UTC", "mark from", "transaction"),
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
                text.moment(row["marked_at"]),
                (row["mark_source"] or "").replace("_", " "),
                short(row["purchase_tx"]),
            )
        )
        for row in explained.explanation.open_lots.iter_rows(named=True)
    ]
    return fitted_table("Open lots", columns, lines, width=width)


def _totals(explained: ExplainedWallet, width: int) -> Table:
    names = [name.replace("_", " ") for name in SUMMED]
    columns = (_TOKEN, *_numbers(*names, "table's realized"))
    lines = []
    for row in explained.totals.iter_rows(named=True):
        portfolio = row["token_address"] == ALL_TOKENS
        cells = (
            "all tokens" if portfolio else _token(row, explained),
            *(_cents(row[name]) for name in SUMMED),
            _cents(row["table_realized_pnl"]),
        )
        lines.append(Line(cells, style="bold" if portfolio else ""))
    return fitted_table("Totals, compared with silver/wallet_pnl", columns, lines, width=width)


def _numbers(*names: str) -> list[Column]:
    return [Column(name, number=True) for name in names]


def _spare(*names: str) -> list[Column]:
    return [Column(name, spare=True) for name in names]


def _token(row: Row, explained: ExplainedWallet) -> Text:
    """Symbols are untrusted: plain text, never markup."""
    mint = row["token_address"]
    return Text.assemble(explained.symbols.get(mint, "unnamed"), " ", (short(mint), "dim"))


def _money(amount: float | None) -> Text:
    return Text(text.usd(amount), style=_STYLES[text.sign(amount)])


def _cents(amount: float | None) -> str:
    return f"{round(amount, 2) + 0.0:,.2f}" if amount is not None else text.UNKNOWN

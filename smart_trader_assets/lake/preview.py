"""A look at the rows that a run brought: the first few, in a handful of columns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import dagster as dg
import polars as pl

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.tables.catalog import (
    CLASSIFIED_WALLETS,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.text import shown_text

MOST_ROWS = 10
LONGEST_TEXT = 120
DIGITS = 6

Cell = str | float | int | bool | None

PREVIEW_COLUMNS: Mapping[str, tuple[str, ...]] = {
    TOKENS.name: (
        "list_rank",
        "symbol",
        "token_address",
        "price",
        "liquidity",
        "volume_24h_usd",
        "price_change_24h_percent",
    ),
    TRACKED_TOKENS.name: ("symbol", "token_address", "price", "liquidity", "last_listed_on"),
    WHALES.name: (
        "token_symbol",
        "token_address",
        "holder_rank",
        "wallet_address",
        "holding_share",
        "holding_usd",
    ),
    TRACKED_WHALES.name: (
        "token_symbol",
        "token_address",
        "wallet_address",
        "holding_usd",
        "last_seen_on",
    ),
    TRANSACTIONS.name: (
        "wallet_address",
        "block_unix_time",
        "source",
        "base_symbol",
        "base_ui_change_amount",
        "quote_symbol",
        "quote_ui_change_amount",
        "volume_usd",
    ),
    WALLET_PNL.name: (
        "wallet_address",
        "token_address",
        "window",
        "realized_pnl",
        "roi",
        "win_rate",
        "coverage",
        "trade_count",
    ),
    SMART_TRADERS.name: (
        "overall_rank",
        "tier",
        "wallet_address",
        "score",
        "total_pnl",
        "roi",
        "win_rate",
        "skill_confidence",
    ),
    CLASSIFIED_WALLETS.name: (
        "wallet_address",
        "wallet_class",
        "reasons",
        "total_pnl",
        "closing_count",
    ),
    TIER_CHANGES.name: (
        "wallet_address",
        "change",
        "from_tier",
        "to_tier",
        "overall_rank",
        "total_pnl",
    ),
}


class Preview:
    """Keeps the first rows of an output as they are handed over: nothing is read again for it."""

    def __init__(self, contract: TableContract) -> None:
        self._columns = {name: contract.schema[name] for name in PREVIEW_COLUMNS[contract.name]}
        self._records: list[dict[str, Cell]] = []

    def take(self, rows: pl.DataFrame | None) -> None:
        """Keep the first of `rows` that there is room for; columns that they lack are blank."""
        if rows is None:
            return
        room = MOST_ROWS - len(self._records)
        held = [name for name in self._columns if name in rows.columns]
        for row in rows.select(held).head(room).iter_rows(named=True):
            self._records.append({name: _cell(row.get(name)) for name in self._columns})

    def as_metadata(self) -> dg.TableMetadataValue | None:
        """The rows as a table; None where no row came."""
        if not self._records:
            return None
        return dg.TableMetadataValue(
            records=[dg.TableRecord(record) for record in self._records],
            schema=dg.TableSchema(
                columns=[
                    dg.TableColumn(name, _KINDS.get(dtype.base_type(), "string"))
                    for name, dtype in self._columns.items()
                ]
            ),
        )


_KINDS = {pl.Int64: "int", pl.Float64: "float", pl.Boolean: "bool"}


def _cell(value: object) -> Cell:
    """A value for the eye: numbers to six digits, times of UTC, texts of strangers made harmless."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return float(f"{value:.{DIGITS}g}")
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case date():
            return value.isoformat()
        case list():
            return shown_text("; ".join(str(part) for part in value), LONGEST_TEXT)
        case _:
            return shown_text(str(value), LONGEST_TEXT)

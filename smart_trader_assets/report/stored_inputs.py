"""What silver/wallet_pnl remembers of its calculation: the marks that it used, and how far histories were
known."""

from __future__ import annotations

from typing import Final

import polars as pl

from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets.pnl.marks import OWN_TRADE
from smart_trader_assets.tables.pnl_inputs import MARKS

REMEMBERED: Final = (
    "mark_price",
    "marked_at",
    "mark_source",
    "liquidity",
    "history_complete",
    "known_to",
)
"""The columns of silver/wallet_pnl that these functions read, beside wallet_address and token_address."""


def stored_marks(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the window `all`, calculated for one time -> `MARKS`.

    A mark by a wallet's own trade is that wallet's alone, and found among its trades again: of such a row only
    the liquidity is told.
    """
    price = pl.when(pl.col("mark_source") != OWN_TRADE).then("mark_price")
    marks = rows.filter(pl.col("marked_at").is_not_null()).with_columns(
        price=price, source="mark_source"
    )
    return marks.select(pl.col(name).cast(dtype) for name, dtype in MARKS.items()).unique()


def stored_histories(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows -> wallet_address, history_complete, known_to."""
    portfolios = rows.filter(pl.col("token_address") == ALL_TOKENS)
    return portfolios.select("wallet_address", "history_complete", "known_to")

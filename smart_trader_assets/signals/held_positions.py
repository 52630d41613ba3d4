"""What each ranked trader holds."""

from __future__ import annotations

from typing import Final

import polars as pl

from smart_trader_assets.pnl.columns import ALL_TOKENS, WINDOWS
from smart_trader_assets.pnl.exact import quotient
from smart_trader_assets.signals.signal_rules import SignalRules

HELD_COLUMNS: Final = (
    "wallet_address",
    "token_address",
    "window",
    "open_quantity",
    "open_cost",
    "mark_price",
    "marked_at",
    "mark_source",
    "open_value",
    "unrealized_pnl",
    "conservative_value",
    "first_transaction",
    "last_transaction",
    "as_of",
)
"""The columns of silver/wallet_pnl that are read."""


def positions(
    wallet_pnl: pl.LazyFrame, traders: pl.DataFrame, *, rules: SignalRules
) -> pl.DataFrame:
    """Rows of silver/wallet_pnl and of gold/smart_traders -> the rows of gold/positions.

    A position is what is left of a trader's lots of known basis, where it has cost or is worth at least
    `rules.min_usd`: crumbs are no position. The numbers are the wallet's own, as of the time of its numbers;
    where nothing marks the token, what it is worth is null.
    """
    ranked = traders.lazy().select("wallet_address", "tier", "overall_rank")
    worth_telling = pl.max_horizontal("open_cost", "open_value") >= rules.min_usd
    held = pl.col("open_quantity") > 0
    return (
        wallet_pnl.filter(
            (pl.col("window") == WINDOWS[0]) & (pl.col("token_address") != ALL_TOKENS) & held
        )
        .select(HELD_COLUMNS)
        .join(ranked, on="wallet_address")
        .filter(worth_telling)
        .select(
            "wallet_address",
            "token_address",
            "tier",
            "overall_rank",
            quantity="open_quantity",
            cost="open_cost",
            entry_price=quotient(pl.col("open_cost"), pl.col("open_quantity")),
            mark_price="mark_price",
            marked_at="marked_at",
            mark_source="mark_source",
            value="open_value",
            unrealized_pnl="unrealized_pnl",
            faded_value="conservative_value",
            first_trade_at="first_transaction",
            last_trade_at="last_transaction",
            as_of="as_of",
        )
        .sort("overall_rank", "token_address")
        .collect()
    )

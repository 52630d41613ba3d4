"""What moved cash alone: arbitrages and conversions, counted outside the PnL."""

from datetime import datetime

import polars as pl

from smart_trader_assets.pnl.aggregates import network_fee
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.trades import Trades
from smart_trader_assets.pnl.windows import in_each_window, with_depth


def arbitrages_by_window(traded: Trades, as_of: datetime, assumptions: Assumptions) -> pl.DataFrame:
    """wallet, window, group_id, arbitrage_count, arbitrage_profit (money; null where not one of them has a
    known profit), arbitrage_fees (money)."""
    known = pl.col("profit").is_not_null().any()
    return in_each_window(
        with_depth(traded.arbitrages, as_of).sort("wallet"),
        "wallet",
        lambda within: within.group_by("segment", maintain_order=True).agg(
            arbitrage_count=pl.len(),
            arbitrage_profit=pl.when(known).then(pl.col("profit").sum()),
            arbitrage_fees=network_fee(assumptions).sum(),
        ),
    )


def conversions_by_window(traded: Trades, as_of: datetime) -> pl.DataFrame:
    """wallet, window, group_id, conversion_count."""
    return in_each_window(
        with_depth(traded.conversions, as_of).sort("wallet"),
        "wallet",
        lambda within: within.group_by("segment", maintain_order=True).agg(
            conversion_count=pl.len()
        ),
    )

"""The columns of the PnL table, in their order. One row a (wallet_address, token_address, window)."""

from typing import Final

import polars as pl

from smart_trader_assets.pnl.marks import UTC_MICROSECONDS

ALL_TOKENS: Final = "ALL_TOKENS"
"""The token_address of a wallet's portfolio."""

WALLET_PNL_SCHEMA: Final = pl.Schema(
    {
        "wallet_address": pl.String(),
        "token_address": pl.String(),
        "window": pl.String(),
        "buy_count": pl.Int64(),
        "sell_count": pl.Int64(),
        "trade_count": pl.Int64(),
        "total_bought": pl.Float64(),
        "total_sold": pl.Float64(),
        "matched_proceeds": pl.Float64(),
        "matched_cost": pl.Float64(),
        "unmatched_proceeds": pl.Float64(),
        "unmatched_quantity": pl.Float64(),
        "realized_pnl": pl.Float64(),
        "roi": pl.Float64(),
        "closing_count": pl.Int64(),
        "win_count": pl.Int64(),
        "win_rate": pl.Float64(),
        "token_win_rate": pl.Float64(),
        "coverage": pl.Float64(),
        "avg_holding_hours": pl.Float64(),
        "median_holding_hours": pl.Float64(),
        "profit_factor": pl.Float64(),
        "max_drawdown_usd": pl.Float64(),
        "trade_sharpe": pl.Float64(),
        "open_quantity": pl.Float64(),
        "open_cost": pl.Float64(),
        "mark_price": pl.Float64(),
        "marked_at": UTC_MICROSECONDS,
        "mark_source": pl.String(),
        "unrealized_pnl": pl.Float64(),
        "total_pnl": pl.Float64(),
        "unmarked_tokens": pl.Int64(),
        "first_transaction": UTC_MICROSECONDS,
        "last_transaction": UTC_MICROSECONDS,
        "trade_frequency_daily": pl.Float64(),
        "unpriced_count": pl.Int64(),
        "arbitrage_count": pl.Int64(),
        "arbitrage_profit_usd": pl.Float64(),
        "top_token_share": pl.Float64(),
        "same_block_share": pl.Float64(),
        "active_days": pl.Int64(),
        "max_trades_per_day": pl.Int64(),
        "history_complete": pl.Boolean(),
        "as_of": UTC_MICROSECONDS,
    }
)

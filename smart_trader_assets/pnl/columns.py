"""The columns of the PnL: the one place where a metric's name, type, meaning and destination stand.

A metric that `metrics` computes and that is declared here is in silver/wallet_pnl, in its lineage and, where
it is flagged so, in the gold tables and their previews.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from smart_trader_assets.delta.contract import TIME, Column

ALL_TOKENS: Final = "ALL_TOKENS"
"""The token_address of a wallet's portfolio."""

WINDOWS: Final = ("all", "90d", "30d", "7d")
"""From the widest to the narrowest."""

MadeOf = Literal["trades", "worths", "quantities", "lots", "marks", "times", "history"]
"""Which columns of the upstream tables a metric rests on: see `tables.lineage`."""


@dataclass(frozen=True)
class PnlColumn(Column):
    """`ranked`: also a column of gold/smart_traders; `classified`: of gold/classified_wallets."""

    made_of: MadeOf | None = None
    ranked: bool = False
    classified: bool = False


KEY_COLUMNS: Final = (
    Column("wallet_address", pl.String, "The wallet", required=True, preview=True),
    Column(
        "token_address",
        pl.String,
        "Mint, or ALL_TOKENS for the portfolio",
        required=True,
        preview=True,
    ),
    Column("window", pl.String, "all, 90d, 30d or 7d", required=True, preview=True),
)

PNL_COLUMNS: Final = (
    PnlColumn("buy_count", pl.Int64, "Netted buys, unpriced ones too", made_of="trades"),
    PnlColumn("sell_count", pl.Int64, "Netted sells, unpriced ones too", made_of="trades"),
    PnlColumn(
        "trade_count", pl.Int64, "Buys and sells", made_of="trades", ranked=True, classified=True
    ),
    PnlColumn(
        "total_bought", pl.Float64, "Worth of priced buys", "USD", made_of="worths", ranked=True
    ),
    PnlColumn(
        "total_sold",
        pl.Float64,
        "Worth of priced sells, unmatched part included",
        "USD",
        made_of="worths",
        ranked=True,
    ),
    PnlColumn(
        "matched_proceeds",
        pl.Float64,
        "Proceeds matched to lots of known basis",
        "USD",
        made_of="lots",
    ),
    PnlColumn("matched_cost", pl.Float64, "Cost of the lots so matched", "USD", made_of="lots"),
    PnlColumn(
        "unmatched_proceeds",
        pl.Float64,
        "Proceeds without a known basis",
        "USD",
        made_of="lots",
        classified=True,
    ),
    PnlColumn(
        "unmatched_quantity",
        pl.Float64,
        "Quantity sold without a known basis; token rows",
        "tokens",
        made_of="quantities",
    ),
    PnlColumn(
        "realized_pnl",
        pl.Float64,
        "Matched proceeds less matched cost",
        "USD",
        made_of="lots",
        ranked=True,
        classified=True,
    ),
    PnlColumn(
        "roi",
        pl.Float64,
        "Realized PnL over matched cost",
        "%",
        made_of="lots",
        ranked=True,
        classified=True,
        preview=True,
    ),
    PnlColumn(
        "closing_count",
        pl.Int64,
        "Priced sells with a matched part",
        made_of="lots",
        ranked=True,
        classified=True,
    ),
    PnlColumn("win_count", pl.Int64, "Closing trades with a result above 0", made_of="lots"),
    PnlColumn(
        "win_rate",
        pl.Float64,
        "Wins over closing trades",
        "%",
        made_of="lots",
        ranked=True,
        classified=True,
        preview=True,
    ),
    PnlColumn(
        "token_win_rate",
        pl.Float64,
        "Tokens with a profit over tokens closed; portfolio",
        "%",
        made_of="lots",
    ),
    PnlColumn(
        "coverage",
        pl.Float64,
        "Matched proceeds over total sold: how much is known",
        "%",
        made_of="lots",
        ranked=True,
        classified=True,
    ),
    PnlColumn(
        "avg_holding_hours",
        pl.Float64,
        "Mean holding time, by matched cost",
        "h",
        made_of="lots",
        ranked=True,
    ),
    PnlColumn(
        "median_holding_hours",
        pl.Float64,
        "Lower median holding time, by matched cost",
        "h",
        made_of="lots",
    ),
    PnlColumn(
        "profit_factor",
        pl.Float64,
        "Sum of winning over sum of losing results",
        made_of="lots",
        ranked=True,
    ),
    PnlColumn(
        "max_drawdown_usd",
        pl.Float64,
        "Largest fall of cumulative realized PnL from its peak",
        "USD",
        made_of="lots",
        ranked=True,
    ),
    PnlColumn(
        "trade_sharpe",
        pl.Float64,
        "Mean over standard deviation of closing results",
        made_of="lots",
        ranked=True,
    ),
    PnlColumn(
        "open_quantity",
        pl.Float64,
        "Lots of known basis still held; token rows",
        "tokens",
        made_of="quantities",
    ),
    PnlColumn("open_cost", pl.Float64, "Cost of the lots still held", "USD", made_of="lots"),
    PnlColumn(
        "mark_price",
        pl.Float64,
        "Newest known price at or before as_of; token rows",
        "USD",
        made_of="marks",
    ),
    PnlColumn("marked_at", TIME, "Time of the mark", made_of="marks"),
    PnlColumn("mark_source", pl.String, "token_list or own_trade", made_of="marks"),
    PnlColumn(
        "unrealized_pnl",
        pl.Float64,
        "Worth of open lots at the mark less their cost",
        "USD",
        made_of="marks",
        ranked=True,
    ),
    PnlColumn(
        "total_pnl",
        pl.Float64,
        "Realized and unrealized PnL",
        "USD",
        made_of="marks",
        ranked=True,
        classified=True,
        preview=True,
    ),
    PnlColumn(
        "unmarked_tokens",
        pl.Int64,
        "Open tokens without a mark; portfolio",
        made_of="marks",
        ranked=True,
    ),
    PnlColumn("first_transaction", TIME, "First trade", made_of="times", ranked=True),
    PnlColumn(
        "last_transaction", TIME, "Last trade", made_of="times", ranked=True, classified=True
    ),
    PnlColumn(
        "trade_frequency_daily",
        pl.Float64,
        "Trades a day between first and last",
        "1/d",
        made_of="times",
        classified=True,
    ),
    PnlColumn(
        "unpriced_count", pl.Int64, "Trades whose worth is unknown", made_of="worths", ranked=True
    ),
    PnlColumn(
        "arbitrage_count",
        pl.Int64,
        "Cyclic arbitrages, outside the PnL; portfolio",
        made_of="trades",
        ranked=True,
        classified=True,
    ),
    PnlColumn(
        "arbitrage_profit_usd",
        pl.Float64,
        "Cash result of the arbitrages; portfolio",
        "USD",
        made_of="worths",
    ),
    PnlColumn(
        "history_complete",
        pl.Boolean,
        "Whether the history reaches the wallet's first trade",
        made_of="history",
        ranked=True,
        classified=True,
    ),
    PnlColumn(
        "top_token_share",
        pl.Float64,
        "Best token in the sum of positive token results; portfolio",
        "%",
        made_of="lots",
        ranked=True,
    ),
    PnlColumn(
        "same_block_share",
        pl.Float64,
        "Closing trades within one slot or 10 s of a buy of the token",
        "%",
        made_of="lots",
        classified=True,
    ),
    PnlColumn(
        "active_days",
        pl.Int64,
        "UTC days with a trade",
        made_of="times",
        ranked=True,
        classified=True,
    ),
    PnlColumn(
        "max_trades_per_day", pl.Int64, "Most trades in a UTC day", made_of="times", classified=True
    ),
    PnlColumn("as_of", TIME, "Time of calculation", required=True, ranked=True, classified=True),
)

WALLET_PNL_SCHEMA: Final = pl.Schema({c.name: c.dtype for c in (*KEY_COLUMNS, *PNL_COLUMNS)})
"""What `compute_wallet_pnl` answers: one row a (wallet_address, token_address, window)."""

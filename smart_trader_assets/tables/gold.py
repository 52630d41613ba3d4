"""The gold tables: the judgement on every wallet, and what changed since the last one."""

from __future__ import annotations

import polars as pl

from smart_trader_assets.delta.contract import TEXTS, TIME, Column, TableContract

SMART_TRADERS = TableContract(
    name="gold/smart_traders",
    grain="One row per wallet that qualifies as a smart trader, ranked.",
    columns=(
        Column("wallet_address", pl.String, "The trader", required=True),
        Column("tier", pl.String, "ELITE, STRONG, PROMISING or QUALIFIED", required=True),
        Column("overall_rank", pl.Int64, "Place among all smart traders", required=True),
        Column("tier_rank", pl.Int64, "Place within the tier", required=True),
        Column("score", pl.Float64, "What the ranks are by, 0 to 100", required=True),
        Column("reasons", TEXTS, "Why the wallet ranks where it does, in words"),
        Column("total_pnl", pl.Float64, "Realized and unrealized PnL", "USD"),
        Column("realized_pnl", pl.Float64, "Realized PnL", "USD"),
        Column("unrealized_pnl", pl.Float64, "Unrealized PnL of what has a mark", "USD"),
        Column("roi", pl.Float64, "Realized PnL over matched cost", "%"),
        Column("expected_return", pl.Float64, "Return of a bet, shrunk toward the population", "%"),
        Column("return_floor", pl.Float64, "Lower confidence bound of that return", "%"),
        Column("skill_confidence", pl.Float64, "Confidence that that return is above zero", "%"),
        Column("bets", pl.Float64, "Closed tokens, as the number of equal bets they are worth"),
        Column("win_rate", pl.Float64, "Wins over closing trades", "%"),
        Column("coverage", pl.Float64, "How much of what was sold has a known basis", "%"),
        Column("closing_count", pl.Int64, "Closing trades"),
        Column("trade_count", pl.Int64, "Netted trades"),
        Column("total_bought", pl.Float64, "Worth of priced buys", "USD"),
        Column("total_sold", pl.Float64, "Worth of priced sells", "USD"),
        Column("token_count", pl.Int64, "Tokens traded"),
        Column("profit_factor", pl.Float64, "Sum of winning over sum of losing results"),
        Column("trade_sharpe", pl.Float64, "Mean over standard deviation of closing results"),
        Column("max_drawdown_usd", pl.Float64, "Largest fall of realized PnL from its peak", "USD"),
        Column("top_token_share", pl.Float64, "Best token in the sum of the gains", "%"),
        Column("avg_holding_hours", pl.Float64, "Mean holding time", "h"),
        Column("active_days", pl.Int64, "UTC days with a trade"),
        Column("unpriced_count", pl.Int64, "Trades whose worth is unknown"),
        Column("unmarked_tokens", pl.Int64, "Open tokens without a mark"),
        Column("arbitrage_count", pl.Int64, "Cyclic arbitrages, outside the PnL"),
        Column("history_complete", pl.Boolean, "Whether the history reaches the first trade"),
        Column("first_transaction", TIME, "First trade"),
        Column("last_transaction", TIME, "Last trade"),
        Column("as_of", TIME, "Time that the PnL was calculated for", required=True),
    ),
    key=("wallet_address",),
)

CLASSIFIED_WALLETS = TableContract(
    name="gold/classified_wallets",
    grain="One row per wallet that is kept out of the ranking, with what it is or what it lacks.",
    columns=(
        Column("wallet_address", pl.String, "The wallet", required=True),
        Column(
            "wallet_class",
            pl.String,
            "POOL, ARBITRAGEUR, BOT, SAME_BLOCK, TRANSFERRED_IN, UNTESTED, INACTIVE or UNPROFITABLE: "
            "the first that applies",
            required=True,
        ),
        Column("reasons", TEXTS, "All that applies, in words", required=True),
        Column("total_pnl", pl.Float64, "Realized and unrealized PnL", "USD"),
        Column("realized_pnl", pl.Float64, "Realized PnL", "USD"),
        Column("roi", pl.Float64, "Realized PnL over matched cost", "%"),
        Column("win_rate", pl.Float64, "Wins over closing trades", "%"),
        Column("coverage", pl.Float64, "How much of what was sold has a known basis", "%"),
        Column("unmatched_proceeds", pl.Float64, "Proceeds without a known basis", "USD"),
        Column("closing_count", pl.Int64, "Closing trades"),
        Column("trade_count", pl.Int64, "Netted trades"),
        Column("active_days", pl.Int64, "UTC days with a trade"),
        Column("max_trades_per_day", pl.Int64, "Most trades in a UTC day"),
        Column("trade_frequency_daily", pl.Float64, "Trades a day between first and last", "1/d"),
        Column("same_block_share", pl.Float64, "Closing trades bought and sold at once", "%"),
        Column("arbitrage_count", pl.Int64, "Cyclic arbitrages, outside the PnL"),
        Column("history_complete", pl.Boolean, "Whether the history reaches the first trade"),
        Column("last_transaction", TIME, "Last trade"),
        Column("as_of", TIME, "Time that the PnL was calculated for", required=True),
    ),
    key=("wallet_address",),
)

TIER_CHANGES = TableContract(
    name="gold/tier_changes",
    grain="One row per change of a wallet's tier: arrivals, promotions, demotions, departures.",
    columns=(
        Column("wallet_address", pl.String, "The wallet", required=True),
        Column("change_number", pl.Int64, "Counts the wallet's changes, from 1", required=True),
        Column("changed_at", TIME, "Clock of the ranking that changed it", required=True),
        Column("change", pl.String, "ARRIVED, PROMOTED, DEMOTED or LEFT", required=True),
        Column("from_tier", pl.String, "Tier before; null where it was in none"),
        Column("to_tier", pl.String, "Tier since then; null where it is in none"),
        Column("wallet_class", pl.String, "What it is classified as, where it left"),
        Column("overall_rank", pl.Int64, "Place among all smart traders since then"),
        Column("score", pl.Float64, "Score, 0 to 100"),
        Column("total_pnl", pl.Float64, "Realized and unrealized PnL", "USD"),
        Column("reasons", TEXTS, "Why, in words"),
    ),
    key=("wallet_address", "change_number"),
)

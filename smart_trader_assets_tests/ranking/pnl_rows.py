"""Rows of silver/wallet_pnl, with no more columns than a test cares about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from smart_trader_assets.delta.contract import AUDIT
from smart_trader_assets.ranking import Classification, RankingRules, rank_wallets
from smart_trader_assets.tables.catalog import WALLET_PNL
from smart_trader_assets_tests.support.defaults import RANKING

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
RULES = RANKING
PNL_SCHEMA = {
    name: dtype
    for name, dtype in WALLET_PNL.schema.items()
    if name not in {column.name for column in AUDIT}
}

Row = dict[str, Any]


def portfolio(wallet: str, **measures: Any) -> Row:
    """The ALL_TOKENS row of a wallet that reaches every tier's PnL and ROI."""
    return {
        "wallet_address": wallet,
        "token_address": "ALL_TOKENS",
        "window": "all",
        "wallet_shard": "00",
        "conservative_pnl": 20_000.0,
        "total_pnl": 20_000.0,
        "realized_pnl": 15_000.0,
        "unrealized_pnl": 5_000.0,
        "roi": 60.0,
        "win_rate": 50.0,
        "win_count": 10,
        "closing_count": 20,
        "trade_count": 44,
        "profit_factor": 2.0,
        "max_drawdown_usd": 15_000.0,
        "top_token_share": 20.0,
        "coverage": 90.0,
        "unmatched_proceeds": 4_000.0,
        "stale_open_cost": 0.0,
        "lost_cost": 0.0,
        "estimated_fees_usd": 0.0,
        "conversion_count": 0,
        "active_days": 12,
        "max_trades_per_day": 6,
        "trade_frequency_daily": 0.8,
        "same_block_share": 0.0,
        "arbitrage_count": 0,
        "history_complete": True,
        "unmarked_tokens": 0,
        "unpriced_count": 0,
        "last_transaction": AS_OF - timedelta(days=1),
        "as_of": AS_OF,
        "processed_for_gold": False,
    } | measures


def token(wallet: str, mint: str, pnl: float | None, **measures: Any) -> Row:
    """A token row: `pnl` on a cost of 1,000 USD."""
    return (
        portfolio(wallet, token_address=mint)
        | {
            "conservative_pnl": pnl,
            "total_pnl": pnl,
            "realized_pnl": pnl,
            "roi": None if pnl is None else pnl / 10,
            "matched_cost": 0.0 if pnl is None else 1_000.0,
            "open_cost": 0.0,
            "closing_count": 1,
            "median_holding_hours": 5.0,
            "early_cost": None,
            "early_proceeds": None,
            "peak_cost": None,
            "unmatched_proceeds": 0.0,
            "total_sold": 1_000.0 + (pnl or 0.0),
            "first_transaction": AS_OF - timedelta(days=60),
        }
        | measures
    )


def bets(wallet: str, *results: float) -> list[Row]:
    """Token rows: a bet of 1,000 USD with each of the results."""
    return [token(wallet, f"mint-{n}", result) for n, result in enumerate(results)]


def trader(wallet: str, **measures: Any) -> list[Row]:
    """A wallet whose skill is proven: twelve bets that gain 60 % on average."""
    return [portfolio(wallet, **measures), *bets(wallet, *([300.0, 500.0, 1_000.0] * 4))]


def pnl_frame(*rows: Row) -> pl.DataFrame:
    """The rows in the types of silver/wallet_pnl."""
    return pl.DataFrame(list(rows), schema=PNL_SCHEMA)


def judged(*rows: Row, rules: RankingRules = RULES, **options: Any) -> Classification:
    """The classification on the rows as of `AS_OF`."""
    return rank_wallets(pnl_frame(*rows), rules=rules, as_of=AS_OF, **options)


def ranked(*rows: Row, rules: RankingRules = RULES, **options: Any) -> pl.DataFrame:
    """The traders among the rows."""
    return judged(*rows, rules=rules, **options).traders


def tier_of(*rows: Row, rules: RankingRules = RULES) -> str | None:
    """The tier of the one wallet in the rows; None where it is kept out."""
    found = ranked(*rows, rules=rules)
    return None if found.is_empty() else found["tier"].item()


def class_of(*rows: Row, rules: RankingRules = RULES, **options: Any) -> str | None:
    """The class of the one wallet in the rows; None where it is ranked."""
    found = judged(*rows, rules=rules, **options).excluded
    return None if found.is_empty() else found["wallet_class"].item()

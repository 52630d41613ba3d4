"""The score that orders traders of one tier: evidence, not size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

_HOURS_A_DAY = 24


@dataclass(frozen=True)
class ScoreRules:
    """Where each part of the score reaches a half: the expected return over its error, the expected
    return in percent, the profit factor, and the days without a trade."""

    half_certainty: float = 2.0
    half_return: float = 25.0
    half_profit_factor: float = 2.0
    half_idle_days: float = 30.0


def score_of(rules: ScoreRules, *, as_of: datetime) -> pl.Expr:
    """The score, from 0 to 100.

    100 x (0.40 C + 0.25 R + 0.15 F + 0.20 D) x coverage x S x T. C is the certainty and R the expected
    return after shrinkage, both saturating, x / (x + half), so that no single huge number outshines the
    rest; F the profit factor, saturating, 1 where nothing was lost; D the part of the profit that the worst
    drawdown left, pnl / (pnl + drawdown). Coverage says how much of the proceeds is known; S falls from 1 to
    1/2 as one token makes up all of the gains; T halves with every `half_idle_days` without a trade. What is
    unknown or negative adds nothing. Profit in USD is not part of it: that decides the tier.
    """
    profit = pl.col("realized_pnl").clip(lower_bound=0.0)
    no_loss = pl.col("profit_factor").is_null() & (pl.col("win_count") > 0)
    drawdown = profit + pl.col("max_drawdown_usd").fill_null(0.0)
    shown = (
        0.40 * _saturating("certainty", rules.half_certainty)
        + 0.25 * _saturating("expected_return", rules.half_return)
        + 0.15
        * pl.when(no_loss)
        .then(1.0)
        .otherwise(_saturating("profit_factor", rules.half_profit_factor))
        + 0.20 * pl.when(drawdown > 0).then(profit / drawdown).otherwise(0.0).fill_null(0.0)
    )
    spread = 1 - pl.col("top_token_share").fill_null(100.0) / 200
    fresh = pl.lit(0.5).pow(idle_days(as_of) / rules.half_idle_days)
    return 100 * shown * pl.col("coverage") / 100 * spread * fresh


def idle_days(as_of: datetime) -> pl.Expr:
    """Days since the last trade; null without any."""
    hours = (pl.lit(as_of) - pl.col("last_transaction")).dt.total_hours(fractional=True)
    return (hours / _HOURS_A_DAY).clip(lower_bound=0.0)


def _saturating(column: str, half: float) -> pl.Expr:
    amount = pl.col(column).cast(pl.Float64).fill_null(0.0).clip(lower_bound=0.0)
    return amount / (amount + half)

"""The ranking: which wallets are smart traders, how good, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from smart_trader_assets.ranking_reasons import reasons_of

PORTFOLIO = "ALL_TOKENS"
WHOLE_HISTORY = "all"
QUALIFIED = "QUALIFIED"

_MEASURES = (
    "total_pnl",
    "realized_pnl",
    "unrealized_pnl",
    "roi",
    "win_rate",
    "coverage",
    "closing_count",
    "trade_count",
    "total_bought",
    "total_sold",
    "token_count",
    "profit_factor",
    "max_drawdown_usd",
    "avg_holding_hours",
    "unpriced_count",
    "unmarked_tokens",
    "arbitrage_count",
    "history_complete",
    "first_transaction",
    "last_transaction",
    "as_of",
)


@dataclass(frozen=True)
class Tier:
    """What a wallet must reach, all at once: PnL in USD, ROI and win rate in percent."""

    name: str
    min_pnl: float
    min_roi: float
    min_win_rate: float


@dataclass(frozen=True)
class RankingRules:
    """Who is ranked, and how high.

    `min_coverage` is the percentage of proceeds whose basis must be known; `tiers` stand best
    first, and a wallet with a positive PnL that reaches none of them is QUALIFIED. In the score,
    `half_pnl` (USD), `half_roi` (%) and `half_closings` (trades) are where each part reaches a half.
    """

    min_coverage: float = 60.0
    tiers: tuple[Tier, ...] = (
        Tier("ELITE", 10_000.0, 50.0, 30.0),
        Tier("STRONG", 1_000.0, 20.0, 20.0),
        Tier("PROMISING", 100.0, 10.0, 10.0),
    )
    half_pnl: float = 10_000.0
    half_roi: float = 50.0
    half_closings: float = 5.0


def rank_traders(
    pnl: pl.DataFrame,
    *,
    rules: RankingRules,
    token_symbols: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """One row per smart trader, best first: the content columns of gold/smart_traders.

    Columns in: those of silver/wallet_pnl. Each wallet is judged by its ALL_TOKENS row of the
    window `all`; its token rows of that window give `token_count` (null without any) and the best
    token; other rows are ignored. `token_symbols` maps mints to what the reasons call them.

    - PnL is `total_pnl`. Where that is unknown, because nothing held has a mark, `realized_pnl`
      stands in, and the reasons say so.
    - Gate: `coverage` reaches the minimum (a wallet that sold nothing has none, and shows no skill
      yet) and the PnL is positive.
    - `tier`: the first whose minimum PnL, ROI and win rate are all reached, else QUALIFIED.
    - `score`: see `score_of`.
    - Ranks go by tier, then score, PnL and, where all are equal, address; `overall_rank` and
      `tier_rank` both count from 1.
    """
    history = pnl.filter(pl.col("window") == WHOLE_HISTORY).with_columns(
        pl.coalesce("total_pnl", "realized_pnl").alias("standing_pnl")
    )
    traders = history.filter(
        (pl.col("token_address") == PORTFOLIO)
        & (pl.col("coverage") >= rules.min_coverage)
        & (pl.col("standing_pnl") > 0)
    ).join(_tokens(history), on="wallet_address", how="left")
    ranked = (
        traders.with_columns(_tier_place(rules).alias("tier_place"), score_of(rules).alias("score"))
        .sort(
            "tier_place",
            "score",
            "standing_pnl",
            "wallet_address",
            descending=[False, True, True, False],
        )
        .with_columns(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("overall_rank"),
            pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("tier_place").alias("tier_rank"),
            _tier_name(rules).alias("tier"),
        )
    )
    reasons = pl.Series(
        "reasons",
        [reasons_of(trader, token_symbols or {}) for trader in ranked.iter_rows(named=True)],
        dtype=pl.List(pl.String),
    )
    return ranked.with_columns(reasons).select(
        "wallet_address", "tier", "overall_rank", "tier_rank", "score", "reasons", *_MEASURES
    )


def score_of(rules: RankingRules) -> pl.Expr:
    """The score, from 0 to 100: how well the wallet did, by how much of that is evident.

    100 x (0.4 P + 0.3 R + 0.3 W) x coverage x E, where P = pnl / (pnl + half_pnl) and
    R = roi / (roi + half_roi) saturate, so that one huge trade does not outshine steadiness, W is
    the win rate, and E = closings / (closings + half_closings) grows with the number of closing
    trades. A part that is unknown or negative adds nothing. More PnL, ROI, wins, coverage or
    closing trades never lower the score.
    """
    done = (
        0.4 * _saturating("standing_pnl", rules.half_pnl)
        + 0.3 * _saturating("roi", rules.half_roi)
        + 0.3 * pl.col("win_rate").fill_null(0.0) / 100
    )
    evident = pl.col("coverage") / 100 * _saturating("closing_count", rules.half_closings)
    return 100 * done * evident


def _saturating(column: str, half: float) -> pl.Expr:
    amount = pl.col(column).cast(pl.Float64).fill_null(0.0).clip(lower_bound=0.0)
    return amount / (amount + half)


def _tier_place(rules: RankingRules) -> pl.Expr:
    place = pl.lit(len(rules.tiers), dtype=pl.Int64)
    for index in reversed(range(len(rules.tiers))):
        tier = rules.tiers[index]
        reached = (
            (pl.col("standing_pnl") >= tier.min_pnl)
            & (pl.col("roi") >= tier.min_roi)
            & (pl.col("win_rate") >= tier.min_win_rate)
        )
        place = pl.when(reached).then(pl.lit(index, dtype=pl.Int64)).otherwise(place)
    return place


def _tier_name(rules: RankingRules) -> pl.Expr:
    names = [*(tier.name for tier in rules.tiers), QUALIFIED]
    return pl.col("tier_place").replace_strict(
        list(range(len(names))), names, return_dtype=pl.String
    )


def _tokens(history: pl.DataFrame) -> pl.DataFrame:
    """Per wallet: how many tokens it traded, and the one with the largest PnL."""
    return (
        history.filter(pl.col("token_address") != PORTFOLIO)
        .sort("standing_pnl", "token_address", descending=[True, False], nulls_last=True)
        .group_by("wallet_address", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("token_count"),
            pl.col("token_address").first().alias("best_token"),
            pl.col("standing_pnl").first().alias("best_token_pnl"),
        )
    )

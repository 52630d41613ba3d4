"""The classification of every wallet: ranked in a tier, or excluded with a class."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from smart_trader_assets.pnl.columns import ALL_TOKENS, CLASSIFIED, RANKED, WINDOWS, gold_columns
from smart_trader_assets.ranking.exclusion import RuleContext, sentences, with_exclusions
from smart_trader_assets.ranking.reasons import reasons_of
from smart_trader_assets.ranking.score import score_of
from smart_trader_assets.ranking.skill_estimate import population_prior, wallet_bets, with_skill
from smart_trader_assets.ranking.tiers import RankingRules

_SKILL = ("expected_return", "return_floor", "skill_confidence", "bets")
_RANKED = [column.name for column in gold_columns(RANKED)]
_CLASSIFIED = [column.name for column in gold_columns(CLASSIFIED)]

# Classes that say what a wallet is: its results say nothing about what traders reach.
_NO_TRADERS = ("POOL", "ARBITRAGEUR", "BOT", "SAME_BLOCK", "TRANSFERRED_IN")


@dataclass(frozen=True)
class Classification:
    """Every wallet is in one of the two.

    traders: the content columns of gold/smart_traders, best first
    excluded: the content columns of gold/classified_wallets, by class and address
    """

    traders: pl.DataFrame
    excluded: pl.DataFrame


def rank_wallets(
    pnl: pl.DataFrame,
    *,
    rules: RankingRules,
    as_of: datetime | None = None,
    pools: Collection[str] = (),
    token_symbols: Mapping[str, str] | None = None,
) -> Classification:
    """Classify every wallet in `pnl`.

    In: the columns of silver/wallet_pnl. Each wallet is classified by its ALL_TOKENS row of the window `all`;
    its token rows of that window are its bets, and give `token_count` and the best token; other rows are
    ignored. `as_of` is the time that idleness is measured to, by default the newest `as_of` in `pnl`.
    `pools` are addresses of pools, `token_symbols` maps mints to what the reasons call them.

    - PnL is `total_pnl`. Where that is unknown, because nothing held has a mark, `realized_pnl` is used
      instead, and the reasons say so.
    - Excluded: every wallet that an exclusion rule applies to (see `exclusion`).
    - `tier`: the first whose minimum PnL, ROI, win rate and confidence (see `skill_estimate`) are all reached,
      else QUALIFIED. A wallet whose history is incomplete reaches none that requires proof, unless the
      rules say so.
    - Ranks go by tier, then score (see `score_of`), PnL and, where all are equal, address; `overall_rank`
      and `tier_rank` both count from 1.
    """
    # Sorted, since float sums depend on their order, and a ranking must not on that of its rows.
    history = (
        pnl.filter(pl.col("window") == WINDOWS[0])
        .sort("wallet_address", "token_address")
        .with_columns(pl.coalesce("total_pnl", "realized_pnl").alias("standing_pnl"))
    )
    clock = as_of or pnl["as_of"].max() or datetime.now(UTC)
    if not isinstance(clock, datetime):
        raise TypeError(f"the column as_of of the PnL holds {type(clock).__name__}, not times")
    context = RuleContext(rules.exclusion, clock, rules.incomplete_histories == "leave_out")
    wallets = with_exclusions(
        history.filter(pl.col("token_address") == ALL_TOKENS).with_columns(
            pl.col("wallet_address").is_in(list(pools)).alias("is_pool")
        ),
        context,
    )
    tokens = history.filter(pl.col("token_address") != ALL_TOKENS)
    bets = wallet_bets(tokens)
    population = bets.join(
        wallets.filter(~pl.col("wallet_class").is_in(_NO_TRADERS).fill_null(value=False)),
        on="wallet_address",
        how="semi",
    )
    evidence = with_skill(bets, population_prior(population, rules.skill), rules.skill)
    passed = (
        wallets.filter(pl.col("wallet_class").is_null())
        .join(evidence, on="wallet_address", how="left")
        .join(_tokens(tokens), on="wallet_address", how="left")
    )
    return Classification(
        traders=_ranked(passed, rules, context, token_symbols or {}),
        excluded=_excluded(wallets.filter(pl.col("wallet_class").is_not_null()), context),
    )


def _ranked(
    traders: pl.DataFrame,
    rules: RankingRules,
    context: RuleContext,
    token_symbols: Mapping[str, str],
) -> pl.DataFrame:
    ranked = (
        traders.with_columns(
            _tier_place(rules).alias("tier_place"),
            score_of(rules.score, as_of=context.as_of).alias("score"),
        )
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
            pl.col("tier_place")
            .replace_strict(
                list(range(len(rules.tier_names))), rules.tier_names, return_dtype=pl.String
            )
            .alias("tier"),
        )
    )
    reasons = pl.Series(
        "reasons",
        [
            reasons_of(trader, token_symbols, confidence=rules.skill.confidence)
            for trader in ranked.iter_rows(named=True)
        ],
        dtype=pl.List(pl.String),
    )
    return ranked.with_columns(reasons).select(
        "wallet_address",
        "tier",
        "overall_rank",
        "tier_rank",
        "score",
        "reasons",
        *_RANKED,
        *_SKILL,
        "token_count",
    )


def _excluded(wallets: pl.DataFrame, context: RuleContext) -> pl.DataFrame:
    wallets = wallets.sort("wallet_class", "wallet_address")
    reasons = pl.Series(
        "reasons",
        [sentences(wallet, context) for wallet in wallets.iter_rows(named=True)],
        dtype=pl.List(pl.String),
    )
    return wallets.with_columns(reasons).select(
        "wallet_address", "wallet_class", "reasons", *_CLASSIFIED
    )


def _tier_place(rules: RankingRules) -> pl.Expr:
    place = pl.lit(len(rules.tiers), dtype=pl.Int64)
    for index in reversed(range(len(rules.tiers))):
        tier = rules.tiers[index]
        reached = (
            (pl.col("standing_pnl") >= tier.min_pnl)
            & (pl.col("roi") >= tier.min_roi)
            & (pl.col("win_rate") >= tier.min_win_rate)
            & (pl.col("skill_confidence") >= tier.confidence)
        )
        if tier.confidence >= rules.proof and rules.incomplete_histories != "rank":
            reached &= pl.col("history_complete").fill_null(value=True)
        place = pl.when(reached).then(pl.lit(index, dtype=pl.Int64)).otherwise(place)
    return place


def _tokens(tokens: pl.DataFrame) -> pl.DataFrame:
    """Per wallet: how many tokens it traded, and the one with the largest PnL."""
    return (
        tokens.sort("standing_pnl", "token_address", descending=[True, False], nulls_last=True)
        .group_by("wallet_address", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("token_count"),
            pl.col("token_address").first().alias("best_token"),
            pl.col("standing_pnl").first().alias("best_token_pnl"),
        )
    )

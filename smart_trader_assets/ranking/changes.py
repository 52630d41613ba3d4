"""What changed between two rankings: who arrived, rose, fell and left."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.pnl.columns import is_portfolio
from smart_trader_assets.ranking.tiers import RankingRules

ARRIVED = "ARRIVED"
PROMOTED = "PROMOTED"
DEMOTED = "DEMOTED"
LEFT = "LEFT"

TRADES = "TRADES"
RULES = "RULES"
RULES_AND_TRADES = "RULES_AND_TRADES"
OTHERS = "OTHERS"

_GONE = "Nothing is known of its trades any longer."
_WHY = {
    RULES: "The rules of the ranking have changed, not the trader.",
    RULES_AND_TRADES: "The rules of the ranking have changed, and so have its numbers.",
    OTHERS: "Its numbers are the same: time has passed, or what other wallets reach has changed.",
}


def tier_changes(
    known: pl.DataFrame,
    traders: pl.DataFrame,
    excluded: pl.DataFrame,
    *,
    rules: RankingRules,
    due: pl.DataFrame,
    at: datetime,
) -> pl.DataFrame:
    """One row per wallet whose tier differs from the last one known: the content columns of gold/tier_changes.

    In: `known`, the changes so far (wallet_address, change_number, to_tier); the `traders` and the wallets
    `excluded` of a classification by `rules`; `due`, the rows of silver/wallet_pnl that made it due
    (wallet_address, token_address, window, processed_for_gold, gold_rules); `at`, its time.

    `cause` says what had changed: the wallet's numbers (TRADES), the RULES, both, or neither (OTHERS). Where
    it is not the trader who changed, the first of the reasons says so.

    A wallet's changes are numbered from 1, and the highest number is what was last recorded. So the
    comparison done again after its rows were written finds nothing, and done again before gives the same
    keys. A tier that `rules` no longer know counts as the lowest.
    """
    last_known = (
        known.sort("change_number")
        .group_by("wallet_address")
        .agg(pl.col("change_number").last(), pl.col("to_tier").last().alias("from_tier"))
    )
    now = traders.select(
        "wallet_address",
        "overall_rank",
        "score",
        "conservative_pnl",
        "total_pnl",
        "reasons",
        to_tier="tier",
    )
    why_out = excluded.select(
        "wallet_address",
        "wallet_class",
        out_reasons="reasons",
        out_pnl="total_pnl",
        out_conservative="conservative_pnl",
    )
    left, came = pl.col("to_tier").is_null(), pl.col("from_tier").is_null()
    return (
        last_known.join(now, on="wallet_address", how="full", coalesce=True)
        .filter(pl.col("from_tier").ne_missing(pl.col("to_tier")))
        .join(why_out, on="wallet_address", how="left")
        .join(_due_for(due, rules.edition), on="wallet_address", how="left")
        .with_columns(cause=_cause())
        .sort("overall_rank", "wallet_address", nulls_last=True)
        .select(
            "wallet_address",
            (pl.col("change_number").fill_null(0) + 1).cast(pl.Int64).alias("change_number"),
            pl.lit(at).cast(TIME).alias("changed_at"),
            pl.when(left)
            .then(pl.lit(LEFT))
            .when(came)
            .then(pl.lit(ARRIVED))
            .when(_place("to_tier", rules) < _place("from_tier", rules))
            .then(pl.lit(PROMOTED))
            .otherwise(pl.lit(DEMOTED))
            .alias("change"),
            "cause",
            pl.lit(rules.edition).alias("ranking_rules"),
            "from_tier",
            "to_tier",
            pl.when(left).then("wallet_class").alias("wallet_class"),
            "overall_rank",
            "score",
            pl.coalesce("conservative_pnl", "out_conservative").alias("conservative_pnl"),
            pl.coalesce("total_pnl", "out_pnl").alias("total_pnl"),
            _reasons(),
        )
    )


def _due_for(due: pl.DataFrame, edition: str) -> pl.DataFrame:
    """wallet_address; moved, whether its numbers are new to the ranking; and of its portfolio by_others and
    by_unknown, whether it was last ranked by other rules or by none that are known, and is_settled, whether
    it has been."""
    portfolio = is_portfolio()
    return due.group_by("wallet_address").agg(
        moved=(~pl.col("processed_for_gold")).any(),
        by_others=pl.col("gold_rules").filter(portfolio).ne(edition).first(),
        by_unknown=pl.col("gold_rules").filter(portfolio).is_null().first(),
        is_settled=pl.col("processed_for_gold").filter(portfolio).first(),
    )


def _cause() -> pl.Expr:
    """A portfolio that was ranked, but by no edition that is known, was ranked before editions were told
    apart."""
    moved = pl.col("moved").fill_null(value=False)
    was_ranked = pl.col("is_settled") | pl.col("from_tier").is_not_null()
    by_others = pl.col("by_others").fill_null(value=False) | (
        pl.col("by_unknown") & was_ranked
    ).fill_null(value=False)
    return (
        pl.when(by_others & moved)
        .then(pl.lit(RULES_AND_TRADES))
        .when(by_others)
        .then(pl.lit(RULES))
        .when(moved)
        .then(pl.lit(TRADES))
        .otherwise(pl.lit(OTHERS))
    )


def _reasons() -> pl.Expr:
    why = pl.col("cause").replace_strict(_WHY, default=None, return_dtype=pl.String)
    reasons = pl.coalesce("reasons", "out_reasons", pl.lit([_GONE]))
    return (
        pl.when(why.is_not_null())
        .then(pl.concat_list(why, reasons))
        .otherwise(reasons)
        .alias("reasons")
    )


def _place(column: str, rules: RankingRules) -> pl.Expr:
    tiers = rules.tier_names
    return pl.col(column).replace_strict(
        list(tiers), list(range(len(tiers))), default=len(tiers), return_dtype=pl.Int64
    )

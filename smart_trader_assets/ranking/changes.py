"""What changed between two rankings: who arrived, rose, fell and left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from smart_trader_assets.delta.contract import TIME

ARRIVED = "ARRIVED"
PROMOTED = "PROMOTED"
DEMOTED = "DEMOTED"
LEFT = "LEFT"

_GONE = ["Nothing is known of its trades any longer."]


def tier_changes(
    known: pl.DataFrame,
    traders: pl.DataFrame,
    excluded: pl.DataFrame,
    *,
    tiers: Sequence[str],
    at: datetime,
) -> pl.DataFrame:
    """One row per wallet whose tier differs from the last one known: the content columns of gold/tier_changes.

    In: `known`, the changes so far (wallet_address, change_number, to_tier); the `traders` and the wallets
    `excluded` of a classification; `tiers`, best first; `at`, the time of that classification.

    A wallet's changes are numbered from 1, and the highest number is what was last recorded. So the
    comparison done again after its rows were written finds nothing, and done again before gives the same
    keys. A tier that is no longer among `tiers` counts as the lowest.
    """
    last_known = (
        known.sort("change_number")
        .group_by("wallet_address")
        .agg(pl.col("change_number").last(), pl.col("to_tier").last().alias("from_tier"))
    )
    now = traders.select(
        "wallet_address", "overall_rank", "score", "total_pnl", "reasons", to_tier="tier"
    )
    why_out = excluded.select(
        "wallet_address", "wallet_class", out_reasons="reasons", out_pnl="total_pnl"
    )
    left, came = pl.col("to_tier").is_null(), pl.col("from_tier").is_null()
    return (
        last_known.join(now, on="wallet_address", how="full", coalesce=True)
        .filter(pl.col("from_tier").ne_missing(pl.col("to_tier")))
        .join(why_out, on="wallet_address", how="left")
        .sort("overall_rank", "wallet_address", nulls_last=True)
        .select(
            "wallet_address",
            (pl.col("change_number").fill_null(0) + 1).cast(pl.Int64).alias("change_number"),
            pl.lit(at).cast(TIME).alias("changed_at"),
            pl.when(left)
            .then(pl.lit(LEFT))
            .when(came)
            .then(pl.lit(ARRIVED))
            .when(_place("to_tier", tiers) < _place("from_tier", tiers))
            .then(pl.lit(PROMOTED))
            .otherwise(pl.lit(DEMOTED))
            .alias("change"),
            "from_tier",
            "to_tier",
            pl.when(left).then("wallet_class").alias("wallet_class"),
            "overall_rank",
            "score",
            pl.coalesce("total_pnl", "out_pnl").alias("total_pnl"),
            pl.coalesce("reasons", "out_reasons", pl.lit(_GONE)).alias("reasons"),
        )
    )


def _place(column: str, tiers: Sequence[str]) -> pl.Expr:
    return pl.col(column).replace_strict(
        list(tiers), list(range(len(tiers))), default=len(tiers), return_dtype=pl.Int64
    )

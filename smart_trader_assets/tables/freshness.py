"""What was fetched lately, and need not be fetched again."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from smart_trader_assets.settings import Settings


def stale_lists(candidates: pl.LazyFrame, settings: Settings, as_of: datetime) -> tuple[str, ...]:
    """The lists of ranked traders that were last read longer ago than the setting `candidate_hours`."""
    read = dict(candidates.group_by("source").agg(pl.col("fetched_at").max()).collect().iter_rows())
    oldest = as_of - timedelta(hours=settings.candidate_hours)
    return tuple(
        name for name in settings.candidate_lists if name not in read or read[name] <= oldest
    )


def snapshot_is_fresh(tokens: pl.LazyFrame, settings: Settings, as_of: datetime) -> bool:
    """Whether the day's snapshot is younger than the setting `snapshot_hours`."""
    if not settings.snapshot_hours:
        return False
    taken = (
        tokens.filter(pl.col("snapshot_date") >= (as_of - timedelta(days=2)).date())
        .select(pl.col("fetched_at").max())
        .collect()
        .item()
    )
    return taken is not None and taken > as_of - timedelta(hours=settings.snapshot_hours)

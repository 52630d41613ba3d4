"""What was fetched lately, and need not be fetched again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import polars as pl
from pydantic import AwareDatetime

from smart_trader_assets.settings import Settings
from smart_trader_assets.state.notes import Note
from smart_trader_assets.state.shared_state import state_of

EMPTY_NOTE: Final = "answered_empty"
SNAPSHOT: Final = "token_list"


def note_empty(settings: Settings, question: str, at: datetime) -> None:
    """An answer without a row leaves no trace in a table: it is noted, or it would be paid for at every run.

    `question` is the name of a list of ranked traders, or `SNAPSHOT`.
    """
    _empty(settings).change(lambda known: {**(known or {}), question: at})


def stale_lists(candidates: pl.LazyFrame, settings: Settings, as_of: datetime) -> tuple[str, ...]:
    """The lists of ranked traders that were last read longer ago than the setting `candidate_hours`."""
    read = dict(candidates.group_by("source").agg(pl.col("fetched_at").max()).collect().iter_rows())
    empty = _empty(settings).read() or {}
    oldest = as_of - timedelta(hours=settings.candidate_hours)
    return tuple(
        name
        for name in settings.candidate_lists
        if not any(oldest < at <= as_of for at in (read.get(name), empty.get(name)) if at)
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
    oldest = as_of - timedelta(hours=settings.snapshot_hours)
    empty = (_empty(settings).read() or {}).get(SNAPSHOT)
    return (taken is not None and taken > oldest) or (empty is not None and oldest < empty <= as_of)


def _empty(settings: Settings) -> Note[dict[str, datetime]]:
    return state_of(settings).note(EMPTY_NOTE, dict[str, AwareDatetime])

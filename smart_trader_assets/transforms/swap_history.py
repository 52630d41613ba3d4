"""What is known of a wallet's swap history, and how a fetch walks on from there.

A walk goes from the present down, newest first, and may run out of its budget of pages anywhere. What
is known advances only by what a walk has really read, so that any sequence of budgets ends with every
row read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

import polars as pl

from smart_trader_assets.delta import column_kinds as col

HISTORY = (
    col.time("transactions_fetched_at", "When the wallet's swaps were last fetched to the end"),
    col.seconds(
        "fetched_from",
        "Everything from this second on is fetched; null where some second could not be read in full",
    ),
    col.seconds("fetched_to", "Everything up to this second is fetched"),
    col.flag("history_complete", "Whether the history is known to the wallet's first swap"),
    col.seconds("resume_before", "Where a walk that ran out of budget goes on"),
    col.seconds("resume_to", "Where that walk began: `fetched_to` once it is done"),
    col.seconds("last_swap_at", "Time of the newest swap known"),
)
"""What each whale row knows of its wallet's history: columns of silver/tracked_whales that move together."""

HISTORY_COLUMNS = tuple(column.name for column in HISTORY)

KNOWN_SCHEMA = {
    "wallet_address": pl.String(),
    **{f"known_{column.name}": column.dtype for column in HISTORY[1:]},
}
"""What a fetch has learned about a history: its columns but the time of the fetch."""

# Rows may be indexed late: each walk rereads the hour before the end of what is known.
OVERLAP_SECONDS = 3600


@dataclass(frozen=True)
class History:
    """What is known of a wallet's swaps; all times in unix seconds.

    Everything in [`fetched_from`, `fetched_to`] is fetched. A walk that ran out of budget has also read
    [`resume_before`, `resume_to`] and goes on below `resume_before`; where that is `fetched_from` the
    walk is on its way to the first swap, else it is closing the gap down to `fetched_to`.

    Where rows inside some second could not be read, no beginning is claimed:
    `fetched_from` is None beside a `fetched_to`, and the history is never complete again.
    """

    fetched_from: int | None = None
    fetched_to: int | None = None
    history_complete: bool = False
    resume_before: int | None = None
    resume_to: int | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """What a row of silver/tracked_whales knows; an unknown history is not complete."""
        known = cls(**{field.name: row[field.name] for field in fields(cls)})
        return replace(known, history_complete=bool(known.history_complete))


@dataclass(frozen=True)
class Walk:
    """What to read next: rows before the second `before`, down to `floor` (None: to the first swap).

    `top` is the second up to which everything is known once the walk has come to its end.
    """

    before: int
    floor: int | None
    top: int


def next_walk(history: History, now: int) -> Walk:
    """The walk that brings `history` up to the second `now`, or goes on where the last one ended."""
    if history.resume_before is None or history.resume_to is None:
        floor = None if history.fetched_to is None else history.fetched_to - OVERLAP_SECONDS
        return Walk(before=now + 1, floor=floor, top=now)
    if history.fetched_to is None or _is_first_walk(history):
        return Walk(before=history.resume_before, floor=None, top=history.resume_to)
    return Walk(
        before=history.resume_before,
        floor=history.fetched_to - OVERLAP_SECONDS,
        top=history.resume_to,
    )


def advance(
    history: History,
    walk: Walk,
    *,
    resume_before: int | None,
    oldest: int | None,
    truncated: bool,
) -> History:
    """`history` after `walk`.

    resume_before: where the walk ran out of budget; None where it reached its floor or the first swap
    oldest: the oldest second with a row that the walk read; None where it read none
    truncated: whether rows inside some second could not be read
    """
    first = walk.floor is None
    missed = truncated or _has_missed_rows(history)
    if resume_before is not None:
        known = History(fetched_from=resume_before, fetched_to=walk.top) if first else history
        return replace(
            known,
            fetched_from=None if missed else known.fetched_from,
            history_complete=False,
            resume_before=resume_before,
            resume_to=walk.top,
        )
    fetched_from = history.fetched_from
    if first:
        reached = [second for second in (oldest, history.fetched_from) if second is not None]
        fetched_from = min(reached, default=walk.top)
    return History(
        fetched_from=None if missed else fetched_from,
        fetched_to=max(walk.top, history.fetched_to or walk.top),
        history_complete=not missed,
    )


def known_row(wallet: str, history: History, last_swap_at: int | None) -> dict[str, Any]:
    """A row of `KNOWN_SCHEMA`: the history as a fetch leaves it, and the newest swap that is known."""
    known = asdict(history) | {"last_swap_at": last_swap_at}
    return {"wallet_address": wallet, **{f"known_{name}": value for name, value in known.items()}}


def _is_first_walk(history: History) -> bool:
    return history.fetched_to == history.resume_to and history.fetched_from in (
        None,
        history.resume_before,
    )


def _has_missed_rows(history: History) -> bool:
    return history.fetched_to is not None and history.fetched_from is None


def known_histories(whales: pl.LazyFrame) -> pl.LazyFrame:
    """What is known of each wallet's history: that of its whale row that was fetched furthest.

    Columns out: wallet_address and the history columns.
    """
    return (
        whales.sort(
            pl.col("transactions_fetched_at"),
            pl.col("fetched_to"),
            pl.col("resume_before"),
            descending=[True, True, False],
            nulls_last=True,
        )
        .group_by("wallet_address", maintain_order=True)
        .agg(pl.col(*HISTORY_COLUMNS).first())
    )

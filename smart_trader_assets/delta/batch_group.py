"""Batches of several partitions that are committed as one.

A commit costs about the same whatever it brings: what is new in many partitions, a little in each, is cheaper
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from smart_trader_assets.delta.batch import Batch, Partition, ReplaceScope, Settlement
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.merge import MOST_NAMED
from smart_trader_assets.delta.schema import check_unique

MOST_ROWS: Final = 5_000
"""How many rows, brought and settled, are committed together: beyond, partitions gain nothing by it."""


@dataclass(frozen=True)
class GroupedSettlement:
    """What several batches settle alike: `parts` are theirs, by the batch's place in its group."""

    settlement: Settlement
    parts: dict[int, Settlement]


@dataclass(frozen=True)
class BatchGroup:
    """Batches of different partitions: the rows of all are committed first, then the states that they settle,
    those that settle alike at once.

    ValueError where two are of the same partition, or replace scopes of different kinds.
    """

    batches: tuple[Batch, ...]

    def __post_init__(self) -> None:
        if len(set(self.partitions)) < len(self.batches):
            raise ValueError("Two batches of one partition cannot be committed together.")
        kinds = {_kind(batch) for batch in self.bringing}
        if len(kinds) > 1:
            raise ValueError("Batches that replace scopes of different kinds: commit them apart.")

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """Those of the batches, in their order."""
        return tuple(batch.partition for batch in self.batches)

    @property
    def bringing(self) -> tuple[Batch, ...]:
        """The batches that may change rows of their own table."""
        return tuple(
            batch
            for batch in self.batches
            if batch.rows is not None and (batch.rows.height or batch.replaces is not None)
        )

    @property
    def replaces(self) -> ReplaceScope | None:
        """What is replaced in all partitions of the batches that bring something, which have to be named
        beside it."""
        scopes = [batch.replaces for batch in self.bringing if batch.replaces is not None]
        if not scopes:
            return None
        return replace(scopes[0], values=tuple(value for scope in scopes for value in scope.values))

    def settlements(self) -> Iterator[GroupedSettlement]:
        """What is settled, in the batches' order; FrameError where two settle the same row."""
        alike: dict[tuple[object, ...], dict[int, Settlement]] = {}
        for place, batch in enumerate(self.batches):
            for number, part in enumerate(batch.settles):
                if part.rows.height:
                    kind = (number, part.contract.name, part.is_told, *part.rows.columns)
                    alike.setdefault(kind, {})[place] = part
        for parts in alike.values():
            first = next(iter(parts.values()))
            rows = pl.concat(part.rows for part in parts.values())
            if len(parts) > 1:
                check_unique(rows, first.contract.key, first.contract.name)
            yield GroupedSettlement(replace(first, rows=rows), parts)


def gathered(contract: TableContract, batches: Iterable[Batch]) -> Iterator[tuple[Batch, ...]]:
    """`batches` of the table of `contract`, in their order: small ones that follow each other together.

    They are handed over, and written, only after later ones are made, which so must not rely on them. What
    stops the making, an error too, comes after what was made before it.
    """
    group: list[Batch] = []
    try:
        for batch in batches:
            if group and not _fit(contract, [*group, batch]):
                yield tuple(group)
                group = []
            group.append(batch)
    except Exception:
        if group:
            yield tuple(group)
        raise
    if group:
        yield tuple(group)


def _fit(contract: TableContract, batches: Sequence[Batch]) -> bool:
    """Whether they may be committed together, and whether that is cheaper."""
    try:
        group = BatchGroup(tuple(batches))
    except ValueError:
        return False
    rows = [batch.rows for batch in group.bringing if batch.rows is not None]
    settled = sum(part.rows.height for batch in batches for part in batch.settles)
    if sum(frame.height for frame in rows) + settled > MOST_ROWS:
        return False
    # By its values a merge leaves files unopened, as long as they are few.
    named = [sum(frame[name].n_unique() for frame in rows) for name in contract.cluster_by]
    return all(number <= MOST_NAMED for number in named)


def _kind(batch: Batch) -> object:
    return None if batch.replaces is None else (batch.replaces.column, batch.replaces.below)

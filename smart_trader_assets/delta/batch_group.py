"""Batches of several partitions that are committed as one.

A commit costs about the same whatever it brings: what is new in many partitions, a little in each, is cheaper
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl

from smart_trader_assets.delta.batch import Batch, Partition, Settlement, WriteResult
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import LakeError, OvertakenError
from smart_trader_assets.delta.merge import MOST_NAMED
from smart_trader_assets.delta.schema import check_unique

MOST_PARTITIONS: Final = 20
"""How many are committed together: beyond, delta-rs takes runs in other partitions for rivals."""
MOST_ROWS: Final = 5_000
"""How many rows, brought and settled, are committed together: beyond, partitions gain nothing by it."""


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
    def replaces(self) -> bool:
        """Whether the batches replace scopes."""
        return any(batch.replaces is not None for batch in self.bringing)

    @property
    def replaces_by(self) -> str | None:
        """The column by which the scopes are told; None where whole partitions are replaced, or nothing is."""
        return next((one.replaces.column for one in self.bringing if one.replaces), None)

    def scope(self, contract: TableContract, held: pl.LazyFrame) -> pl.LazyFrame:
        """Those of the rows `held` in the table of `contract` that are replaced: of each partition its own."""
        parts = []
        for batch in self.bringing:
            if batch.replaces is not None:
                is_in_it = batch.replaces.condition
                if contract.dagster_partition is not None and batch.partition is not None:
                    is_in_it &= pl.col(contract.dagster_partition) == batch.partition
                parts.append(is_in_it)
        return held.filter(pl.any_horizontal(parts))

    def settlements(self) -> Iterator[dict[int, Settlement]]:
        """What several batches settle alike, by the batch's place in the group; each batch's in its order."""
        alike: dict[tuple[int, object], dict[int, Settlement]] = {}
        for place, batch in enumerate(self.batches):
            for number, part in enumerate(batch.settles):
                if part.rows.height:
                    kind = part.contract.name, part.is_told, tuple(part.rows.columns)
                    alike.setdefault((number, kind), {})[place] = part
        # By their number, also where another batch has nothing of a kind.
        for _, parts in sorted(alike.items(), key=lambda one: one[0][0]):
            yield parts


@dataclass
class GroupOutcome:
    """What became of the batches of a group, by their places: the `results`, and the errors of those that were
    `refused`, of which nothing more is written. `apart`: why they were written one after another."""

    results: list[WriteResult]
    refused: dict[int, LakeError] = field(default_factory=dict)
    apart: LakeError | None = None

    def raise_refusal(self) -> None:
        """Raise the error of the first batch that was refused, if any was; that of one that was overtaken,
        which happens every day, only where nothing else is wrong."""
        errors = [self.refused[place] for place in sorted(self.refused)]
        for error in sorted(errors, key=lambda one: isinstance(one, OvertakenError)):
            raise error


def joined(settlements: Sequence[Settlement]) -> Settlement:
    """Settlements of one kind as one; FrameError where two settle the same row."""
    first = settlements[0]
    if len(settlements) == 1:
        return first
    rows = pl.concat(one.rows for one in settlements)
    check_unique(rows, first.contract.key, first.contract.name)
    return replace(first, rows=rows)


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
    if len(batches) > MOST_PARTITIONS:
        return False
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

"""What is handed to the store, rows and exactly the upstream rows that they settle, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

import polars as pl
from deltalake import CommitProperties, DeltaTable

from smart_trader_assets.delta.contract import OPERATION, VERSION, TableContract
from smart_trader_assets.delta.fence import Fence, writer_of
from smart_trader_assets.delta.schema import check_state, check_unique

NEW = "new_"

Partition = str | date | None
"""A Dagster partition as a table's column holds it: a shard, a day; None for a table without partitions."""


@dataclass(frozen=True)
class Settlement:
    """The state of upstream rows, each named by its key and by the version that was read.

    `rows` holds the key, the partition columns **as they were read**, the version read, and a column
    `new_<name>` for every state column or companion that changes, `new__delta_operation` among them.
    """

    contract: TableContract
    rows: pl.DataFrame
    is_told: bool = False

    @classmethod
    def of(
        cls,
        contract: TableContract,
        rows: pl.DataFrame,
        *,
        operation: str | pl.Expr,
        sets: Mapping[str, Any],
        is_told: bool = False,
    ) -> Self:
        """Settle `rows`, as read from the table of `contract`.

        Where it `is_told`, a row is written of which nothing differs but what last touched it.
        `sets` maps state columns or companions to an expression over `rows` or to a plain value.
        KeyError where a column is not a state, FrameError where a value is not allowed or a key comes twice.
        """
        strangers = [name for name in sets if name not in contract.state_columns]
        if strangers:
            raise KeyError(f"{contract.name} has no state column {', '.join(strangers)}")
        news = {OPERATION: operation, **sets}
        settled = rows.select(
            *contract.key,
            *(name for name in contract.partition_by if name not in contract.key),
            VERSION,
            *(
                (value if isinstance(value, pl.Expr) else pl.lit(value))
                .cast(contract.schema[name])
                .alias(NEW + name)
                for name, value in news.items()
            ),
        )
        check_unique(settled, contract.key, contract.name)
        for state in contract.states:
            if state.column in sets:
                check_state(settled[NEW + state.column], state, contract.name)
        return cls(contract, settled, is_told)

    @property
    def sets(self) -> tuple[str, ...]:
        """The columns that change."""
        return tuple(name.removeprefix(NEW) for name in self.rows.columns if name.startswith(NEW))


@dataclass(frozen=True)
class ReplaceScope:
    """The rows that a batch replaces whole: those of the batch's partition whose `column` is in `values`, or
    less than `below`.

    What the batch does not bring again leaves the table. No column: everything in the partition.
    """

    column: str | None = None
    values: tuple[str, ...] = ()
    below: int | None = None

    def __post_init__(self) -> None:
        if self.column is None and (self.values or self.below is not None):
            raise ValueError(
                "values, or below, of which column? Without one everything is replaced."
            )

    @property
    def condition(self) -> pl.Expr:
        """Whether a row of the batch's partition is replaced."""
        if self.column is None:
            return pl.lit(value=True)
        column = pl.col(self.column)
        return column.is_in(list(self.values)) if self.below is None else column < self.below


@dataclass(frozen=True)
class Batch:
    """One unit of work: written whole, rows first, then the states that it settles, in their order.

    `partition` is the Dagster partition that all its rows lie in (None for an unpartitioned table);
    `is_part` says that another batch of the step settles what this one is made from.
    """

    rows: pl.DataFrame | None = None
    partition: Partition = None
    replaces: ReplaceScope | None = None
    settles: tuple[Settlement, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    is_part: bool = False

    @property
    def is_relied_upon(self) -> bool:
        """Whether upstream rows are settled because these rows stand."""
        if self.rows is None:
            return False
        return self.is_part or any(settlement.rows.height for settlement in self.settles)


class Batches:
    """An iterator of batches that the IO manager writes while it is produced.

    Several that are produced as one tuple are committed together: `BatchGroup`.
    A separate class, since Dagster takes a bare generator for the asset's own output events.
    """

    def __init__(self, batches: Iterable[Batch | tuple[Batch, ...]]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Batch | tuple[Batch, ...]]:
        return iter(self._batches)


@dataclass(frozen=True)
class CommitInfo:
    """Who writes: goes into every row's audit trail and into the metadata of every commit.

    With a `fence` no commit is made over one that another run made for the same asset and partition since.
    """

    run_id: str
    asset: str
    partition: str | None = None
    fence: Fence | None = None

    def properties(self, purpose: str) -> CommitProperties:
        """The commit's metadata: run, asset, partition, and what was done."""
        return CommitProperties(custom_metadata=self._about(purpose))

    def fenced_properties(
        self,
        purpose: str,
        contract: TableContract,
        table: DeltaTable,
        partitions: Iterable[Partition],
    ) -> CommitProperties:
        """The same for a commit on the snapshot `table`, for work on `partitions`.

        OvertakenError where the fence finds that another run was faster in one of them.
        """
        if self.fence is None:
            return self.properties(purpose)
        writers = self.writers(partitions)
        return self.fence.properties(contract, table, writers, self._about(purpose))

    def writers(self, partitions: Iterable[Partition]) -> tuple[str, ...]:
        """Who writes in `partitions`, by the names that a fence knows."""
        return tuple(dict.fromkeys(writer_of(self.asset, one) for one in partitions))

    def _about(self, purpose: str) -> dict[str, str]:
        return {
            "run_id": self.run_id,
            "asset": self.asset,
            "partition": self.partition or "",
            "purpose": purpose,
        }


@dataclass
class WriteResult:
    """What became of the batches of one output."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    settled: int = 0
    left_due: int = 0
    settled_by_table: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, batch: Batch) -> Self:
        """Before anything of it is written."""
        tables = {settlement.contract.name: 0 for settlement in batch.settles}
        return cls(settled_by_table=tables, metrics=dict(batch.metrics))

    def count_settled(self, settlement: Settlement, settled: int) -> None:
        """Count in that so many rows of `settlement` were found as they were read."""
        self.settled += settled
        self.left_due += settlement.rows.height - settled
        name = settlement.contract.name
        self.settled_by_table[name] = self.settled_by_table.get(name, 0) + settled

    def add(self, other: WriteResult) -> None:
        """Count another batch's results in."""
        self.inserted += other.inserted
        self.updated += other.updated
        self.deleted += other.deleted
        self.settled += other.settled
        self.left_due += other.left_due
        for mine, theirs in (
            (self.settled_by_table, other.settled_by_table),
            (self.metrics, other.metrics),
        ):
            for name, value in theirs.items():
                mine[name] = mine.get(name, 0) + value  # type: ignore[assignment]

"""The write protocol: the rows of batches first, then the states that they settle.

Whatever dies in between, the rows are still due, and doing the batches again changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Protocol

import polars as pl
from deltalake import CommitProperties, DeltaTable

from smart_trader_assets.delta.batch import (
    Batch,
    CommitInfo,
    Partition,
    Settlement,
    WriteResult,
)
from smart_trader_assets.delta.batch_group import BatchGroup, GroupOutcome, joined
from smart_trader_assets.delta.contract import BATCH, CREATED, OPERATION, VERSION, TableContract
from smart_trader_assets.delta.differences import changes_of, counted
from smart_trader_assets.delta.errors import FrameError, LakeError, OvertakenError
from smart_trader_assets.delta.merge import TOMBSTONE
from smart_trader_assets.delta.operations import (
    Metrics,
    add_rows,
    leave_mark,
    merge_rows,
    move_states,
)
from smart_trader_assets.delta.schema import check_partition, check_unique, conform


class Tables(Protocol):
    """What writing asks of the store."""

    def scan(self, contract: TableContract) -> pl.LazyFrame:
        """The table as it stands."""

    def commit_to(
        self, contract: TableContract, what: str, operation: Callable[[DeltaTable], Metrics]
    ) -> Metrics:
        """A commit of `operation` on the newest version of a table, repeated whole after a conflict."""


@dataclass(frozen=True)
class Writing:
    """What one run writes, for an asset and by its `stamp`."""

    store: Tables
    stamp: CommitInfo

    def write(self, contract: TableContract, group: BatchGroup) -> GroupOutcome:
        """Write batches of several partitions as if they were one.

        Where one of them breaks the contract or was overtaken they are written one after another, so that it
        stands in no other's way. No LakeError is raised: the outcome has those of the refused batches.
        """
        results = [WriteResult.of(batch) for batch in group.batches]
        outcome = GroupOutcome(results)

        def write_rows(places: Sequence[int]) -> None:
            part = BatchGroup(tuple(group.batches[place] for place in places))
            counts = self._write_rows(contract, part)
            for place in places:
                results[place].add(counts.get(group.partitions[place], WriteResult()))

        _together_or_apart(outcome, range(len(results)), write_rows)
        for parts in group.settlements():

            def settle(places: Sequence[int], parts: Mapping[int, Settlement] = parts) -> None:
                alike = [parts[place] for place in places]
                partitions = [group.partitions[place] for place in places]
                counts = self._settle_alike(alike, partitions)
                for place, part, settled in zip(places, alike, counts, strict=True):
                    results[place].count_settled(part, settled)

            _together_or_apart(outcome, parts, settle)
        return outcome

    def _write_rows(
        self, contract: TableContract, group: BatchGroup
    ) -> Mapping[Partition, WriteResult]:
        """Merge the rows of the batches, or show that they were written; what changed in each partition."""
        if self.stamp.fence is not None:
            settled = [one.contract for batch in group.batches for one in batch.settles]
            tables = {table.name: table for table in settled}
            self.stamp.fence.check_all(tables.values(), self.stamp.writers(group.partitions))
        counts = self._merge_rows(contract, group)
        if not any(one.inserted or one.updated or one.deleted for one in counts.values()):
            self._leave_mark(contract, group)
        return counts

    def _merge_rows(
        self, contract: TableContract, group: BatchGroup
    ) -> Mapping[Partition, WriteResult]:
        """Merge the rows of the batches; what that changed in each partition."""
        bringing = BatchGroup(group.bringing)
        if not bringing.batches:
            return {}
        rows = pl.concat(self._checked(contract, batch) for batch in bringing.batches)
        if len(bringing.batches) > 1:
            check_unique(rows, contract.key, contract.name)
        writing = [batch.partition for batch in group.batches if batch.rows is not None]
        # In a partition only runs of one asset add rows, and by their fences one of two fails. Elsewhere who
        # adds the same key is noticed only if nobody at all may come in between.
        is_apart = self.stamp.fence is not None and contract.dagster_partition is not None
        tries = count(1)
        counts: Mapping[Partition, WriteResult] = {}

        def write(table: DeltaTable) -> Metrics:
            nonlocal counts
            # Without a fence another writer's rows could come in between unnoticed.
            if self.stamp.fence is not None and not _has_rows(table, contract, bringing.partitions):
                counts = counted(contract, bringing.partitions, inserted=rows)
                return insert(table)
            # Looked at also where nothing is left to write: a run that was overtaken learns it here.
            properties = self.stamp.fenced_properties("merge rows", contract, table, writing)
            changes = changes_of(pl.scan_delta(table), contract, rows, bringing)
            counts = changes.counts
            if not changes.rows.height:
                return {}
            if changes.are_new and (is_apart or next(tries) == 1):
                return add(table, changes.rows.drop(TOMBSTONE, strict=False), properties)
            return merge_rows(table, contract, changes, bringing, properties)

        def insert(table: DeltaTable) -> Metrics:
            if not rows.height:
                return {}
            properties = self.stamp.fenced_properties("insert rows", contract, table, writing)
            return add(table, rows, properties)

        def add(table: DeltaTable, new: pl.DataFrame, properties: CommitProperties) -> Metrics:
            if not is_apart:
                properties.max_commit_retries = 0
            return add_rows(table, contract, new, properties)

        self.store.commit_to(contract, "rows", write)
        return counts

    def _checked(self, contract: TableContract, batch: Batch) -> pl.DataFrame:
        """The rows of a batch as the table holds them; FrameError where they break its contract."""
        assert batch.rows is not None  # noqa: S101 - it brings some
        rows = conform(stamped(batch.rows, self.stamp, CREATED), contract)
        check_partition(rows, contract, batch.partition)
        return rows

    def _leave_mark(self, contract: TableContract, group: BatchGroup) -> None:
        """Show in the log that batches were written that others rely upon, though they brought nothing new.

        Otherwise an older run could write over what this one has confirmed, and nothing would be due.
        """
        relied_upon = [batch.partition for batch in group.batches if batch.is_relied_upon]
        if self.stamp.fence is None or not relied_upon:
            return

        def mark(table: DeltaTable) -> Metrics:
            properties = self.stamp.fenced_properties("confirm rows", contract, table, relied_upon)
            return leave_mark(table, contract, properties)

        self.store.commit_to(contract, "rows", mark)

    def settle(
        self,
        settlement: Settlement,
        partitions: Sequence[Partition],
        at: datetime | None = None,
    ) -> int:
        """Move the state of exactly the rows that were read, `at` a time; how many it found unchanged.

        A row that changed since it was read is left as it is, and due. `partitions` are those of the work.
        """
        if not settlement.rows.height:
            return 0
        contract = settlement.contract
        # Named apart from the table's column of that name: the row's new version is made from both.
        source = settlement.rows.rename({VERSION: "read_version"}).with_columns(
            pl.lit(at or _now()).alias(VERSION), pl.lit(self.stamp.run_id).alias(BATCH)
        )

        def move(table: DeltaTable) -> Metrics:
            properties = self.stamp.fenced_properties("settle", contract, table, partitions)
            return move_states(table, settlement, source, properties)

        metrics = self.store.commit_to(contract, "state", move)
        return int(metrics["num_target_rows_updated"])

    def _settle_alike(
        self, settlements: Sequence[Settlement], partitions: Sequence[Partition]
    ) -> list[int]:
        """Move the states of several settlements at once; how many rows of each."""
        at, together = _now(), joined(settlements)
        moved = self.settle(together, partitions, at)
        if len(settlements) == 1:
            return [moved]
        if moved in (0, together.rows.height):
            return [one.rows.height if moved else 0 for one in settlements]
        keys = self._moved(together, at)
        key = together.contract.key
        return [one.rows.join(keys, on=key, how="semi").height for one in settlements]

    def _moved(self, settlement: Settlement, at: datetime) -> pl.DataFrame:
        """The keys of the rows that the settlement of `at` has moved: their new versions tell."""
        contract, rows = settlement.contract, settlement.rows
        key, partition = list(contract.key), contract.dagster_partition
        version = pl.col(VERSION)
        # A second more: the statistics of files, by which they are left unopened, cut times short.
        is_recent = version >= at - timedelta(seconds=1)
        table = self.store.scan(contract).filter(is_recent & (pl.col(BATCH) == self.stamp.run_id))
        if partition is not None:
            table = table.filter(pl.col(partition).is_in(rows[partition].unique().to_list()))
        next_version = pl.max_horizontal(
            pl.lit(at), pl.col("read_version") + timedelta(microseconds=1)
        )
        return (
            table.select(*key, VERSION)
            .join(rows.lazy().select(*key, read_version=VERSION), on=key)
            .filter(version == next_version)
            .select(key)
            .collect()
        )


def _together_or_apart(
    outcome: GroupOutcome, places: Iterable[int], work: Callable[[Sequence[int]], None]
) -> None:
    """Do `work` for the batches at `places` that are not refused yet: at once, or one after another where one
    of them is at fault."""
    sound = [place for place in places if place not in outcome.refused]
    if not sound:
        return
    try:
        work(sound)
    except LakeError as error:
        # A storage that fails, or others that commit first time and again, would do so to each of them.
        if len(sound) == 1 or not isinstance(error, FrameError | OvertakenError):
            outcome.refused |= dict.fromkeys(sound, error)
            return
        outcome.apart = error
        for place in sound:
            _together_or_apart(outcome, [place], work)


def _now() -> datetime:
    return datetime.now(UTC)


def stamped(rows: pl.DataFrame, stamp: CommitInfo, operation: str) -> pl.DataFrame:
    """`rows` with their audit trail: by whom and when they are written."""
    return rows.with_columns(
        pl.lit(operation).alias(OPERATION),
        pl.lit(_now()).dt.cast_time_unit("us").alias(VERSION),
        pl.lit(stamp.run_id).alias(BATCH),
    )


def _has_rows(table: DeltaTable, contract: TableContract, partitions: Iterable[Partition]) -> bool:
    """Whether there is a row that one of the Dagster partitions could meet, by the log alone."""
    column = contract.dagster_partition
    for partition in partitions:
        of_it = None if column is None or partition is None else [(column, "=", partition)]
        if table.file_uris(file_pruning_predicate=of_it):
            return True
    return False

"""The store: the only door through which tables are read and written.

Every commit goes through `DeltaStore.commit`, so conflicts are retried in one place, and a test that
dies at every commit finds them all there.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import cached_property, partial
from pathlib import Path

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from obstore.exceptions import BaseError
from obstore.store import ObjectStore
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from smart_trader_assets.delta.batch import Batch, CommitInfo, Partition, Settlement, WriteResult
from smart_trader_assets.delta.batch_group import BatchGroup, GroupOutcome
from smart_trader_assets.delta.change_feed import changes_since
from smart_trader_assets.delta.commit_errors import is_conflict, refusal
from smart_trader_assets.delta.commit_log import (
    Entry,
    UnreadableEntryError,
    read_entries,
    stored_files,
)
from smart_trader_assets.delta.contract import CREATED, TableContract
from smart_trader_assets.delta.errors import (
    CommitConflictError,
    CommitRefusedError,
    StorageError,
    TableMissingError,
)
from smart_trader_assets.delta.fence import Fence
from smart_trader_assets.delta.handles import Handles, ReadableTable, Snapshot
from smart_trader_assets.delta.location import check_spelling, is_remote, open_objects
from smart_trader_assets.delta.operations import Metrics, add_rows
from smart_trader_assets.delta.schema import configuration, conform, delta_schema
from smart_trader_assets.delta.storage_errors import reason, translate_storage_errors
from smart_trader_assets.delta.verify import missing_constraints, verify_table
from smart_trader_assets.delta.writing import Writing, stamped

CONFLICT_ATTEMPTS = 12
FILE = "file"


class DeltaStore:
    """Tables under one root, opened by contract.

    `root` is a local path or an object store's URI, `storage_options` what delta-rs needs to reach it.
    RootError where a local path is written so that delta-rs or Polars would look elsewhere.
    """

    def __init__(self, root: str, storage_options: Mapping[str, str] | None = None) -> None:
        check_spelling(root)
        self.root = root.rstrip("/")
        self.storage_options = dict(storage_options or {})
        # Not bound to itself: it would live on, with all that it has opened, until somebody looks for garbage.
        mine = weakref.proxy(self)

        def open_table(contract: TableContract) -> DeltaTable:
            table: DeltaTable = mine.open(contract)
            return table

        self._handles = Handles(open_table, lambda: mine.objects)

    @cached_property
    def objects(self) -> ObjectStore:
        """The files below the root."""
        return open_objects(self.root, self.storage_options)

    def uri(self, contract: TableContract) -> str:
        """Where the table lies."""
        return f"{self.root}/{contract.name}"

    def exists(self, contract: TableContract) -> bool:
        """Whether there is a Delta table at the contract's place; a read error is raised, not taken as a no."""
        try:
            found = DeltaTable.is_deltatable(self.uri(contract), self.storage_options)
            if not found and not is_remote(self.root):
                # What may not be looked into is nothing to it.
                with suppress(FileNotFoundError, NotADirectoryError):
                    os.scandir(Path(self.uri(contract)) / "_delta_log").close()
        except (OSError, DeltaError) as error:
            raise self._unreadable(contract, error) from None
        return found

    def open(self, contract: TableContract) -> DeltaTable:
        """The table at its newest version, opened anew, to do with what one likes; TableMissingError where the
        root's promise is broken."""
        try:
            return ReadableTable(self.uri(contract), storage_options=self.storage_options)
        except TableNotFoundError as error:
            raise TableMissingError(
                f"The table {contract.name} is gone from {self.root}. Restore it, or use a new root; "
                "it is not recreated on its own, since that would silently lose its rows and their states."
            ) from error
        except (OSError, DeltaError) as error:
            raise self._unreadable(contract, error) from None

    def _unreadable(self, contract: TableContract, error: Exception) -> StorageError:
        return StorageError(
            f"The table {contract.name} at {self.root} cannot be read: {reason(error)}. "
            "`smart-trader doctor` names what is broken in it: put that back, check the storage and its "
            "credentials, or restore the table; nothing was written."
        )

    def create(self, contract: TableContract) -> None:
        """Make the table, with its constraints and the change data feed; an existing one is verified.

        One whose creation was interrupted before its constraints gets them now, and so does one that somebody
        else is just making.
        """

        def make() -> Metrics:
            if self.exists(contract):
                table = self.open(contract)
            else:
                table = DeltaTable.create(
                    self.uri(contract),
                    schema=delta_schema(contract),
                    mode="ignore",
                    partition_by=list(contract.partition_by),
                    name=contract.name,
                    description=contract.grain,
                    configuration=configuration(contract),
                    storage_options=self.storage_options,
                )
            if checks := missing_constraints(table, contract):
                table.alter.add_constraint(checks)
            verify_table(table, contract)
            return {}

        self.commit(f"{contract.name}: creation", make)

    def fence(self, run_id: str, contracts: Iterable[TableContract]) -> Fence:
        """A fence around what a step of the run may write to; made before the step reads anything."""
        return Fence(run_id, contracts, self.snapshot, self.entries)

    def entries(self, contract: TableContract, versions: Iterable[int]) -> dict[int, Entry]:
        """What the commits of these versions say of themselves; those that are gone are absent.

        StorageError for one that is there and cannot be read.
        """
        try:
            return read_entries(self.objects, contract.name, versions)
        except (OSError, BaseError, UnreadableEntryError) as error:
            raise self._unreadable(contract, error) from None

    def snapshot(self, contract: TableContract) -> Snapshot:
        """The table at its newest version, for reading; as `open` where it cannot be read."""
        try:
            return self._handles.snapshot(contract)
        except (OSError, BaseError, DeltaError) as error:
            raise self._unreadable(contract, error) from None

    def version(self, contract: TableContract) -> int:
        """The table's newest version."""
        return self.snapshot(contract).version()

    def scan(self, contract: TableContract) -> pl.LazyFrame:
        """The table as it stands now; later commits do not show, and filters are pushed down."""
        return pl.scan_delta(self.snapshot(contract))

    def files(self, contract: TableContract) -> pl.DataFrame:
        """One row a file, from the log alone: partition values, rows, and the statistics kept."""
        return pl.DataFrame(self.snapshot(contract).get_add_actions(flatten=True))

    def scan_files(
        self, contract: TableContract, files: Sequence[str], columns: Sequence[str]
    ) -> pl.LazyFrame:
        """Columns of the rows in `files`, by their paths within the table, the row's own `file` before them.

        A data file never changes, so what is derived from one need be derived once. Partition columns are in
        the paths and not in the files.
        """
        place = f"{self.uri(contract)}/"
        return pl.scan_parquet(
            [f"{place}{file}" for file in files],
            glob=False,
            hive_partitioning=False,
            include_file_paths=FILE,
            storage_options=self.storage_options or None,
        ).select(pl.col(FILE).str.split(f"{contract.name}/").list.last(), *columns)

    def row_counts(self, contract: TableContract, *by: str) -> pl.DataFrame:
        """Rows by partition columns, from the log alone: the columns `by` and `rows`."""
        files = self.files(contract)
        if not by:
            return files.select(pl.col("num_records").sum().alias("rows")).filter(
                pl.col("rows") > 0
            )
        columns = [pl.col(f"partition.{name}").alias(name) for name in by]
        return files.group_by(columns).agg(pl.col("num_records").sum().alias("rows")).sort(by)

    def changes(self, contract: TableContract, *, since: datetime) -> pl.DataFrame:
        """The change data feed of the commits since `since`, as far back as upkeep has left it.

        Columns: the table's, `_change_type`, `_commit_version` and `_commit_timestamp`.
        """
        with self._handles.reading(contract) as table:
            return changes_since(
                table,
                since,
                partial(self.entries, contract),
                partial(stored_files, self.objects, contract.name),
            )

    def write(self, contract: TableContract, batch: Batch, stamp: CommitInfo) -> WriteResult:
        """Write one batch: its rows first, then the states that it settles.

        Whatever dies in between, the rows are still due, and doing the batch again changes nothing else.
        """
        outcome = self.write_group(contract, BatchGroup((batch,)), stamp)
        outcome.raise_refusal()
        return outcome.results[0]

    def write_group(
        self, contract: TableContract, group: BatchGroup, stamp: CommitInfo
    ) -> GroupOutcome:
        """Write batches of several partitions as if they were one; the outcome has the LakeErrors of those that
        were refused."""
        return Writing(self, stamp).write(contract, group)

    def settle(self, settlement: Settlement, stamp: CommitInfo, partition: Partition = None) -> int:
        """Move the state of exactly the rows that were read; how many it found unchanged.

        A row that changed since it was read is left as it is, and due. `partition` is that of the work.
        """
        return Writing(self, stamp).settle(settlement, (partition,))

    def append(self, contract: TableContract, new_rows: pl.DataFrame, stamp: CommitInfo) -> None:
        """Add rows without reading the existing ones: for a table that nothing settles or merges into.

        FrameError where they break the contract. Such a commit conflicts with no other writer's.
        """
        rows = conform(stamped(new_rows, stamp, CREATED), contract)

        def append(table: DeltaTable) -> Metrics:
            return add_rows(table, contract, rows, stamp.properties("append rows"))

        self.commit_to(contract, "rows", append)

    def commit_to(
        self, contract: TableContract, what: str, operation: Callable[[DeltaTable], Metrics]
    ) -> Metrics:
        """A commit of `operation` on the newest version of a table."""

        def on_the_newest() -> Metrics:
            with self._handles.writing(contract) as table:
                return operation(table)

        return self.commit(f"{contract.name}: {what}", on_the_newest)

    def commit(self, what: str, operation: Callable[[], Metrics]) -> Metrics:
        """Run one writing operation, done again whole on a freshly loaded table after a conflict.

        CommitConflictError where other writers won every time, CommitRefusedError where the table refuses
        what no repetition changes, StorageError where the storage failed.
        """
        try:
            for attempt in Retrying(
                retry=retry_if_exception(is_conflict),
                stop=stop_after_attempt(CONFLICT_ATTEMPTS),
                wait=wait_random_exponential(multiplier=0.05, max=5),
                reraise=True,
            ):
                with attempt, translate_storage_errors(f"writing {what}"):
                    return operation()
        except DeltaError as error:
            if not is_conflict(error):
                raise CommitRefusedError(f"{what}: {refusal(error)}") from error
            raise CommitConflictError(
                f"{what}: other writers committed first {CONFLICT_ATTEMPTS} times in a row. "
                "Nothing was lost, the rows are still due: run it again, with fewer runs at once."
            ) from error
        raise AssertionError("unreachable: the loop returns or raises")


def partition_text(partition: str | date | None) -> str | None:
    """A partition as Dagster writes it."""
    return partition.isoformat() if isinstance(partition, date) else partition


class PinnedStore(DeltaStore):
    """Reads the tables of `store`, each at the version that it had when it was first asked for.

    Opening a table costs more than summing up its log, and counts of one version agree with each other.
    For reading only: a commit needs a freshly loaded table.
    """

    def __init__(self, store: DeltaStore) -> None:
        super().__init__(store.root, store.storage_options)
        self._store = store
        self._tables: dict[str, Snapshot] = {}

    def snapshot(self, contract: TableContract) -> Snapshot:
        """The table as it was first seen; TableMissingError where there is none."""
        if contract.name not in self._tables:
            self._tables[contract.name] = self._store.snapshot(contract)
        return self._tables[contract.name]

    @property
    def versions(self) -> dict[str, int]:
        """The version of each table that was asked for, by name."""
        return {name: table.version() for name, table in self._tables.items()}

"""Upkeep of the tables: compact, vacuum with a retention, checkpoint, clean the log. Safe beside writers.

Compaction rewrites only files that are small, and many; a table that is read by wallet is sorted by wallet on
the way, so that such a read opens few files. Rows stay as they are, and a writer that meets a compaction does
its commit again.

Vacuum goes by a full listing: change data and what a killed writer left are named by no log entry. It deletes
nothing younger than the retention, so that time travel, running readers and running writers keep what they
need; the log remembers a removed file for longer than that, or its age could not be told from its date.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from zlib import crc32

import polars as pl

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.commit_log import stored_files
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import LakeError, StorageError
from smart_trader_assets.delta.file_format import writer_properties
from smart_trader_assets.delta.storage_errors import LIBRARY_ERRORS, reason
from smart_trader_assets.delta.store import DeltaStore

TARGET_FILE_BYTES = 64 * 1024 * 1024
CLUSTERED_FILE_BYTES = 16 * 1024 * 1024
ROWS_PER_GROUP = 50_000

_REMOVALS = "delta.deletedFileRetentionDuration"
_ENTRIES = "delta.logRetentionDuration"
_HOURS_BEYOND_RETENTION = 24

# A partition is written anew once so many small files have come together; until then its reads open them all.
# With fewer, a night would write again what the day had written, and keep both until the retention is over.
FILES_BEFORE_GATHERING = 8

# And up to so many more, by its name: partitions that grow alike would all be gathered in the same night.
_MORE_FILES = 3


class UpkeepError(LakeError):
    """A table that cannot be maintained, for example because one of its files is missing."""


@dataclass(frozen=True)
class Upkeep:
    """What was done to one table."""

    table: str
    files_before: int
    files_after: int
    files_vacuumed: int
    version: int


def maintain(
    store: DeltaStore, contract: TableContract, *, retention_hours: float, stamp: CommitInfo
) -> Upkeep:
    """Compact the table, delete what is older than the retention, and write a checkpoint.

    UpkeepError where the table is broken; CommitConflictError where other writers won every time.
    """
    try:
        return _maintain(store, contract, retention_hours, stamp)
    except (*LIBRARY_ERRORS, StorageError) as error:
        raise UpkeepError(
            f"The table {contract.name} could not be maintained ({reason(error)}): its rows are unchanged. "
            "If one of its files is missing, restore it from a backup."
        ) from None


def _maintain(
    store: DeltaStore, contract: TableContract, retention_hours: float, stamp: CommitInfo
) -> Upkeep:
    before = store.files(contract).height
    _remember_removals(store, contract, retention_hours, stamp)
    _gather(store, contract, stamp)
    vacuumed = 0
    if unread_files(store, contract, retention_hours):
        vacuumed = len(
            store.open(contract).vacuum(
                retention_hours=math.ceil(retention_hours),
                dry_run=False,
                enforce_retention_duration=False,
                full=True,
                commit_properties=stamp.properties("vacuum"),
            )
        )
    table = store.open(contract)
    table.create_checkpoint()
    table.cleanup_metadata()
    return Upkeep(contract.name, before, store.files(contract).height, vacuumed, table.version())


def unread_files(store: DeltaStore, contract: TableContract, retention_hours: float) -> list[str]:
    """Files below the table's folder that are older than the retention and that nothing reads."""
    old = store.open(contract).vacuum(
        retention_hours=math.ceil(retention_hours),
        dry_run=True,
        enforce_retention_duration=False,
        full=True,
    )
    # It names those too that the log remembers and that are gone already.
    there = stored_files(store.objects, contract.name)
    return [file for file in old if {file, unquote(file)} & there]


def _remember_removals(
    store: DeltaStore, contract: TableContract, retention_hours: float, stamp: CommitInfo
) -> None:
    """Have the log keep what it says of removed files, and its own entries, beyond the retention."""
    hours = math.ceil(retention_hours) + _HOURS_BEYOND_RETENTION
    wanted = dict.fromkeys((_REMOVALS, _ENTRIES), f"interval {hours} hours")
    held = store.snapshot(contract).metadata().configuration
    if any(held.get(name) != value for name, value in wanted.items()):
        store.open(contract).alter.set_table_properties(
            wanted, commit_properties=stamp.properties("retention")
        )


def _gather(store: DeltaStore, contract: TableContract, stamp: CommitInfo) -> None:
    """Make one file of the many small ones of a partition; sorted by the columns that the table is read by."""
    by = [f"partition.{name}" for name in contract.partition_by]
    whole = pl.lit(value=True).alias("whole")
    small = CLUSTERED_FILE_BYTES // 2 if contract.cluster_by else TARGET_FILE_BYTES
    small_files = (
        store.files(contract)
        .filter(pl.col("size_bytes") < small)
        .group_by(by or whole)
        .len()
        .sort(by or "whole")
    )
    for *partition, files in small_files.select(*by, "len").rows():
        if files < files_before_gathering(partition):
            continue
        filters = [
            (name, "=", _spelt(value))
            for name, value in zip(contract.partition_by, partition, strict=True)
        ]

        def gather(filters: list[tuple[str, str, str]] = filters) -> dict[str, Any]:
            optimize = store.open(contract).optimize
            metrics: dict[str, Any]
            if contract.cluster_by:
                metrics = optimize.z_order(
                    list(contract.cluster_by),
                    partition_filters=filters,
                    target_size=CLUSTERED_FILE_BYTES,
                    writer_properties=writer_properties(contract, ROWS_PER_GROUP),
                    commit_properties=stamp.properties("cluster"),
                )
            else:
                metrics = optimize.compact(
                    partition_filters=filters or None,
                    target_size=TARGET_FILE_BYTES,
                    writer_properties=writer_properties(contract),
                    commit_properties=stamp.properties("compact"),
                )
            return metrics

        store.commit(f"{contract.name}: compaction", gather)


def files_before_gathering(partition: Sequence[object]) -> int:
    """With how many small files a partition is gathered; `partition` are the values of its columns."""
    name = "/".join(_spelt(value) for value in partition)
    return FILES_BEFORE_GATHERING + crc32(name.encode()) % (_MORE_FILES + 1)


def _spelt(value: object) -> str:
    """A partition value as the log writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Upkeep of the tables: compact, vacuum with a retention, checkpoint, clean the log. Safe beside writers.

Compaction rewrites only files that are small; rows stay as they are, and a writer that meets it does its
commit again. Vacuum deletes nothing younger than the retention, so that time travel and running readers
keep what they read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore, Stamp

TARGET_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Upkeep:
    """What was done to one table."""

    table: str
    files_before: int
    files_after: int
    files_vacuumed: int
    version: int


def maintain(
    store: DeltaStore, contract: TableContract, *, retention_hours: float, stamp: Stamp
) -> Upkeep:
    """Compact the table, delete what is older than the retention, and write a checkpoint."""
    before = store.files(contract).height

    def compact() -> dict[str, Any]:
        metrics: dict[str, Any] = store.open(contract).optimize.compact(
            target_size=TARGET_FILE_BYTES, commit_properties=stamp.properties("compact")
        )
        return metrics

    if _has_small_files(store, contract):
        store.commit(f"{contract.name}: compaction", compact)
    table = store.open(contract)
    vacuumed = table.vacuum(
        retention_hours=int(retention_hours),
        dry_run=False,
        enforce_retention_duration=False,
        commit_properties=stamp.properties("vacuum"),
    )
    table = store.open(contract)
    table.create_checkpoint()
    table.cleanup_metadata()
    return Upkeep(
        contract.name, before, store.files(contract).height, len(vacuumed), table.version()
    )


def _has_small_files(store: DeltaStore, contract: TableContract) -> bool:
    """Whether some partition has two files that could be one."""
    files = store.files(contract)
    by = [f"partition.{name}" for name in contract.partition_by]
    small = files.filter(files["size_bytes"] < TARGET_FILE_BYTES)
    if not by:
        return small.height > 1
    return bool((small.group_by(by).len()["len"] > 1).any())

"""Dagster's own history: what is long over is forgotten, what says how things stand is kept.

A run of a step or two takes hundreds of kilobytes of it, and sensors launch dozens a day: gigabytes a year, of
which nothing is due any more. Kept are, however old, the runs that made the newest materialization of a
partition or the newest result of a check: partitions would else count as missing, and checks as never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg
from dagster import DagsterEventType
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from smart_trader_assets.checks.catalogue import all_checks

MOST_AT_ONCE: Final = 1_000
"""Runs that are forgotten by one look, the oldest first: after years of none it takes some minutes."""


def forget_old_runs(instance: dg.DagsterInstance, *, days: float) -> int:
    """Delete finished runs that were begun more than `days` ago, with their events and logs; how many.

    What dies in between is taken up by the next look.
    """
    old = instance.get_run_records(
        dg.RunsFilter(
            statuses=FINISHED_STATUSES, created_before=datetime.now(UTC) - timedelta(days=days)
        ),
        limit=MOST_AT_ONCE,
        ascending=True,
    )
    if not old:
        return 0
    standing, storage = set(_runs_that_stand(instance)), instance.event_log_storage
    over = [run_id for record in old if (run_id := record.dagster_run.run_id) not in standing]
    for run_id in over:
        if isinstance(storage, SqlEventLogStorage):
            _forget_check_results(storage, run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
        if isinstance(storage, SqliteEventLogStorage):
            # The run's own file, which Dagster empties and leaves.
            Path(storage.path_for_shard(run_id)).unlink(missing_ok=True)
    return len(over)


def _forget_check_results(storage: SqlEventLogStorage, run_id: str) -> None:
    """They lie in a table of their own, from which Dagster deletes nothing with a run."""
    results = AssetCheckExecutionsTable
    with storage.index_connection() as connection:
        connection.execute(results.delete().where(results.c.run_id == run_id))


def _runs_that_stand(instance: dg.DagsterInstance) -> Iterator[str]:
    """Who made the newest materialization of each asset and partition, and the newest result of each check."""
    for record in instance.get_asset_records():
        entry = record.asset_entry
        if entry.last_materialization_record is not None:
            yield entry.last_materialization_record.run_id
        newest = instance.get_latest_storage_id_by_partition(
            entry.asset_key, DagsterEventType.ASSET_MATERIALIZATION
        )
        if newest:
            made = instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=entry.asset_key, storage_ids=list(newest.values())),
                limit=len(newest),
            )
            yield from (one.run_id for one in made.records)
    checks = [
        dg.AssetCheckKey(dg.AssetKey(check.contract.name.split("/")), check.name)
        for check in all_checks()
    ]
    for summary in instance.event_log_storage.get_asset_check_summary_records(checks).values():
        for result in (
            summary.last_check_execution_record,
            summary.last_completed_check_execution_record,
        ):
            if result is not None:
                yield result.run_id

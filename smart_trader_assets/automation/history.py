"""Dagster's own history: what is long over is forgotten, what says how things stand is kept.

A run of a step or two takes hundreds of kilobytes of it, and sensors launch dozens a day: gigabytes a year, of
which nothing is due any more. Kept are, however old, the runs that made the newest materialization of a
partition or the newest result of a check: partitions would else count as missing, and checks as never run.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg
from dagster import DagsterEventType
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import select

from smart_trader_assets.checks.catalogue import all_checks
from smart_trader_assets.checks.results import check_key

_IN_ONE_QUERY: Final = 500
_LOG: Final = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 1_000
"""Runs that are forgotten by one look, the oldest first: after years of none it takes some minutes."""


def forget_old_runs(instance: dg.DagsterInstance, *, days: float) -> int:
    """Delete runs that ended more than `days` ago, with their events, check results and logs; how many.

    It fails nobody's work: what cannot be deleted, or dies in between, is taken up by the next look.
    """
    storage, forgotten = instance.event_log_storage, 0
    if not isinstance(storage, SqlEventLogStorage):
        return 0
    try:
        for run_id in _long_over(instance, storage, days):
            _forget_check_results(storage, run_id)
            instance.delete_run(run_id)
            forgotten += 1
            with suppress(OSError):
                instance.compute_log_manager.delete_logs(prefix=[run_id])
                if isinstance(storage, SqliteEventLogStorage):
                    # The run's own file, which Dagster empties and leaves.
                    Path(storage.path_for_shard(run_id)).unlink(missing_ok=True)
    except Exception as error:  # noqa: BLE001 - a history that cannot be shortened now is no reason to fetch nothing
        _LOG.warning("Dagster's history could not be shortened: %s", type(error).__name__)
    return forgotten


def _long_over(
    instance: dg.DagsterInstance, storage: SqlEventLogStorage, days: float
) -> Sequence[str]:
    """The oldest runs of which nothing stands."""
    ended = instance.get_run_ids(
        dg.RunsFilter(
            statuses=FINISHED_STATUSES, updated_before=datetime.now(UTC) - timedelta(days=days)
        )
    )
    if not ended:
        return []
    standing = _runs_that_stand(instance, storage)
    return [run_id for run_id in reversed(ended) if run_id not in standing][:MOST_AT_ONCE]


def _forget_check_results(storage: SqlEventLogStorage, run_id: str) -> None:
    """They lie in a table of their own, from which Dagster deletes nothing with a run."""
    results = AssetCheckExecutionsTable
    with storage.index_connection() as connection:
        connection.execute(results.delete().where(results.c.run_id == run_id))


def _runs_that_stand(instance: dg.DagsterInstance, storage: SqlEventLogStorage) -> set[str]:
    """Who made the newest materialization of each asset and partition, and the newest result of each check."""
    assets = list(instance.all_asset_keys())
    newest = {
        event for event in storage.get_latest_materialization_storage_ids(assets).values() if event
    }
    for asset in assets:
        by_partition = instance.get_latest_storage_id_by_partition(
            asset, DagsterEventType.ASSET_MATERIALIZATION
        )
        newest |= set(by_partition.values())
    # By the index alone: the events themselves are long, and there may be one for each day of years.
    events = SqlEventLogStorageTable
    standing: set[str] = set()
    numbers = sorted(newest)
    with storage.index_connection() as connection:
        for start in range(0, len(numbers), _IN_ONE_QUERY):
            some = numbers[start : start + _IN_ONE_QUERY]
            found = connection.execute(select(events.c.run_id).where(events.c.id.in_(some)))
            standing |= {row[0] for row in found}
    checks = [check_key(check.contract.name, check.name) for check in all_checks()]
    for summary in storage.get_asset_check_summary_records(checks).values():
        for result in (
            summary.last_check_execution_record,
            summary.last_completed_check_execution_record,
        ):
            if result is not None:
                standing.add(result.run_id)
    return standing

"""Dagster's history forgets what is long over, and nothing that says how things stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from smart_trader_assets.assembly import make_assets, make_resources
from smart_trader_assets.assets.scope import AS_OF_TAG
from smart_trader_assets.automation import history
from smart_trader_assets.automation.history import forget_old_runs
from smart_trader_assets.checks.asset_checks import make_checks
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.tiny_market import NOW

SCREENED, LISTED = dg.AssetKey(["silver", "tracked_tokens"]), dg.AssetKey(["bronze", "candidates"])


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield instance


def run(
    pipeline: Pipeline, instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None = None
) -> str:
    settings = pipeline.settings(NOW)
    return dg.materialize(
        [*make_assets(settings), *make_checks()],
        selection=dg.AssetSelection.assets(key),
        resources=make_resources(settings),
        partition_key=partition,
        instance=instance,
        tags={AS_OF_TAG: NOW.isoformat()},
    ).run_id


def runs(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def test_the_newest_run_of_each_partition_and_check_stays_and_the_others_leave_nothing(
    pipeline: Pipeline, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = {run(pipeline, instance, SCREENED, "00"), run(pipeline, instance, LISTED)}
    standing = {
        run(pipeline, instance, SCREENED, "01"),
        run(pipeline, instance, SCREENED, "00"),
        run(pipeline, instance, LISTED),
    }
    monkeypatch.setattr(history, "MOST_AT_ONCE", 2)
    failed = dg.DagsterRun(job_name="gone", status=dg.DagsterRunStatus.FAILURE)
    alive = dg.DagsterRun(job_name="at work", status=dg.DagsterRunStatus.STARTED)
    for one in (failed, alive):
        instance.add_run(one)

    assert forget_old_runs(instance, days=1) == 0
    # The oldest first, and those that stand take nobody's place.
    assert [forget_old_runs(instance, days=0) for _ in range(3)] == [2, 1, 0]

    assert runs(instance) == standing | {alive.run_id}
    assert instance.get_materialized_partitions(SCREENED) == {"00", "01"}
    storage = instance.event_log_storage
    assert isinstance(storage, SqliteEventLogStorage)
    assert not any(Path(storage.path_for_shard(run_id)).exists() for run_id in over)
    results = AssetCheckExecutionsTable.c.run_id
    with storage.index_connection() as connection:
        told_by = {row[0] for row in connection.execute(select(results))}
    assert told_by
    assert told_by <= standing


def test_a_run_that_holds_the_last_word_of_a_check_stays(
    pipeline: Pipeline, instance: dg.DagsterInstance
) -> None:
    """Its partition was made again since, by a run without checks."""
    told = run(pipeline, instance, SCREENED, "00")
    settings = pipeline.settings(NOW)
    dg.materialize(
        make_assets(settings),
        selection=[SCREENED],
        resources=make_resources(settings),
        partition_key="00",
        instance=instance,
        tags={AS_OF_TAG: NOW.isoformat()},
    )
    assert forget_old_runs(instance, days=0) == 0
    assert told in runs(instance)


def test_a_history_that_cannot_be_shortened_now_stops_nobody(
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("one", "two"):
        instance.add_run(dg.DagsterRun(job_name=name, status=dg.DagsterRunStatus.FAILURE))

    def locked(_: str) -> None:
        raise OperationalError("delete", {}, Exception("database is locked"))

    with monkeypatch.context() as patch:
        patch.setattr(instance, "delete_run", locked)
        assert forget_old_runs(instance, days=0) == 0
    assert "could not be shortened: OperationalError" in caplog.text
    assert forget_old_runs(instance, days=0) == 2

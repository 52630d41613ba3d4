"""`ops/runs` tells of each run what it did, how long it took and what it cost, and is in nobody's way."""

import logging
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.assets.scope import REPROCESS_TAG
from smart_trader_assets.assets.smart_traders import _Ranking
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.retention import forget
from smart_trader_assets.lake.run_metrics import (
    FAILED,
    PLOTTED,
    SUCCEEDED,
    RunMeter,
    add_kept_rows,
    peak_memory_mb,
    record_run,
)
from smart_trader_assets.sandbox import Endpoint, Fault, FaultKind
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    CANDIDATES,
    CLASSIFIED_WALLETS,
    COPY_RESULTS,
    NOTIFICATIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_TRADES,
    TOKENS,
    TRACKED_TOKENS,
    TRANSACTIONS,
    TRANSFERS,
    WALLET_CLUSTERS,
    WHALES,
)
from smart_trader_assets.tables.ops import RUNS
from smart_trader_assets_tests.support.roots import versions
from smart_trader_assets_tests.support.tiny_market import NOW

FIGURES = ("inserted", "updated", "deleted", "settled")


def runs(store: DeltaStore) -> dict[str, dict[str, Any]]:
    """The rows by asset; an asset that ran twice is there with its last run."""
    rows = store.scan(RUNS).sort("started_at").collect()
    return {row["asset"]: row for row in rows.iter_rows(named=True)}


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_each_asset_of_a_drain_has_a_row_and_its_figures_are_those_of_the_drain(drained):
    rows = runs(drained.store)
    # No list of ranked traders is asked for, no transfers are, and nobody is told.
    quiet = {CANDIDATES.name, TRANSFERS.name, NOTIFICATIONS.name}
    assert set(rows) == {contract.name for contract in ALL_TABLES} - quiet
    for row in rows.values():
        assert (row["outcome"], row["error"]) == (SUCCEEDED, None)
        phases = (row["fetch_seconds"], row["compute_seconds"], row["write_seconds"])
        assert all(seconds >= 0 for seconds in phases)
        assert sum(phases) == pytest.approx(row["total_seconds"], abs=1e-6)
        assert row["finished_at"] > row["started_at"]
        assert row["started_on"] == row["started_at"].date()
        assert row["peak_memory_mb"] > 10
    asked = {name: (row["requests"], row["credits"]) for name, row in rows.items()}
    assert {name: spent for name, spent in asked.items() if spent != (0, 0)} == {
        TOKENS.name: (1, 100),
        WHALES.name: (3, 150),
        TRANSACTIONS.name: (4, 48),
    }
    assert (rows[TOKENS.name]["partitions"], rows[WHALES.name]["partitions"]) == (
        NOW.date().isoformat(),
        "00...01",
    )
    for table in (TOKENS, TRANSACTIONS):
        assert rows[table.name]["rows_inserted"] == drained.rows(table).height


def test_the_rows_of_a_step_are_one_commit_and_follow_each_other(drained):
    rows = drained.rows(RUNS).sort("started_at")
    ranking = rows.row(by_predicate=pl.col("asset") == SMART_TRADERS.name, named=True)["run_id"]
    commits = [
        entry for entry in drained.store.open(RUNS).history() if entry.get("run_id") == ranking
    ]
    # The step that copies, and the one that classifies.
    assert len(commits) == 2
    of_run = rows.filter(pl.col("run_id") == ranking)
    assert of_run.height == 10
    assert (of_run["finished_at"] <= of_run["started_at"].shift(-1)).drop_nulls().all()


def test_a_step_that_breaks_in_the_middle_leaves_the_rows_of_what_it_made(drained, monkeypatch):
    def break_off(*_: Any) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(_Ranking, "batches", break_off)
    result = drained.materialize(SMART_TRADERS)
    assert not result.success
    rows = drained.rows(RUNS).filter(pl.col("run_id") == result.run_id)
    outcomes = dict(rows.select("asset", "outcome").iter_rows())
    assert outcomes.pop(COPY_RESULTS.name) == SUCCEEDED
    assert outcomes[SMART_TRADERS.name] == FAILED


def test_a_step_that_breaks_while_it_writes_has_a_row_for_each_of_its_assets(drained, monkeypatch):
    whole = DeltaStore.write_group

    def break_off(self: DeltaStore, contract: Any, *given: Any) -> Any:
        if contract is WALLET_CLUSTERS:
            raise OSError("the disk is gone")
        return whole(self, contract, *given)

    monkeypatch.setattr(DeltaStore, "write_group", break_off)
    result = drained.materialize(SMART_TRADERS, tags={REPROCESS_TAG: "true"})
    rows = drained.rows(RUNS).filter(pl.col("run_id") == result.run_id)
    assert rows["asset"].is_unique().all()
    outcomes = dict(rows.select("asset", "outcome").iter_rows())
    made = (TOKEN_TRADES, RECENT_TRADES, COPY_RESULTS, CLASSIFIED_WALLETS, TIER_CHANGES)
    assert {name for name, told in outcomes.items() if told == SUCCEEDED} == {
        table.name for table in made
    }
    assert len(outcomes) == 10
    # Of those that it did not come to, nobody counts the time of those that it made.
    ended = rows.filter(pl.col("outcome") == SUCCEEDED)["finished_at"].max()
    assert (rows.filter(pl.col("outcome") == FAILED)["started_at"] >= ended).all()


def test_a_step_that_is_tried_again_has_the_rows_of_both_tries(drained):
    stamp, log = CommitInfo("run", "an asset"), logging.getLogger(__name__)
    for _ in range(2):
        for asset in ("one", "two"):
            meter = RunMeter(replace(stamp, asset=asset), NOW)
            record_run(drained.store, meter.row(), "step", log, is_alone=False)
    add_kept_rows("run", "step", log)
    rows = drained.rows(RUNS).filter(pl.col("run_id") == "run")
    assert sorted(rows["asset"]) == ["one", "one", "two", "two"]


def test_the_ui_plots_the_figures_of_the_row(pipeline):
    result = pipeline.materialize(TOKENS, NOW.date().isoformat())
    row, shown = runs(pipeline.store)[TOKENS.name], materialized(result)
    assert {name: shown[name] for name in PLOTTED} == {name: row[name] for name in PLOTTED}
    assert all(type(shown[name]) is float for name in PLOTTED)
    assert (shown["requests_sent"], shown["credits_spent"]) == (row["requests"], row["credits"])
    assert [shown[f"rows_{f}"] for f in FIGURES] == [row[f"rows_{f}"] for f in FIGURES]
    assert row["run_id"] == row["batch_id"] == result.run_id


def test_a_run_that_finds_nothing_due_says_so_and_commits_nothing_else(drained):
    before = versions(drained.store)
    drained.materialize(WHALES, "00")
    row = runs(drained.store)[WHALES.name]
    assert [row[f"rows_{figure}"] for figure in FIGURES] == [0, 0, 0, 0]
    assert (row["requests"], row["credits"], row["outcome"]) == (0, 0, SUCCEEDED)
    assert versions(drained.store) == before


def test_a_run_that_fails_before_it_writes_has_a_row_that_says_why(pipeline):
    pipeline.server.faults.add(Fault(FaultKind.CREDITS_SPENT, times=None))
    result = pipeline.materialize(TOKENS, NOW.date().isoformat())
    assert not result.success
    row = runs(pipeline.store)[TOKENS.name]
    assert row["outcome"] == FAILED
    assert row["error"].startswith("CreditsSpentError: ")
    assert row["partitions"] == NOW.date().isoformat()
    unknown = ("fetch_seconds", "compute_seconds", "requests", "credits", "rows_inserted")
    assert [row[name] for name in unknown] == [None] * len(unknown)
    assert row["total_seconds"] > 0


def test_a_run_that_fails_while_it_writes_has_one_row_with_what_it_had_written(pipeline):
    pipeline.materialize(TOKENS, NOW.date().isoformat())
    for shard in ("00", "01"):
        pipeline.materialize(TRACKED_TOKENS, shard)
    tokens = pipeline.rows(TRACKED_TOKENS).group_by("token_shard").len().sort("len")
    shard, count = tokens.row(-1)
    assert count > 1
    spent = Fault(FaultKind.CREDITS_SPENT, endpoint=Endpoint.HOLDERS, after=1, times=None)
    pipeline.server.faults.add(spent)
    result = pipeline.materialize(WHALES, shard, request_concurrency=1)
    assert not result.success
    rows = pipeline.store.scan(RUNS).filter(pl.col("asset") == WHALES.name).collect()
    assert rows.height == 1
    row = rows.row(0, named=True)
    assert row["error"].startswith("CreditsSpentError: ")
    assert row["outcome"] == FAILED
    assert row["rows_inserted"] == pipeline.rows(WHALES).height > 0
    assert row["rows_settled"] > 0
    assert (row["requests"], row["credits"], row["fetch_seconds"]) == (None, None, None)


def test_figures_that_cannot_be_written_fail_no_run_and_lose_no_state(pipeline):
    _ = pipeline.store
    for commit in (pipeline.root / RUNS.name / "_delta_log").glob("*.json"):
        commit.write_text("{ torn")
    pipeline.drain()
    assert pipeline.rows(TRANSACTIONS).height > 0
    assert pipeline.drain().steps[0].asset == TOKENS.name


def test_a_lost_table_of_figures_is_made_anew_and_holds_nobody_up(drained):
    before = versions(drained.store)
    shutil.rmtree(drained.root / RUNS.name)
    drained.materialize(WHALES, "00")
    assert set(runs(drained.store)) == {WHALES.name}
    assert versions(drained.store) == before


def row_of(day: datetime, store: DeltaStore) -> None:
    stamp = CommitInfo(f"run of {day:%Y-%m-%d}", WHALES.name)
    row = RunMeter(stamp, day).row()
    store.append(RUNS, pl.DataFrame([row.values], schema_overrides=RUNS.schema), stamp)


def test_rows_are_forgotten_by_the_day_and_only_older_ones(tmp_path):
    store = DeltaStore(str(tmp_path))
    store.create(RUNS)
    days = [datetime(2026, 3, day, 23, 59, tzinfo=UTC) for day in (1, 2, 3)]
    for day in days:
        row_of(day, store)
    stamp = CommitInfo("upkeep", "maintenance")

    def forgotten() -> int:
        return forget(store, RUNS, today=days[2].date(), days=1, stamp=stamp)

    assert forgotten() == 1
    left = store.scan(RUNS).collect()["started_at"].sort().to_list()
    assert left == days[1:]
    version = store.version(RUNS)
    assert forgotten() == 0
    assert store.version(RUNS) == version


def test_the_maintenance_job_keeps_the_figures_and_forgets_those_of_long_ago(drained):
    store = drained.store
    today = datetime.now(UTC)
    for ago in (31, 29, *[0] * 12):  # as many as are gathered, whatever the day is called
        row_of(today - timedelta(days=ago), store)
    count = store.scan(RUNS).collect().height
    settings = drained.settings(run_metrics_days=30)
    job = make_definitions(settings).resolve_job_def("maintenance")
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
    assert store.scan(RUNS).collect().height == count - 1
    (day,) = RUNS.partition_by
    files = store.files(RUNS)[f"partition.{day}"].value_counts().rows_by_key(f"partition.{day}")
    assert files[today.date()] == [(1,)]
    assert files[(today - timedelta(days=29)).date()] == [(1,)]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="read from Linux's /proc")
def test_the_peak_of_memory_is_in_megabytes():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    kibibytes = int(status["VmHWM"].removesuffix("kB"))
    assert peak_memory_mb() == pytest.approx(kibibytes * 1024 / 1e6, rel=0.05)

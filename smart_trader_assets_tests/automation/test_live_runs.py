"""A partition with a live run is not asked for again, whoever started that run; failures make it wait."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from smart_trader_assets.assets.keys import WALLET_JOB
from smart_trader_assets.automation.jobs import ASSETS_OF_JOBS, job_of
from smart_trader_assets.automation.live_runs import (
    CONSUMER_TAG,
    live_partitions,
    wait_after_failures,
)
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.drain import Drain
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.report.page_file import page_is_current
from smart_trader_assets.report.page_place import page_of
from smart_trader_assets.tables.catalog import (
    SMART_TRADERS,
    TOKENS,
    TRACKED_WHALES,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.tables.reset import Choice, carry_out, plan_reset
from smart_trader_assets.transforms.shards import shard_keys
from smart_trader_assets_tests.support.samples import pnl, whale
from smart_trader_assets_tests.support.ticking import Automation
from smart_trader_assets_tests.support.ui import Ui

ASSET = TRACKED_WHALES.name
KEY = dg.AssetKey.from_user_string(ASSET)
SHARDS = shard_keys(16)


def live(automation: Automation) -> set[str]:
    return live_partitions(automation.instance, KEY, SHARDS, ASSETS_OF_JOBS)


def test_a_look_at_chosen_wallets_holds_whatever_it_materializes(automation):
    automation.add_run(job_name=WALLET_JOB, status=dg.DagsterRunStatus.STARTED, tags={})
    assert live(automation) == set(SHARDS)
    assert job_of(ASSET) != WALLET_JOB


def now() -> datetime:
    return datetime.now(UTC)


def of_range(first: str, last: str) -> dict[str, str]:
    return {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ],
)
def test_a_run_that_waits_or_works_holds_its_partition(automation, status):
    automation.add_run(asset=ASSET, status=status, tags={"dagster/partition": "04"})
    assert live(automation) == {"04"}


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELED,
    ],
)
def test_a_run_that_has_ended_holds_nothing(automation, status):
    automation.add_run(asset=ASSET, status=status, tags={"dagster/partition": "04"})
    assert live(automation) == set()


def test_a_run_of_a_range_holds_the_range_and_one_of_no_partition_holds_all(automation):
    automation.add_run(asset=ASSET, tags=of_range("03", "05"))
    assert live(automation) == {"03", "04", "05"}
    automation.add_run(asset=ASSET)
    assert live(automation) == set(SHARDS)


def test_a_run_of_a_whole_job_holds_the_partitions_of_each_of_its_assets(automation):
    automation.add_run(job_name="wallet_side", tags={"dagster/partition": "07"})
    automation.add_run(job_name="token_side", tags={"dagster/partition": "01"})
    assert live(automation) == {"07"}


def test_a_run_in_process_holds_the_partitions_of_the_asset_that_it_says_it_is_about(automation):
    tags = {CONSUMER_TAG: ASSET, **of_range("02", "03")}
    automation.add_run(job_name="__ephemeral_asset_job__", tags=tags)
    other = {CONSUMER_TAG: WALLET_PNL.name, "dagster/partition": "09"}
    automation.add_run(job_name="__ephemeral_asset_job__", tags=other)
    assert live(automation) == {"02", "03"}


def test_the_runs_of_a_drain_say_which_asset_they_are_about(drained, instance):
    Drain(drained.settings(), instance).run()
    (run,) = instance.get_runs()
    assert run.tags[CONSUMER_TAG] == TOKENS.name


def test_a_run_of_another_asset_holds_nothing(automation):
    automation.add_run(asset=WALLET_PNL.name, tags={"dagster/partition": "04"})
    automation.add_run(job_name="maintenance")
    assert live(automation) == set()


def test_a_tick_asks_only_for_partitions_without_a_live_run(automation):
    automation.put(WHALES, [whale(f"wallet {shard}", wallet_shard=shard) for shard in SHARDS])
    automation.add_run(asset=ASSET, tags=of_range("03", "05"))
    automation.add_run(asset=ASSET, tags={"dagster/partition": "09"})
    tick = automation.tick(ASSET)
    assert tick.partitions == ["00...02", "06...08", "10...15"]


def test_a_tick_skips_where_every_due_partition_has_a_live_run(automation):
    automation.put(WHALES, [whale("w", wallet_shard="03"), whale("v", wallet_shard="03")])
    run = automation.add_run(asset=ASSET, tags={"dagster/partition": "03"})
    for _ in range(2):
        assert automation.tick(ASSET).skipped == (
            "2 rows are due, and each of their partitions has a live run."
        )
    automation.instance.report_run_canceled(run)
    assert automation.tick(ASSET).partitions == ["03"]


def test_a_live_ranking_is_not_started_a_second_time(automation):
    automation.put(WALLET_PNL, [pnl("w")])
    automation.add_run(asset=SMART_TRADERS.name, status=dg.DagsterRunStatus.STARTED)
    assert automation.tick(SMART_TRADERS.name).skipped == (
        "1 rows are due, and each of their partitions has a live run."
    )


def fail(automation: Automation, times: int = 1) -> None:
    for _ in range(times):
        run = automation.add_run(
            asset=ASSET, status=dg.DagsterRunStatus.STARTED, tags={CONSUMER_TAG: ASSET}
        )
        automation.instance.report_run_failed(run)


@pytest.mark.parametrize(
    ("failures", "wait"),
    [(2, 30), (3, 60), (4, 120), (8, 1800), (12, 1800)],
)
def test_the_wait_doubles_with_each_failure_in_a_row_up_to_half_an_hour(automation, failures, wait):
    fail(automation, failures)
    until = wait_after_failures(automation.instance, ASSET, now())
    assert until is not None
    (last,) = automation.instance.get_run_records(limit=1)
    assert until == datetime.fromtimestamp(last.end_time, UTC) + timedelta(seconds=wait)
    assert wait_after_failures(automation.instance, ASSET, until) is None


def test_one_failure_costs_no_wait_and_a_success_ends_the_row_of_them(automation):
    fail(automation)
    assert wait_after_failures(automation.instance, ASSET, now()) is None
    fail(automation)
    assert wait_after_failures(automation.instance, ASSET, now()) is not None
    automation.add_run(asset=ASSET, status=dg.DagsterRunStatus.SUCCESS, tags={CONSUMER_TAG: ASSET})
    assert wait_after_failures(automation.instance, ASSET, now()) is None


def test_a_page_that_cannot_be_written_neither_undoes_nor_puts_off_a_ranking(drained, instance):
    ui = Ui(drained, instance)
    pages = Path(ui.settings.resolved_root) / "reports"
    pages.write_text("in the way of the folder")

    def rank() -> dg.ExecuteInProcessResult:
        plan = plan_reset(drained.store, Choice(WALLET_PNL.name))
        carry_out(drained.store, plan, CommitInfo("a test", "tests"))
        (request,) = ui.automation.tick(SMART_TRADERS.name).requests
        return ui.carry_out(request)

    # After two failures in a row whatever had failed would be put off.
    for _ in range(2):
        (failure,) = (event for event in rank().all_events if event.is_step_failure)
        assert failure.step_key == "reports__smart_traders_page"
        assert "Nothing is due" in ui.automation.tick(SMART_TRADERS.name).skipped
    pages.unlink()
    assert rank().success
    assert page_is_current(make_lake(ui.settings), page_of(make_lake(ui.settings)))


def test_failures_of_another_asset_make_nobody_wait(automation):
    fail(automation, 3)
    assert wait_after_failures(automation.instance, WHALES.name, now()) is None


def test_a_clock_that_jumped_back_makes_nobody_wait_for_it_to_catch_up(automation):
    fail(automation, 3)
    assert wait_after_failures(automation.instance, ASSET, now() - timedelta(days=1)) is None


def test_a_tick_after_failures_in_a_row_says_until_when_it_waits(automation):
    automation.put(WHALES, [whale("w")])
    fail(automation, 2)
    tick = automation.tick(ASSET)
    assert tick.requests == ()
    assert tick.skipped.startswith(
        "1 rows are due, but the last runs failed: the next one is requested at "
    )

"""A live run shows life; one that no longer does is failed, and its partitions are asked for again."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from smart_trader_assets.assembly import make_assets, make_resources
from smart_trader_assets.automation import run_leases
from smart_trader_assets.automation.run_leases import (
    GRACE,
    LAUNCH_GRACE,
    LEASE,
    LEASE_TAG,
    LEASED_BY_TAG,
    RENEWAL,
    expired_runs,
    fail_expired_runs,
    keep_lease,
)
from smart_trader_assets.state import clock
from smart_trader_assets.state.clock import LeapingClock
from smart_trader_assets.state.shared_state import LocalState
from smart_trader_assets.tables.catalog import TRACKED_WHALES, WHALES
from smart_trader_assets_tests.support.samples import whale
from smart_trader_assets_tests.support.ticking import Automation

ASSET = TRACKED_WHALES.name
HERE = LocalState(Path("nowhere"))
EXPIRED = datetime.now(UTC) - timedelta(seconds=1)


def start(automation: Automation, lease: datetime | None = None) -> str:
    """A run that has started just now, as the run's own process reports it."""
    tags = {"dagster/partition": "03"} | ({LEASE_TAG: lease.isoformat()} if lease else {})
    return automation.add_run(asset=ASSET, status=dg.DagsterRunStatus.STARTED, tags=tags).run_id


def status(automation: Automation, run_id: str) -> dg.DagsterRunStatus:
    run = automation.instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_whose_lease_has_expired_is_failed_and_told_why(automation):
    run_id = start(automation, lease=EXPIRED)
    assert fail_expired_runs(automation.instance, HERE) == [run_id]
    assert status(automation, run_id) == dg.DagsterRunStatus.FAILURE
    told = [entry.dagster_event.message for entry in automation.instance.all_logs(run_id)]
    assert told[-1] == (
        "The run's process has died: it stopped renewing its lease. Its rows are still due."
    )
    assert fail_expired_runs(automation.instance, HERE) == []


def test_a_dead_runs_pool_slot_is_free_for_the_next(automation):
    storage = automation.instance.event_log_storage
    storage.set_concurrency_slots("birdeye_api", 1)
    run_id = start(automation, lease=EXPIRED)
    storage.claim_concurrency_slot("birdeye_api", run_id, "step")
    assert storage.get_concurrency_info("birdeye_api").active_slot_count == 1
    fail_expired_runs(automation.instance, HERE)
    assert storage.get_concurrency_info("birdeye_api").active_slot_count == 0


def test_the_partitions_of_a_dead_run_are_asked_for_in_the_tick_that_finds_it(automation):
    automation.put(WHALES, [whale("w", wallet_shard="03")])
    run_id = start(automation, lease=EXPIRED)
    tick = automation.tick(ASSET)
    assert tick.log[0] == f"Run {run_id} stopped renewing its lease: marked as failed."
    assert tick.partitions == ["03"]


def test_a_lease_that_came_with_the_tags_of_another_run_says_nothing(automation):
    """As where a run is executed once more in the UI: its own first renewal is still to come."""
    tags = {LEASE_TAG: EXPIRED.isoformat(), LEASED_BY_TAG: "the run before"}
    again = automation.add_run(asset=ASSET, status=dg.DagsterRunStatus.STARTED, tags=tags)
    assert fail_expired_runs(automation.instance, HERE) == []
    assert fail_expired_runs(automation.instance, HERE, datetime.now(UTC) + GRACE) == [again.run_id]


def test_a_run_that_renews_its_lease_is_left_alone(automation):
    automation.put(WHALES, [whale("w", wallet_shard="03")])
    run_id = start(automation, lease=datetime.now(UTC) + timedelta(seconds=30))
    assert automation.tick(ASSET).requests == ()
    assert status(automation, run_id) == dg.DagsterRunStatus.STARTED


def test_a_run_in_its_first_seconds_is_left_alone_until_its_grace_is_over(automation):
    run_id = start(automation)
    started = datetime.now(UTC)
    just_before = started + GRACE - timedelta(seconds=5)
    assert fail_expired_runs(automation.instance, HERE, just_before) == []
    assert fail_expired_runs(automation.instance, HERE, started + GRACE) == [run_id]


@pytest.mark.parametrize(
    "launching", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
)
def test_a_run_that_is_never_launched_holds_its_partitions_no_longer_than_its_grace(
    automation, launching
):
    made = datetime.now(UTC)
    run_id = automation.add_run(asset=ASSET, status=launching).run_id
    assert (
        fail_expired_runs(automation.instance, HERE, made + LAUNCH_GRACE - timedelta(seconds=5))
        == []
    )
    soon_after = made + LAUNCH_GRACE + timedelta(seconds=60)
    assert fail_expired_runs(automation.instance, HERE, soon_after) == [run_id]
    told = [entry.dagster_event.message for entry in automation.instance.all_logs(run_id)]
    assert told[-1] == (
        "The run was never started: what should have launched it has died, or no worker was free. "
        "Its rows are still due."
    )


def test_a_run_in_the_queue_waits_for_as_long_as_it_takes(automation):
    location = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=1, location_name="elsewhere")
    automation.instance.run_storage.add_run(
        dg.DagsterRun(
            job_name="by_hand",
            status=dg.DagsterRunStatus.QUEUED,
            remote_job_origin=RemoteJobOrigin(
                RemoteRepositoryOrigin(location, "repository"), "by_hand"
            ),
        )
    )
    assert fail_expired_runs(automation.instance, HERE, datetime.now(UTC) + timedelta(days=1)) == []


def test_a_run_that_is_being_cancelled_but_has_died_is_buried_too(automation):
    run_id = start(automation, lease=EXPIRED)
    run = automation.instance.get_run_by_id(run_id)
    automation.instance.report_run_canceling(run)
    assert fail_expired_runs(automation.instance, HERE) == [run_id]


class Notebook:
    """Stands where the instance stands: writes down renewals, and fails the first `failures` of them."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.renewals: list[tuple[str, datetime]] = []
        self.three = threading.Event()

    def add_run_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        self.renewals.append((run_id, datetime.fromisoformat(tags[LEASE_TAG])))
        if len(self.renewals) >= 3:
            self.three.set()
        if len(self.renewals) <= self.failures:
            raise dg.DagsterInvariantViolationError("database is locked")


@pytest.mark.parametrize("failures", [0, 2])
def test_a_lease_is_renewed_for_as_long_as_the_run_works_also_after_a_failed_renewal(
    monkeypatch, failures
):
    monkeypatch.setattr(run_leases, "RENEWAL", timedelta(milliseconds=5))
    notebook = Notebook(failures)
    before = datetime.now(UTC)
    with keep_lease(cast("dg.DagsterInstance", notebook), "run", HERE):
        assert notebook.three.wait(10)
    after = datetime.now(UTC)
    renewals = [until for _, until in notebook.renewals]
    assert {run_id for run_id, _ in notebook.renewals} == {"run"}
    assert renewals == sorted(renewals)
    assert before + LEASE <= renewals[0] <= renewals[-1] <= after + LEASE
    assert not any("lease of" in thread.name for thread in threading.enumerate())


def test_an_asset_run_holds_a_lease_from_its_start(pipeline, instance):
    settings = pipeline.settings()
    result = dg.materialize(
        make_assets(settings),
        selection=[dg.AssetKey.from_user_string(ASSET)],
        resources=make_resources(settings),
        partition_key="00",
        instance=instance,
    )
    tags = instance.get_run_by_id(result.run_id).tags
    assert datetime.fromisoformat(tags[LEASE_TAG]) > datetime.now(UTC)


def test_every_asset_and_every_job_works_under_a_lease(automation):
    definitions = automation.definitions
    lease = {"run_lease", "settings"}  # the settings of a run are handed out under its lease
    assert definitions.resources["settings"].required_resource_keys == {"run_lease"}
    for assets in definitions.assets:
        assert lease & assets.required_resource_keys, assets.key
    for checks in definitions.asset_checks:
        assert lease & checks.required_resource_keys, checks.check_keys
    for job in ("reset", "maintenance"):
        (node,) = definitions.resolve_job_def(job).all_node_defs
        assert lease & node.required_resource_keys, job


class Apart(LocalState):
    """A shared state whose clock is not this machine's."""

    has_many_clocks = True

    def __init__(self, ahead: timedelta, folder: Path = Path("nowhere")) -> None:
        super().__init__(folder)
        self._ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_lease_is_renewed_and_judged_by_the_clock_that_all_share(automation, minutes):
    state = Apart(timedelta(minutes=minutes))
    run_id = start(automation)
    with keep_lease(automation.instance, run_id, state):
        eventually_renewed(automation, run_id)
        assert expired_runs(automation.instance, state) == []
    # A machine whose own clock is minutes away would have failed it, or would wait for minutes.
    dead = expired_runs(automation.instance, state, state.now() + LEASE)
    assert [record.dagster_run.run_id for record in dead] == [run_id]


def eventually_renewed(automation: Automation, run_id: str) -> None:
    for _ in range(200):
        run = automation.instance.get_run_by_id(run_id)
        if run is not None and LEASE_TAG in run.tags:
            return
        threading.Event().wait(0.05)
    raise AssertionError("no lease")


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_run_without_a_lease_is_dead_once_it_was_seen_so_for_long(automation, tmp_path, minutes):
    state = Apart(timedelta(minutes=minutes), tmp_path)
    run_id = start(automation)
    launched = automation.add_run(asset=ASSET, status=dg.DagsterRunStatus.STARTING).run_id
    # Whatever the machines' clocks wrote down: it was seen now for the first time.
    much_later = state.now() + timedelta(days=1)
    assert expired_runs(automation.instance, state, much_later) == [], (
        "who only looks notes nothing"
    )
    assert fail_expired_runs(automation.instance, state) == []
    assert expired_runs(automation.instance, state) == []
    assert fail_expired_runs(automation.instance, state, state.now() + GRACE) == [run_id]
    assert fail_expired_runs(automation.instance, state, state.now() + LAUNCH_GRACE) == [launched]
    assert fail_expired_runs(automation.instance, state, much_later) == []


class Restarted(Apart):
    """A shared state whose database was away until just now."""

    def could_renew_since(self) -> datetime:
        return self.now() - timedelta(seconds=5)


def test_what_ran_out_while_nobody_could_renew_is_not_dead(automation):
    run_id = start(automation, lease=EXPIRED)
    assert expired_runs(automation.instance, Restarted(timedelta())) == []
    dead = expired_runs(automation.instance, Apart(timedelta()))
    assert [record.dagster_run.run_id for record in dead] == [run_id]


def test_what_ran_out_while_the_machine_slept_is_not_dead_before_it_could_be_renewed(
    automation, monkeypatch
):
    at_work = of_day = datetime.now(UTC).timestamp()
    machine = LeapingClock(lambda: of_day, lambda: at_work)
    monkeypatch.setattr(clock, "OF_THIS_MACHINE", machine)
    run_id = start(automation, lease=EXPIRED)
    at_work, of_day = at_work + 20, of_day + 3_620
    woke = datetime.fromtimestamp(of_day, UTC)
    assert expired_runs(automation.instance, HERE, woke) == []
    of_day, at_work = of_day + 70, at_work + 70
    assert expired_runs(automation.instance, HERE, woke + timedelta(seconds=70)) == []
    dead = expired_runs(automation.instance, HERE, woke + LEASE + RENEWAL)
    assert [record.dagster_run.run_id for record in dead] == [run_id]


def test_a_clock_that_was_ahead_for_a_while_hides_the_dead_no_longer_than_a_leap_does(
    automation, monkeypatch
):
    at_work = of_day = datetime.now(UTC).timestamp()
    machine = LeapingClock(lambda: of_day, lambda: at_work)
    monkeypatch.setattr(clock, "OF_THIS_MACHINE", machine)
    run_id = start(automation, lease=EXPIRED)
    of_day += 7_200
    assert expired_runs(automation.instance, HERE, datetime.fromtimestamp(of_day, UTC)) == []
    of_day, at_work = of_day - 7_200 + 80, at_work + 80
    dead = expired_runs(automation.instance, HERE, datetime.fromtimestamp(of_day, UTC))
    assert [record.dagster_run.run_id for record in dead] == [run_id]


def test_a_clock_that_is_kept_right_or_put_back_has_not_leapt(automation, monkeypatch):
    of_day = datetime.now(UTC).timestamp()
    monkeypatch.setattr(clock, "OF_THIS_MACHINE", LeapingClock(lambda: of_day, lambda: 0.0))
    run_id = start(automation, lease=EXPIRED)
    for moved in (4.0, -3_600.0, 4.0):
        of_day += moved
        dead = expired_runs(automation.instance, HERE)
        assert [record.dagster_run.run_id for record in dead] == [run_id]

"""The drain: alone on its root, honest about what is left, and one run to the budget."""

import uuid
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from filelock import FileLock

from smart_trader_assets.assets.scope import DRAIN_TAG
from smart_trader_assets.automation.run_leases import LEASE_TAG
from smart_trader_assets.delta.batch import CommitInfo, Settlement
from smart_trader_assets.drain import Drain, DrainError, DrainReport, Watcher
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import (
    NOTIFICATIONS,
    TOKENS,
    TRANSACTIONS,
    TRANSFERS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.tables.cursors import CONSUMERS
from smart_trader_assets_tests.support.roots import versions
from smart_trader_assets_tests.support.tiny_market import BOB, LATER, NOW


class Notes(Watcher):
    """Writes down what a drain shows."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int | None]] = []
        self.ended: list[tuple[str, int | None]] = []

    def begins(self, asset, due, count):
        assert due is None or count() == due
        self.begun.append((asset, due))

    def ends(self, step):
        self.ended.append((step.asset, None if step.asset == TOKENS.name else step.due))


def drain(settings: Settings, *, watcher: Watcher | None = None) -> DrainReport:
    with dg.DagsterInstance.ephemeral() as instance:
        return Drain(settings, instance, watcher).run()


def test_a_second_drain_of_the_same_root_is_refused_while_one_is_at_work(drained):
    before = versions(drained.store)
    settings = drained.settings(LATER)
    with (
        FileLock(settings.resolved_state_dir / "drain.lock"),
        pytest.raises(DrainError, match="Another `smart-trader run` is working"),
    ):
        drain(settings)
    assert versions(drained.store) == before
    assert drained.server.requests.total() == 0
    assert drain(drained.settings()).steps  # the lock has fallen


def test_a_drain_that_was_killed_is_marked_failed_by_the_next_one(drained):
    def started(tags: dict[str, str]) -> dg.DagsterRun:
        return dg.DagsterRun(
            job_name="wallet_side",
            run_id=str(uuid.uuid4()),
            status=dg.DagsterRunStatus.STARTED,
            tags=tags,
        )

    with dg.DagsterInstance.ephemeral() as instance:
        killed = instance.add_run(started({DRAIN_TAG: "drain-of-before"}))
        of_the_daemon = instance.add_run(started({}))
        # Who tells what is news may do so beside a drain.
        tells = {DRAIN_TAG: "told", "smart_trader/beside": "true"}
        until = datetime.now(UTC)
        alive = {LEASE_TAG: (until + timedelta(minutes=1)).isoformat()}
        tells_now = instance.add_run(started(tells | alive))
        died = instance.add_run(started(tells | {LEASE_TAG: until.isoformat()}))
        Drain(drained.settings(), instance).run()
        statuses = {
            run.run_id: run.status
            for run in instance.get_runs(
                dg.RunsFilter(
                    run_ids=[run.run_id for run in (killed, of_the_daemon, tells_now, died)]
                )
            )
        }
    assert statuses == {
        killed.run_id: dg.DagsterRunStatus.FAILURE,
        of_the_daemon.run_id: dg.DagsterRunStatus.STARTED,
        tells_now.run_id: dg.DagsterRunStatus.STARTED,
        died.run_id: dg.DagsterRunStatus.FAILURE,
    }


def test_a_watcher_sees_every_asset_run_with_the_rows_that_were_due(pipeline):
    notes = Notes()
    report = drain(pipeline.settings(), watcher=notes)
    assert notes.begun == notes.ended
    assert notes.begun[0] == (TOKENS.name, None)
    told = [asset for asset in CONSUMERS if asset not in (TRANSFERS.name, NOTIFICATIONS.name)]
    assert [asset for asset, _ in notes.begun[1:]] == told
    assert [due for _, due in notes.begun[1:]] == [step.due for step in report.steps[1:]]
    assert report.as_of == NOW


def test_rows_that_a_run_leaves_due_are_told_and_do_not_go_round_for_ever(drained):
    later = NOW - timedelta(days=20)
    swaps = drained.rows(TRANSACTIONS).filter(wallet_address=BOB)
    back = Settlement.of(TRANSACTIONS, swaps, operation="RESET", sets={"processed_for_pnl": False})
    drained.store.settle(back, CommitInfo("put-back", "tests"))
    # As of a time before these trades there is nothing to count, and nothing is settled.
    report = drain(drained.settings(later))
    assert report.stuck == {WALLET_PNL.name: swaps.height}
    assert drain(drained.settings()).stuck == {}


def test_the_budget_of_a_run_is_that_of_the_whole_drain(pipeline):
    settings = pipeline.settings(credits_per_run=220)
    assert WHALES.name in drain(settings).stuck
    assert pipeline.server.credits_spent <= 220
    # Each drain has its own, and nobody has to wait for it.
    assert drain(settings).stuck == {}
    assert pipeline.rows(WALLET_PNL)["wallet_address"].n_unique() == 4

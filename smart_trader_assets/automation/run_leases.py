"""A live run renews a lease; a run whose lease has expired is marked as failed.

The default run launcher cannot tell that a run's process died: such a run stays STARTED forever, and
keeps its pool slot and its partitions. The lease is a tag of the run, in Dagster's own storage, which
run and daemon share wherever they are. Its time is that of the shared state's clock: those of two machines may
be minutes apart, and a clock that is ahead must not declare a living run dead.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import AwareDatetime

from smart_trader_assets.lake.deployment import claim_root
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import Settings
from smart_trader_assets.state.notes import Note
from smart_trader_assets.state.shared_state import SharedState, state_of

RUN_LOG = "run_log"
RUN_LEASE = "run_lease"
"""The resource that every run takes, most by way of `settings`: while it is held, the lease is renewed."""

LEASE_TAG = "smart_trader/lease_until"
LEASED_BY_TAG = "smart_trader/leased_by"
"""The run whose lease it is: one that is executed again is given the tags of the run before it."""
UNLEASED_NOTE = "runs_without_lease"
RENEWAL = timedelta(seconds=15)
LEASE = timedelta(seconds=60)

# A run that has started but has not taken its lease yet: loading the code takes seconds.
GRACE = timedelta(seconds=90)

# A run that was created but never launched, or whose process never started. Dagster's own monitoring,
# where it is switched on, is faster; a machine that has to be provisioned first takes minutes.
LAUNCH_GRACE = timedelta(minutes=5)

_log = logging.getLogger(__name__)

_UNDER_WAY = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
_AT_ITS_LAUNCH = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]


@contextmanager
def keep_lease(instance: dg.DagsterInstance, run_id: str, state: SharedState) -> Iterator[None]:
    """Renew the lease of `run_id` from a thread until the block is left.

    A renewal that fails, on a storage that is locked for example, is logged; the next one is in time.
    """
    stop = threading.Event()

    def renew() -> None:
        while True:
            try:
                until = state.now() + LEASE
                lease = {LEASE_TAG: until.isoformat(), LEASED_BY_TAG: run_id}
                instance.add_run_tags(run_id, lease)
            except Exception:  # noqa: BLE001 - whatever a storage raises, the run itself is fine
                _log.warning("The lease of run %s could not be renewed.", run_id, exc_info=True)
            if stop.wait(RENEWAL.total_seconds()):
                return

    keeper = threading.Thread(target=renew, name=f"lease of {run_id[:8]}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def run_lease(settings: Settings) -> dg.ResourceDefinition:
    """The run's lease as a resource; without a run there is nothing to renew.

    A run whose shared state cannot be used, or is another root's, ends here: StateError.
    """

    @dg.resource(
        description="Renews the run's lease for as long as the run is at work.",
        required_resource_keys={RUN_LOG},
    )
    def held_lease(context: dg.InitResourceContext) -> Iterator[None]:
        if context.instance is None or context.run is None:
            yield
            return
        state = state_of(settings)
        claim_root(make_lake(settings), state)
        with keep_lease(context.instance, context.run.run_id, state):
            yield

    return held_lease


def fail_expired_runs(
    instance: dg.DagsterInstance, state: SharedState, now: datetime | None = None
) -> list[str]:
    """Mark expired runs as failed and free their pool slots; returns their ids.

    The rows of an expired run are still due, since nothing but a settlement moves a state.
    """
    _note_unleased(instance, state)
    dead = [record.dagster_run for record in expired_runs(instance, state, now)]
    for run in dead:
        instance.report_run_failed(run, f"{_cause(run)} Its rows are still due.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in dead]


def expired_runs(
    instance: dg.DagsterInstance, state: SharedState, now: datetime | None = None
) -> list[dg.RunRecord]:
    """The expired runs: those that have died and that Dagster still takes for alive.

    Expired is a run under way whose lease has run out, and one that has been launching for longer than
    `LAUNCH_GRACE`. A run that waits in the queue is alive. `now`: by the clock of `state`, which it asks where
    nobody says.
    """
    # Asked before the runs are read: a lease is renewed meanwhile, and a clock may be waited for.
    now = now or state.now()
    renewed_since = state.could_renew_since()
    if renewed_since is not None and now < renewed_since + LEASE + RENEWAL:
        return []  # nobody could renew while the database was away, or the machine asleep
    records = instance.get_run_records(dg.RunsFilter(statuses=_UNDER_WAY + _AT_ITS_LAUNCH))
    seen = _unleased(state).read() or {} if state.has_many_clocks else None
    return [record for record in records if _alive_until(record, seen) < now]


def fail_and_log_expired_runs(context: dg.SensorEvaluationContext, settings: Settings) -> None:
    """Fail the expired runs from a sensor's tick, whose log names each of them."""
    for run_id in fail_expired_runs(context.instance, state_of(settings)):
        context.log.warning(f"Run {run_id} stopped renewing its lease: marked as failed.")


def _cause(run: dg.DagsterRun) -> str:
    if run.status in _AT_ITS_LAUNCH:
        return "The run was never started: what should have launched it has died, or no worker was free."
    return "The run's process has died: it stopped renewing its lease."


def _alive_until(record: dg.RunRecord, seen: Mapping[str, datetime] | None) -> datetime:
    """Until when a run passes for alive; `seen`: since when each run without a lease is known to be without,
    None where one clock writes everything down."""
    run = record.dagster_run
    is_launching = run.status in _AT_ITS_LAUNCH
    lease = None if is_launching else _lease_of(run)
    if lease is not None:
        return datetime.fromisoformat(lease)
    since: datetime | None
    if seen is not None:
        since = seen.get(_unleased_key(run))
    elif is_launching:
        since = record.update_timestamp.astimezone(UTC)
    else:
        start = record.start_time
        since = None if start is None else datetime.fromtimestamp(start, UTC)
    if since is None:
        return datetime.max.replace(tzinfo=UTC)
    return since + (LAUNCH_GRACE if is_launching else GRACE)


def _lease_of(run: dg.DagsterRun) -> str | None:
    """Until when the run itself has said that it is alive; None where it has not yet."""
    is_own = run.tags.get(LEASED_BY_TAG, run.run_id) == run.run_id
    return run.tags.get(LEASE_TAG) if is_own else None


def _note_unleased(instance: dg.DagsterInstance, state: SharedState) -> None:
    """Note since when, by the clock that all share, runs are without a lease: when they were launched or
    started is written down by the clock of some machine."""
    if not state.has_many_clocks:
        return
    under_way = instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY + _AT_ITS_LAUNCH))
    without = {
        _unleased_key(run)
        for run in under_way
        if run.status in _AT_ITS_LAUNCH or _lease_of(run) is None
    }
    note = _unleased(state)
    if without == (note.read() or {}).keys():
        return
    now = state.now()
    note.change(lambda known: {key: (known or {}).get(key, now) for key in without} or None)


def _unleased_key(run: dg.DagsterRun) -> str:
    return f"{run.run_id} {run.status.value}"


def _unleased(state: SharedState) -> Note[dict[str, datetime]]:
    return state.note(UNLEASED_NOTE, dict[str, AwareDatetime])

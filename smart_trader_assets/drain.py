"""Drains the pipeline once, in process: the snapshot, then whatever is due, until nothing is.

The same assets and the same cursors as in the Dagster UI; only the choice of what to materialize next is
made here, in a loop, instead of by sensors.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
import polars as pl

from smart_trader_assets.assembly import make_assets, make_resources
from smart_trader_assets.assets.economy import why_it_waits
from smart_trader_assets.assets.keys import IO_MANAGER, REPORT_KEY
from smart_trader_assets.assets.partitions import Partitions, first_day, make_partitions
from smart_trader_assets.assets.scope import AS_OF_TAG, DRAIN_TAG
from smart_trader_assets.assets.tracked_whales import looked_at
from smart_trader_assets.automation.history import forget_old_runs
from smart_trader_assets.automation.jobs import (
    assets_of,
    job_of,
    make_jobs,
    only_wallets,
)
from smart_trader_assets.automation.live_runs import (
    CONSUMER_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
)
from smart_trader_assets.automation.run_leases import expired_runs
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.checks.asset_checks import make_checks
from smart_trader_assets.checks.results import (
    FailedCheck,
    failed_checks,
    read_failed_keys,
    tables_read,
    unsound_table_error,
    write_failed_keys,
)
from smart_trader_assets.delta.storage_errors import translate_storage_errors
from smart_trader_assets.delta.store import DeltaStore, PinnedStore
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.lake.io_manager import MedallionIOManager
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.lake.run_metrics import PLOTTED, REQUESTS, record_failed_run
from smart_trader_assets.notify import receivers_of
from smart_trader_assets.settings import Settings
from smart_trader_assets.state.shared_state import SharedState, state_of
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    CANDIDATES,
    NOTIFICATIONS,
    SMART_TRADERS,
    TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets.tables.cursors import CONSUMERS, cursors_of
from smart_trader_assets.tables.freshness import stale_lists
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets.transforms.shards import shard_of

RECHECK = "recheck"
_BESIDE_TAG = "smart_trader/beside"

_TABLES = [contract.name for contract in ALL_TABLES]
# What a run does for the rows that were due; one that does none of it would be repeated for ever.
_PROGRESS = ("rows_settled", "rows_inserted", "rows_updated", "rows_deleted")
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# Far beyond any real queue; only a defect that makes the same rows due again and again gets here.
MOST_SWEEPS = 100
# Nor are there histories of so many pages.
_MOST_FETCHES = 10_000


class DrainError(SmartTraderError):
    """The drain cannot go on."""


@dataclass(frozen=True)
class Step:
    """One asset run: what was due before, what is left, what it did."""

    asset: str
    due: int
    left: int
    seconds: float
    metrics: dict[str, float]

    @property
    def has_fetched(self) -> bool:
        """Whether it made a request."""
        return any(count for name, count in self.metrics.items() if name.startswith(REQUESTS))


@dataclass
class DrainReport:
    """What a drain did, step by step; `stuck` are the assets that left due rows untouched, and `waits` says why
    where credits are lacking; `untold`: why nobody was told."""

    as_of: datetime
    steps: list[Step] = field(default_factory=list)
    stuck: dict[str, int] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)
    untold: str | None = None

    def total(self, metric: str) -> int:
        """A metric, summed over all steps."""
        return int(sum(step.metrics.get(metric, 0) for step in self.steps))


class Watcher:
    """Follows a drain at work; this one ignores what it is given."""

    def begins(self, asset: str, due: int | None, count: Callable[[], int]) -> None:
        """An asset run begins with `due` rows (None: a snapshot); `count` says how many are left."""

    def ends(self, step: Step) -> None:
        """An asset run has ended."""


class Drain:
    """One drain of the root that the settings name; with `writes_page` it ends with the page of its ranking."""

    def __init__(
        self,
        settings: Settings,
        instance: dg.DagsterInstance,
        watcher: Watcher | None = None,
        *,
        writes_page: bool = False,
    ) -> None:
        self._settings = settings
        self._instance = instance
        self._watcher = watcher or Watcher()
        self._as_of = settings.now()
        # To its caller a drain is one run, and so it is to the budget of credits.
        self._budget = f"drain-{uuid.uuid4().hex[:12]}"
        self._policy = due_policy(settings)
        self._partitions: Partitions = make_partitions(settings)
        self._assets = make_assets(settings, self._partitions)
        self._checks = make_checks()
        self._reads = tables_read(self._assets)
        self._looks_first = settings.swap_pages_first < settings.swap_pages_per_run
        self._resources = make_resources(settings)
        lake = self._resources["lake"]
        if not isinstance(lake, LakeResource):
            raise TypeError("the resource `lake` is not a LakeResource")
        self._lake = lake
        self._definitions = self._defined(*make_jobs())
        self._writes_page = writes_page

    def _defined(self, *jobs: dg.UnresolvedAssetJobDefinition) -> dg.Definitions:
        return dg.Definitions(
            assets=self._assets,
            asset_checks=self._checks,
            jobs=jobs,
            # The root is looked at once, and not again in each of the runs.
            resources={
                **self._resources,
                "lake": dg.ResourceDefinition.hardcoded_resource(self._lake),
                IO_MANAGER: dg.IOManagerDefinition.hardcoded_io_manager(
                    MedallionIOManager(lake=self._lake)
                ),
            },
            executor=dg.in_process_executor,
        )

    def run(self) -> DrainReport:
        """Take the snapshot, then materialize what is due until nothing is.

        Account and API failures, a root that holds something else, and storage failures end the
        drain with their own error; what was done until then stays done. Nothing is made from a table whose
        blocking check failed: if one still fails at the end, UnsoundTableError reports what it found.
        """
        # An address that cannot work is told before anything is paid for.
        receivers_of(self._settings.notify_urls)
        report = DrainReport(self._as_of)
        store = self._lake.store
        with alone_on_root(self._settings), translate_storage_errors("draining the pipeline"):
            _fail_killed_drains(self._instance, state_of(self._settings))
            forget_old_runs(self._instance, days=self._settings.history_days)
            try:
                self._recheck()
                self._drain(store, report)
                self._raise_if_unsound()
                if self._writes_page and SMART_TRADERS.name in {
                    step.asset for step in report.steps
                }:
                    self._write_page()
            except Exception:
                self._tell(store, report)
                raise
            self._tell(store, report)
        return report

    def tell(self) -> DrainReport:
        """Find what is news, and send what is due of it; nothing else."""
        receivers_of(self._settings.notify_urls)
        report = DrainReport(self._as_of)
        with translate_storage_errors("telling what is news"):
            self._materialize(NOTIFICATIONS.name, [], None, self._lake.store, report, beside=True)
        return report

    def _tell(self, store: DeltaStore, report: DrainReport) -> None:
        """The same at the end of a drain, which it does not fail."""
        if not self._settings.tells_somebody:
            return
        try:
            self._materialize(NOTIFICATIONS.name, [], None, store, report)
        except Exception as error:  # noqa: BLE001 - what was drained stands, whatever becomes of the messages
            report.untold = str(error) or type(error).__name__

    def _drain(self, store: DeltaStore, report: DrainReport) -> None:
        self._materialize(TOKENS.name, [self._today()], None, store, report)
        if stale_lists(store.scan(CANDIDATES), self._settings, self._as_of):
            self._materialize(CANDIDATES.name, [], None, store, report)
        idle = 0
        for _ in range(_MOST_FETCHES):
            told = len(report.steps)
            if not self._sweep(store, report):
                return
            # A long history takes as many sweeps as it has tens of pages.
            idle += not any(step.has_fetched for step in report.steps[told:])
            if idle == MOST_SWEEPS:
                break
        raise DrainError(
            f"After {MOST_SWEEPS} sweeps without a request rows are still due: "
            f"{report.stuck or 'see smart-trader state'}."
        )

    def _write_page(self) -> None:
        """Once a drain, however often it has ranked: a page takes longer than a ranking."""
        page, started = REPORT_KEY.to_user_string(), time.monotonic()
        self._watcher.begins(page, None, lambda: 0)
        try:
            result = self._definitions.resolve_job_def(
                job_of(SMART_TRADERS.name)
            ).execute_in_process(
                instance=self._instance,
                asset_selection=[REPORT_KEY],
                tags={AS_OF_TAG: self._as_of.isoformat(), DRAIN_TAG: self._budget},
                run_config=_QUIET,
            )
        except dg.DagsterError as error:
            # Dagster wraps what a resource raises: a root that cannot be opened.
            if isinstance(error.__cause__, SmartTraderError):
                raise error.__cause__ from None
            raise
        seconds = time.monotonic() - started
        self._watcher.ends(Step(page, 0, 0, seconds, _facts(result, page)))

    def look_up(self, wallets: Sequence[str]) -> DrainReport:
        """Fetch what is missing of `wallets`, compute them, and rank; nothing else is asked for.

        Raises what `run` raises. One run of each asset: a history that is longer than the settings' pages a run
        is read in part.
        """
        report = DrainReport(self._as_of)
        store = self._lake.store
        shards = sorted({shard_of(wallet, self._lake.wallet_shards) for wallet in wallets})
        partitions = _span(dict.fromkeys(shards, 1))
        with alone_on_root(self._settings), translate_storage_errors("looking wallets up"):
            _fail_killed_drains(self._instance, state_of(self._settings))
            self._recheck()
            for asset in (TRACKED_WHALES, TRANSACTIONS, WALLET_PNL):
                due = self._due_of(asset.name, wallets)
                if asset is TRACKED_WHALES:
                    due += len(set(wallets) - looked_at(store, wallets))
                if due:
                    self._refuse_unsound(asset.name)
                    self._materialize(asset.name, partitions, due, store, report, wallets)
            if ranked := sum(self._due(store, SMART_TRADERS.name).values()):
                self._refuse_unsound(SMART_TRADERS.name)
                self._materialize(SMART_TRADERS.name, [], ranked, store, report)
            self._raise_if_unsound()
        return report

    def _refuse_unsound(self, asset: str) -> None:
        """UnsoundTableError where a table that `asset` is made from failed its blocking check."""
        if failed := failed_checks(self._instance, self._reads[asset]):
            raise unsound_table_error(failed)

    def _due_of(self, asset: str, wallets: Sequence[str]) -> int:
        """How many rows of `wallets` are due for `asset`."""
        own = pl.col("wallet_address").is_in(list(wallets))
        return sum(
            cursor.due_rows(
                self._lake.store.scan(cursor.contract).filter(own),
                shards=None,
                as_of=self._as_of,
                policy=self._policy,
            )
            .select(pl.len())
            .collect()
            .item()
            for cursor in cursors_of(asset)
        )

    def _today(self) -> str:
        """The snapshot's partition; DrainError for a clock set outside the snapshot days."""
        day = self._as_of.date().isoformat()
        if day not in self._partitions.days.get_partition_keys():
            raise DrainError(
                f"The clock is set to {day}, but snapshot days run from {first_day(self._settings)} "
                "to today: set --as-of to one of them, or first_day to an earlier day, where it is before them."
            )
        return day

    def _sweep(self, store: DeltaStore, report: DrainReport) -> bool:
        """Run every asset that has due rows, in the order of the graph; whether there was any."""
        worked = False
        for asset in CONSUMERS:
            # Told at the end, whatever has failed.
            if asset == NOTIFICATIONS.name or failed_checks(self._instance, self._reads[asset]):
                continue
            # Until nothing is due, before going downstream: a long history takes several runs, and computing
            # it after each of them would repeat the same work. Where a first page decides about the others,
            # what it shows is computed before they are asked for.
            while asset not in report.stuck and (due := self._due(store, asset)):
                self._materialize(asset, _span(due), sum(due.values()), store, report)
                worked = True
                if asset == TRANSACTIONS.name and self._looks_first:
                    break
        return worked

    def _due(self, store: DeltaStore, asset: str) -> dict[str | None, int]:
        counts: dict[str | None, int] = {}
        store = PinnedStore(store)
        for cursor in cursors_of(asset):
            for shard, rows in cursor.due_counts(
                store, as_of=self._as_of, policy=self._policy
            ).items():
                counts[shard] = counts.get(shard, 0) + rows
        return counts

    def _materialize(
        self,
        asset: str,
        partitions: list[str],
        due: int | None,
        store: DeltaStore,
        report: DrainReport,
        wallets: Sequence[str] = (),
        *,
        beside: bool = False,
    ) -> None:
        """One run of `asset` for its `due` rows (None: the snapshot, which reads no queue), or only for those
        of `wallets`; `beside`: a drain may be at work on the root meanwhile."""

        def left_due() -> int:
            if wallets:
                return self._due_of(asset, wallets)
            return sum(self._due(store, asset).values())

        self._watcher.begins(asset, due, left_due)
        started, began, run_id = time.monotonic(), datetime.now(UTC), str(uuid.uuid4())
        tags = {
            AS_OF_TAG: self._as_of.isoformat(),
            DRAIN_TAG: self._budget,
            CONSUMER_TAG: asset,
        }
        if beside:
            tags[_BESIDE_TAG] = "true"
        if len(partitions) > 1:
            tags |= {RANGE_START_TAG: partitions[0], RANGE_END_TAG: partitions[-1]}
        try:
            result = self._definitions.resolve_job_def(job_of(asset)).execute_in_process(
                run_id=run_id,
                instance=self._instance,
                asset_selection=assets_of(asset),
                partition_key=partitions[0] if len(partitions) == 1 else None,
                tags=tags,
                run_config=_QUIET | (only_wallets([asset], wallets) if wallets else {}),
            )
        except SmartTraderError as error:
            record_failed_run(self._instance, run_id, store, error)
            raise
        except dg.DagsterError as error:
            record_failed_run(self._instance, run_id, store, error)
            self._raise_if_unsound(began)
            # Dagster wraps what a resource raises: a root that cannot be opened.
            if isinstance(error.__cause__, SmartTraderError):
                raise error.__cause__ from None
            raise
        left = 0 if due is None else left_due()
        step = Step(asset, due or 0, left, time.monotonic() - started, _facts(result, asset))
        report.steps.append(step)
        if left and not any(step.metrics.get(name) for name in _PROGRESS):
            report.stuck[asset] = left
            credits_left = BirdEyeAccess(self._settings).left(self._budget)
            if why := why_it_waits(asset, store, self._settings, credits_left):
                report.waits[asset] = why
        self._watcher.ends(step)

    def _recheck(self) -> None:
        """Have the checks look again that failed when a drain, or anybody on this instance, last looked."""
        failed = read_failed_keys(state_of(self._settings))
        failed |= {check.key for check in failed_checks(self._instance, _TABLES)}
        known = {key for definition in self._checks for key in definition.check_keys}
        if failed & known:
            again = self._defined(
                dg.define_asset_job(RECHECK, selection=dg.AssetSelection.checks(*failed & known))
            )
            again.resolve_job_def(RECHECK).execute_in_process(
                instance=self._instance,
                tags={DRAIN_TAG: self._budget},
                run_config=_QUIET,
                raise_on_error=False,
            )
        self._note_failed()

    def _raise_if_unsound(self, since: datetime | None = None) -> None:
        """UnsoundTableError where a blocking check failed; with `since`, only where it did so since then."""
        failed = self._note_failed()
        if failed and (since is None or any(check.at >= since for check in failed)):
            raise unsound_table_error(failed) from None

    def _note_failed(self) -> list[FailedCheck]:
        failed = failed_checks(self._instance, _TABLES)
        write_failed_keys(state_of(self._settings), [check.key for check in failed])
        return failed


def _span(due: dict[str | None, int]) -> list[str]:
    """The contiguous range of partitions from the first to the last that has due rows."""
    shards = sorted(shard for shard in due if shard is not None)
    return [shards[0], shards[-1]] if len(shards) > 1 else shards


def _facts(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, float]:
    """The numbers of the run's materializations: those of the run itself once, those of partitions summed."""
    metrics: dict[str, float] = {}
    key = dg.AssetKey.from_user_string(asset)
    for event in result.get_asset_materialization_events():
        if event.asset_key != key:
            continue
        for name, value in event.materialization.metadata.items():
            if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue):
                before = 0.0 if name in PLOTTED else metrics.get(name, 0.0)
                metrics[name] = before + float(value.value or 0)
    return metrics


@contextmanager
def alone_on_root(settings: Settings) -> Iterator[None]:
    """One drain at a time on a root; the lock is released when its process ends."""
    busy = DrainError(
        f"Another `smart-trader run` is working on {settings.resolved_root}: wait until it ends."
    )
    with state_of(settings).alone("drain", wait=0, otherwise=busy):
        yield


def _fail_killed_drains(instance: dg.DagsterInstance, state: SharedState) -> None:
    """Earlier drains that never ended were killed: mark them failed and free their pool slots.

    The instance is the root's own and only one drain runs at a time, so none of them can be alive; of what may
    run beside it only that which no longer renews its lease was killed.
    """
    started = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    begun = [run for run in started if DRAIN_TAG in run.tags]
    dead = {run.run_id for run in begun if _BESIDE_TAG not in run.tags}
    if len(dead) < len(begun):
        dead |= {record.dagster_run.run_id for record in expired_runs(instance, state)}
    for run in begun:
        if run.run_id not in dead:
            continue
        instance.report_run_failed(
            run, "The process of this run was killed; its rows are still due."
        )
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)

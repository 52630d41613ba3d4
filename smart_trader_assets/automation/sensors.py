"""One sensor per consumer, made by one factory from its cursors."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from smart_trader_assets.assets.economy import why_it_waits
from smart_trader_assets.assets.partitions import Partitions
from smart_trader_assets.automation.jobs import run_assets
from smart_trader_assets.automation.live_runs import (
    CONSUMER_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    live_partitions,
    sensor_status,
    wait_after_failures,
)
from smart_trader_assets.automation.run_leases import fail_and_log_expired_runs
from smart_trader_assets.automation.ticks import (
    WHOLE,
    TickCursor,
    format_due,
    plan_requests,
    width_of,
)
from smart_trader_assets.birdeye.circuit_breaker import current_breaker
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.checks.results import failed_checks, format_failures
from smart_trader_assets.delta.storage_errors import translate_storage_errors
from smart_trader_assets.delta.store import DeltaStore, PinnedStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.catalog import NOTIFICATIONS, TRANSACTIONS, TRANSFERS, WHALES
from smart_trader_assets.tables.cursors import CONSUMERS, cursors_of
from smart_trader_assets.thresholds import due_policy

FETCHERS = frozenset({WHALES.name, TRANSACTIONS.name, TRANSFERS.name})


def partition_keys(consumer: str, partitions: Partitions) -> Sequence[str]:
    """The consumer's partitions in order; one name for an unpartitioned asset."""
    shard = {cursor.shard for cursor in cursors_of(consumer)}.pop()
    match shard:
        case "token_shard":
            return partitions.token_shards.get_partition_keys()
        case "wallet_shard":
            return partitions.wallet_shards.get_partition_keys()
        case _:
            return (WHOLE,)


def make_sensors(
    settings: Settings,
    partitions: Partitions,
    assets_of_job: Mapping[str, frozenset[dg.AssetKey]],
    lake: LakeResource,
    reads: Mapping[str, Collection[str]],
) -> list[dg.SensorDefinition]:
    """The sensors of all consumers, in the order in which rows flow; `reads` are the tables that each reads.

    They share `lake`, whose root is checked once per process: a tick must be cheap, and a run checks again.
    """
    return [
        _sensor(
            consumer,
            settings,
            partition_keys(consumer, partitions),
            assets_of_job,
            lake,
            reads[consumer],
        )
        for consumer in CONSUMERS
    ]


def _sensor(
    consumer: str,
    settings: Settings,
    keys: Sequence[str],
    assets_of_job: Mapping[str, frozenset[dg.AssetKey]],
    lake: LakeResource,
    read: Collection[str],
) -> dg.SensorDefinition:
    asset = dg.AssetKey.from_user_string(consumer)
    cursors = cursors_of(consumer)
    due_by = ", ".join(f"{cursor.contract.name}.{cursor.column or 'as_of'}" for cursor in cursors)

    @dg.sensor(
        name=f"{asset.path[-1]}_due",
        asset_selection=run_assets(consumer),
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=sensor_status(settings),
        description=f"Materializes {consumer} when rows are due by {due_by}.",
    )
    def due_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        fail_and_log_expired_runs(context, settings)
        with translate_storage_errors(f"counting what is due for {consumer}"):
            return _tick(context, PinnedStore(lake.store))

    def _tick(context: dg.SensorEvaluationContext, store: DeltaStore) -> dg.SensorResult:
        before = TickCursor.parse(context.cursor)
        versions = {c.contract.name: store.version(c.contract) for c in cursors}
        for table in before.went_back(versions):
            context.log.warning(
                f"{table} is at version {versions[table]}, but was at {before.versions[table]}: "
                "it was restored from a backup or made again. Its states are used as they are."
            )
        if before.nothing_new(versions):
            return _skip(before, f"Nothing is due: {_at(versions)}, unchanged since the last tick.")
        as_of = settings.now()
        due, waiting = _count(store, as_of)
        seen = replace(before, versions=versions, due=sum(due.values()), waiting=waiting)
        if not due:
            return _skip(seen, f"Nothing is due: {_at(versions)}.")
        context.log.info(f"{consumer}: due rows by partition: {format_due(due)}")
        if reason := _held_back(context.instance, store):
            return _skip(seen, f"{seen.due} rows are due, but {reason}")
        live = live_partitions(context.instance, asset, keys, assets_of_job)
        at_once = settings.fetches_at_once if consumer in FETCHERS else settings.runs_at_once
        width = width_of(due, keys, most=settings.shards_per_run, at_once=at_once)
        requests = plan_requests(due, live, keys, width)
        if not requests:
            return _skip(
                seen, f"{seen.due} rows are due, and each of their partitions has a live run."
            )
        # What has failed is news, and no reason to keep still.
        told = consumer == NOTIFICATIONS.name
        if not told and (failed := failed_checks(context.instance, read)):
            return _skip(seen, f"{seen.due} rows are due, but {format_failures(failed)}")
        seen = replace(seen, attempt=before.attempt + 1)
        stamp = f"{'-'.join(str(v) for v in versions.values())}:{seen.attempt}"
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"{consumer}:{request.partitions}:{stamp}",
                    asset_selection=run_assets(consumer),
                    partition_key=(
                        request.first if request.first == request.last != WHOLE else None
                    ),
                    tags={
                        CONSUMER_TAG: consumer,
                        "smart_trader/why": f"{request.rows} rows due in {due_by}",
                        "smart_trader/partitions": request.partitions,
                        **_range(request.first, request.last),
                    },
                )
                for request in requests
            ],
            cursor=seen.text(),
        )

    def _count(store: DeltaStore, as_of: datetime) -> tuple[dict[str, int], bool]:
        due: dict[str, int] = {}
        policy = due_policy(settings)
        waiting = False
        for cursor in cursors:
            found = cursor.due_counts(store, as_of=as_of, policy=policy)
            waiting = waiting or cursor.waits_for_time(store)
            for shard, rows in found.items():
                due[shard or WHOLE] = due.get(shard or WHOLE, 0) + rows
        return due, waiting

    def _held_back(instance: dg.DagsterInstance, store: DeltaStore) -> str | None:
        if consumer in FETCHERS:
            if breaker := current_breaker(state_of(settings)):
                return f"fetching is paused {breaker.words}"
            left = BirdEyeAccess(settings).left()
            if reason := why_it_waits(consumer, store, settings, left):
                return reason
        if until := wait_after_failures(instance, consumer, datetime.now(UTC)):
            return f"the last runs failed: the next one is requested at {until:%H:%M:%S} UTC."
        return None

    return due_sensor


def _skip(cursor: TickCursor, reason: str) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=cursor.text())


def _at(versions: Mapping[str, int]) -> str:
    return ", ".join(f"{table} at version {version}" for table, version in versions.items())


def _range(first: str, last: str) -> dict[str, str]:
    return {} if first == last else {RANGE_START_TAG: first, RANGE_END_TAG: last}

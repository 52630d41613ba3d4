"""Which partitions of an asset have a run under way or waiting, and how its last runs ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta

import dagster as dg

from smart_trader_assets.assets import keys
from smart_trader_assets.checks.results import has_materialized
from smart_trader_assets.settings import Settings

PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
CONSUMER_TAG = keys.CONSUMER_TAG

LIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(minutes=30)
_LOOK_BACK = 10


def sensor_status(settings: Settings) -> dg.DefaultSensorStatus:
    """Whether a sensor starts switched on."""
    on = settings.automation
    return dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED


def live_partitions(
    instance: dg.DagsterInstance,
    asset: dg.AssetKey,
    keys: Sequence[str],
    assets_of_job: Mapping[str, frozenset[dg.AssetKey]],
) -> set[str]:
    """Those of `keys` that a live run of `asset` covers; for an unpartitioned asset `keys` is one name.

    `assets_of_job` gives what a run of a whole job materializes.
    """
    live: set[str] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=LIVE)):
        if asset in _materialized(run, assets_of_job):
            live |= _covered(run.tags, keys)
    return live


def _materialized(
    run: dg.DagsterRun, assets_of_job: Mapping[str, frozenset[dg.AssetKey]]
) -> AbstractSet[dg.AssetKey]:
    if run.asset_selection:
        return run.asset_selection
    # A run in process has an unnamed job and no selection: its tag says what it is for.
    if (consumer := run.tags.get(CONSUMER_TAG)) is not None:
        return {dg.AssetKey.from_user_string(consumer)}
    return assets_of_job.get(run.job_name, frozenset())


def _covered(tags: Mapping[str, str], keys: Sequence[str]) -> set[str]:
    if (one := tags.get(PARTITION_TAG)) is not None:
        return {one} & set(keys)
    first, last = tags.get(RANGE_START_TAG), tags.get(RANGE_END_TAG)
    if first is not None and last is not None:
        return {key for key in keys if first <= key <= last}
    return set(keys)


def wait_after_failures(
    instance: dg.DagsterInstance, consumer: str, now: datetime
) -> datetime | None:
    """Until when no new run of `consumer` should be requested, because its last runs failed in a row.

    The first failure costs no wait, since a run may have been killed; from the second on the wait
    doubles. A run that wrote its asset and failed in what comes after it, such as a report, does not count.
    None where there is nothing to wait for, or the clock has jumped back since.
    """
    records = instance.get_run_records(
        dg.RunsFilter(tags={CONSUMER_TAG: consumer}), limit=_LOOK_BACK
    )
    if not records or records[0].dagster_run.status != dg.DagsterRunStatus.FAILURE:
        return None
    asset = dg.AssetKey.from_user_string(consumer)
    failures, last_end = 0, 0.0
    for record in records:
        run = record.dagster_run
        if run.status != dg.DagsterRunStatus.FAILURE:
            break
        if has_materialized(instance, run.run_id, asset):
            break
        failures += 1
        last_end = max(last_end, record.end_time or 0.0)
    if failures < 2:  # noqa: PLR2004
        return None
    wait = min(_FIRST_WAIT * 2 ** (failures - 2), _LONGEST_WAIT)
    until = datetime.fromtimestamp(last_end, UTC) + wait
    return until if now < until < now + 2 * wait else None


def why_not_now(instance: dg.DagsterInstance, doing: str, *, but: str | None = None) -> str | None:
    """What to do first, where a run (`but` the one of that id) is under way that what is done would get in the
    way of; None where there is none."""
    for run in instance.get_runs(dg.RunsFilter(statuses=LIVE), limit=2):
        if run.run_id != but:
            return (
                f"Run {run.run_id} is under way or waiting: switch the automation off, let the runs end or "
                f"terminate them, and {doing} then. Nothing was changed."
            )
    return None


def last_run_failed(instance: dg.DagsterInstance, consumer: str) -> bool:
    """Whether the newest run that was asked for `consumer` has failed."""
    runs = instance.get_runs(dg.RunsFilter(tags={CONSUMER_TAG: consumer}), limit=1)
    return any(run.status == dg.DagsterRunStatus.FAILURE for run in runs)


def skip(context: dg.SensorEvaluationContext, reason: str) -> dg.SensorResult:
    """Ask for nothing, and remember what was remembered before."""
    return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=context.cursor)

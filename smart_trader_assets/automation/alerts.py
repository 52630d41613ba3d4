"""The sensor that lets the webhook follow the ranking."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from smart_trader_assets.automation.live_runs import (
    CONSUMER_TAG,
    last_run_failed,
    live_partitions,
    sensor_status,
    skip,
    wait_after_failures,
)
from smart_trader_assets.automation.run_leases import fail_and_log_expired_runs
from smart_trader_assets.automation.ticks import WHOLE
from smart_trader_assets.checks.results import failed_checks, format_failures
from smart_trader_assets.helius.followed import why_off
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import SMART_TRADERS


def alert_sensors(
    settings: Settings, asset: dg.AssetKey, lake: LakeResource
) -> list[dg.SensorDefinition]:
    """The sensor of the webhook's asset; none where alerts are off."""
    if why_off(settings) is not None:
        return []
    name = asset.to_user_string()

    @dg.sensor(
        name=f"{asset.path[-1]}_due",
        asset_selection=[asset],
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=sensor_status(settings),
        description=f"Materializes {name} when {SMART_TRADERS.name} has a new version or the last run failed.",
    )
    def webhook_due(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        fail_and_log_expired_runs(context, settings)
        version = lake.store.version(SMART_TRADERS)
        seen, attempt = _parse(context.cursor)
        failed = last_run_failed(context.instance, name)
        if version == seen and not failed:
            return skip(
                context, f"Nothing is due: {SMART_TRADERS.name} is still at version {version}."
            )
        if live_partitions(context.instance, asset, [WHOLE], {}):
            return skip(context, "The ranking has changed, and the webhook has a live run.")
        if until := wait_after_failures(context.instance, name, datetime.now(UTC)):
            return skip(
                context, f"The last runs failed: the next one is requested at {until:%H:%M:%S} UTC."
            )
        if failed_ranking := failed_checks(context.instance, [SMART_TRADERS.name]):
            return skip(context, f"The ranking has changed, but {format_failures(failed_ranking)}")
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"{name}:{version}:{attempt + 1}",
                    asset_selection=[asset],
                    tags={
                        CONSUMER_TAG: name,
                        "smart_trader/why": f"{SMART_TRADERS.name} at version {version}"
                        + (", after a failed run" if failed else ""),
                    },
                )
            ],
            cursor=f"{version}:{attempt + 1}",
        )

    return [webhook_due]


def _parse(cursor: str | None) -> tuple[int | None, int]:
    """The version that was last requested, and the number of requests; a garbled cursor starts over."""
    version, _, attempt = (cursor or "").partition(":")
    return (int(version), int(attempt)) if version.isdigit() and attempt.isdigit() else (None, 0)

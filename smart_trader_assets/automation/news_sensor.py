"""The sensor that notices news: it asks for a run that writes down and sends what has happened."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from smart_trader_assets.automation.jobs import run_assets
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
from smart_trader_assets.birdeye.circuit_breaker import current_breaker
from smart_trader_assets.checks.results import failed_checks
from smart_trader_assets.delta.storage_errors import translate_storage_errors
from smart_trader_assets.delta.store import PinnedStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.notify import receivers_of
from smart_trader_assets.notify.news import digest_day
from smart_trader_assets.notify.news_rules import NewsRules
from smart_trader_assets.settings import Settings
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    NOTIFICATIONS,
    RECENT_TRADES,
    TIER_CHANGES,
    TOKEN_SIGNALS,
)
from smart_trader_assets.text import content_hash

NEWS = "news"
_TABLES = (TIER_CHANGES, TOKEN_SIGNALS, RECENT_TRADES)


def news_sensors(settings: Settings, lake: LakeResource) -> list[dg.SensorDefinition]:
    """The sensor; none where nobody is told anything."""
    if not settings.tells_somebody:
        return []
    key = dg.AssetKey.from_user_string(NOTIFICATIONS.name)

    @dg.sensor(
        name="news_found",
        asset_selection=run_assets(NOTIFICATIONS.name),
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=sensor_status(settings),
        description="Materializes ops/notifications when there may be news: another ranking, another trade, a "
        "run or a check that failed, paused fetching, the hour of the digest.",
    )
    def news_found(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        fail_and_log_expired_runs(context, settings)
        with translate_storage_errors("looking for news"):
            seen = _fingerprint(context.instance, settings, lake)
        before, _, attempt = (context.cursor or "").partition(":")
        # The run that was to tell it may have died before it wrote anything down.
        failed = last_run_failed(context.instance, NOTIFICATIONS.name)
        if seen == before and not failed:
            return skip(context, "Nothing has happened since the last look.")
        if live_partitions(context.instance, key, [WHOLE], {}):
            return skip(context, "Something has happened, and a run is telling already.")
        if until := wait_after_failures(context.instance, NOTIFICATIONS.name, datetime.now(UTC)):
            return skip(
                context, f"The last runs failed: the next one is requested at {until:%H:%M:%S} UTC."
            )
        number = int(attempt) + 1 if attempt.isdigit() else 1
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"{NEWS}:{seen}:{number}",
                    asset_selection=run_assets(NOTIFICATIONS.name),
                    tags={
                        CONSUMER_TAG: NOTIFICATIONS.name,
                        "smart_trader/why": "the last run failed"
                        if failed
                        else "something has happened since the last look",
                    },
                )
            ],
            cursor=f"{seen}:{number}",
        )

    return [news_found]


def _fingerprint(instance: dg.DagsterInstance, settings: Settings, lake: LakeResource) -> str:
    """Another one wherever there may be news."""
    store = PinnedStore(lake.store)
    failed = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]), limit=20)
    told_of = [run for run in failed if run.tags.get(CONSUMER_TAG) != NOTIFICATIONS.name]
    breaker = current_breaker(state_of(settings))
    return content_hash(
        [
            [store.version(table) for table in _TABLES],
            sorted(run.run_id for run in told_of),
            sorted(
                f"{check.key.to_user_string()} {check.at.isoformat()}"
                for check in failed_checks(instance, [table.name for table in ALL_TABLES])
            ),
            None if breaker is None else breaker.reason,
            digest_day(settings.now(), NewsRules.of(settings)).isoformat(),
            # One that is new is told since when.
            [receiver.name for receiver in receivers_of(settings.notify_urls)],
        ]
    )

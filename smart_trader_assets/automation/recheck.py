"""The sensor that reruns failed blocking checks once a table that they read has changed.

So what waits for a check goes on by itself once the rows are fixed, however they were fixed.
"""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from smart_trader_assets.automation.live_runs import (
    CONSUMER_TAG,
    LIVE,
    sensor_status,
    wait_after_failures,
)
from smart_trader_assets.automation.run_leases import fail_and_log_expired_runs
from smart_trader_assets.checks.results import FailedCheck, failed_checks, format_failures
from smart_trader_assets.delta.storage_errors import translate_storage_errors
from smart_trader_assets.delta.store import DeltaStore, PinnedStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets.text import plural

CHECKS = "checks"
_CONTRACTS = {contract.name: contract for contract in ALL_TABLES}


def recheck_sensor(settings: Settings, lake: LakeResource) -> dg.SensorDefinition:
    """The sensor of the failed blocking checks of all tables."""

    @dg.sensor(
        name="failed_checks_due",
        asset_selection=dg.AssetSelection.all_asset_checks(),
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=sensor_status(settings),
        description="Reruns failed blocking checks when a table that they read has changed.",
    )
    def failed_checks_due(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        failed = failed_checks(context.instance, _CONTRACTS)
        if not failed:
            return dg.SkipReason("No blocking check has failed.")
        fail_and_log_expired_runs(context, settings)
        with translate_storage_errors("looking which tables have changed"):
            store = PinnedStore(lake.store)
            changed = [check for check in failed if _has_changed(store, check)]
        failures = f"{plural(len(failed), 'blocking check')} failed"
        if not changed:
            return dg.SkipReason(
                f"{failures}, and no table has changed since: {format_failures(failed)}"
            )
        if context.instance.get_runs(
            dg.RunsFilter(tags={CONSUMER_TAG: CHECKS}, statuses=LIVE), limit=1
        ):
            return dg.SkipReason(f"{failures}, and a run is rechecking.")
        if until := wait_after_failures(context.instance, CHECKS, datetime.now(UTC)):
            return dg.SkipReason(
                f"{failures}; the next recheck is requested at {until:%H:%M:%S} UTC."
            )
        attempt = int(context.cursor or 0) + 1
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"{CHECKS}:{attempt}",
                    asset_selection=[],
                    asset_check_keys=[check.key for check in changed],
                    tags={
                        CONSUMER_TAG: CHECKS,
                        "smart_trader/why": ", ".join(
                            f"{check.key.name} of {check.table} failed, and its tables have changed since"
                            for check in changed
                        ),
                    },
                )
            ],
            cursor=str(attempt),
        )

    return failed_checks_due


def _has_changed(store: DeltaStore, check: FailedCheck) -> bool:
    return not check.versions or any(
        store.version(_CONTRACTS[table]) != version for table, version in check.versions.items()
    )

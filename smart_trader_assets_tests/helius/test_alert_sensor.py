"""The sensor asks for a run where the ranking has changed, and is not there where alerts are off."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.automation.live_runs import CONSUMER_TAG
from smart_trader_assets_tests.helius.conftest import Alerts
from smart_trader_assets_tests.support.ticking import Automation

ASSET = "alerts/helius_webhook"
MINE = {CONSUMER_TAG: ASSET}


@pytest.fixture
def automation(alerts: Alerts) -> Iterator[Automation]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Automation(alerts.settings(), instance)


def test_a_run_is_asked_for_once_a_version_of_the_ranking(
    automation: Automation, alerts: Alerts
) -> None:
    (first,) = automation.tick(ASSET).requests
    assert first.asset_selection == [dg.AssetKey.from_user_string(ASSET)]
    assert first.tags[CONSUMER_TAG] == ASSET
    assert "still at version" in automation.tick(ASSET).skipped
    alerts.rank("ELITE")
    (second,) = automation.tick(ASSET).requests
    assert second.run_key != first.run_key


def test_a_live_run_is_waited_for(automation: Automation) -> None:
    automation.add_run(asset=ASSET, tags=MINE)
    assert "has a live run" in automation.tick(ASSET).skipped


def test_a_failed_run_is_asked_for_again_and_a_row_of_failures_waits(
    automation: Automation,
) -> None:
    (first,) = automation.tick(ASSET).requests
    failed = automation.add_run(asset=ASSET, tags=MINE)
    automation.instance.report_run_failed(failed, "broken")
    (again,) = automation.tick(ASSET).requests
    assert again.run_key != first.run_key
    assert "after a failed run" in again.tags["smart_trader/why"]


def test_there_is_no_sensor_where_alerts_are_off(alerts: Alerts) -> None:
    def sensors(**changes: str | None) -> set[str]:
        definitions = make_definitions(alerts.settings(**changes))
        return {sensor.name for sensor in definitions.sensors or ()}

    assert sensors() - sensors(helius_webhook_id=None) == {"helius_webhook_due"}


def test_a_garbled_cursor_starts_afresh(automation: Automation) -> None:
    automation.cursors["helius_webhook_due"] = "7:x"
    assert len(automation.tick(ASSET).requests) == 1

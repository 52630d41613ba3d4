"""The webhook watches the chosen tiers; everything else of it stays as it is."""

from __future__ import annotations

import logging

import pytest

from smart_trader_assets_tests.helius.conftest import WRITTEN, Alerts


def test_the_addresses_become_the_chosen_tiers_best_first_and_no_other_field_changes(
    alerts: Alerts,
) -> None:
    before = alerts.others
    elite, strong, promising, second = alerts.rank("ELITE", "STRONG", "PROMISING", "ELITE")
    done = alerts.follow()
    assert alerts.watched == [elite, strong, second]
    assert alerts.others == before
    assert promising not in alerts.watched
    assert done["outcome"] == "written"
    assert (done["added"], done["removed"]) == (3, 1)
    assert done["added_addresses"] == [elite, strong, second]
    assert done["removed_addresses"] == ["stranger"]
    assert done["helius_credits"] == 100


def test_the_difference_is_in_the_log_before_anything_is_written(
    alerts: Alerts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    elite, strong = alerts.rank("ELITE", "STRONG")
    alerts.follow()
    lines = [record.getMessage() for record in caplog.records]
    added = lines.index(f"To add: 2 wallets: {elite}, {strong}")
    removed = lines.index("To remove: 1 wallet: stranger")
    (written,) = [place for place, line in enumerate(lines) if "HTTP Request: PUT" in line]
    assert added < removed < written


def test_a_set_that_is_right_already_is_not_written_in_whatever_order_it_stands(
    alerts: Alerts,
) -> None:
    wallets = alerts.rank("ELITE", "STRONG", "ELITE")
    alerts.follow()
    shuffled = {**WRITTEN, "accountAddresses": [*reversed(wallets), wallets[0]]}
    alerts.server.webhooks.replace(alerts.webhook_id, shuffled)
    alerts.server.log.clear()
    spent = alerts.server.webhooks.credits_spent
    again = alerts.follow()
    assert again["outcome"] == "unchanged"
    assert again["helius_credits"] == 0
    assert (alerts.requests("GET"), alerts.requests("PUT")) == (1, 0)
    assert alerts.server.webhooks.credits_spent == spent


def test_the_limit_takes_the_best_and_a_limit_of_zero_empties_the_webhook(alerts: Alerts) -> None:
    wallets = alerts.rank("ELITE", "STRONG", "STRONG")
    alerts.follow(alert_limit=2)
    assert alerts.watched == wallets[:2]
    alerts.follow(alert_limit=0)
    assert alerts.watched == []


def test_other_tiers_can_be_chosen(alerts: Alerts) -> None:
    _, promising, qualified = alerts.rank("ELITE", "PROMISING", "QUALIFIED")
    alerts.follow(alert_tiers="promising, qualified")
    assert alerts.watched == [promising, qualified]


def test_without_leave_to_write_the_difference_is_shown_and_the_webhook_stays(
    alerts: Alerts,
) -> None:
    (elite,) = alerts.rank("ELITE")
    shown = alerts.follow(alerts_write=False)
    assert shown["outcome"] == "only shown"
    assert shown["added_addresses"] == [elite]
    assert alerts.watched == ["stranger"]
    assert alerts.requests("PUT") == 0


def test_other_webhooks_of_the_account_are_not_touched(alerts: Alerts) -> None:
    other = alerts.server.webhooks.create(
        {"webhookURL": "https://other.example", "accountAddresses": ["a", "b"]}
    )
    alerts.rank("ELITE")
    alerts.follow()
    assert alerts.server.webhooks.get(other["webhookID"]) == other


@pytest.mark.parametrize(
    ("unset", "variable"),
    [
        ("helius_api_key", "HELIUS_API_KEY"),
        ("helius_webhook_id", "SMART_TRADER_HELIUS_WEBHOOK_ID"),
    ],
)
def test_off_means_no_request_and_a_run_that_succeeds_and_says_so(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch, unset: str, variable: str
) -> None:
    monkeypatch.delenv(variable, raising=False)
    alerts.rank("ELITE")
    done = alerts.materialize(**{unset: None})
    why = f"Alerts are off: {variable} is not set."
    assert done.success
    assert done.metadata == {"outcome": "off", "why": why}
    assert why in done.everything
    assert not alerts.server.requests


def test_a_ranking_that_left_nobody_empties_the_webhook_and_a_missing_one_does_not(
    alerts: Alerts,
) -> None:
    missing = alerts.follow()
    assert missing["outcome"] == "off"
    assert "No wallet has been classified" in missing["why"]
    assert alerts.watched == ["stranger"]
    alerts.keep_out("a-bot")
    assert alerts.follow()["outcome"] == "written"
    assert alerts.watched == []

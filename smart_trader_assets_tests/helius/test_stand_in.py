"""The stand-in treats webhooks as Helius does."""

from __future__ import annotations

import httpx
import pytest

from smart_trader_assets_tests.helius.conftest import FIELDS, KEY, SHOWN, Alerts

PATH = "/v0/webhooks"
OTHER = {"webhookURL": "https://other.example", "accountAddresses": ["a"]}


@pytest.fixture
def api(alerts: Alerts) -> httpx.Client:
    return httpx.Client(base_url=alerts.server.base_url, params={"api-key": KEY})


def test_a_webhook_is_made_listed_read_and_deleted(alerts: Alerts, api: httpx.Client) -> None:
    made = api.post(PATH, json=OTHER).json()
    assert made == {**SHOWN, **OTHER, "webhookID": made["webhookID"]}
    assert made in api.get(PATH).json()
    assert api.get(f"{PATH}/{made['webhookID']}").json() == made
    assert api.delete(f"{PATH}/{made['webhookID']}").status_code == 200
    gone = api.get(f"{PATH}/{made['webhookID']}")
    assert (gone.status_code, "not found" in gone.json()["error"]) == (404, True)
    assert made not in alerts.server.webhooks.all()


def test_a_put_replaces_the_whole_object_and_keeps_the_id(
    alerts: Alerts, api: httpx.Client
) -> None:
    assert alerts.others == {**FIELDS, "webhookID": alerts.webhook_id}
    answer = api.put(f"{PATH}/{alerts.webhook_id}", json=OTHER)
    assert answer.json() == {**SHOWN, **OTHER, "webhookID": alerts.webhook_id}
    left = {"webhookURL": OTHER["webhookURL"], "webhookID": alerts.webhook_id}
    assert alerts.others == {**SHOWN, **left}


@pytest.mark.parametrize("name", ["webhookID", "wallet", "active", "anything"])
def test_what_may_not_be_written_is_refused(alerts: Alerts, api: httpx.Client, name: str) -> None:
    before = alerts.others
    refused = api.put(f"{PATH}/{alerts.webhook_id}", json={**OTHER, name: "x"})
    assert refused.status_code == 400
    assert refused.json()["error"] == f'json: unknown field "{name}"'
    assert alerts.others == before


def test_changes_cost_credits_and_reads_and_refusals_none(
    alerts: Alerts, api: httpx.Client
) -> None:
    before = alerts.server.webhooks.credits_spent
    api.get(f"{PATH}/{alerts.webhook_id}")
    api.put(f"{PATH}/nobody", json=OTHER)
    assert alerts.server.webhooks.credits_spent == before
    api.put(f"{PATH}/{alerts.webhook_id}", json=OTHER)
    assert alerts.server.webhooks.credits_spent == before + 100


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"webhookURL": "u"}',
        b'{"webhookURL": "u", "accountAddresses": "a"}',
        b'{"accountAddresses": []}',
    ],
)
def test_what_is_no_webhook_is_refused_and_changes_nothing(
    alerts: Alerts, api: httpx.Client, body: bytes
) -> None:
    before = alerts.server.webhooks.get(alerts.webhook_id)
    answer = api.put(f"{PATH}/{alerts.webhook_id}", content=body)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    assert alerts.server.webhooks.get(alerts.webhook_id) == before


def test_without_the_key_nothing_is_answered(alerts: Alerts) -> None:
    answer = httpx.get(f"{alerts.server.base_url}{PATH}/{alerts.webhook_id}")
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})

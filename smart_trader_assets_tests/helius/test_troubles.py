"""Whatever goes wrong, the webhook stays as it was and the run says what to do."""

from __future__ import annotations

import pytest

from smart_trader_assets.helius import (
    HeliusError,
    HeliusKeyError,
    HeliusResponseError,
    HeliusUnavailableError,
    WebhookNotFoundError,
)
from smart_trader_assets.sandbox import Fault, FaultKind, HeliusEndpoint
from smart_trader_assets_tests.helius.conftest import KEY, Alerts

AT = HeliusEndpoint.WEBHOOKS


@pytest.fixture(autouse=True)
def ranking(alerts: Alerts) -> None:
    alerts.rank("ELITE", "STRONG")


READING = [
    (Fault(FaultKind.NOT_FOUND, AT), WebhookNotFoundError, "no such webhook", 1),
    (Fault(FaultKind.BAD_KEY, AT), HeliusKeyError, "check that HELIUS_API_KEY", 1),
    (
        Fault(FaultKind.FORBIDDEN, AT),
        HeliusKeyError,
        "what the key and the account's plan allow",
        1,
    ),
    (Fault(FaultKind.INVALID_JSON, AT), HeliusResponseError, "not the whole webhook", 1),
    (Fault(FaultKind.UNSUCCESSFUL, AT), HeliusResponseError, "it has no webhookURL", 1),
    (
        Fault(FaultKind.SERVER_ERROR, AT, times=None, status=503),
        HeliusUnavailableError,
        "answered with 503",
        2,
    ),
    (Fault(FaultKind.RATE_LIMITED, AT, times=None), HeliusUnavailableError, "rate limit", 2),
    (
        Fault(FaultKind.CUT_BODY, AT, times=None),
        HeliusUnavailableError,
        "broke off without a whole answer",
        2,
    ),
    (
        Fault(FaultKind.RESET, AT, times=None),
        HeliusUnavailableError,
        "broke off without a whole answer",
        2,
    ),
    (Fault(FaultKind.HANG, AT, times=None), HeliusUnavailableError, "ReadTimeout", 2),
]


@pytest.mark.parametrize(
    ("fault", "kind", "told", "reads"), READING, ids=[fault.kind for fault, *_ in READING]
)
def test_a_failed_or_partial_read_is_never_followed_by_a_write(
    alerts: Alerts, fault: Fault, kind: type[HeliusError], told: str, reads: int
) -> None:
    before = alerts.server.webhooks.get(alerts.webhook_id)
    alerts.server.faults.add(fault)
    with pytest.raises(kind) as caught:
        alerts.follow(request_timeout_seconds=0.3)
    assert told in str(caught.value)
    assert str(caught.value).startswith(f"GET /v0/webhooks/{alerts.webhook_id} ")
    assert "The webhook is unchanged." in str(caught.value)
    assert (alerts.requests("GET"), alerts.requests("PUT")) == (reads, 0)
    assert alerts.server.webhooks.get(alerts.webhook_id) == before


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (FaultKind.SERVER_ERROR, "Whether the change arrived is not known"),
        (FaultKind.RESET, "Whether the change arrived is not known"),
        (FaultKind.RATE_LIMITED, "The webhook is unchanged."),
        (FaultKind.BAD_KEY, "The webhook is unchanged."),
    ],
)
def test_a_refused_write_fails_is_sent_once_and_the_next_run_mends_it(
    alerts: Alerts, kind: FaultKind, told: str
) -> None:
    before = alerts.server.webhooks.get(alerts.webhook_id)
    alerts.server.faults.add(Fault(kind, AT, after=1))
    with pytest.raises(HeliusError) as caught:
        alerts.follow()
    assert told in str(caught.value)
    assert f"PUT /v0/webhooks/{alerts.webhook_id}" in str(caught.value)
    assert alerts.requests("PUT") == 1
    assert alerts.server.webhooks.get(alerts.webhook_id) == before
    assert alerts.follow()["outcome"] == "written"


def test_a_write_whose_answer_is_cut_fails_and_is_found_done_by_the_next_run(
    alerts: Alerts,
) -> None:
    alerts.server.faults.add(Fault(FaultKind.CUT_BODY, AT, after=1))
    with pytest.raises(HeliusError) as caught:
        alerts.follow()
    assert "Whether the change arrived is not known" in str(caught.value)
    assert alerts.follow()["outcome"] == "unchanged"
    assert alerts.requests("PUT") == 1


def test_a_read_that_fails_once_is_tried_again(alerts: Alerts) -> None:
    alerts.server.faults.add(Fault(FaultKind.SERVER_ERROR, AT))
    assert alerts.follow()["outcome"] == "written"
    assert alerts.requests("GET") == 2


def test_a_webhook_that_is_gone_is_not_replaced_by_another_one(alerts: Alerts) -> None:
    others = alerts.server.webhooks.all()
    with pytest.raises(HeliusError) as caught:
        alerts.follow(helius_webhook_id="3b0e5f0e-gone")
    assert "No other is chosen or made in its place" in str(caught.value)
    assert alerts.server.webhooks.all() == others


def test_a_wrong_key_is_named_and_not_shown(alerts: Alerts) -> None:
    with pytest.raises(HeliusKeyError) as caught:
        alerts.follow(helius_api_key=KEY + "x")
    assert KEY not in str(caught.value)
    assert "was answered with 401" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"helius_webhook_id": f"https://api.example/?api-key={KEY}"}, "id alone, not to a URL"),
        ({"helius_api_key": "two words"}, "copy it into HELIUS_API_KEY"),
        ({"helius_base_url": f"https://api.example?api-key={KEY}"}, "has a query"),
        ({"helius_base_url": "ftp://api.example"}, "not an http or https address"),
        ({"helius_base_url": "http://127.0.0.1:1"}, "could not reach http://127.0.0.1:1"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_being_quoted(
    alerts: Alerts, changes: dict[str, str], told: str
) -> None:
    with pytest.raises(HeliusError) as caught:
        alerts.follow(**changes)
    assert told in str(caught.value)
    assert KEY not in f"{caught.value} {caught.value!r}"
    assert not alerts.server.requests

"""The key travels in the URL, and shows nowhere: no log, no error, no repr, no metadata."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from pydantic import SecretStr

from smart_trader_assets.helius import HeliusClient, HeliusError, Webhook
from smart_trader_assets.sandbox import Fault, FaultKind, HeliusEndpoint
from smart_trader_assets.settings import SettingsError, load_settings
from smart_trader_assets_tests.birdeye.scripted_server import Answer, ScriptedServer
from smart_trader_assets_tests.helius.conftest import (
    AUTHORIZATION,
    FIELDS,
    KEY,
    RECEIVER,
    Alerts,
)

SECRETS = (KEY, quote(KEY, safe=""), AUTHORIZATION, RECEIVER)
ECHO = f"{KEY} in {quote(KEY, safe='')} may not see {AUTHORIZATION} for {RECEIVER}"
WEBHOOK = {**FIELDS, "webhookID": "id-1", "accountAddresses": ["a"]}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.stop()


def client(server: ScriptedServer) -> HeliusClient:
    return HeliusClient(
        base_url=server.url, api_key=SecretStr(KEY), timeout=0.2, attempts=1, backoff_seconds=0
    )


def told(error: BaseException | None) -> str:
    """Everything that an error and the errors behind it show."""
    lines = []
    while error is not None:
        lines.append(f"{error!s} {error!r} {error.args!r} {vars(error)!r}")
        lines.append(f"{getattr(error, 'request', None)!r} {getattr(error, 'doc', None)!r}")
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """All log lines but those of the server in this process, which has to see the key."""
    return "\n".join(
        caplog.handler.format(record)
        for record in caplog.records
        if not record.name.startswith("uvicorn")
    )


def leaked(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("fault", [None, FaultKind.BAD_KEY])
def test_a_run_shows_no_secret_in_logs_events_and_metadata(
    alerts: Alerts, caplog: pytest.LogCaptureFixture, fault: FaultKind | None
) -> None:
    caplog.set_level(logging.DEBUG)
    alerts.rank("ELITE")
    if fault is not None:
        alerts.server.faults.add(Fault(fault, HeliusEndpoint.WEBHOOKS, times=None))
    done = alerts.materialize()
    assert done.success is (fault is None)
    assert "HTTP Request: GET" in logged(caplog)
    assert leaked(logged(caplog)) == []
    assert leaked(done.everything + repr(done.metadata)) == []
    assert leaked(repr(alerts.server.requests_by_query)) == []


ECHOING = [
    *(Answer(status, {"error": ECHO}) for status in (400, 401, 403, 404, 409, 429, 500)),
    Answer(500, ECHO),
    Answer(200, ECHO),
    Answer(200, {**WEBHOOK, "accountAddresses": ECHO}),
    Answer(200, {**WEBHOOK, "webhookID": ECHO}),
    Answer(200, {**WEBHOOK, "accountAddresses": ["another"]}),
    Answer(200, WEBHOOK, cut=True),
    Answer(302, {"error": ECHO}, headers={"location": f"https://x.example/?api-key={KEY}"}),
    Answer(silent=True),
]


@pytest.mark.parametrize("answer", ECHOING)
def test_no_error_tells_a_secret_even_where_the_server_echoes_it(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(answer)
    webhook = Webhook("id-1", WEBHOOK)
    with client(server) as helius, pytest.raises(HeliusError) as caught:
        helius.write(webhook)
    assert leaked(told(caught.value)) == []
    assert leaked(logged(caplog)) == []
    assert server.requests[0].parameters == {"api-key": KEY}


def test_the_client_and_the_webhook_do_not_show_secrets(server: ScriptedServer) -> None:
    server.script(Answer(200, WEBHOOK))
    with client(server) as helius:
        webhook = helius.webhook("id-1")
        assert webhook.fields == WEBHOOK
        assert leaked(f"{webhook!r} {webhook!s} {helius!r} {vars(helius)!r}") == []


def test_settings_do_not_show_the_key_and_name_a_tier_that_there_is_not() -> None:
    settings = load_settings({"helius_api_key": KEY, "alert_tiers": "elite"})
    assert settings.alert_tiers == ("ELITE",)
    assert settings.helius_api_key == SecretStr(KEY) == settings.but(alert_limit=1).helius_api_key
    assert leaked(f"{settings!r} {settings!s} {settings.model_dump_json()}") == []
    with pytest.raises(SettingsError, match=r"'ELTE'.*'ELITE', 'STRONG'") as caught:
        load_settings({"helius_api_key": KEY, "alert_tiers": "ELTE"})
    assert leaked(told(caught.value)) == []


def test_the_redaction_of_headers_ends_with_the_client(server: ScriptedServer) -> None:
    logger = logging.getLogger("httpcore.http11")
    before = list(logger.filters)
    with client(server):
        assert len(logger.filters) == len(before) + 1
    assert logger.filters == before


def test_httpx_itself_never_sees_a_url_with_the_key(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="httpx")
    server.script(Answer(200, WEBHOOK))
    with client(server) as helius:
        helius.webhook("id-1")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "httpx"]
    assert line == f'HTTP Request: GET {httpx.URL(server.url)}/v0/webhooks/id-1 "HTTP/1.1 200 OK"'

"""The controls over HTTP, and the counts of requests."""

import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smart_trader_assets.sandbox import Endpoint, SandboxError, SandboxServer
from smart_trader_assets_tests.sandbox.conftest import ANCHOR

LIST = Endpoint.LISTINGS.value
SWAPS = Endpoint.SWAPS.value


def test_requests_are_counted_by_endpoint_entity_and_question(market, serving):
    wallet, other = market.wallets[:2]
    with serving(market) as (server, api):
        api.get(LIST)
        api.get(SWAPS, params={"address": wallet})
        api.get(SWAPS, params={"address": wallet, "offset": 100})
        api.get(SWAPS, params={"offset": 100, "address": wallet})
        api.get(SWAPS, params={"address": other, "limit": 1000})
        assert server.requests == {LIST: 1, SWAPS: 4}
        assert server.requests_by_entity == {(SWAPS, wallet): 3, (SWAPS, other): 1}
        assert server.requests_by_query[f"{SWAPS}?address={wallet}&offset=100"] == 2

        told = api.get("/sandbox/requests").json()
        assert told["by_endpoint"] == server.requests
        assert {"endpoint": SWAPS, "entity": wallet, "count": 3} in told["by_entity"]
        assert told["credits_spent"] == server.credits_spent
        assert api.delete("/sandbox/requests").status_code == 204
        assert server.requests == {}


def test_faults_are_set_shown_and_cleared(market, serving):
    with serving(market) as (_, api):
        rule = {"kind": "not_found", "endpoint": SWAPS, "entity": "w", "times": None}
        shown = api.post("/sandbox/faults", json=[rule, {"kind": "forbidden"}])
        assert shown.status_code == 201
        assert [fault["kind"] for fault in shown.json()] == ["not_found", "forbidden"]
        assert api.get(LIST).status_code == 403
        assert api.get(LIST).status_code == 200
        assert api.get(SWAPS, params={"address": "w"}).status_code == 404
        assert [fault["kind"] for fault in api.get("/sandbox/faults").json()] == ["not_found"]
        assert api.delete("/sandbox/faults").status_code == 204
        assert api.get(SWAPS, params={"address": "w"}).status_code == 200


def test_the_clock_moves_and_the_market_with_it(market, serving):
    with serving(market) as (server, api):

        def price() -> float:
            listed = api.get(LIST, params={"limit": 1}).json()
            return float(listed["data"]["items"][0]["price"])

        before = price()
        assert api.get("/sandbox/clock").json() == {"now": ANCHOR.isoformat()}
        moved = api.post("/sandbox/clock", json={"advance_hours": 36})
        assert moved.json() == {"now": (ANCHOR + timedelta(hours=36)).isoformat()}
        assert server.clock() == ANCHOR + timedelta(hours=36)
        assert price() != before
        api.post("/sandbox/clock", json={"now": "2026-03-01T09:00:00+00:00"})
        assert price() == before


def test_rows_appear_as_the_clock_passes(market, serving):
    wallet = max(market.wallets, key=lambda address: len(market.swaps(address)))
    with serving(market) as (server, api):

        def newest() -> datetime:
            row = api.get(SWAPS, params={"address": wallet, "limit": 1}).json()["data"]["items"][0]
            return datetime.fromtimestamp(row["block_unix_time"], UTC)

        assert newest() <= ANCHOR
        server.clock.advance(timedelta(days=7))
        assert ANCHOR < newest() <= ANCHOR + timedelta(days=7)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sandbox/faults", {"kind": "sabotage"}),
        ("/sandbox/faults", {"kind": "forbidden", "wallet": "w"}),
        ("/sandbox/faults", {"kind": "forbidden", "endpoint": "/v1"}),
        ("/sandbox/faults", "forbidden"),
        ("/sandbox/clock", {"now": "tomorrow"}),
        ("/sandbox/clock", {"now": "2026-03-01T09:00:00"}),
        ("/sandbox/clock", {}),
        ("/sandbox/drift", {"rows_per_page": -1}),
    ],
)
def test_a_control_that_cannot_be_understood_is_400_and_says_why(api, path, body):
    answer = api.post(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_drift_can_be_switched_over_http(market, serving):
    wallet = max(market.wallets, key=lambda address: len(market.swaps(address)))
    with serving(market) as (_, api):

        def newest() -> Any:
            page = api.get(SWAPS, params={"address": wallet, "limit": 1}).json()
            return page["data"]["items"][0]

        still = newest()
        assert newest() == still
        assert api.post("/sandbox/drift", json={"rows_per_page": 2}).json() == {"rows_per_page": 2}
        assert newest() == still
        assert newest() != still


def test_a_taken_port_is_named(market):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = SandboxServer(market, clock=lambda: ANCHOR, port=port)
        with pytest.raises(SandboxError, match=f"Port {port} "):
            server.__enter__()


def test_a_server_that_does_not_run_has_no_address(market):
    with pytest.raises(SandboxError, match="not running"):
        _ = SandboxServer(market, clock=lambda: ANCHOR).base_url

"""What goes wrong on request, seen by a real client."""

import threading

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.sandbox import ControlError, Endpoint, Fault, FaultKind, SandboxServer
from smart_trader_assets.sandbox.faults import FaultBook
from smart_trader_assets_tests.sandbox.conftest import ANCHOR, running

LIST = Endpoint.LISTINGS.value
HOLDERS = Endpoint.HOLDERS.value


@pytest.fixture(scope="module")
def shared(market):
    with running(market) as pair:
        yield pair


@pytest.fixture
def server(shared):
    server, _ = shared
    server.faults.clear()
    yield server
    server.faults.clear()


@pytest.fixture
def client(shared, server):
    return shared[1]


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        (Fault(FaultKind.RATE_LIMITED), 429, "Too many requests"),
        (Fault(FaultKind.SERVER_ERROR), 500, "error"),
        (Fault(FaultKind.SERVER_ERROR, status=503), 503, "error"),
        (Fault(FaultKind.CREDITS_SPENT), 400, "Compute units usage limit exceeded"),
        (Fault(FaultKind.BAD_KEY), 401, "Unauthorized"),
        (Fault(FaultKind.NOT_IN_PLAN), 401, "lacks sufficient permissions"),
        (Fault(FaultKind.FORBIDDEN), 403, "Forbidden"),
        (Fault(FaultKind.NOT_FOUND), 404, "Not found"),
        (Fault(FaultKind.UNSUCCESSFUL), 200, "failed"),
    ],
)
def test_a_refusal_has_its_status_and_an_envelope_of_failure(server, client, fault, status, text):
    server.faults.add(fault)
    answer = client.get(LIST)
    assert answer.status_code == status
    assert answer.json()["success"] is False
    assert text in answer.json()["message"]
    assert client.get(LIST).json()["success"] is True


def test_retry_after_is_sent_only_where_it_is_given(server, client):
    server.faults.add(
        Fault(FaultKind.RATE_LIMITED, retry_after=2.5), Fault(FaultKind.RATE_LIMITED, after=0)
    )
    assert client.get(LIST).headers["Retry-After"] == "2.5"
    assert "Retry-After" not in client.get(LIST).headers


def test_invalid_json_comes_with_status_200(server, client):
    server.faults.add(Fault(FaultKind.INVALID_JSON))
    answer = client.get(LIST)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_a_cut_body_ends_before_its_length(server, client):
    server.faults.add(Fault(FaultKind.CUT_BODY))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        client.get(LIST)
    assert client.get(LIST).status_code == 200


def test_a_reset_connection_gives_no_answer(server, client):
    server.faults.add(Fault(FaultKind.RESET))
    with pytest.raises(httpx.ReadError):
        client.get(LIST)
    assert client.get(LIST).status_code == 200


def test_a_hanging_answer_lasts_until_the_client_gives_up(server, client):
    server.faults.add(Fault(FaultKind.HANG))
    with pytest.raises(httpx.ReadTimeout):
        client.get(LIST, timeout=0.2)
    assert client.get(LIST).status_code == 200


def test_a_short_page_says_that_more_follows(server, client):
    whole = client.get(LIST).json()["data"]["items"]
    server.faults.add(Fault(FaultKind.SHORT_PAGE))
    short = client.get(LIST).json()["data"]
    assert short == {"items": whole[: (len(whole) + 1) // 2], "has_next": True}


def test_a_repeated_page_is_the_first_whatever_was_asked_for(server, client):
    second = client.get(LIST, params={"offset": 2, "limit": 2}).json()
    server.faults.add(Fault(FaultKind.REPEATED_PAGE))
    repeated = client.get(LIST, params={"offset": 2, "limit": 2}).json()
    assert repeated == client.get(LIST, params={"offset": 0, "limit": 2}).json() != second


def test_unreadable_items_stand_between_those_that_are_right(server, client):
    whole = client.get(LIST, params={"limit": 3}).json()["data"]["items"]
    server.faults.add(Fault(FaultKind.UNREADABLE_ITEMS))
    broken = client.get(LIST, params={"limit": 3}).json()["data"]["items"]
    assert broken == [{"unreadable": 0}, whole[1], {"unreadable": 2}]


def test_an_answer_without_a_page_has_no_items_to_break(server, client):
    right = client.get(Endpoint.CREDITS.value).json()
    server.faults.add(Fault(FaultKind.UNREADABLE_ITEMS))
    assert client.get(Endpoint.CREDITS.value).json()["data"].keys() == right["data"].keys()


def test_a_redirect_names_another_place(server, client):
    server.faults.add(Fault(FaultKind.REDIRECT))
    answer = client.get(LIST)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://example.invalid/")


def test_a_dripping_answer_is_right_in_the_end(server, client):
    right = client.get(Endpoint.HOLDERS.value, params={"address": "nobody"}).text
    server.faults.add(Fault(FaultKind.DRIP, seconds=0.001))
    assert client.get(Endpoint.HOLDERS.value, params={"address": "nobody"}).text == right
    # Who goes away meanwhile keeps nobody busy.
    server.faults.add(Fault(FaultKind.DRIP, seconds=0.05))
    with client.stream("GET", LIST) as answer:
        assert answer.status_code == 200
    assert client.get(LIST).status_code == 200


def test_a_late_answer_is_right(server, client):
    server.faults.add(Fault(FaultKind.LATENCY, seconds=0.4))
    with pytest.raises(httpx.ReadTimeout):
        client.get(LIST, timeout=0.1)
    server.faults.add(Fault(FaultKind.LATENCY, seconds=0.05))
    assert client.get(LIST).json()["success"] is True
    assert server.faults.rules == []


def test_latency_and_another_fault_hit_the_same_request(server, client):
    server.faults.add(
        Fault(FaultKind.LATENCY, seconds=0.01), Fault(FaultKind.FORBIDDEN), Fault(FaultKind.BAD_KEY)
    )
    assert [client.get(LIST).status_code for _ in range(3)] == [403, 401, 200]


def test_a_rule_hits_its_endpoint_and_its_entity_only(server, client):
    server.faults.add(Fault(FaultKind.NOT_FOUND, Endpoint.HOLDERS, entity="mint", times=None))
    assert client.get(LIST).status_code == 200
    assert client.get(HOLDERS, params={"address": "other"}).status_code == 200
    swaps = client.get(Endpoint.SWAPS.value, params={"address": "mint"})
    assert swaps.status_code == 200
    for _ in range(3):
        assert client.get(HOLDERS, params={"address": "mint"}).status_code == 404


@given(after=st.integers(0, 6), times=st.none() | st.integers(1, 6), requests=st.integers(0, 20))
def test_a_rule_lets_some_pass_then_hits_so_many(after, times, requests):
    book = FaultBook()
    book.add(Fault(FaultKind.FORBIDDEN, after=after, times=times))
    hit = [bool(book.due(Endpoint.SWAPS, frozenset({"w"}))) for _ in range(requests)]
    expected = requests if times is None else after + times
    assert hit == [after <= index < expected for index in range(requests)]
    assert len(book) == (0 if times is not None and requests >= after + times else 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": FaultKind.FORBIDDEN, "times": 0},
        {"kind": FaultKind.FORBIDDEN, "after": -1},
        {"kind": FaultKind.LATENCY},
        {"kind": FaultKind.DRIP},
        {"kind": FaultKind.SERVER_ERROR, "status": 200},
    ],
)
def test_a_fault_without_sense_is_refused(wrong):
    with pytest.raises(ControlError):
        Fault(**wrong)


def test_a_server_stops_while_an_answer_hangs(market):
    failures = []

    def ask(url):
        try:
            httpx.get(f"{url}{LIST}", headers={"x-chain": "solana"}, timeout=20)
        except httpx.HTTPError as error:
            failures.append(error)

    with SandboxServer(market, clock=lambda: ANCHOR) as server:
        server.faults.add(Fault(FaultKind.HANG))
        asking = threading.Thread(target=ask, args=(server.base_url,))
        asking.start()
        while not server.requests:
            asking.join(0.01)
    asking.join(5)
    assert isinstance(failures[0], httpx.RemoteProtocolError)

"""After trouble of the account nobody fetches for a while; the notice says why, and a good fetch ends it."""

from datetime import UTC, datetime, timedelta

import pytest

from smart_trader_assets.birdeye import (
    ApiUnreachableError,
    BudgetSpentError,
    CreditsSpentError,
    ServiceOutageError,
    StopFetchingError,
)
from smart_trader_assets.birdeye.circuit_breaker import (
    BREAKER_NOTE,
    OpenBreaker,
    close_breaker,
    open_breaker,
    read_breaker,
)
from smart_trader_assets.sandbox import Endpoint, Fault, FaultKind
from smart_trader_assets.state.shared_state import LocalState, state_of
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_TOKENS, TRANSACTIONS, WHALES
from smart_trader_assets_tests.support.defaults import OPEN_TIMES
from smart_trader_assets_tests.support.tiny_market import NOW

TIMES = OPEN_TIMES


def error_of(kind: type[StopFetchingError]) -> StopFetchingError:
    """An error as the client raises it, whatever it takes to make one."""
    error = kind.__new__(kind)
    vars(error)["scope"] = "month"
    Exception.__init__(error, "one whole sentence")
    return error


@pytest.mark.parametrize(
    ("kind", "time"),
    [
        (CreditsSpentError, timedelta(hours=6)),
        (BudgetSpentError, timedelta(hours=6)),
        (ApiUnreachableError, timedelta(minutes=5)),
        (ServiceOutageError, timedelta(minutes=5)),
        (StopFetchingError, timedelta(hours=1)),
    ],
)
def test_the_time_of_parking_is_that_of_the_trouble(kind, time):
    assert TIMES.after(error_of(kind), NOW) == time


def test_a_notice_holds_until_its_time_and_no_longer(shared_state):
    put_up = open_breaker(shared_state, error_of(StopFetchingError), now=NOW, times=TIMES)
    until = NOW + timedelta(hours=1)
    assert put_up == OpenBreaker(until, "one whole sentence")
    assert read_breaker(shared_state, now=until - timedelta(seconds=1)) == put_up
    assert read_breaker(shared_state, now=until) is None


def test_a_later_notice_replaces_an_earlier_one_and_leaves_no_draft(tmp_path):
    open_breaker(LocalState(tmp_path), error_of(CreditsSpentError), now=NOW, times=TIMES)
    open_breaker(LocalState(tmp_path), error_of(ServiceOutageError), now=NOW, times=TIMES)
    notice = read_breaker(LocalState(tmp_path), now=NOW)
    assert notice is not None
    assert notice.until == NOW + timedelta(minutes=5)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{BREAKER_NOTE}.json",
        f"{BREAKER_NOTE}.lock",
    }


def test_a_notice_is_taken_away_once_and_for_all(shared_state):
    notice = open_breaker(shared_state, error_of(CreditsSpentError), now=NOW, times=TIMES)
    close_breaker(shared_state, notice)
    close_breaker(shared_state, notice)
    assert read_breaker(shared_state, now=NOW) is None


def test_who_ends_well_takes_away_what_was_there_when_it_began_and_nothing_newer(shared_state):
    seen = open_breaker(shared_state, error_of(ServiceOutageError), now=NOW, times=TIMES)
    newer = open_breaker(shared_state, error_of(CreditsSpentError), now=NOW, times=TIMES)
    close_breaker(shared_state, seen)
    close_breaker(shared_state, None)
    assert read_breaker(shared_state, now=NOW) == newer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"until": "tomorrow", "reason": "x"}',
        '{"until": 7, "reason": "x"}',
        '{"reason": "x"}',
        '{"until": "2026-01-01T00:00:00", "reason": "no zone"}',
    ],
)
def test_an_unreadable_notice_is_taken_for_none(tmp_path, text):
    (tmp_path / f"{BREAKER_NOTE}.json").write_text(text)
    assert read_breaker(LocalState(tmp_path), now=NOW) is None


def test_nothing_is_parked_where_nobody_has_fetched_yet(tmp_path):
    assert read_breaker(LocalState(tmp_path / "nowhere"), now=NOW) is None


@pytest.mark.parametrize(
    ("fault", "hours", "told"),
    [
        (FaultKind.CREDITS_SPENT, 6, "Compute units usage limit exceeded"),
        (FaultKind.FORBIDDEN, 1, "403"),
    ],
)
def test_a_run_that_meets_trouble_of_the_account_parks_and_the_next_good_one_unparks(
    pipeline, fault, hours, told
):
    state = state_of(pipeline.settings())
    assert pipeline.materialize(TOKENS, NOW.date().isoformat()).success
    assert pipeline.materialize(TRACKED_TOKENS, "00").success
    pipeline.server.faults.add(Fault(fault, endpoint=Endpoint.HOLDERS, times=None))
    before = datetime.now(UTC)
    assert not pipeline.materialize(WHALES, "00").success
    notice = read_breaker(state, now=datetime.now(UTC))
    assert notice is not None
    assert told.lower() in notice.reason.lower()
    assert "key-of-the-tests" not in notice.reason
    wait = timedelta(hours=hours)
    assert before + wait <= notice.until <= datetime.now(UTC) + wait

    pipeline.server.faults.clear()
    assert pipeline.materialize(WHALES, "00").success
    assert read_breaker(state, now=datetime.now(UTC)) is None


def test_a_run_that_had_nothing_to_fetch_leaves_the_notice_where_it_is(pipeline):
    """Only a fetch that succeeds shows that the trouble is over."""
    state = state_of(pipeline.settings())
    open_breaker(state, error_of(CreditsSpentError), now=datetime.now(UTC), times=TIMES)
    assert pipeline.materialize(TRANSACTIONS, "00").success
    assert pipeline.server.requests == {}
    assert read_breaker(state, now=datetime.now(UTC)) is not None

"""The circuit breaker: after a failure of the account or the service nobody fetches for a while.

It is part of the shared state, so that it holds for every process that shares the account, and says why. A
fetch that succeeds closes it.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from pydantic import AwareDatetime

from smart_trader_assets.birdeye import (
    ApiUnreachableError,
    BudgetSpentError,
    CreditsSpentError,
    PlanError,
    ServiceOutageError,
    StopFetchingError,
)
from smart_trader_assets.state.notes import Note
from smart_trader_assets.state.shared_state import SharedState

BREAKER_NOTE = "birdeye_parked"
REFUSED_NOTE = "birdeye_refused"


@dataclass(frozen=True)
class OpenTimes:
    """How long the breaker stays open: for spent credits, other account failures, an outage. A run that has
    spent its own budget stops nobody else, and a spent day ends at midnight."""

    credits: timedelta
    account: timedelta
    service: timedelta

    def after(self, error: StopFetchingError, now: datetime) -> timedelta:
        """How long `error`, met at `now`, keeps the breaker open; zero where it does not open it."""
        match error:
            case BudgetSpentError(scope="run"):
                return timedelta()
            case BudgetSpentError(scope="day"):
                tomorrow = now.astimezone(UTC).date() + timedelta(days=1)
                return datetime.combine(tomorrow, time(), UTC) - now
            case CreditsSpentError() | BudgetSpentError():
                return self.credits
            case ApiUnreachableError() | ServiceOutageError():
                return self.service
            case _:
                return self.account


@dataclass(frozen=True)
class OpenBreaker:
    """Why nobody fetches, and the retry time."""

    until: AwareDatetime
    reason: str

    @property
    def words(self) -> str:
        """Until when, and why."""
        return f"until {self.until:%Y-%m-%d %H:%M} UTC: {self.reason}"


def open_breaker(
    state: SharedState, error: StopFetchingError, *, now: datetime, times: OpenTimes
) -> OpenBreaker:
    """Open the breaker: nobody fetches until its retry time."""
    breaker = OpenBreaker(now + times.after(error, now), str(error))
    if breaker.until > now:
        _note(state).write(breaker)
    return breaker


def read_breaker(state: SharedState, *, now: datetime) -> OpenBreaker | None:
    """The open breaker; an unreadable one counts as closed, since a fetch will find out."""
    breaker = noted_breaker(state)
    return breaker if breaker is not None and breaker.until > now else None


def current_breaker(state: SharedState) -> OpenBreaker | None:
    """The breaker that is open by the clock that all share."""
    noted = noted_breaker(state)
    return noted if noted is not None and noted.until > state.now() else None


def close_breaker(state: SharedState, seen: OpenBreaker | None) -> None:
    """Close the breaker that was `seen`, so that fetching goes on: one that somebody has opened since stays."""
    if seen is not None:
        _note(state).change(lambda now: None if now == seen else now)


def noted_breaker(state: SharedState) -> OpenBreaker | None:
    """The breaker that was opened last, whether or not its time is over."""
    return _note(state).read()


def note_refused(
    state: SharedState, error: PlanError, *, now: datetime, times: OpenTimes
) -> OpenBreaker:
    """The plan lacks an endpoint that runs do without: it alone is left alone until the retry time."""
    refused = OpenBreaker(now + times.after(error, now), str(error))
    _refused(state).change(lambda known: {**(known or {}), str(error.endpoint): refused})
    return refused


def read_refused(state: SharedState, path: str, *, now: datetime) -> OpenBreaker | None:
    """Why nobody asks the endpoint at `path`, where the plan was found to lack it lately."""
    refused = (_refused(state).read() or {}).get(path)
    return refused if refused is not None and refused.until > now else None


def suspects(state: SharedState) -> frozenset[str]:
    """The paths of endpoints that the plan was found to lack when they were last asked, however long ago."""
    return frozenset(_refused(state).read() or {})


def forget_refused(state: SharedState, answered: Set[str]) -> None:
    """The endpoints at these paths have answered: the plan has them."""
    if (_refused(state).read() or {}).keys() & answered:
        _refused(state).change(
            lambda known: {path: one for path, one in (known or {}).items() if path not in answered}
        )


def _refused(state: SharedState) -> Note[dict[str, OpenBreaker]]:
    return state.note(REFUSED_NOTE, dict[str, OpenBreaker])


def _note(state: SharedState) -> Note[OpenBreaker]:
    return state.note(BREAKER_NOTE, OpenBreaker)

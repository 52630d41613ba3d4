"""The circuit breaker: after an account or service failure fetching pauses for a while, and says why.

Its state is a small file beside the credit ledger, so that it holds for every process that shares
the account. A fetch that succeeds closes it again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from smart_trader_assets.birdeye import (
    ApiUnreachableError,
    BudgetSpentError,
    CreditsSpentError,
    ServiceOutageError,
    StopFetchingError,
)
from smart_trader_assets.delta.atomic_write import write_whole

BREAKER_FILE = "birdeye_parked.json"


@dataclass(frozen=True)
class OpenTimes:
    """How long the breaker stays open: for spent credits, for other account failures, for an outage."""

    credits: timedelta
    account: timedelta
    service: timedelta

    def after(self, error: StopFetchingError) -> timedelta:
        """How long `error` keeps the breaker open."""
        match error:
            case CreditsSpentError() | BudgetSpentError():
                return self.credits
            case ApiUnreachableError() | ServiceOutageError():
                return self.service
            case _:
                return self.account


@dataclass(frozen=True)
class OpenBreaker:
    """Why fetching is paused, and the retry time."""

    until: datetime
    reason: str


def open_breaker(
    folder: Path, error: StopFetchingError, *, now: datetime, times: OpenTimes
) -> OpenBreaker:
    """Open the breaker."""
    notice = OpenBreaker(now + times.after(error), str(error))
    content = {"until": notice.until.isoformat(), "reason": notice.reason}
    write_whole(folder / BREAKER_FILE, json.dumps(content))
    return notice


def read_breaker(folder: Path, *, now: datetime) -> OpenBreaker | None:
    """Why the breaker is open, if it is; an unreadable file counts as closed, since a fetch will find out."""
    try:
        content = json.loads((folder / BREAKER_FILE).read_text())
        notice = OpenBreaker(datetime.fromisoformat(content["until"]), str(content["reason"]))
        in_force = notice.until > now
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return notice if in_force else None


def close_breaker(folder: Path) -> None:
    """Close the breaker."""
    (folder / BREAKER_FILE).unlink(missing_ok=True)

"""Parking: after trouble of the account or the service nobody fetches for a while, and everybody can see why.

The notice lies in a small file beside the credit ledger, so that it holds for every process that shares
the account. A fetch that succeeds takes it away.
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
    """How long fetching is parked: for spent credits, for other account trouble, for an outage."""

    credits: timedelta
    account: timedelta
    service: timedelta

    def after(self, error: StopFetchingError) -> timedelta:
        """The time that `error` parks fetching for."""
        match error:
            case CreditsSpentError() | BudgetSpentError():
                return self.credits
            case ApiUnreachableError() | ServiceOutageError():
                return self.service
            case _:
                return self.account


@dataclass(frozen=True)
class OpenBreaker:
    """Why fetching is parked, and until when."""

    until: datetime
    reason: str


def open_breaker(
    folder: Path, error: StopFetchingError, *, now: datetime, times: OpenTimes
) -> OpenBreaker:
    """Put up the notice."""
    notice = OpenBreaker(now + times.after(error), str(error))
    content = {"until": notice.until.isoformat(), "reason": notice.reason}
    write_whole(folder / BREAKER_FILE, json.dumps(content))
    return notice


def read_breaker(folder: Path, *, now: datetime) -> OpenBreaker | None:
    """The notice that is in force; an unreadable one is taken for none, since a fetch will tell."""
    try:
        content = json.loads((folder / BREAKER_FILE).read_text())
        notice = OpenBreaker(datetime.fromisoformat(content["until"]), str(content["reason"]))
        in_force = notice.until > now
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return notice if in_force else None


def close_breaker(folder: Path) -> None:
    """Take the notice away."""
    (folder / BREAKER_FILE).unlink(missing_ok=True)

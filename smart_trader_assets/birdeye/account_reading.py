"""The account's own figures: what it has used and has left of its cycle, as BirdEye says.

The endpoint's answer is hardly documented, so that it is read by what its names say: a number under `usage` and
`remaining`, or numbers below them with their sum; the cycle's beginning and end as unix seconds or ISO times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

_SUMS: Final = ("total", "all", "credits")
_USED: Final = ("usage", "used", "consumed")
_LEFT: Final = ("remaining", "left", "balance")
_STARTS: Final = frozenset({"start", "starts", "from", "begin", "begins"})
_ENDS: Final = frozenset({"end", "ends", "to", "reset", "resets", "renews", "expires"})
_MILLISECONDS: Final = 10**11


@dataclass(frozen=True, slots=True)
class AccountReading:
    """Credits used and left of the account's cycle, and the cycle; None where the answer does not tell."""

    used: int
    left: int
    starts: datetime | None = None
    ends: datetime | None = None

    @property
    def total(self) -> int:
        """Credits of the whole cycle."""
        return self.used + self.left


def account_reading(data: Any) -> AccountReading | None:
    """The answer's `data` -> the account's figures; None where it does not tell what is used and left."""
    if not isinstance(data, Mapping):
        return None
    used, left = _credits(data, _USED), _credits(data, _LEFT)
    if used is None or left is None:
        return None
    starts, ends = _time(data, _STARTS), _time(data, _ENDS)
    if starts is not None and ends is not None and ends <= starts:
        starts = ends = None
    return AccountReading(used, left, starts, ends)


def _credits(data: Mapping[str, Any], names: Iterable[str]) -> int | None:
    # The plain name before its relatives, of which some are shares and no credits.
    related = sorted(
        (key for key in data if any(key.lower().startswith(name) for name in names)), key=len
    )
    for key in related:
        value = data[key]
        if "percent" in key.lower():
            continue
        if isinstance(value, Mapping):
            found = [_count(value.get(name)) for name in _SUMS]
            known = [one for one in found if one is not None]
            parts = [one for one in map(_count, value.values()) if one is not None]
            if known or parts:
                return known[0] if known else sum(parts)
        elif (count := _count(value)) is not None:
            return count
    return None


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        count = int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
    return count if count >= 0 else None


def _time(data: Mapping[str, Any], names: frozenset[str]) -> datetime | None:
    for key, value in _flat(data):
        words = re.findall(r"[A-Z]?[a-z]+", key)
        if names & {word.lower() for word in words}:
            moment = _moment(value)
            if moment is not None:
                return moment
    return None


def _flat(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield key, value


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = float(value)
        seconds = seconds / 1000 if seconds > _MILLISECONDS else seconds
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None

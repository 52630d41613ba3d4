"""What a sensor's tick decides, as a function of its inputs: pure, so that every case can be tested."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Literal, Self

from pydantic import TypeAdapter, ValidationError

FORMAT: Final = 1
WHOLE = "all"


@dataclass(frozen=True)
class TickCursor:
    """What a sensor remembers from tick to tick.

    versions: the version of each table that it read; due: the rows that it found due then; waiting:
    whether rows were there that fall due by time alone; attempt: counts requests, so that no run key is
    used twice.
    """

    versions: dict[str, int] = field(default_factory=dict)
    due: int = -1
    waiting: bool = True
    attempt: int = 0
    format: Literal[1] = FORMAT

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """The remembered cursor; one that is garbled or of another format starts over and loses nothing."""
        try:
            cursor: Self = TypeAdapter(cls).validate_json(text or "", strict=True)
        except ValidationError:
            return cls()
        return cursor

    def text(self) -> str:
        """The cursor as Dagster keeps it."""
        return json.dumps(asdict(self), sort_keys=True)

    def went_back(self, versions: Mapping[str, int]) -> list[str]:
        """Tables that are at an older version than before: restored from a backup, or made again."""
        return [t for t, version in versions.items() if version < self.versions.get(t, version)]

    def nothing_new(self, versions: Mapping[str, int]) -> bool:
        """Whether nothing was due, nothing falls due by time, and no table has changed since."""
        return self.due == 0 and not self.waiting and self.versions == dict(versions)


@dataclass(frozen=True)
class Request:
    """One run to request: the first and the last partition, and the due rows between them."""

    first: str
    last: str
    rows: int

    @property
    def partitions(self) -> str:
        """The range as people write it."""
        return self.first if self.first == self.last else f"{self.first}...{self.last}"


WORTH_A_RUN = 500
"""Due rows for which another run is begun, where runs may be at work side by side."""


def width_of(due: Mapping[str, int], keys: Sequence[str], *, most: int, at_once: int) -> int:
    """How many partitions a run is given: at most `most`, and fewer where there is so much to do that up to
    `at_once` runs should share it."""
    runs = max(1, min(at_once, sum(due.values()) // WORTH_A_RUN))
    places = [place for place, key in enumerate(keys) if due.get(key)]
    span = places[-1] - places[0] + 1 if places else 1
    return max(1, min(most, -(-span // runs)))


def plan_requests(
    due: Mapping[str, int], live: set[str], keys: Sequence[str], width: int
) -> list[Request]:
    """As few runs as `width` allows, covering every due partition and touching none with a live run.

    A run covers a contiguous range of at most `width` partitions; those between that have nothing due
    cost nothing.
    """
    requests: list[Request] = []
    start: int | None = None
    last = rows = 0
    for place, key in enumerate(keys):
        blocked = key in live
        if start is not None and (blocked or place - start >= width):
            requests.append(Request(keys[start], keys[last], rows))
            start, rows = None, 0
        if blocked or not due.get(key):
            continue
        if start is None:
            start = place
        last, rows = place, rows + due[key]
    if start is not None:
        requests.append(Request(keys[start], keys[last], rows))
    return requests


def format_due(due: Mapping[str, int]) -> str:
    """The due rows by partition, for the tick's log."""
    return ", ".join(f"{key}: {rows}" for key, rows in sorted(due.items())) or "nothing"

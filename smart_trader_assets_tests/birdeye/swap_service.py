"""Serves one wallet's invented history over the scripted server, as BirdEye pages it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from smart_trader_assets_tests.birdeye.scripted_server import Answer, Recorded, items


def row(second: int, name: str) -> dict[str, Any]:
    return {"tx_hash": name, "block_unix_time": second, "tx_type": "swap"}


def rows_at(seconds: Iterable[int]) -> list[dict[str, Any]]:
    """Rows named after their second and place, newest first."""
    ordered = sorted(seconds, reverse=True)
    return [row(second, f"{second}-{place}") for place, second in enumerate(ordered)]


class SwapService:
    """Answers `seek_by_time` from `rows`, newest first.

    `inclusive` says whether `before_time` itself is served, `has_next` under which name (if any)
    the page tells of more, `after_page` runs after each answer: where rows arrive.
    """

    def __init__(
        self,
        rows: list[Any],
        *,
        inclusive: bool = False,
        has_next: str | None = "has_next",
        after_page: Callable[[SwapService], None] | None = None,
    ) -> None:
        self.rows = list(rows)
        self.inclusive = inclusive
        self.has_next = has_next
        self.after_page = after_page

    def __call__(self, request: Recorded) -> Answer:
        before = int(request.parameters["before_time"]) + self.inclusive
        offset, limit = (int(request.parameters[name]) for name in ("offset", "limit"))
        assert offset + limit <= 10_000
        below = [row for row in self.rows if row["block_unix_time"] < before]
        more = {self.has_next: len(below) > offset + limit} if self.has_next else {}
        answer = items(*below[offset : offset + limit], **more)
        if self.after_page is not None:
            self.after_page(self)
        return answer

    def insert(self, new: dict[str, Any]) -> None:
        """Put a row in as the first of its second."""
        second = new["block_unix_time"]
        place = sum(row["block_unix_time"] > second for row in self.rows)
        self.rows.insert(place, new)

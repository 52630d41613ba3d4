"""Walks a wallet's swaps back in time, in whole seconds, so that none is lost and none counted twice.

Plain offsets drift: a swap that happens between two pages shifts all rows behind it. So each page
is pinned by `before_time`, and of a full page only the seconds that it surely holds in full are
kept; its oldest second is read again, whole, from the next page. The only place where an offset
is needed is a second that fills a page by itself. There, consecutive pages overlap by a few rows
that must agree, and if they do not, rows have moved and the second is read again.

Whether the server includes rows at `before_time` itself is not documented. The walk asks one
second too high and takes no second twice, which is right for both kinds, and remembers that the
server is inclusive as soon as it shows a row at `before_time`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from smart_trader_assets.birdeye.errors import BirdEyeError, InvalidResponseError
from smart_trader_assets.birdeye.responses import (
    MAX_OFFSET,
    MAX_UNIX_TIME,
    Page,
    RawItem,
    RejectedItem,
    SwapItem,
    format_changed,
    sift,
)

OVERLAP = 10
REREADS = 3


@dataclass(frozen=True, slots=True)
class SwapHistory:
    """The swaps of one wallet that one call read. Items are as received, in whole seconds.

    items: every swap with `resume_before` (else the floor or the first trade) <= `block_unix_time`
        < the `before` that was asked for, newest first as the server sorts
    pages: requests that were answered
    complete: the floor or the wallet's first trade was reached
    resume_before: the `before` to go on with; None where complete
    truncated_seconds: seconds with more rows than the API can show; a history with any is not
        whole, even where it is complete
    rejected: items that are not swap rows
    stopped_by: the error that ended the walk after pages had been read; those pages are whole, and
        a walk from `resume_before` meets the error again if it lasts
    """

    items: list[RawItem]
    pages: int
    complete: bool
    resume_before: int | None
    truncated_seconds: list[int]
    rejected: list[RejectedItem]
    stopped_by: BirdEyeError | None = None


class FetchPage(Protocol):
    """Fetches one page of swaps, newest first."""

    def __call__(self, *, before_time: int, offset: int) -> Awaitable[Page]: ...


@dataclass(slots=True)
class _Stretch:
    """Whole seconds that were read in one go: from `down_to` on, below where the walk stood."""

    items: list[Any]
    down_to: int
    ended: bool = False
    truncated: list[int] = field(default_factory=list)


class SwapWalk:
    """One walk from `before` (exclusive) down to `floor` (inclusive; None: the first trade)."""

    def __init__(
        self,
        fetch_page: FetchPage,
        *,
        page_size: int,
        before: int,
        floor: int | None,
        entity: str,
        endpoint: str,
        redact: Callable[[str], str],
    ) -> None:
        self._fetch_page = fetch_page
        self._page_size = page_size
        self._overlap = min(OVERLAP, page_size // 2)
        self._position = before
        # No swap is older than second 1, the smallest that the API accepts.
        self._floor = max(1, floor or 1)
        self._entity = entity
        self._endpoint = endpoint
        self._redact = redact
        self._inclusive = False
        self._pages = 0

    async def run(self, max_pages: int) -> SwapHistory:
        """Walk until the floor, the first trade or `max_pages`.

        A second that fills whole pages is finished beyond `max_pages`: otherwise a budget of one
        page would never get past it. An error before a whole second was read is raised; a later
        one is `stopped_by`. A walk that is cancelled hands on what it has read: it is paid for.
        """
        raw: list[Any] = []
        truncated: list[int] = []
        stopped_by: BirdEyeError | None = None
        start = self._position
        ended = start <= self._floor
        while not ended and self._pages < max_pages:
            try:
                stretch = await self._read_stretch()
            except (BirdEyeError, asyncio.CancelledError) as error:
                if self._position == start:
                    raise
                stopped_by = error if isinstance(error, BirdEyeError) else None
                break
            raw += stretch.items
            truncated += stretch.truncated
            self._position = stretch.down_to
            ended = stretch.ended or self._position <= self._floor
        return self._history(raw, truncated, ended, stopped_by)

    def _history(
        self, raw: list[Any], truncated: list[int], ended: bool, stopped_by: BirdEyeError | None
    ) -> SwapHistory:
        items, rejected = sift(raw, SwapItem, self._redact)
        if rejected and not items:
            raise format_changed(rejected, endpoint=self._endpoint, entity=self._entity)
        return SwapHistory(
            items=[item for item in items if item["block_unix_time"] >= self._floor],
            pages=self._pages,
            complete=ended,
            resume_before=None if ended else self._position,
            truncated_seconds=[second for second in truncated if second >= self._floor],
            rejected=rejected,
            stopped_by=stopped_by,
        )

    async def _read_stretch(self) -> _Stretch:
        """Read on from the position until at least one second is surely whole, or the end.

        Raises `InvalidResponseError` where a page that is not the last one holds nothing to go on with.
        """
        rows: list[Any] = []
        offset = rereads = 0
        while True:
            before_time = self._position - 1 if self._inclusive else self._position
            page = await self._fetch_page(before_time=before_time, offset=offset)
            self._pages += 1
            if offset and not self._continues(rows, page.items):
                rereads += 1
                if rereads > REREADS:
                    return self._truncated(rows)
                rows, offset = [], 0
                continue
            rows += page.items[self._overlap if offset else 0 :]
            if page.is_last(self._page_size):
                return _Stretch(self._unread(rows), down_to=self._floor, ended=True)

            seconds = {second for row in rows if (second := _second(row)) is not None}
            unread = {second for second in seconds if second < self._position}
            first_sight = before_time in seconds and not self._inclusive
            self._inclusive |= first_sight
            if len(unread) > 1:
                oldest = min(unread)
                whole = [row for row in self._unread(rows) if _second(row) != oldest]
                return _Stretch(whole, down_to=oldest + 1)
            if first_sight:
                rows, offset = [], 0
                continue
            if not unread:
                raise self._nothing_before(before_time, page.items)
            if len(page.items) < self._page_size:
                # A short page that is not the last one: whether its only second is whole is not known.
                return self._truncated(rows)
            offset += self._page_size - self._overlap
            if offset + self._page_size > MAX_OFFSET:
                return self._truncated(rows)

    def _nothing_before(self, before_time: int, items: list[Any]) -> InvalidResponseError:
        """What is wrong with a page that has nothing to go on with: no item can be read, or none is of then."""
        kept, rejected = sift(items, SwapItem, self._redact)
        if rejected and not kept:
            return format_changed(rejected, endpoint=self._endpoint, entity=self._entity)
        return InvalidResponseError(
            f"A page of the swaps of {self._entity} before {before_time} holds none "
            "before that time: check whether the API has changed.",
            endpoint=self._endpoint,
            entity=self._entity,
        )

    def _truncated(self, rows: list[Any]) -> _Stretch:
        """What could be read of a second that the API does not show whole; the walk steps below."""
        unread = self._unread(rows)
        second = min(second for row in unread if (second := _second(row)) is not None)
        return _Stretch(unread, down_to=second, truncated=[second])

    def _continues(self, rows: list[Any], items: list[Any]) -> bool:
        """Whether a page at an offset begins with the last rows of the one before it.

        Transactions are compared, not whole rows: prices may be filled in later.
        """
        end = rows[len(rows) - self._overlap :]
        return [_transaction(row) for row in end] == [
            _transaction(row) for row in items[: self._overlap]
        ]

    def _unread(self, rows: list[Any]) -> list[Any]:
        """Rows below the position; those without a usable second stay, to be rejected by name."""
        return [row for row in rows if (second := _second(row)) is None or second < self._position]


def _second(row: Any) -> int | None:
    second = row.get("block_unix_time") if isinstance(row, dict) else None
    return second if type(second) is int and 1 <= second <= MAX_UNIX_TIME else None


def _transaction(row: Any) -> Any:
    return row.get("tx_hash") if isinstance(row, dict) else None

"""One rate limit for every task of every process, on this machine or on all that share the state.

The server counts arrivals, but this side can only time departures, so two rules hold at once, both on
the log of departures that the processes share:

- a sliding window: never more than the limit departs in any window of 1 s plus `MARGIN`. The
  margin is how much one request's latency to the server may differ from another's.
- a pace: departures keep most of the even distance between each other. Without it the whole limit
  would leave at once, and the next batch would meet the stragglers of this one at the server.

A request that had to open its connection first leaves later than its turn was; `postpone` moves it
in the log, or the first requests of a run would meet their successors at the server.

The window alone decides the throughput (1 / 1.03 s, that is 97 % of the limit): a departure that is
a few milliseconds late is made up for within the pace's slack, where a pure leaky bucket would lose
them each time.
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Awaitable, Callable
from time import time_ns
from typing import Final, TypeVar

from pyrate_limiter import AbstractBucket, Limiter, Rate, RateItem, SingleBucketFactory
from pyrate_limiter.abstracts import Decision

from smart_trader_assets.birdeye.errors import CallerBugError, without_state_nothing_is_fetched
from smart_trader_assets.state.database import Database, Transaction

RATE: Final = "birdeye_rate"
WALLET_RATE: Final = "birdeye_wallet_rate"
"""The names of their databases: one for all requests, one for those of the wallet endpoints."""

T = TypeVar("T")

MARGIN_MS = 30
PACE = 0.85
MAX_RATE = 1000


class RateGate:
    """Lets requests pass at no more than `requests_per_second`, for all callers together.

    `database` is shared by all processes that use the account. Rates below one per second are fine (0.5 is
    thirty a minute).
    """

    def __init__(self, database: Database, *, requests_per_second: float) -> None:
        if not 0 < requests_per_second <= MAX_RATE:
            raise CallerBugError(
                f"A rate of {requests_per_second} requests a second is not possible: set one above "
                f"0 and up to {MAX_RATE}."
            )
        self.requests_per_second = requests_per_second
        self._log = _DepartureLog(database, rates_for(requests_per_second))
        # No background thread trims the log: each departure does. No buffer is added to waits: the
        # margin is inside the window.
        self._limiter = Limiter(SingleBucketFactory(self._log, schedule_leak=False), buffer_ms=0)

    async def acquire(self) -> int:
        """Wait for a turn. Returns its moment on the shared clock, in milliseconds since 1970."""
        traveller = self._log.next_name()
        await self._limiter.try_acquire_async(traveller)
        return self._log.departure_of(traveller)

    async def postpone(self, turn: int) -> None:
        """Note that the request which got `turn` from `acquire` leaves only now."""
        await self._log.aside(lambda log: self._log.postpone(log, turn))

    async def hold(self, seconds: float) -> None:
        """Let no request pass, in any process, for that long (a server's `Retry-After`)."""
        await self._log.aside(lambda log: self._log.hold(log, round(seconds * 1000)))

    def close(self) -> None:
        """Release the database."""
        self._limiter.bucket_factory.close()


def rates_for(requests_per_second: float) -> list[Rate]:
    """The window, and below it the pace where one millisecond's resolution can tell it."""
    limit = max(1, int(requests_per_second))
    window = round(1000 * limit / requests_per_second) + MARGIN_MS
    pace = int(PACE * window / limit)
    if limit == 1 or pace < 1:
        return [Rate(limit, window)]
    return [Rate(1, pace), Rate(limit, window)]


class _DepartureLog(AbstractBucket):
    """The library's log of departures, made safe across processes and machines.

    The library's own ones count and insert in two transactions, with a time taken before them. Here one
    exclusive transaction takes the time, trims, counts and inserts.
    """

    def __init__(self, database: Database, rates: list[Rate]) -> None:
        self.rates = rates
        self.is_async = database.is_remote
        self._database = database
        self._departed: dict[str, int] = {}
        self._names = itertools.count()
        self._here = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        with without_state_nothing_is_fetched():
            database.create(
                "CREATE TABLE IF NOT EXISTS departures ({rowid}name VARCHAR, item_timestamp BIGINT)",
                "CREATE INDEX IF NOT EXISTS departures_by_time ON departures (item_timestamp)",
                "CREATE TABLE IF NOT EXISTS holds (until_ms BIGINT)",
            )

    def next_name(self) -> str:
        """A name that no other request has."""
        return f"{self._here}-{next(self._names)}"

    def departure_of(self, name: str) -> int:
        """When the request of that name was let pass; it is forgotten."""
        return self._departed.pop(name)

    def now(self) -> int:
        """A first guess of the time, in milliseconds; the transaction takes the shared clock's."""
        return time_ns() // 1_000_000

    def put(self, item: RateItem) -> bool | Awaitable[bool]:
        """Log a departure now, or return how long to wait (read by the limiter)."""
        if self._database.is_remote:
            return self.aside(lambda log: self._put(log, item))
        return self._write(lambda log: self._put(log, item))

    async def aside(self, work: Callable[[Transaction], T]) -> T:
        """A transaction, from a loop that must not stand still while a network answers."""
        return await self._database.aside(self._write, work)

    def _write(self, work: Callable[[Transaction], T]) -> T:
        with without_state_nothing_is_fetched():
            return self._database.write(work)

    def _put(self, log: Transaction, item: RateItem) -> bool:
        now = item.timestamp = self._trim(log)
        held_until = _held_until(log)
        if held_until > now:
            return self._record(item, Decision(self.rates[0], retry_after_ms=held_until - now))
        counts = [
            log.execute(
                "SELECT count(*) FROM departures WHERE item_timestamp >= ?",
                (self._algorithm.window_start(rate, now),),
            ).fetchone()[0]
            for rate in self.rates
        ]

        def latest_but(offset: int) -> int | None:
            departure = _latest_but(log, offset)
            return None if departure is None else departure.timestamp

        decision = self._algorithm.decide(self.rates, counts, item.weight, now, latest_but)
        if not self._record(item, decision):
            return False
        log.execute("INSERT INTO departures (name, item_timestamp) VALUES (?, ?)", (item.name, now))
        self._departed[item.name] = now
        return True

    def postpone(self, log: Transaction, departure_ms: int) -> None:
        """Move one departure of that time to now."""
        now = self._trim(log)
        log.execute(
            "UPDATE departures SET item_timestamp = ? WHERE rowid = "
            "(SELECT rowid FROM departures WHERE item_timestamp = ? LIMIT 1)",
            (now, departure_ms),
        )

    def hold(self, log: Transaction, milliseconds: int) -> None:
        """Let nothing depart for this long; a longer hold that is in force stays."""
        until = max(self._database.now_ms(log) + milliseconds, _held_until(log))
        log.execute("DELETE FROM holds")
        log.execute("INSERT INTO holds VALUES (?)", (until,))

    def leak(self, current_timestamp: int | None = None) -> int:  # noqa: ARG002
        """Nothing: each departure trims the log."""
        return 0

    def flush(self) -> None:
        """Forget all departures."""
        self._write(lambda log: log.execute("DELETE FROM departures"))

    def count(self) -> int:
        """Departures that are remembered."""
        sql = "SELECT count(*) FROM departures"
        return int(self._write(lambda log: log.execute(sql).fetchone()[0]))

    def peek(self, index: int) -> RateItem | None:
        """The departure that so many others came after."""
        return self._write(lambda log: _latest_but(log, index))

    def close(self) -> None:
        self._database.close()

    def _trim(self, log: Transaction) -> int:
        """Forget departures outside every window; returns the time, which never runs backwards."""
        now = self._database.now_ms(log)
        window = self.rates[-1].interval
        latest = int(log.execute("SELECT max(item_timestamp) FROM departures").fetchone()[0] or 0)
        # A clock set back a little stands still until it has caught up; a log that lies further
        # ahead comes from a clock that was wrong, and would block for as long.
        if now < latest <= now + window:
            now = latest
        log.execute(
            "DELETE FROM departures WHERE item_timestamp < ? OR item_timestamp > ?",
            (now - window, now),
        )
        return now


def _latest_but(log: Transaction, others: int) -> RateItem | None:
    """The departure that so many others came after."""
    sql = (
        "SELECT name, item_timestamp FROM departures ORDER BY item_timestamp DESC LIMIT 1 OFFSET ?"
    )
    row = log.execute(sql, (others,)).fetchone()
    return None if row is None else RateItem(row[0], int(row[1]))


def _held_until(log: Transaction) -> int:
    return int(log.execute("SELECT max(until_ms) FROM holds").fetchone()[0] or 0)

"""One rate limit for every task of every process on this machine.

The server counts arrivals, but this side can only time departures, so two rules hold at once, both on
the log of departures that the processes share in SQLite:

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

from pathlib import Path
from threading import RLock
from time import time_ns

from pyrate_limiter import Limiter, Rate, RateItem, SingleBucketFactory, SQLiteBucket
from pyrate_limiter.abstracts import Decision

from smart_trader_assets.birdeye.errors import CallerBugError
from smart_trader_assets.birdeye.state_file import exclusive, open_state_file

MARGIN_MS = 30
PACE = 0.85
MAX_RATE = 1000


class RateGate:
    """Lets requests pass at no more than `requests_per_second`, for all callers together.

    `path` is a file shared by all processes that use the account, or None for this process alone.
    Rates below one per second are fine (0.5 is thirty a minute).
    """

    def __init__(self, path: Path | None, *, requests_per_second: float) -> None:
        if not 0 < requests_per_second <= MAX_RATE:
            raise CallerBugError(
                f"A rate of {requests_per_second} requests a second is not possible: set one above "
                f"0 and up to {MAX_RATE}."
            )
        self.requests_per_second = requests_per_second
        self._log = _DepartureLog(path, rates_for(requests_per_second))
        # No background thread trims the log: each departure does. No buffer is added to waits: the
        # margin is inside the window.
        self._limiter = Limiter(SingleBucketFactory(self._log, schedule_leak=False), buffer_ms=0)

    async def acquire(self) -> int:
        """Wait for a turn. Returns its moment on the shared clock, in milliseconds since 1970."""
        await self._limiter.try_acquire_async("birdeye")
        return self._log.last_departure_ms

    def postpone(self, turn: int) -> None:
        """Note that the request which got `turn` from `acquire` leaves only now."""
        self._log.postpone(turn)

    def hold(self, seconds: float) -> None:
        """Let no request pass, in any process, for that long (a server's `Retry-After`)."""
        self._log.hold(round(seconds * 1000))

    def close(self) -> None:
        """Release the file."""
        self._limiter.bucket_factory.close()


def rates_for(requests_per_second: float) -> list[Rate]:
    """The window, and below it the pace where one millisecond's resolution can tell it."""
    limit = max(1, int(requests_per_second))
    window = round(1000 * limit / requests_per_second) + MARGIN_MS
    pace = int(PACE * window / limit)
    if limit == 1 or pace < 1:
        return [Rate(limit, window)]
    return [Rate(1, pace), Rate(limit, window)]


class _DepartureLog(SQLiteBucket):
    """The library's SQLite log of departures, made safe across processes.

    The library counts and inserts in two transactions, with a time taken before them. Here one
    exclusive transaction takes the time, trims, counts and inserts.
    """

    def __init__(self, path: Path | None, rates: list[Rate]) -> None:
        connection = open_state_file(path, durable=False)
        super().__init__(rates, connection, table="departures")
        self._path = path
        self._guard = RLock()
        self.last_departure_ms = 0
        with exclusive(connection, path):
            connection.execute(
                "CREATE TABLE IF NOT EXISTS departures (name VARCHAR, item_timestamp INTEGER)"
            )
            connection.execute(
                "CREATE INDEX IF NOT EXISTS departures_by_time ON departures (item_timestamp)"
            )
            connection.execute("CREATE TABLE IF NOT EXISTS holds (until_ms INTEGER)")

    def now(self) -> int:
        """The time on the one clock that processes and restarts share, in milliseconds."""
        return time_ns() // 1_000_000

    def put(self, item: RateItem) -> bool:
        """Log a departure now, or return how long to wait (read by the limiter)."""
        with self._guard, exclusive(self.conn, self._path):
            item.timestamp = self._trim()
            held_until = self._held_until()
            if held_until > item.timestamp:
                wait = held_until - item.timestamp
                return self._record(item, Decision(self.rates[0], retry_after_ms=wait))
            admitted = super().put(item)
            if admitted:
                self.last_departure_ms = item.timestamp
            return admitted

    def postpone(self, departure_ms: int) -> None:
        """Move one departure of that time to now."""
        with self._guard, exclusive(self.conn, self._path):
            self.conn.execute(
                "UPDATE departures SET item_timestamp = ? WHERE rowid = "
                "(SELECT rowid FROM departures WHERE item_timestamp = ? LIMIT 1)",
                (self._trim(), departure_ms),
            )

    def hold(self, milliseconds: int) -> None:
        """Let nothing depart for this long; a longer hold that is in force stays."""
        with self._guard, exclusive(self.conn, self._path):
            until = max(self.now() + milliseconds, self._held_until())
            self.conn.execute("DELETE FROM holds")
            self.conn.execute("INSERT INTO holds VALUES (?)", (until,))

    def _held_until(self) -> int:
        row = self.conn.execute("SELECT max(until_ms) FROM holds").fetchone()
        return int(row[0] or 0)

    def _trim(self) -> int:
        """Forget departures outside every window; returns the time, which never runs backwards."""
        now = self.now()
        window = self.rates[-1].interval
        row = self.conn.execute("SELECT max(item_timestamp) FROM departures").fetchone()
        latest = int(row[0] or 0)
        # A clock set back a little stands still until it has caught up; a log that lies further
        # ahead comes from a clock that was wrong, and would block for as long.
        if now < latest <= now + window:
            now = latest
        self.conn.execute(
            "DELETE FROM departures WHERE item_timestamp < ? OR item_timestamp > ?",
            (now - window, now),
        )
        return now

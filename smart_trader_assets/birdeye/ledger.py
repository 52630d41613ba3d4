"""The ledger of credits: what each run spent at each endpoint, and the budgets that stop it.

One database holds it for all processes. A request is booked before it is sent, in the same
exclusive transaction that checks the budgets, so that two processes cannot both spend the last
credits; a request that brought nothing gets its credits back and stays counted as a request.

The account is the truth: what it said that it has used, and what was booked since, is what its cycle has cost.
Where it never said anything the cycle is the calendar month. Days are those of UTC.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeVar

from smart_trader_assets.birdeye.account_reading import AccountReading
from smart_trader_assets.birdeye.errors import (
    BirdEyeError,
    BudgetSpentError,
    without_state_nothing_is_fetched,
)
from smart_trader_assets.state.database import Database, Transaction
from smart_trader_assets.state.errors import StateUncertainError

LEDGER: Final = "birdeye_credits"
"""The name of its database."""

_CALLS = """
CREATE TABLE IF NOT EXISTS calls (
    day TEXT NOT NULL, run_id TEXT NOT NULL, endpoint TEXT NOT NULL,
    requests INTEGER NOT NULL, credits INTEGER NOT NULL,
    PRIMARY KEY (day, run_id, endpoint)
)
"""
_READINGS = """
CREATE TABLE IF NOT EXISTS readings (
    {rowid}read_at TEXT NOT NULL, run_id TEXT NOT NULL, used BIGINT, remaining BIGINT,
    starts TEXT, ends TEXT, booked BIGINT NOT NULL, expected BIGINT, account TEXT
)
"""
_TAKE_DOWN = """
INSERT INTO readings (read_at, run_id, used, remaining, starts, ends, booked, expected, account)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# A reading of before accounts were told apart is anybody's.
_LAST_ASKED = """
SELECT run_id, read_at FROM readings WHERE account = ? OR account IS NULL ORDER BY rowid DESC LIMIT 1
"""
_LAST_TOLD = """
SELECT read_at, used, remaining, starts, ends, expected, booked FROM readings
WHERE used IS NOT NULL AND (account = ? OR account IS NULL) ORDER BY rowid DESC LIMIT 1
"""
# All that was ever booked: summing it up would take the longer the older the ledger is.
_TOTAL = "CREATE TABLE IF NOT EXISTS booked (credits BIGINT NOT NULL)"
_FIRST_TOTAL = """
INSERT INTO booked
SELECT known.credits FROM (SELECT coalesce(sum(credits), 0) AS credits FROM calls) AS known
WHERE NOT EXISTS (SELECT * FROM booked)
"""
_BY_RUN = "CREATE INDEX IF NOT EXISTS calls_by_run ON calls (run_id)"
_BOOK = """
INSERT INTO calls VALUES (?, ?, ?, ?, ?)
ON CONFLICT (day, run_id, endpoint)
DO UPDATE SET requests = calls.requests + excluded.requests, credits = calls.credits + excluded.credits
"""
_WITHIN = "day BETWEEN ? AND ?"

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Spend:
    """Requests sent, and credits that they cost."""

    requests: int
    credits: int


@dataclass(frozen=True, slots=True)
class Cycle:
    """The time that the account's credits are for: from `starts` until before `ends`."""

    starts: datetime
    ends: datetime

    @property
    def days(self) -> tuple[str, str]:
        """Its first and its last UTC day."""
        last = self.ends - timedelta(microseconds=1)
        return self.starts.date().isoformat(), last.date().isoformat()

    def days_left(self, at: datetime) -> int:
        """UTC days that are not over yet, the present one among them; at least 1."""
        last = self.ends - timedelta(microseconds=1)
        return max(1, (last.date() - _utc(at).date()).days + 1)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What the account said, when, and what the ledger had expected it to say of its use (None: at first).
    `booked`: all credits that the ledger had booked by then."""

    at: datetime
    account: AccountReading
    expected: int | None
    booked: int

    @property
    def difference(self) -> int | None:
        """Credits that the account has used beyond what was booked here: by others, or at other prices."""
        return None if self.expected is None else self.account.used - self.expected


@dataclass(frozen=True, slots=True)
class Budget:
    """How far the credits go: those of the cycle, of which so many may be spent on the present day; None means
    no bound."""

    cycle: Cycle
    spent: int
    of_cycle: int | None
    spent_today: int
    of_today: int | None

    @property
    def left(self) -> int | None:
        """Credits that may be spent now."""
        bounds = [
            bound - spent
            for bound, spent in ((self.of_cycle, self.spent), (self.of_today, self.spent_today))
            if bound is not None
        ]
        return max(0, min(bounds)) if bounds else None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Credits booked for one request; hand it back to refund them."""

    day: str
    endpoint: str
    credits: int


class CreditLedger:
    """How many credits each run spent, and when, across processes.

    `month_budget` bounds the credits of a cycle over all runs; None means no bound. `day_budget` bounds
    those of a UTC day: a number, or "paced" for what is left of the cycle when the day begins, divided by
    its days that are not over; what one day leaves the others share.
    With `trusts_account` the account's own total takes the place of `month_budget`, else it can only lower it.
    `account` names whose figures are taken down: what another account said of itself does not count.
    All methods raise StateFileError where the database cannot be used.
    """

    def __init__(
        self,
        database: Database,
        *,
        month_budget: int | None,
        day_budget: int | Literal["paced"] | None = None,
        trusts_account: bool = False,
        account: str = "",
    ) -> None:
        self._account = account
        self.month_budget = month_budget
        self.day_budget = day_budget
        self._trusts_account = trusts_account
        self._database = database
        with without_state_nothing_is_fetched():
            database.create(_CALLS, _READINGS, _TOTAL, _FIRST_TOTAL, _BY_RUN)
            database.bring_along("readings", "account", "TEXT")

    def meter(
        self,
        run_id: str,
        *,
        run_budget: int | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> CreditMeter:
        """The meter of one run; `run_budget` bounds its credits, whichever processes it uses."""
        return CreditMeter(self, run_id, run_budget=run_budget, now=now)

    def month_total(self, at: datetime) -> Spend:
        """What was booked in the cycle that `at` lies in."""
        return _total(self.by_endpoint(at))

    def by_endpoint(self, at: datetime) -> dict[str, Spend]:
        """The same, by endpoint."""
        return self._select("endpoint", _WITHIN, *self.cycle(at).days)

    def of_day(self, at: datetime) -> dict[str, Spend]:
        """What was booked on the UTC day of `at`, by endpoint."""
        return self._select("endpoint", "day = ?", _day(at))

    def by_run(self, at: datetime) -> dict[str, Spend]:
        """The same, by run."""
        return self._select("run_id", _WITHIN, *self.cycle(at).days)

    def reconcile(self, run_id: str, reading: AccountReading | None, *, at: datetime) -> None:
        """Take down what the account says; from now on it is what the cycle has cost. None: it did not tell."""

        def take_down(writing: Transaction) -> None:
            before = self._last_reading(writing)
            cycle = _cycle(_utc(at), before)
            expected = None if before is None else _spent(writing, cycle, before)
            said = (*_row(reading), _booked(writing), expected, self._account)
            writing.execute(_TAKE_DOWN, (_utc(at).isoformat(), run_id, *said))

        try:
            self._write(take_down, repeatable=False)
        except StateUncertainError as error:
            _log.warning("%s What the account said may not be noted; it is asked again.", error)

    def last_asked(self) -> tuple[str, datetime] | None:
        """The run that asked the account last, and when, whether or not it told."""
        row = self._read(lambda ledger: ledger.execute(_LAST_ASKED, (self._account,)).fetchone())
        return None if row is None else (row[0], datetime.fromisoformat(row[1]))

    def last_reading(self) -> Reconciled | None:
        """What the account told last."""
        return self._read(self._last_reading)

    def _last_reading(self, ledger: Transaction) -> Reconciled | None:
        row = ledger.execute(_LAST_TOLD, (self._account,)).fetchone()
        if row is None:
            return None
        read_at, used, remaining, starts, ends, expected, booked = row
        account = AccountReading(used, remaining, _moment(starts), _moment(ends))
        return Reconciled(datetime.fromisoformat(read_at), account, expected, booked)

    def cycle(self, at: datetime) -> Cycle:
        """The account's cycle that `at` lies in: as it was last told and as long as that one, else the calendar
        month."""
        return _cycle(_utc(at), self.last_reading())

    def budget(self, at: datetime) -> Budget:
        """How far the credits go at the time `at`."""
        return self._read(lambda ledger: self._budget(ledger, at))

    def _budget(self, ledger: Transaction, at: datetime) -> Budget:
        reading = self._last_reading(ledger)
        cycle = _cycle(_utc(at), reading)
        spent = _spent(ledger, cycle, reading)
        today = _total(_spends(ledger, "endpoint", "day = ?", _day(at))).credits
        most = self._most(reading)
        of_today = self.day_budget
        if of_today == "paced":
            at_dawn = None if most is None else max(0, most - (spent - today))
            of_today = None if at_dawn is None else at_dawn // cycle.days_left(at)
        return Budget(cycle, spent, most, today, of_today)

    def _most(self, reading: Reconciled | None) -> int | None:
        if reading is None or self.month_budget is None:
            return self.month_budget
        told = reading.account.total
        return told if self._trusts_account else min(told, self.month_budget)

    def of_run(self, run_id: str) -> dict[str, Spend]:
        """What one run has cost so far, in any month, by endpoint."""
        return self._select("endpoint", "run_id = ?", run_id)

    def close(self) -> None:
        """Release the database."""
        self._database.close()

    @property
    def is_remote(self) -> bool:
        """Whether an answer may take as long as a network does."""
        return self._database.is_remote

    async def aside(self, work: Callable[..., T], /, *arguments: object) -> T:
        """`work` with this ledger, from a loop that must not stand still while a network answers."""
        return await self._database.aside(work, *arguments)

    def book(
        self, run_id: str, endpoint: str, credits: int, *, run_budget: int | None, at: datetime
    ) -> Reservation:
        """Book one request, or raise `BudgetSpentError` and book nothing."""
        day = _day(at)

        def booked(ledger: Transaction) -> Reservation:
            now = self._budget(ledger, at)
            of_run = _total(_spends(ledger, "endpoint", "run_id = ?", run_id)).credits
            for scope, budget, spent, remedy in (
                ("run", run_budget, of_run, "start another run"),
                ("day", now.of_today, now.spent_today, "wait for the next day"),
                ("month", now.of_cycle, now.spent, "wait for the next month"),
            ):
                if budget is not None and spent + credits > budget:
                    raise BudgetSpentError(
                        f"The {scope}'s budget of {budget:,} credits has {max(0, budget - spent):,} "
                        f"left, and a request to {endpoint} costs {credits}; it was not sent. "
                        f"Raise the budget, or {remedy}.",
                        endpoint=endpoint,
                        scope=scope,
                    )
            _add(ledger, day, run_id, endpoint, requests=1, credits=credits)
            return Reservation(day, endpoint, credits)

        # Booked twice where the database is lost at that moment: too much is on the safe side.
        return self._write(booked)

    def unbook(self, run_id: str, reservation: Reservation) -> None:
        """Refund the credits of a request that brought nothing; it still counts as a request."""

        def unbooked(ledger: Transaction) -> None:
            day, endpoint = reservation.day, reservation.endpoint
            _add(ledger, day, run_id, endpoint, requests=0, credits=-reservation.credits)

        try:
            self._write(unbooked, repeatable=False)
        except StateUncertainError as error:
            _log.warning("%s Credits that came to nothing may stay booked.", error)

    def _select(self, group: str, condition: str, *values: str) -> dict[str, Spend]:
        return self._read(lambda ledger: _spends(ledger, group, condition, *values))

    def _read(self, work: Callable[[Transaction], T]) -> T:
        with without_state_nothing_is_fetched():
            return self._database.read(work)

    def _write(self, work: Callable[[Transaction], T], *, repeatable: bool = True) -> T:
        with without_state_nothing_is_fetched():
            return self._database.write(work, repeatable=repeatable)


class CreditMeter:
    """What one run may spend and has spent. Made by `CreditLedger.meter`."""

    def __init__(
        self,
        ledger: CreditLedger,
        run_id: str,
        *,
        run_budget: int | None,
        now: Callable[[], datetime],
    ) -> None:
        self.run_id = run_id
        self.run_budget = run_budget
        self._ledger = ledger
        self._now = now

    def reserve(self, endpoint: str, credits: int) -> Reservation:
        """Book a request before it is sent.

        Raises `BudgetSpentError`, booking nothing, where the budget of the run or of the month
        would be exceeded.
        """
        return self._ledger.book(
            self.run_id, endpoint, credits, run_budget=self.run_budget, at=self._now()
        )

    def refund(self, reservation: Reservation) -> None:
        """Give back what was booked for a request that brought nothing."""
        self._ledger.unbook(self.run_id, reservation)

    async def reserve_aside(self, endpoint: str, credits: int) -> Reservation:
        """`reserve`, from a loop; who is cancelled meanwhile gets back what was booked."""
        if not self._ledger.is_remote:
            return self.reserve(endpoint, credits)
        booking = asyncio.create_task(self._ledger.aside(self.reserve, endpoint, credits))
        try:
            return await asyncio.shield(booking)
        except asyncio.CancelledError:
            with suppress(BirdEyeError):
                await self.refund_aside(await booking)
            raise

    async def refund_aside(self, reservation: Reservation) -> None:
        """`refund`, from a loop."""
        await self._ledger.aside(self.refund, reservation)

    @property
    def left(self) -> int | None:
        """Credits that this run may still spend now: by its own budget, the day's, the cycle's; None: any."""
        budget = self._ledger.budget(self._now()).left
        if self.run_budget is None:
            return budget
        own = max(0, self.run_budget - _total(self.spent).credits)
        return own if budget is None else min(own, budget)

    @property
    def budget(self) -> Budget:
        """How far the credits of all runs go now."""
        return self._ledger.budget(self._now())

    @property
    def spent(self) -> dict[str, Spend]:
        """Requests and credits of this run so far, by endpoint."""
        return self._ledger.of_run(self.run_id)


def _spends(ledger: Transaction, group: str, condition: str, *values: str) -> dict[str, Spend]:
    # Both texts are constants of this module.
    query = (
        f"SELECT {group}, sum(requests), sum(credits) FROM calls "  # noqa: S608
        f"WHERE {condition} GROUP BY 1 ORDER BY 1"
    )
    rows = ledger.execute(query, values).fetchall()
    return {name: Spend(requests, credits) for name, requests, credits in rows}


def _spent(ledger: Transaction, cycle: Cycle, reading: Reconciled | None) -> int:
    """Credits of a cycle: as the account said, and what was booked since."""
    if reading is None or reading.at < cycle.starts:
        return _total(_spends(ledger, "endpoint", _WITHIN, *cycle.days)).credits
    return reading.account.used + _booked(ledger) - reading.booked


def _booked(ledger: Transaction) -> int:
    """Credits that were ever booked."""
    return int(ledger.execute("SELECT credits FROM booked").fetchone()[0])


def _add(
    ledger: Transaction, day: str, run_id: str, endpoint: str, *, requests: int, credits: int
) -> None:
    ledger.execute(_BOOK, (day, run_id, endpoint, requests, credits))
    ledger.execute("UPDATE booked SET credits = credits + ?", (credits,))


def _day(at: datetime) -> str:
    return _utc(at).date().isoformat()


def _total(spends: Mapping[str, Spend]) -> Spend:
    return Spend(
        sum(spend.requests for spend in spends.values()),
        sum(spend.credits for spend in spends.values()),
    )


def _cycle(at: datetime, reading: Reconciled | None) -> Cycle:
    account = reading.account if reading else None
    if account is None or account.starts is None or account.ends is None:
        first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return Cycle(first, (first + timedelta(days=32)).replace(day=1))
    starts, ends = _utc(account.starts), _utc(account.ends)
    gone = (at - starts) // (ends - starts)
    return Cycle(starts + gone * (ends - starts), ends + gone * (ends - starts))


def _row(reading: AccountReading | None) -> tuple[int | str | None, ...]:
    if reading is None:
        return (None, None, None, None)
    starts, ends = (
        None if one is None else _utc(one).isoformat() for one in (reading.starts, reading.ends)
    )
    return (reading.used, reading.left, starts, ends)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)

"""The ledger of credits: what each run spent at each endpoint, and the budgets that stop it.

One SQLite file holds it for all processes. A request is booked before it is sent, in the same
exclusive transaction that checks the budgets, so that two processes cannot both spend the last
credits; a request that brought nothing gets its credits back and stays counted as a request.
Months and days are those of UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from threading import RLock
from types import MappingProxyType

from smart_trader_assets.birdeye.errors import BudgetSpentError
from smart_trader_assets.birdeye.state_file import exclusive, open_state_file, readable_errors

CREDIT_PRICES: Mapping[str, int] = MappingProxyType(
    {"token_list": 100, "token_holder": 50, "trader_txs": 12}
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    day TEXT NOT NULL, run_id TEXT NOT NULL, endpoint TEXT NOT NULL,
    requests INTEGER NOT NULL, credits INTEGER NOT NULL,
    PRIMARY KEY (day, run_id, endpoint)
) WITHOUT ROWID
"""
_BOOK = """
INSERT INTO calls VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
                          credits = credits + excluded.credits
"""
_MONTH = "day BETWEEN ?1 || '-01' AND ?1 || '-31'"


@dataclass(frozen=True, slots=True)
class Spend:
    """Requests sent, and credits that they cost."""

    requests: int
    credits: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Credits booked for one request; hand it back to refund them."""

    day: str
    endpoint: str
    credits: int


class CreditLedger:
    """How many credits each run spent, and when, across processes.

    `month_budget` bounds the credits of a UTC month over all runs; None means no bound.
    `Path(":memory:")` keeps the ledger in this process alone.
    """

    def __init__(self, path: Path, *, month_budget: int | None) -> None:
        self.month_budget = month_budget
        self._path = None if str(path) == ":memory:" else path
        self._connection = open_state_file(self._path, durable=True)
        self._guard = RLock()
        with exclusive(self._connection, self._path):
            self._connection.execute(_SCHEMA)
            self._connection.execute("CREATE INDEX IF NOT EXISTS calls_by_run ON calls (run_id)")

    def meter(
        self,
        run_id: str,
        *,
        run_budget: int | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> CreditMeter:
        """The meter of one run; `run_budget` bounds its credits, whichever processes it uses."""
        return CreditMeter(self, run_id, run_budget=run_budget, now=now)

    def month_total(self, at: date) -> Spend:
        """What the UTC month that `at` lies in has cost so far."""
        return _total(self._select("'all'", _MONTH, _month(at)))

    def by_endpoint(self, at: date) -> dict[str, Spend]:
        """The same month, by endpoint."""
        return self._select("endpoint", _MONTH, _month(at))

    def by_run(self, at: date) -> dict[str, Spend]:
        """The same month, by run."""
        return self._select("run_id", _MONTH, _month(at))

    def of_run(self, run_id: str) -> dict[str, Spend]:
        """What one run has cost so far, in any month, by endpoint."""
        return self._select("endpoint", "run_id = ?", run_id)

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def book(
        self, run_id: str, endpoint: str, credits: int, *, run_budget: int | None, at: datetime
    ) -> Reservation:
        """Book one request, or raise `BudgetSpentError` and book nothing."""
        day = _utc(at).date().isoformat()
        with self._guard, exclusive(self._connection, self._path):
            for name, budget, spent, remedy in (
                ("run", run_budget, _total(self.of_run(run_id)), "start another run"),
                ("month", self.month_budget, self.month_total(at), "wait for the next month"),
            ):
                if budget is not None and spent.credits + credits > budget:
                    raise BudgetSpentError(
                        f"The {name}'s budget of {budget} credits has {budget - spent.credits} "
                        f"left, and a request to {endpoint} costs {credits}; it was not sent. "
                        f"Raise the budget, or {remedy}.",
                        endpoint=endpoint,
                    )
            self._connection.execute(_BOOK, (day, run_id, endpoint, 1, credits))
        return Reservation(day, endpoint, credits)

    def unbook(self, run_id: str, reservation: Reservation) -> None:
        """Refund the credits of a request that brought nothing; it still counts as a request."""
        with self._guard, exclusive(self._connection, self._path):
            row = (reservation.day, run_id, reservation.endpoint, 0, -reservation.credits)
            self._connection.execute(_BOOK, row)

    def _select(self, group: str, condition: str, value: str) -> dict[str, Spend]:
        # Both texts are constants of this module.
        query = (
            f"SELECT {group}, sum(requests), sum(credits) FROM calls "  # noqa: S608
            f"WHERE {condition} GROUP BY 1 ORDER BY 1"
        )
        with self._guard, readable_errors(self._path):
            rows = self._connection.execute(query, (value,)).fetchall()
        return {name: Spend(requests, credits) for name, requests, credits in rows}


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

    @property
    def spent(self) -> dict[str, Spend]:
        """Requests and credits of this run so far, by endpoint."""
        return self._ledger.of_run(self.run_id)


def _total(spends: Mapping[str, Spend]) -> Spend:
    return Spend(
        sum(spend.requests for spend in spends.values()),
        sum(spend.credits for spend in spends.values()),
    )


def _month(at: date) -> str:
    return (_utc(at) if isinstance(at, datetime) else at).strftime("%Y-%m")


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)

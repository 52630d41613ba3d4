"""Everything that one running stand-in knows."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import TypedDict

from smart_trader_assets.sandbox.account import PlanMeter, SandboxPlan, WebhookBook
from smart_trader_assets.sandbox.birdeye_api import BirdEyeApi, Drift
from smart_trader_assets.sandbox.errors import ControlError
from smart_trader_assets.sandbox.faults import FaultBook
from smart_trader_assets.sandbox.recorded_answers import RecordedAnswers
from smart_trader_assets.sandbox.source import MarketSource
from smart_trader_assets.sandbox.wire import AnyEndpoint

UNLIMITED = SandboxPlan()


class SandboxClock:
    """A clock that can be moved, on top of one that runs or stands.

    Called, it returns an aware time in UTC: that of ``base`` plus what it was moved by.
    """

    def __init__(self, base: Callable[[], datetime]) -> None:
        self._base = base
        self._moved_by = timedelta()
        self._lock = Lock()

    def __call__(self) -> datetime:
        with self._lock:
            return self._base() + self._moved_by

    def set(self, now: datetime) -> None:
        """Makes it ``now``; a naive time raises ControlError."""
        if now.tzinfo is None:
            raise ControlError(f"The clock cannot be set to {now}: give the time with its zone.")
        with self._lock:
            self._moved_by = now - self._base()

    def advance(self, by: timedelta) -> None:
        """Moves on by a span of time, or back by a negative one."""
        with self._lock:
            self._moved_by += by


class RequestLog:
    """Every request to an endpoint of the API, refused and faulty ones included.

    It is kept so that a test can prove that nothing is fetched twice.
    """

    def __init__(self) -> None:
        # Read and cleared from other threads: a list's append, copy and clear are one step each.
        self._requests: list[tuple[str, frozenset[str], str]] = []

    def record(self, endpoint: AnyEndpoint, entities: frozenset[str], query: str) -> None:
        """Counts one request."""
        self._requests.append((endpoint.value, entities, query))

    def clear(self) -> None:
        """Starts to count anew."""
        self._requests.clear()

    @property
    def by_endpoint(self) -> Counter[str]:
        """How many by path."""
        return Counter(path for path, _, _ in self._requests.copy())

    @property
    def by_entity(self) -> Counter[tuple[str, str]]:
        """How many by path and wallet, mint or webhook."""
        asked = self._requests.copy()
        return Counter((path, entity) for path, entities, _ in asked for entity in entities)

    @property
    def by_query(self) -> Counter[str]:
        """How many by path and sorted parameters: above one, the same question was asked again."""
        return Counter(f"{path}?{query}" for path, _, query in self._requests.copy())


class SandboxOptions(TypedDict, total=False):
    """How a stand-in may differ from one that is open to all, without limits and still."""

    api_key: str | None
    plan: SandboxPlan
    rows_drifting_per_page: int
    inclusive_times: bool
    recorded: RecordedAnswers | None


class Sandbox:
    """A market, the clock over it, the accounts that ask, and what goes wrong.

    With an ``api_key`` a request without it gets 401. ``rows_drifting_per_page`` rows of a wallet
    that lie ahead of the clock slip in between two of its pages. ``inclusive_times`` makes
    ``before_time`` and ``after_time`` include their own second. Answers that were ``recorded`` whole go before
    the market's.
    """

    def __init__(
        self,
        source: MarketSource,
        *,
        clock: Callable[[], datetime],
        api_key: str | None = None,
        plan: SandboxPlan = UNLIMITED,
        rows_drifting_per_page: int = 0,
        inclusive_times: bool = False,
        recorded: RecordedAnswers | None = None,
    ) -> None:
        self.clock = SandboxClock(clock)
        self.api_key = api_key
        self.meter = PlanMeter(plan, self.clock)
        self.webhooks = WebhookBook()
        self.faults = FaultBook()
        self.requests = RequestLog()
        self.drift = Drift(rows_drifting_per_page)
        self.api = BirdEyeApi(
            source,
            clock=self.clock,
            drift=self.drift,
            account=self.meter.told,
            recorded=recorded,
            inclusive_times=inclusive_times,
        )
        self.closing = asyncio.Event()

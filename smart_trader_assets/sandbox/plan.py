"""What an account may do: requests a second, credits a month, endpoints."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from smart_trader_assets.sandbox.errors import ControlError
from smart_trader_assets.sandbox.wire import (
    CREDITS_SPENT,
    NO_PERMISSION,
    TOO_MANY_REQUESTS,
    Endpoint,
    RefusalError,
)

CREDITS_PER_CALL = {Endpoint.LISTINGS: 100, Endpoint.HOLDERS: 50, Endpoint.SWAPS: 12}


def credits_of(endpoint: Endpoint, mints: int = 1) -> int:
    """What one call costs; prices of several mints cost ``ceil(3 n^0.8)``."""
    if endpoint is Endpoint.MULTI_PRICE:
        return math.ceil(3 * math.pow(mints, 0.8))
    return CREDITS_PER_CALL[endpoint]


@dataclass(frozen=True, slots=True)
class SandboxPlan:
    """The limits that are enforced; None enforces nothing.

    ``endpoints`` are those that the plan includes, None for all of them.
    """

    requests_per_second: int | None = None
    monthly_credits: int | None = None
    endpoints: frozenset[Endpoint] | None = None

    def __post_init__(self) -> None:
        if self.requests_per_second is not None and self.requests_per_second < 1:
            raise ControlError("A plan grants at least one request a second, or None for no limit.")
        if self.monthly_credits is not None and self.monthly_credits < 0:
            raise ControlError("A plan grants 0 or more credits a month, or None for no limit.")


class PlanMeter:
    """Counts requests of the last second and credits of the month, and refuses what is above.

    The second is a real one, because clients wait for real; the month is that of ``clock``.
    A request that it refuses costs no credits.
    """

    def __init__(self, plan: SandboxPlan, clock: Callable[[], datetime]) -> None:
        self.plan = plan
        self._clock = clock
        self._recent: deque[float] = deque()
        self._month = (0, 0)
        self._spent = 0
        self._lock = Lock()

    @property
    def credits_spent(self) -> int:
        """Credits of the current month."""
        with self._lock:
            self._turn_month()
            return self._spent

    def admit(self, endpoint: Endpoint, mints: int = 1) -> None:
        """Takes a request in, or raises RefusalError with what BirdEye would answer."""
        with self._lock:
            if self.plan.endpoints is not None and endpoint not in self.plan.endpoints:
                raise RefusalError(401, NO_PERMISSION)
            self._admit_rate()
            self._turn_month()
            cost = credits_of(endpoint, mints)
            limit = self.plan.monthly_credits
            if limit is not None and self._spent + cost > limit:
                raise RefusalError(400, CREDITS_SPENT)
            self._spent += cost

    def _admit_rate(self) -> None:
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - 1.0:
            self._recent.popleft()
        limit = self.plan.requests_per_second
        if limit is not None and len(self._recent) >= limit:
            raise RefusalError(429, TOO_MANY_REQUESTS)
        self._recent.append(now)

    def _turn_month(self) -> None:
        now = self._clock()
        if (now.year, now.month) != self._month:
            self._month = (now.year, now.month)
            self._spent = 0

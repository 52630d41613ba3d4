"""The accounts that ask: at BirdEye a plan and what is left of it, at Helius its webhooks."""

import copy
import math
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from smart_trader_assets.helius.webhook import WRITABLE
from smart_trader_assets.sandbox.errors import ControlError
from smart_trader_assets.sandbox.wire import (
    CREDITS_SPENT,
    NO_PERMISSION,
    TOO_MANY_REQUESTS,
    Endpoint,
    RefusalError,
)

CREDITS_PER_CALL = {
    Endpoint.LISTINGS: 100,
    Endpoint.HOLDERS: 50,
    Endpoint.SWAPS: 12,
    Endpoint.RANKED: 30,
    Endpoint.TRANSFERS: 10,
    Endpoint.CREDITS: 1,
}
CYCLE = timedelta(days=30)
# What the free plan is reported to answer.
FREE_ENDPOINTS = frozenset(set(Endpoint) - {Endpoint.MULTI_PRICE})
UNMETERED = 15_000_000
CREDITS_PER_WEBHOOK_WRITE = 100
MOST_WEBHOOK_ADDRESSES = 100_000


@dataclass(frozen=True, slots=True)
class SandboxPlan:
    """The limits that are enforced; None enforces nothing.

    ``endpoints`` are those that the plan includes, None for all of them. Credits are those of 30 days from
    ``signed_up`` on, again and again; without it, of the calendar month.
    """

    requests_per_second: int | None = None
    monthly_credits: int | None = None
    endpoints: frozenset[Endpoint] | None = None
    signed_up: datetime | None = None

    def __post_init__(self) -> None:
        if self.requests_per_second is not None and self.requests_per_second < 1:
            raise ControlError("A plan grants at least one request a second, or None for no limit.")
        if self.monthly_credits is not None and self.monthly_credits < 0:
            raise ControlError("A plan grants 0 or more credits a month, or None for no limit.")


class PlanMeter:
    """Counts requests of the last second and credits of the month, and refuses what is above.

    The second is a real one, because clients wait for real; the cycle is that of ``clock``.
    A request that it refuses costs no credits.
    """

    def __init__(self, plan: SandboxPlan, clock: Callable[[], datetime]) -> None:
        self._plan = plan
        self._clock = clock
        self._recent: deque[float] = deque()
        self._began: datetime | None = None
        self._spent = 0
        self._lock = Lock()

    @property
    def credits_spent(self) -> int:
        """Credits of the current month."""
        with self._lock:
            return self._spent_this_month()

    def admit(self, endpoint: Endpoint, mints: int = 1) -> None:
        """Takes a request in, or raises RefusalError with what BirdEye would answer.

        Prices of several mints cost ``ceil(3 n^0.8)`` credits.
        """
        plan = self._plan
        with self._lock:
            if plan.endpoints is not None and endpoint not in plan.endpoints:
                raise RefusalError(401, NO_PERMISSION)
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - 1.0:
                self._recent.popleft()
            if len(self._recent) >= (plan.requests_per_second or math.inf):
                raise RefusalError(429, TOO_MANY_REQUESTS)
            self._recent.append(now)
            spent = self._spent_this_month()
            spent += CREDITS_PER_CALL.get(endpoint) or math.ceil(3 * math.pow(mints, 0.8))
            if plan.monthly_credits is not None and spent > plan.monthly_credits:
                raise RefusalError(400, CREDITS_SPENT)
            self._spent = spent

    def told(self) -> dict[str, object]:
        """What the account is told about its cycle."""
        with self._lock:
            spent = self._spent_this_month()
            most = self._plan.monthly_credits
            starts, ends = self._cycle()
        return {
            "usage": {"total": spent},
            "remaining": {"total": (UNMETERED if most is None else most) - spent},
            "time": {"from": int(starts.timestamp()), "to": int(ends.timestamp())},
        }

    def _cycle(self) -> tuple[datetime, datetime]:
        now, first = self._clock(), self._plan.signed_up
        if first is not None:
            begins = first + (now - first) // CYCLE * CYCLE
            return begins, begins + CYCLE
        begins = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return begins, (begins + timedelta(days=32)).replace(day=1)

    def _spent_this_month(self) -> int:
        began, _ = self._cycle()
        if began != self._began:
            self._began = began
            self._spent = 0
        return self._spent


class WebhookBook:
    """Webhooks by id. Safe to change from any thread.

    With an ``api_key`` a request without it gets 401. A PUT replaces the whole object: what it leaves
    out is gone. What it may not write (``webhookID``, ``wallet`` and whatever else a webhook shows) is refused.
    ``credits_spent`` counts what creating, editing and deleting cost.
    """

    def __init__(self) -> None:
        self.api_key: str | None = None
        self.credits_spent = 0
        self._lock = Lock()
        self._webhooks: dict[str, dict[str, Any]] = {}
        self.shown: dict[str, Any] = {}
        """Fields that every webhook shows beside those that were written."""

    def create(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Makes a webhook and gives it an id."""
        return self._store(str(uuid.uuid4()), fields)

    def replace(self, webhook_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Puts ``fields`` in the place of the webhook's own."""
        self.get(webhook_id)
        return self._store(webhook_id, fields)

    def delete(self, webhook_id: str) -> None:
        """Takes the webhook out."""
        with self._lock:
            if self._webhooks.pop(webhook_id, None) is None:
                raise _unknown(webhook_id)
            self.credits_spent += CREDITS_PER_WEBHOOK_WRITE

    def get(self, webhook_id: str) -> dict[str, Any]:
        """The webhook, or a refusal with 404."""
        with self._lock:
            if webhook_id not in self._webhooks:
                raise _unknown(webhook_id)
            return copy.deepcopy(self._webhooks[webhook_id])

    def all(self) -> list[dict[str, Any]]:
        """Every webhook, oldest first."""
        with self._lock:
            return copy.deepcopy(list(self._webhooks.values()))

    def _store(self, webhook_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        if strange := sorted(fields.keys() - WRITABLE):
            raise RefusalError(400, f'json: unknown field "{strange[0]}"')
        if not fields.get("webhookURL"):
            raise RefusalError(400, "webhookURL is missing")
        addresses = fields.get("accountAddresses")
        if not isinstance(addresses, list) or len(addresses) > MOST_WEBHOOK_ADDRESSES:
            message = f"should be a list of at most {MOST_WEBHOOK_ADDRESSES} addresses"
            raise RefusalError(400, f"accountAddresses {message}")
        stored = {**self.shown, **copy.deepcopy(dict(fields)), "webhookID": webhook_id}
        with self._lock:
            self._webhooks[webhook_id] = stored
            self.credits_spent += CREDITS_PER_WEBHOOK_WRITE
        return self.get(webhook_id)


def _unknown(webhook_id: str) -> RefusalError:
    return RefusalError(404, f"webhook {webhook_id} not found")

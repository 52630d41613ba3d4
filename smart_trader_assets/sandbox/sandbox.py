"""Everything that one running stand-in knows."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from smart_trader_assets.sandbox.clock import SandboxClock
from smart_trader_assets.sandbox.drift import Drift
from smart_trader_assets.sandbox.endpoints import BirdEyeApi
from smart_trader_assets.sandbox.faults import FaultBook
from smart_trader_assets.sandbox.plan import PlanMeter, SandboxPlan
from smart_trader_assets.sandbox.request_log import RequestLog
from smart_trader_assets.sandbox.source import MarketSource
from smart_trader_assets.sandbox.webhook_book import WebhookBook


class Sandbox:
    """A market, the clock over it, the account that asks, and what goes wrong."""

    def __init__(
        self,
        source: MarketSource,
        *,
        clock: Callable[[], datetime],
        api_key: str | None,
        plan: SandboxPlan,
        rows_drifting_per_page: int,
        inclusive_times: bool,
    ) -> None:
        self.source = source
        self.clock = SandboxClock(clock)
        self.meter = PlanMeter(plan, self.clock)
        self.faults = FaultBook()
        self.requests = RequestLog()
        self.drift = Drift(rows_drifting_per_page)
        self.api = BirdEyeApi(
            source, clock=self.clock, drift=self.drift, inclusive_times=inclusive_times
        )
        self.webhooks = WebhookBook()
        self.closing = asyncio.Event()
        self._api_key = api_key

    def knows_key(self, key: str | None) -> bool:
        """Whether a key opens the API; without a key of its own it is open to all."""
        return self._api_key is None or key == self._api_key

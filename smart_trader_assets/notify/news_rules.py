"""What is told, and when."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final, Self

from smart_trader_assets.settings import Settings, quiet_hours

TIERS: Final = "tiers"
SIGNALS: Final = "signals"
TRADES: Final = "trades"
RUNS: Final = "runs"
CHECKS: Final = "checks"
CREDITS: Final = "credits"
DIGEST: Final = "digest"

KINDS: Final = (TIERS, SIGNALS, TRADES, RUNS, CHECKS, CREDITS, DIGEST)
"""What can be told: tier changes, tokens that several bought, trades, failed and overtaken runs, failed
blocking checks, paused fetching, the daily digest."""

NEWS_FOR: Final = timedelta(days=7)
"""How long something is news that nobody could be told sooner."""
TRADES_KEPT: Final = timedelta(days=8)
"""For how long `silver/recent_trades` has all of them."""
TRADES_LATE: Final = timedelta(hours=12)
"""How long a trade is news beyond the time between two fetches of a wallet: it is known with the next one, and
told once that has been counted and ranked."""


@dataclass(frozen=True)
class NewsRules:
    """What is told.

    Each is the setting of its name with `notify_` before it: `tiers` those whose changes are told,
    `trade_tiers` those whose trades are, from `trade_usd` on; a token is a signal from `signal_traders` buyers
    and a net flow of `signal_usd` in 24 hours on; `digest_hour` (UTC).
    """

    tiers: tuple[str, ...]
    trade_tiers: tuple[str, ...]
    trade_usd: float
    signal_traders: int
    signal_usd: float
    digest_hour: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The rules that the settings give."""
        return cls(
            **{field.name: getattr(settings, f"notify_{field.name}") for field in fields(cls)}
        )


@dataclass(frozen=True)
class DeliveryRules:
    """When it is sent: `quiet` are the first and the last hour (UTC, the last one not included) in which
    nothing is; to a receiver go at most `most_per_hour` messages a clock hour."""

    quiet: tuple[int, int] | None = None
    most_per_hour: int = 20

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The rules that the settings give."""
        quiet = settings.notify_quiet_hours
        return cls(None if quiet is None else quiet_hours(quiet), settings.notify_most_per_hour)

    def quiet_until(self, now: datetime) -> datetime | None:
        """The end of the quiet hours that `now` lies in; None outside of them."""
        if self.quiet is None:
            return None
        first, last = self.quiet
        hour = now.hour
        inside = first <= hour < last if first < last else hour >= first or hour < last
        if not inside:
            return None
        end = now.replace(hour=last % 24, minute=0, second=0, microsecond=0)
        return end if end > now else end + timedelta(days=1)

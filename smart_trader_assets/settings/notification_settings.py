"""The settings of the messages: to whom, about what, when."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

TierName = Literal["ELITE", "STRONG", "PROMISING", "QUALIFIED"]
NewsKind = Literal["tiers", "signals", "trades", "runs", "checks", "credits", "digest"]

_HOURS = re.compile(r"\s*(\d{1,2})\s*-\s*(\d{1,2})\s*")
_LAST_HOUR = 24


class NotificationSettings(BaseSettings):
    """What `smart_trader_assets.notify` goes by."""

    notify_urls: SecretStr | None = Field(
        None,
        description="Where messages go: URLs of apprise (Telegram, Discord, Slack, mail, ...), separated by "
        "blanks; without any nothing is told",
    )
    notify: Annotated[tuple[NewsKind, ...], NoDecode] = Field(
        ("tiers", "signals", "trades", "runs", "checks", "credits", "digest"),
        description="What is told, separated by commas: tiers (tier changes), signals (tokens that several "
        "traders bought), trades, runs (failed and overtaken ones), checks (failed blocking ones), credits "
        "(paused fetching), digest (once a day)",
    )
    notify_tiers: Annotated[tuple[TierName, ...], NoDecode] = Field(
        ("ELITE", "STRONG"), description="Tiers whose changes are told, separated by commas"
    )
    notify_trade_tiers: Annotated[tuple[TierName, ...], NoDecode] = Field(
        ("ELITE",), description="Tiers whose trades are told, separated by commas"
    )
    notify_trade_usd: float = Field(500.0, ge=0, description="Size from which a trade is told, USD")
    notify_signal_traders: int = Field(
        3, ge=1, description="Traders who must have bought a token within a day for it to be told"
    )
    notify_signal_usd: float = Field(
        1_000.0, ge=0, description="What they must have bought more than they sold for, USD"
    )
    notify_digest_hour: int = Field(8, ge=0, le=23, description="Hour (UTC) of the daily digest")
    notify_quiet_hours: str | None = Field(
        None, description="Hours (UTC) in which nothing is sent, such as 22-7; what comes is kept"
    )
    notify_most_per_hour: int = Field(
        20, ge=1, le=1_000, description="Messages to one receiver in an hour; the next has the rest"
    )
    notify_timeout_seconds: float = Field(
        15.0, gt=0, le=120, description="Longest wait for a receiver"
    )

    @property
    def tells_somebody(self) -> bool:
        """Whether messages go anywhere."""
        return self.notify_urls is not None and bool(self.notify_urls.get_secret_value().strip())

    @field_validator("notify", "notify_tiers", "notify_trade_tiers", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        """A list in one variable, in any case, or none."""
        if value is None:
            return ()
        if not isinstance(value, str):
            return value
        names = [part.strip() for part in value.split(",") if part.strip()]
        return [
            name.lower() if name.lower() in get_args(NewsKind) else name.upper() for name in names
        ]

    @field_validator("notify_quiet_hours")
    @classmethod
    def _check_hours(cls, value: str | None) -> str | None:
        if value is not None and quiet_hours(value) is None:
            raise ValueError("it is not two different hours of the day, such as 22-7")
        return value


def quiet_hours(text: str) -> tuple[int, int] | None:
    """`22-7` -> (22, 7): the first hour, and the one that is quiet no longer; None where it says no such
    thing."""
    match = _HOURS.fullmatch(text)
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    is_day = first < _LAST_HOUR and last <= _LAST_HOUR and first != last % _LAST_HOUR
    return (first, last) if is_day else None

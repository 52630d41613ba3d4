"""The anchor of a sandbox: up to when its invented market has a past."""

from __future__ import annotations

import re
from datetime import datetime

from smart_trader_assets.assembly import make_lake
from smart_trader_assets.delta.root import read_identity
from smart_trader_assets.settings import Settings

SANDBOX_DETAIL = re.compile(r"seed (?P<seed>\d+), past until (?P<anchor>\S+)")


def anchored(settings: Settings) -> Settings:
    """The sandbox's settings with its anchor: that of the root, or the hour that has begun for a new root.

    The invented past must not move while the root stands, or its rows would belong to two markets.
    """
    if settings.resolved_source != "sandbox" or settings.sandbox_anchor is not None:
        return settings
    found = read_identity(make_lake(settings).unchecked_store)
    told = SANDBOX_DETAIL.fullmatch(found.detail) if found is not None else None
    if told is not None:
        return settings.but(sandbox_anchor=datetime.fromisoformat(told["anchor"]))
    return settings.but(sandbox_anchor=settings.now().replace(minute=0, second=0))

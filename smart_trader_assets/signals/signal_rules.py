"""What counts as a deed of a trader."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SignalRules:
    """A trade that is known to be of less than `min_usd` is no vote, nor is a position that small."""

    min_usd: float = 1.0

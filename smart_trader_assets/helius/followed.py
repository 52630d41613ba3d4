"""Which wallets alerts watch, and how that differs from what a webhook watches now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import polars as pl

from smart_trader_assets.settings import HELIUS_KEY_VARIABLE, PREFIX, Settings

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class Difference:
    """What has to change so that a webhook watches the wanted addresses: sets, in a fixed order.

    `added` come best first, `removed` in the webhook's own order; `kept` counts the rest.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    kept: int

    @classmethod
    def between(cls, watched: Sequence[str], wanted: Sequence[str]) -> Difference:
        """From `watched` to `wanted`; order and repetitions do not matter."""
        now, then = dict.fromkeys(watched), dict.fromkeys(wanted)
        return cls(
            added=tuple(address for address in then if address not in now),
            removed=tuple(address for address in now if address not in then),
            kept=sum(address in now for address in then),
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def wallets_to_watch(traders: pl.LazyFrame, *, tiers: Sequence[str], limit: int) -> list[str]:
    """The wallets of `tiers`, best first, at most `limit` of them.

    `traders` has the columns wallet_address, tier and overall_rank of gold/smart_traders.
    """
    return (
        traders.filter(pl.col("tier").is_in(list(tiers)))
        .select("wallet_address", "overall_rank")
        .sort("overall_rank", "wallet_address")
        .head(limit)
        .collect()["wallet_address"]
        .to_list()
    )


def why_off(settings: Settings) -> str | None:
    """Why alerts are off, in a sentence; None where they are on.

    Wallets of an invented market or a recording go into no webhook but a stand-in's on loopback.
    """
    missing = [
        variable
        for variable, value in (
            (HELIUS_KEY_VARIABLE, settings.helius_api_key),
            (f"{PREFIX}HELIUS_WEBHOOK_ID", settings.helius_webhook_id),
        )
        if value is None
    ]
    if missing:
        return f"Alerts are off: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set."
    if settings.resolved_source != "live" and not _is_loopback(settings.helius_base_url):
        return (
            f"Alerts are off: the wallets of a {settings.resolved_source} root are never put into a "
            "webhook of the real Helius."
        )
    return None


def _is_loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _LOOPBACK
    except ValueError:
        return False

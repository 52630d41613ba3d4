"""The list of ranked traders, as a service makes it that looks at cash alone.

Whoever has sold more than he bought within the window stands at the top: the lucky, the insiders, those who
sell what they bought long ago, bots, and a few of the skilled. It is a list of candidates, and no proof.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS
from smart_trader_assets.sandbox.source import MarketSource, SwapItem

WINDOWS = {
    "today": timedelta(days=1),
    "yesterday": timedelta(days=1),
    "1W": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
NETWORK = "solana"


class RankedTraders:
    """The lists of one market; each is made once an hour of the clock."""

    def __init__(self, source: MarketSource) -> None:
        self._source = source
        self._made: dict[tuple[str, int], list[dict[str, object]]] = {}

    def gained(self, kind: str, now: datetime) -> list[dict[str, object]]:
        """Items of the list ``kind``, who gained most first; only who traded within it."""
        key = (kind, int(now.timestamp()) // 3600)
        if key not in self._made:
            end = now - timedelta(days=1) if kind == "yesterday" else now
            begin = int((end - WINDOWS[kind]).timestamp())
            found = (
                _summed(wallet, self._source.swaps(wallet), begin, int(end.timestamp()))
                for wallet in self._source.wallets
            )
            ranked = [item for item in found if item is not None]
            ranked.sort(key=lambda item: (-float(str(item["pnl"])), str(item["address"])))
            self._made[key] = ranked
        return self._made[key]


def _summed(
    wallet: str, history: Sequence[SwapItem], begin: int, end: int
) -> dict[str, object] | None:
    gained = volume = 0.0
    trades = 0
    for item in history:
        if item.block_unix_time < begin:
            break
        if item.block_unix_time > end or item.tx_type != "swap":
            continue
        row = json.loads(item.text)
        cash = sum(map(_cash, (row["base"], row["quote"])))
        gained, volume, trades = gained + cash, volume + abs(cash), trades + 1
    if not trades:
        return None
    return {
        "network": NETWORK,
        "address": wallet,
        "pnl": round(gained, 2),
        "trade_count": trades,
        "volume": round(volume, 2),
    }


def _cash(leg: dict[str, object]) -> float:
    """USD that the wallet got or gave with this leg; none for a token."""
    mint = str(leg["address"])
    if mint not in DEFAULT_CASH_MINTS:
        return 0.0
    price, change = leg.get("price") or leg.get("nearest_price"), leg.get("ui_change_amount")
    if not isinstance(change, int | float) or not isinstance(price, int | float):
        return 0.0
    return float(change) * float(price)

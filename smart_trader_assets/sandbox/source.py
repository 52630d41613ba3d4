"""What a market must tell so that the stand-in can serve it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SwapItem:
    """One row of a wallet's history.

    ``text`` is the JSON of the item as it goes over the wire, so that a recorded number keeps
    every digit that it was recorded with.
    """

    block_unix_time: int
    tx_type: str
    text: str


@dataclass(frozen=True, slots=True)
class MintPrice:
    """The price of a mint in USD, when it was last seen, and the liquidity behind it in USD."""

    value: float
    updated_at: int
    liquidity: float


class MarketSource(Protocol):
    """A market over time; every answer is as of ``now``, except the swaps.

    Items are dictionaries with the field names of the wire. ``wallets`` are all that trade.
    """

    @property
    def wallets(self) -> Sequence[str]:
        """The addresses of all that trade."""
        ...

    def tokens(self, now: datetime) -> Sequence[dict[str, object]]:
        """Every listed token, in no particular order."""
        ...

    def holders(self, mint: str, now: datetime) -> Sequence[dict[str, object]]:
        """The token accounts of a mint, largest first; empty for a mint that nobody knows."""
        ...

    def swaps(self, wallet: str) -> Sequence[SwapItem]:
        """The whole history of a wallet, newest first, later rows than now included.

        The server cuts it at its clock; with drifting pages it lets some of what comes later in.
        """
        ...

    def transfers(self, wallet: str, now: datetime) -> Sequence[dict[str, object]]:
        """What a wallet was sent without a swap, newest first; empty where the market tells of none."""
        ...

    def price(self, mint: str, now: datetime) -> MintPrice | None:
        """The price of a mint, or None where the market has none."""
        ...

"""Whence the invented wallets have their SOL: most from an exchange, and two skilled ones from one purse."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from random import Random
from typing import NamedTuple

from smart_trader_assets.sandbox.generated.chain import wallet_address
from smart_trader_assets.sandbox.generated.characters import Character
from smart_trader_assets.sandbox.generated.coins import DAY
from smart_trader_assets.sandbox.generated.wallet import TraderWallet, utc

EXCHANGES = 2
OF_ONE_PURSE = 2
"""Skilled wallets of one person, which trade apart from each other."""
HOUR = 3_600


class Sending(NamedTuple):
    """SOL that was sent, in lamports."""

    from_address: str
    to_address: str
    sent_at: datetime
    lamports: int


def sendings(rng: Random, traders: Sequence[TraderWallet], start: int) -> Iterator[Sending]:
    """What each wallet got before its first trade; an exchange sends to everybody, a purse to its own."""
    exchanges = [wallet_address(rng) for _ in range(EXCHANGES)]
    purse = wallet_address(rng)
    skilled = [one.address for one in traders if one.character is Character.SKILLED]
    hand = frozenset(skilled[:OF_ONE_PURSE])
    yield Sending(exchanges[0], purse, utc(start - 3 * DAY), 500 * 10**9)
    for index, trader in enumerate(traders):
        first = min((item.block_unix_time for item in trader.items), default=start)
        funder = purse if trader.address in hand else exchanges[index % EXCHANGES]
        at = first - rng.randint(HOUR, 2 * DAY)
        yield Sending(funder, trader.address, utc(at), rng.randint(5, 90) * 10**9)

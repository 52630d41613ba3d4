"""All wallets of a market: how many of each character, and who trades with or after whom."""

from collections.abc import Callable

from smart_trader_assets.sandbox.generated.behaviour import live
from smart_trader_assets.sandbox.generated.bettors import BETS, bet
from smart_trader_assets.sandbox.generated.characters import (
    BUSY_BOT_ROUND_TRIPS,
    SKILLS,
    WASHERS_TOGETHER,
    Character,
    cast,
)
from smart_trader_assets.sandbox.generated.tricks import ALONE, follow, mark_up, wash
from smart_trader_assets.sandbox.generated.wallet import TraderWallet

WALLETS_WITH_A_BUSY_BOT = 60


def make_crowd(
    wallets: int, trader: Callable[[Character, int], TraderWallet]
) -> list[TraderWallet]:
    """So many wallets that have traded; `trader` makes one of a character and its number among these."""
    crowd = {
        character: [trader(character, index) for index in range(count)]
        for character, count in cast(wallets).items()
    }
    for character, ones in crowd.items():
        for index, one in enumerate(ones):
            if character in BETS:
                bet(one)
            elif character in ALONE:
                ALONE[character](one)
            elif character in _TOGETHER:
                continue
            else:
                busy = character is Character.BOT and not index
                many = BUSY_BOT_ROUND_TRIPS if wallets >= WALLETS_WITH_A_BUSY_BOT else None
                live(one, many if busy else None)
    leaders = [one for skill in sorted(SKILLS) for one in crowd[skill]]
    for index, copier in enumerate(crowd[Character.COPIER]):
        follow(copier, leaders[index % len(leaders)])
    for marker, accomplice in zip(
        crowd[Character.SELF_MARKER], crowd[Character.ACCOMPLICE], strict=True
    ):
        mark_up(marker, accomplice)
    washers = crowd[Character.WASHER]
    for first in range(0, len(washers), WASHERS_TOGETHER):
        wash(washers[first : first + WASHERS_TOGETHER])
    return [one for ones in crowd.values() for one in ones]


_TOGETHER = {
    Character.COPIER,
    Character.SELF_MARKER,
    Character.ACCOMPLICE,
    Character.WASHER,
}

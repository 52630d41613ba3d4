"""The characters of the invented wallets, and every number that makes them what they are.

A round trip is a buy of a coin and the sale of all of it. Its outcome is not written into the
prices: a wallet looks for a span of time in which the coin really moved as far as it should, and
``win_rate`` says how often it finds a rising one. Skill is a win rate above one half with gains
much larger than losses, repeated often; luck is one or two very large gains in a short history
that otherwise loses.
"""

from dataclasses import dataclass
from enum import StrEnum

Range = tuple[float, float]


class Character(StrEnum):
    """How a wallet trades."""

    SKILLED = "skilled"
    LUCKY = "lucky"
    AVERAGE = "average"
    LOSING = "losing"
    BOT = "bot"
    ARBITRAGEUR = "arbitrageur"
    INSIDER = "insider"


@dataclass(frozen=True, slots=True)
class Profile:
    """Ranges that each wallet of a character draws its own habits from.

    ``round_trips`` over the whole history; ``win_rate`` a share of them; ``gain`` and ``loss`` the
    price at the exit divided by that at the entry; ``stake_usd`` drawn evenly on a log scale;
    ``coins`` how many different ones; ``jackpots`` how many of the round trips gain ``jackpot``
    instead.
    """

    share: float
    round_trips: tuple[int, int]
    stake_usd: Range
    coins: tuple[int, int]
    win_rate: Range = (1.0, 1.0)
    gain: Range = (1.0, 1.0)
    loss: Range = (1.0, 1.0)
    hold_hours: Range = (0.0, 0.0)
    jackpots: tuple[int, int] = (0, 0)
    jackpot: Range = (1.0, 1.0)
    jackpot_hold_hours: Range = (0.0, 0.0)


PROFILES: dict[Character, Profile] = {
    Character.SKILLED: Profile(
        share=0.10,
        round_trips=(30, 60),
        win_rate=(0.58, 0.74),
        gain=(1.40, 3.5),
        loss=(0.72, 0.98),
        hold_hours=(4.0, 110.0),
        stake_usd=(800.0, 9_000.0),
        coins=(30, 45),
    ),
    Character.LUCKY: Profile(
        share=0.06,
        round_trips=(4, 8),
        win_rate=(0.05, 0.30),
        gain=(1.02, 1.25),
        loss=(0.60, 0.95),
        hold_hours=(4.0, 96.0),
        stake_usd=(700.0, 4_000.0),
        coins=(3, 6),
        jackpots=(1, 2),
        jackpot=(4.0, 15.0),
        jackpot_hold_hours=(150.0, 900.0),
    ),
    Character.AVERAGE: Profile(
        share=0.45,
        round_trips=(6, 22),
        win_rate=(0.38, 0.55),
        gain=(1.03, 1.55),
        loss=(0.68, 0.99),
        hold_hours=(1.0, 120.0),
        stake_usd=(200.0, 5_000.0),
        coins=(3, 9),
    ),
    Character.LOSING: Profile(
        share=0.24,
        round_trips=(8, 26),
        win_rate=(0.15, 0.35),
        gain=(1.02, 1.30),
        loss=(0.40, 0.92),
        hold_hours=(1.0, 160.0),
        stake_usd=(300.0, 6_000.0),
        coins=(3, 10),
    ),
    Character.BOT: Profile(
        share=0.03,
        round_trips=(180, 420),
        win_rate=(0.48, 0.58),
        gain=(1.0005, 1.006),
        loss=(0.994, 0.9995),
        stake_usd=(150.0, 2_500.0),
        coins=(2, 4),
    ),
    Character.ARBITRAGEUR: Profile(
        share=0.04,
        round_trips=(60, 180),
        win_rate=(0.85, 0.97),
        gain=(1.0003, 1.012),
        loss=(0.997, 0.9999),
        stake_usd=(300.0, 8_000.0),
        coins=(3, 8),
    ),
    Character.INSIDER: Profile(
        share=0.08,
        round_trips=(3, 12),
        hold_hours=(24.0, 600.0),
        stake_usd=(1_500.0, 25_000.0),
        coins=(1, 3),
    ),
}

BUSY_BOT_ROUND_TRIPS = 1_100
"""The first bot's: more rows than one run may read."""
BOT_BURST_ROUND_TRIPS = 10
"""Round trips of a bot inside one second now and then: 20 rows that share it."""


def cast(wallets: int) -> list[Character]:
    """So many characters in the shares above, rounded, every one of them at least once.

    What rounding leaves over is average.
    """
    characters = [
        character
        for character, profile in PROFILES.items()
        if character is not Character.AVERAGE
        for _ in range(max(1, round(profile.share * wallets)))
    ]
    return characters + [Character.AVERAGE] * max(1, wallets - len(characters))

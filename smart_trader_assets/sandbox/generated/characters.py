"""The characters of the invented wallets, how many of each there are, and the habits of some.

A round trip is a buy of a coin and the sale of all of it. Its outcome is not written into the
prices: a wallet looks for a span of time in which the coin really moved as far as it should. Skill and luck
differ in their odds alone (see ``odds``).
"""

from dataclasses import dataclass
from enum import StrEnum

Range = tuple[float, float]


class Character(StrEnum):
    """How a wallet trades."""

    SKILLED = "skilled"
    MOONSHOT = "skilled with a moonshot"
    DUSTY = "skilled with much dust"
    LUCKY = "lucky"
    COPIER = "copier"
    AVERAGE = "average"
    LOSING = "losing"
    BAG_HOLDER = "bag holder"
    STAKER = "staker"
    SOL_LOSER = "SOL loser"
    FEE_EATER = "fee eater"
    GRID = "grid trader"
    SCALPER = "scalper"
    LAUNCHER = "launch insider"
    SELF_MARKER = "self-marker"
    ACCOMPLICE = "accomplice"
    WASHER = "wash trader"
    BOT = "bot"
    ARBITRAGEUR = "arbitrageur"
    INSIDER = "insider"


SKILLS = frozenset({Character.SKILLED, Character.MOONSHOT, Character.DUSTY})
"""Whoever follows one of these earns."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Ranges that each wallet of a character draws its own habits from.

    ``round_trips`` over the whole history; ``win_rate`` a share of them; ``gain`` and ``loss`` the
    price at the exit divided by that at the entry; ``stake_usd`` drawn evenly on a log scale;
    ``coins`` how many different ones.
    """

    round_trips: tuple[int, int]
    stake_usd: Range
    coins: tuple[int, int]
    win_rate: Range = (1.0, 1.0)
    gain: Range = (1.0, 1.0)
    loss: Range = (1.0, 1.0)
    hold_hours: Range = (0.0, 0.0)


PROFILES: dict[Character, Profile] = {
    Character.AVERAGE: Profile(
        round_trips=(6, 22),
        win_rate=(0.38, 0.55),
        gain=(1.03, 1.55),
        loss=(0.68, 0.99),
        hold_hours=(1.0, 120.0),
        stake_usd=(200.0, 5_000.0),
        coins=(3, 9),
    ),
    Character.LOSING: Profile(
        round_trips=(8, 26),
        win_rate=(0.15, 0.35),
        gain=(1.02, 1.30),
        loss=(0.40, 0.92),
        hold_hours=(1.0, 160.0),
        stake_usd=(300.0, 6_000.0),
        coins=(3, 10),
    ),
    Character.BOT: Profile(
        round_trips=(180, 420),
        win_rate=(0.48, 0.58),
        gain=(1.0005, 1.006),
        loss=(0.994, 0.9995),
        stake_usd=(150.0, 2_500.0),
        coins=(2, 4),
    ),
    Character.ARBITRAGEUR: Profile(
        round_trips=(60, 180),
        win_rate=(0.85, 0.97),
        gain=(1.0003, 1.012),
        loss=(0.997, 0.9999),
        stake_usd=(300.0, 8_000.0),
        coins=(3, 8),
    ),
    Character.INSIDER: Profile(
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


SHARES: dict[Character, float] = {
    Character.SKILLED: 0.020,
    Character.MOONSHOT: 0.006,
    Character.DUSTY: 0.006,
    Character.COPIER: 0.006,
    Character.LOSING: 0.050,
    Character.BAG_HOLDER: 0.025,
    Character.STAKER: 0.020,
    Character.SOL_LOSER: 0.020,
    Character.FEE_EATER: 0.012,
    Character.GRID: 0.015,
    Character.SCALPER: 0.012,
    Character.LAUNCHER: 0.020,
    Character.SELF_MARKER: 0.010,
    Character.WASHER: 0.006,
    Character.BOT: 0.015,
    Character.ARBITRAGEUR: 0.020,
    Character.INSIDER: 0.030,
}
"""Of all wallets; a wash trader's and a self-marker's are of their groups. What is left is lucky or average."""
LUCKY_SHARE = 0.64
"""Twenty times as many as those with skill."""
WASHERS_TOGETHER = 5
FEWEST_WALLETS = 30


def cast(wallets: int) -> dict[Character, int]:
    """How many of each character: in the shares above, rounded, every one of them at least once."""
    counts = {one: max(1, round(share * wallets)) for one, share in SHARES.items()}
    counts[Character.ACCOMPLICE] = counts[Character.SELF_MARKER]
    counts[Character.WASHER] *= WASHERS_TOGETHER
    left = wallets - sum(counts.values())
    counts[Character.LUCKY] = min(round(LUCKY_SHARE * wallets), left - 1)
    counts[Character.AVERAGE] = left - counts[Character.LUCKY]
    return counts

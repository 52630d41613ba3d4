"""What a bet returns before costs: skill and luck are distributions, and nothing else.

A bet loses between a tenth and nearly all of its stake, or gains a lognormal amount. With `mean` the mean
return over all bets, `win_rate` the share that gains and m_loss the mean loss, the mean gain is
(mean + (1 - win_rate) m_loss) / win_rate. The odds stand fixed: nothing is tuned to what a ranking finds.
"""

import math
from dataclasses import dataclass
from random import Random

from smart_trader_assets.sandbox.generated.characters import Character, Range

LOSS: Range = (0.10, 0.95)
SPREAD = 1.05
"""Of the logarithm of a gain: whatever the mean, the standard deviation of a bet is above 100 %."""
MOST = 25.0
"""No bet gains more than so many stakes."""
WIN_RATES: dict[Character, Range] = {Character.LUCKY: (0.20, 0.40)}
"""The lucky gain less often and more at a time, so that a few of them look like the skilled for a while."""
WIN_RATE: Range = (0.35, 0.50)
"""Of the others."""


@dataclass(frozen=True, slots=True)
class Odds:
    """A wallet's own: the mean return of its bets as a part of one, and how many of them gain."""

    mean: float
    win_rate: float

    @property
    def mean_gain(self) -> float:
        """Of the bets that gain."""
        return (self.mean + (1.0 - self.win_rate) * sum(LOSS) / 2) / self.win_rate

    def draw(self, rng: Random) -> float:
        """A bet's return."""
        if rng.random() >= self.win_rate:
            return -rng.uniform(*LOSS)
        location = math.log(self.mean_gain) - SPREAD**2 / 2
        return min(MOST, rng.lognormvariate(location, SPREAD))

    def at_least(self, result: float) -> float:
        """How likely a return of that gain or more is."""
        location = math.log(self.mean_gain) - SPREAD**2 / 2
        distance = (math.log(result) - location) / (SPREAD * math.sqrt(2))
        return self.win_rate * math.erfc(distance) / 2

    def density(self, result: float) -> float:
        """How likely a return is, per unit of return."""
        if result < 0:
            low, high = LOSS
            return (1.0 - self.win_rate) / (high - low)
        location = math.log(self.mean_gain) - SPREAD**2 / 2
        distance = (math.log(max(result, 1e-6)) - location) / SPREAD
        share = math.exp(-(distance**2) / 2) / (SPREAD * math.sqrt(2 * math.pi))
        return self.win_rate * share / max(result, 1e-6)


MEANS: dict[Character, Range] = {
    Character.SKILLED: (0.10, 0.60),
    Character.MOONSHOT: (0.10, 0.60),
    Character.DUSTY: (0.10, 0.60),
    Character.LUCKY: (-0.05, 0.0),
    Character.BAG_HOLDER: (-0.25, -0.10),
}
"""What the mean return of a wallet's bets is drawn from, evenly."""


def odds_of(rng: Random, character: Character) -> Odds:
    """A wallet's odds."""
    return Odds(rng.uniform(*MEANS[character]), rng.uniform(*WIN_RATES.get(character, WIN_RATE)))

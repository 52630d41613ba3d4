"""The price of a mint over time."""

import math
from dataclasses import dataclass
from random import Random

STEP_SECONDS = 3_600
HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class PricePath:
    """Logarithms of prices in USD, one an hour from ``start`` on, straight lines between them."""

    start: int
    logs: list[float]

    def at(self, time: int) -> float:
        """The price at a unix time; before the first and after the last hour it stands still."""
        position = (time - self.start) / STEP_SECONDS
        if position <= 0:
            return math.exp(self.logs[0])
        hour = int(position)
        if hour >= len(self.logs) - 1:
            return math.exp(self.logs[-1])
        here = self.logs[hour]
        return math.exp(here + (self.logs[hour + 1] - here) * (position - hour))

    def change_percent(self, time: int, hours: int) -> float:
        """How far the price moved within the hours up to a unix time."""
        return 100.0 * (self.at(time) / self.at(time - hours * STEP_SECONDS) - 1.0)


def random_walk(
    rng: Random, *, start: int, hours: int, daily_volatility: float, pull_per_day: float
) -> PricePath:
    """A geometric random walk around 1 that is pulled back a little every hour."""
    noise = daily_volatility / math.sqrt(HOURS_A_DAY)
    keep = 1.0 - pull_per_day / HOURS_A_DAY
    logs = [0.0]
    for _ in range(hours):
        logs.append(logs[-1] * keep + rng.gauss(0.0, noise))
    return PricePath(start, logs)


def growing_multiple(path: PricePath, *, per_day: float) -> PricePath:
    """The price of a mint that is worth an evenly growing number of another one, from 1.1 on."""
    step = math.log1p(per_day) / HOURS_A_DAY
    first = math.log(1.1)
    return PricePath(path.start, [log + first + step * i for i, log in enumerate(path.logs)])


def add_pumps(rng: Random, path: PricePath, *, days_between: float) -> None:
    """Lets the price jump up within half a day now and then, and lose the jump over days."""
    hour = rng.expovariate(1.0 / (days_between * HOURS_A_DAY))
    while hour < len(path.logs):
        height, rise, half_life = rng.uniform(0.25, 0.8), rng.randint(4, 12), rng.uniform(24, 96)
        first = int(hour)
        for index in range(first, min(len(path.logs), first + 400)):
            age = index - first
            share = age / rise if age < rise else 0.5 ** ((age - rise) / half_life)
            path.logs[index] += height * share
        hour += rng.expovariate(1.0 / (days_between * HOURS_A_DAY))


def anchor_at(path: PricePath, *, hour: int, price: float, change: float | None) -> None:
    """Shifts a path so that the price at an hour is ``price``.

    With ``change``, the price of 24 hours earlier becomes ``price / change`` too; the correction
    grows over that day and fades over the days after.
    """
    if change is not None:
        day_before = path.logs[hour - HOURS_A_DAY]
        missing = math.log(change) - (path.logs[hour] - day_before)
        for index in range(hour - HOURS_A_DAY + 1, len(path.logs)):
            age = index - hour
            share = 1.0 + age / HOURS_A_DAY if age <= 0 else math.exp(-age / 96.0)
            path.logs[index] += missing * share
    shift = math.log(price) - path.logs[hour]
    path.logs[:] = [log + shift for log in path.logs]

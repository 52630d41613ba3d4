"""Coins that are launched: unlisted, wild for two weeks, and for the most part dead afterwards."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from random import Random

from smart_trader_assets.sandbox.generated.chain import account_address
from smart_trader_assets.sandbox.generated.coins import (
    DAY,
    HOUR,
    HOURS_A_DAY,
    MINUTE,
    Calendar,
    Coin,
    Listing,
    log_uniform,
    make_pools,
    symbol_of,
)

LIVES_DAYS = 14
"""So long a coin is traded."""
CROWDED = 0.95
FIRST_MINUTES = 12
SETTLES_HOURS = 2
HYPED = 0.5
CROWDED_SECONDS = 45
"""After so long nobody buys cheaply any more."""
DAILY_VOLATILITY = 1.15
DOWN_A_DAY = DAILY_VOLATILITY**2 / 2 + 0.02
"""Of the logarithm: whoever buys anything and holds it loses a little, on average, and mostly nearly all."""
DIES = 0.6
DIES_TO = 0.004
MOONS = 0.04
LOWEST_LOG = math.log(1e-8)


@dataclass(frozen=True, slots=True)
class LaunchPath:
    """Logarithms of prices in USD at rising unix times, straight lines between them."""

    times: list[int]
    logs: list[float]

    @property
    def launched(self) -> int:
        """The first second in which it can be traded."""
        return self.times[0]

    @property
    def best_minutes(self) -> tuple[int, float]:
        """When in its first minutes it is dearest, and how many times its first price it costs then."""
        place = max(range(FIRST_MINUTES + 2), key=self.logs.__getitem__)
        return self.times[place], math.exp(self.logs[place] - self.logs[0])

    def at(self, time: int) -> float:
        """The price at a unix time; before the launch and after the last knot it stands still."""
        return math.exp(self._log_at(time))

    def change_percent(self, time: int, hours: int) -> float:
        """How far the price moved within the hours up to a unix time."""
        return 100.0 * (self.at(time) / self.at(time - hours * HOUR) - 1.0)

    def first_reach(self, entry: int, ratio: float, until: int) -> int | None:
        """The first second after `entry`, up to `until`, in which it costs `ratio` times what it did then."""
        wanted = self._log_at(entry) + math.log(ratio)
        up = ratio >= 1.0
        times, logs = self.times, self.logs
        before_time, before = entry, self._log_at(entry)
        for place in range(bisect_right(times, entry), len(times)):
            here = logs[place]
            if here >= wanted if up else here <= wanted:
                share = (wanted - before) / (here - before) if here != before else 0.0
                reached = before_time + math.ceil(share * (times[place] - before_time))
                return reached if entry < reached <= until else None
            before_time, before = times[place], here
            if before_time > until:
                return None
        return None

    def _log_at(self, time: int) -> float:
        place = bisect_right(self.times, time)
        if place == 0:
            return self.logs[0]
        if place == len(self.times):
            return self.logs[-1]
        begin, end = self.times[place - 1], self.times[place]
        here, there = self.logs[place - 1], self.logs[place]
        return here + (there - here) * (time - begin) / (end - begin)


def make_launches(rng: Random, calendar: Calendar, count: int) -> tuple[Coin, ...]:
    """So many coins, launched evenly from two weeks before the first trades on."""
    first, last = calendar.first - LIVES_DAYS * DAY, calendar.last - DAY
    step = (last - first) / count
    return tuple(
        _launched(rng, int(first + step * (index + rng.random()))) for index in range(count)
    )


def thin_coin(rng: Random, time: int) -> Coin:
    """A coin that nobody trades but those who made it: its price stands still, so that whoever follows them
    buys and sells at what it is worth."""
    price = math.log(log_uniform(rng, 1e-7, 1e-5))
    return _coin(rng, LaunchPath([time, time + DAY], [price, price]))


def sinking_coin(rng: Random, calendar: Calendar, sol: Coin) -> Coin:
    """A coin that loses against SOL day by day, whatever SOL does."""
    times = list(range(calendar.start, calendar.last, HOUR))
    a_day, logs, strayed = rng.uniform(0.002, 0.004), [], 0.0
    for index, time in enumerate(times):
        strayed = strayed * 0.98 + rng.gauss(0.0, 0.003)
        logs.append(math.log(sol.path.at(time) / 100) - a_day * index / HOURS_A_DAY + strayed)
    return _coin(rng, LaunchPath(times, logs))


def _launched(rng: Random, launched: int) -> Coin:
    log = math.log(log_uniform(rng, 4e-6, 4e-5))
    times, logs = [launched], [log]
    peak = rng.uniform(1.0, 3.3) if rng.random() < HYPED else rng.uniform(0.0, 0.6)
    times.append(launched + CROWDED_SECONDS)
    logs.append(log + CROWDED * peak)
    for minute in range(1, FIRST_MINUTES + 1):
        times.append(launched + minute * MINUTE)
        rise = CROWDED + (1.0 - CROWDED) * min(1.0, minute / (FIRST_MINUTES - 3))
        logs.append(log + peak * rise + rng.gauss(0.0, 0.03))
    settled = log + peak * rng.uniform(0.1, 0.6)
    times.append(launched + SETTLES_HOURS * HOUR)
    logs.append(settled)
    moon = rng.uniform(3.2, 5.0) if rng.random() < MOONS else 0.0
    rises_days = rng.uniform(2.0, 5.0)
    dead_after = rng.uniform(4.0, LIVES_DAYS) if rng.random() < DIES and not moon else math.inf
    noise = DAILY_VOLATILITY / math.sqrt(HOURS_A_DAY)
    walk = settled
    for hour in range(1, LIVES_DAYS * HOURS_A_DAY + 1):
        days = hour / HOURS_A_DAY
        rise = moon / rises_days if days <= rises_days else 0.0
        walk += rng.gauss((rise - DOWN_A_DAY) / HOURS_A_DAY, noise)
        if dead_after <= days < dead_after + 1:
            walk += math.log(DIES_TO) / HOURS_A_DAY
        times.append(launched + (SETTLES_HOURS + hour) * HOUR)
        logs.append(max(walk, LOWEST_LOG))
    return _coin(rng, LaunchPath(times, logs))


def _coin(rng: Random, path: LaunchPath) -> Coin:
    symbol = symbol_of(rng)
    return Coin(
        mint=account_address(rng),
        symbol=symbol,
        name=f"{symbol} coin",
        decimals=6,
        path=path,
        listing=Listing.UNLISTED,
        liquidity=rng.uniform(8_000, 60_000),
        volume=0.0,
        known_holders=0,
        pools=make_pools(rng, 2),
    )

"""The mints of the invented market: what they are, what they cost, how they are listed."""

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle, islice
from random import Random
from typing import Protocol

from smart_trader_assets.sandbox.generated.chain import (
    JITOSOL,
    MSOL,
    USDC,
    USDT,
    WRAPPED_SOL,
    Venue,
    account_address,
    pool_venue,
    program_address,
    wallet_address,
)

MINUTE = 60
HOUR = 60 * MINUTE
HOURS_A_DAY = 24
DAY = HOUR * HOURS_A_DAY

SUPPLY = 1_000_000_000
"""Whole tokens of every coin."""


class Listing(StrEnum):
    """What the token list says of a mint at the anchor, measured by the usual thresholds."""

    PASSING = "passing"
    ILLIQUID = "illiquid"
    TOO_LIQUID = "too_liquid"
    QUIET = "quiet"
    FLAT = "flat"
    WITHOUT_PRICE = "without_price"
    WITHOUT_SYMBOL = "without_symbol"
    CASH = "cash"
    STAKED_SOL = "staked_sol"
    UNLISTED = "unlisted"


FAILING = (
    *(Listing.ILLIQUID, Listing.ILLIQUID, Listing.TOO_LIQUID, Listing.QUIET, Listing.QUIET),
    *(Listing.FLAT, Listing.FLAT, Listing.FLAT, Listing.WITHOUT_PRICE, Listing.WITHOUT_SYMBOL),
)
"""What a quarter of the coins fail by, in turn; the others pass."""

LYING_SYMBOLS = ("🐸PEPO", "FARTLET ", "USDC", "1", "SOL")
SYLLABLES = ("bo", "zu", "wif", "pup", "mog", "gig", "nub", "tro", "kek", "lum", "daw", "fro")


@dataclass(frozen=True, slots=True)
class Calendar:
    """A market's times in unix seconds: prices begin at ``start``, trades a day later."""

    start: int
    anchor: int
    last: int

    @property
    def first(self) -> int:
        """The first second of trading."""
        return self.start + DAY


class Path(Protocol):
    """What a mint costs over time."""

    def at(self, time: int) -> float:
        """The price in USD at a unix time."""
        ...

    def change_percent(self, time: int, hours: int) -> float:
        """How far the price moved within the hours up to a unix time."""
        ...


@dataclass(frozen=True, slots=True)
class PricePath:
    """Logarithms of prices in USD, one an hour from ``start`` on, straight lines between them."""

    start: int
    logs: list[float]

    def at(self, time: int) -> float:
        """The price at a unix time; before the first and after the last hour it stands still."""
        position = (time - self.start) / HOUR
        if position <= 0:
            return math.exp(self.logs[0])
        hour = int(position)
        if hour >= len(self.logs) - 1:
            return math.exp(self.logs[-1])
        here = self.logs[hour]
        return math.exp(here + (self.logs[hour + 1] - here) * (position - hour))

    def change_percent(self, time: int, hours: int) -> float:
        """How far the price moved within the hours up to a unix time."""
        return 100.0 * (self.at(time) / self.at(time - hours * HOUR) - 1.0)


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool of a pair: where it trades and who holds its tokens."""

    venue: Venue
    address: str
    authority: str


@dataclass(frozen=True, slots=True)
class Coin:
    """A mint with its price; ``liquidity`` and ``volume`` (USD, of one hour) are at the anchor."""

    mint: str
    symbol: str
    name: str
    decimals: int
    path: Path
    listing: Listing
    liquidity: float
    volume: float
    known_holders: int
    pools: tuple[Pool, ...]

    @property
    def unit(self) -> int:
        """Raw units of one whole token."""
        return int(10**self.decimals)

    @property
    def is_cash(self) -> bool:
        """Whether it is what others are paid with, and never a position."""
        return self.listing is Listing.CASH

    def raw_for(self, usd: float, time: int, dearer: float = 1.0) -> int:
        """The raw units that so much money is worth, where a token costs ``dearer`` times its price."""
        return int(usd / (self.path.at(time) * dearer) * self.unit)

    def worth(self, raw: int, time: int, dearer: float = 1.0) -> float:
        """What raw units are worth in USD, the other way round."""
        return raw / self.unit * (self.path.at(time) * dearer)


@dataclass(frozen=True, slots=True)
class Mints:
    """Every mint of a market: ``coins`` are listed; ``launches`` and ``sinking``, which lose against SOL, are
    not."""

    sol: Coin
    stables: tuple[Coin, ...]
    staked: tuple[Coin, ...]
    coins: tuple[Coin, ...]
    launches: tuple[Coin, ...] = ()
    sinking: tuple[Coin, ...] = ()

    @property
    def all(self) -> tuple[Coin, ...]:
        """Every one that is listed."""
        return (self.sol, *self.stables, *self.staked, *self.coins)

    @property
    def passing(self) -> tuple[Coin, ...]:
        """The coins that pass the usual thresholds at the anchor."""
        return tuple(coin for coin in self.coins if coin.listing is Listing.PASSING)


def make_mints(rng: Random, calendar: Calendar, tokens: int, *, sol_growth: float = 1.0) -> Mints:
    """SOL, two stable coins, two kinds of staked SOL, and ``tokens`` coins. Up to the anchor SOL grows
    ``sol_growth`` times beside what chance makes of it."""
    sol_path = _random_walk(rng, calendar, daily_volatility=0.035, pull_per_day=0.03)
    _grow(sol_path, calendar, sol_growth)
    _anchor_at(sol_path, calendar, price=rng.uniform(140, 190), change=None)
    sol = _known(rng, "SOL", WRAPPED_SOL, 9, sol_path, Listing.CASH)
    failing = list(islice(cycle(FAILING), round(tokens / 4)))
    listings = [Listing.PASSING] * (tokens - len(failing)) + failing
    symbols = _symbols(rng, tokens)
    stables = []
    for symbol, mint in (("USDC", USDC), ("USDT", USDT)):
        path = _random_walk(rng, calendar, daily_volatility=0.0002, pull_per_day=1.0)
        stables.append(_known(rng, symbol, mint, 6, path, Listing.CASH))
    staked = []
    for symbol, mint, per_day in (("mSOL", MSOL, 0.0002), ("JitoSOL", JITOSOL, 0.0001)):
        path = _growing_multiple(sol_path, per_day=per_day)
        staked.append(_known(rng, symbol, mint, 9, path, Listing.STAKED_SOL))
    coins = [_coin(rng, calendar, *each) for each in zip(listings, symbols, strict=True)]
    return Mints(sol, tuple(stables), tuple(staked), tuple(coins))


def log_uniform(rng: Random, low: float, high: float) -> float:
    """A number between two bounds, drawn evenly on a log scale."""
    return float(low * (high / low) ** rng.random())


def _coin(rng: Random, calendar: Calendar, listing: Listing, symbol: str) -> Coin:
    liquidity = log_uniform(rng, 150_000, 40_000_000)
    volume = log_uniform(rng, 90_000, 2_000_000)
    change = rng.uniform(1.24, 2.1)
    match listing:
        case Listing.ILLIQUID:
            liquidity = rng.uniform(20_000, 70_000)
        case Listing.TOO_LIQUID:
            liquidity = rng.uniform(230e6, 400e6)
        case Listing.QUIET:
            volume = rng.uniform(2_000, 9_000)
        case Listing.FLAT:
            change = rng.uniform(0.86, 1.15)
    path = _random_walk(rng, calendar, daily_volatility=0.30, pull_per_day=0.12)
    _add_pumps(rng, path, days_between=11)
    _anchor_at(path, calendar, price=liquidity * rng.uniform(4, 12) / SUPPLY, change=change)
    return Coin(
        mint=account_address(rng),
        symbol=symbol,
        name=f"{symbol.strip()} coin",
        decimals=rng.choice((6, 6, 6, 6, 9, 9, 8)),
        path=path,
        listing=listing,
        liquidity=liquidity,
        volume=volume,
        known_holders=rng.randint(900, 60_000),
        pools=make_pools(rng, 3),
    )


def _known(
    rng: Random, symbol: str, mint: str, decimals: int, path: PricePath, listing: Listing
) -> Coin:
    return Coin(
        mint=mint,
        symbol=symbol,
        name=symbol,
        decimals=decimals,
        path=path,
        listing=listing,
        liquidity=rng.uniform(60e6, 180e6),
        volume=rng.uniform(1e6, 9e6),
        known_holders=rng.randint(200_000, 2_000_000),
        pools=tuple(_pool(rng, on_curve=False) for _ in range(2)),
    )


def make_pools(rng: Random, count: int) -> tuple[Pool, ...]:
    """Pools of a coin; one in six has a key of its own: its address lies on the curve like a wallet's."""
    return tuple(_pool(rng, on_curve=rng.random() < 1 / 6) for _ in range(count))


def symbol_of(rng: Random) -> str:
    """A word that looks like a coin's symbol; nothing keeps two of them from being the same, as in the real
    market."""
    return "".join(rng.sample(SYLLABLES, rng.randint(1, 3))).upper()


def _pool(rng: Random, *, on_curve: bool) -> Pool:
    address = wallet_address(rng) if on_curve else program_address(rng)
    authority = address if on_curve else program_address(rng)
    return Pool(pool_venue(rng), address, authority)


def _symbols(rng: Random, count: int) -> list[str]:
    return [*LYING_SYMBOLS, *(symbol_of(rng) for _ in range(count - len(LYING_SYMBOLS)))]


def _random_walk(
    rng: Random, calendar: Calendar, *, daily_volatility: float, pull_per_day: float
) -> PricePath:
    """A geometric random walk around 1 that is pulled back a little every hour."""
    noise = daily_volatility / math.sqrt(HOURS_A_DAY)
    keep = 1.0 - pull_per_day / HOURS_A_DAY
    logs = [0.0]
    for _ in range(calendar.start, calendar.last, HOUR):
        logs.append(logs[-1] * keep + rng.gauss(0.0, noise))
    return PricePath(calendar.start, logs)


def _grow(path: PricePath, calendar: Calendar, times: float) -> None:
    """Lets a path grow evenly, so many times up to the anchor, and not any more afterwards."""
    hours = (calendar.anchor - calendar.start) // HOUR
    path.logs[:] = [
        log + math.log(times) * min(1.0, hour / hours) for hour, log in enumerate(path.logs)
    ]


def _growing_multiple(path: PricePath, *, per_day: float) -> PricePath:
    """The price of a mint that is worth an evenly growing number of another one, from 1.1 on."""
    step = math.log1p(per_day) / HOURS_A_DAY
    first = math.log(1.1)
    return PricePath(path.start, [log + first + step * i for i, log in enumerate(path.logs)])


def _add_pumps(rng: Random, path: PricePath, *, days_between: float) -> None:
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


def _anchor_at(path: PricePath, calendar: Calendar, *, price: float, change: float | None) -> None:
    """Shifts a path so that the price at the anchor is ``price``.

    With ``change``, the price of 24 hours earlier becomes ``price / change`` too; the correction
    grows over that day and fades over the days after.
    """
    hour = (calendar.anchor - calendar.start) // HOUR
    if change is not None:
        day_before = path.logs[hour - HOURS_A_DAY]
        missing = math.log(change) - (path.logs[hour] - day_before)
        for index in range(hour - HOURS_A_DAY + 1, len(path.logs)):
            age = index - hour
            share = 1.0 + age / HOURS_A_DAY if age <= 0 else math.exp(-age / 96.0)
            path.logs[index] += missing * share
    shift = math.log(price) - path.logs[hour]
    path.logs[:] = [log + shift for log in path.logs]

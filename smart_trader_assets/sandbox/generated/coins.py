"""The mints of the invented market: what they are, what they cost, how they are listed."""

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import cycle, islice
from random import Random

from smart_trader_assets.sandbox.generated.addresses import (
    account_address,
    program_address,
    wallet_address,
)
from smart_trader_assets.sandbox.generated.known_mints import JITOSOL, MSOL, USDC, USDT, WRAPPED_SOL
from smart_trader_assets.sandbox.generated.price_path import (
    PricePath,
    add_pumps,
    anchor_at,
    growing_multiple,
    random_walk,
)
from smart_trader_assets.sandbox.generated.venues import Venue, pool_venue

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


FAILING = (
    Listing.ILLIQUID,
    Listing.ILLIQUID,
    Listing.TOO_LIQUID,
    Listing.QUIET,
    Listing.QUIET,
    Listing.FLAT,
    Listing.FLAT,
    Listing.FLAT,
    Listing.WITHOUT_PRICE,
    Listing.WITHOUT_SYMBOL,
)
"""What a quarter of the coins fail by, in turn; the others pass."""

LYING_SYMBOLS = ("🐸PEPO", "FARTLET ", "USDC", "1", "SOL")
SYLLABLES = ("bo", "zu", "wif", "pup", "mog", "gig", "nub", "tro", "kek", "lum", "daw", "fro")


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
    path: PricePath
    listing: Listing
    liquidity: float
    volume: float
    known_holders: int
    pools: tuple[Pool, ...] = field(default=())

    @property
    def unit(self) -> int:
        """Raw units of one whole token."""
        return int(10**self.decimals)


@dataclass(frozen=True, slots=True)
class Span:
    """The hours that a market covers; ``anchor`` is an hour's number counted from the start."""

    start: int
    hours: int
    anchor: int


@dataclass(frozen=True, slots=True)
class Mints:
    """Every mint of a market."""

    sol: Coin
    stables: tuple[Coin, Coin]
    staked: tuple[Coin, Coin]
    coins: tuple[Coin, ...]

    @property
    def all(self) -> tuple[Coin, ...]:
        return (self.sol, *self.stables, *self.staked, *self.coins)

    @property
    def passing(self) -> tuple[Coin, ...]:
        return tuple(coin for coin in self.coins if coin.listing is Listing.PASSING)


def make_mints(rng: Random, span: Span, tokens: int) -> Mints:
    """SOL, two stable coins, two kinds of staked SOL, and ``tokens`` coins."""
    sol_path = random_walk(
        rng, start=span.start, hours=span.hours, daily_volatility=0.035, pull_per_day=0.03
    )
    anchor_at(sol_path, hour=span.anchor, price=rng.uniform(140, 190), change=None)
    sol = _known(rng, WRAPPED_SOL, symbol="SOL", decimals=9, path=sol_path, listing=Listing.CASH)
    failing = list(islice(cycle(FAILING), round(tokens / 4)))
    listings = [Listing.PASSING] * (tokens - len(failing)) + failing
    symbols = _symbols(rng, tokens)
    return Mints(
        sol=sol,
        stables=(_stable(rng, "USDC", USDC, span), _stable(rng, "USDT", USDT, span)),
        staked=(
            _staked(rng, "mSOL", MSOL, sol_path, per_day=0.0002),
            _staked(rng, "JitoSOL", JITOSOL, sol_path, per_day=0.0001),
        ),
        coins=tuple(
            _coin(rng, span, listing, symbol)
            for listing, symbol in zip(listings, symbols, strict=True)
        ),
    )


def _coin(rng: Random, span: Span, listing: Listing, symbol: str) -> Coin:
    liquidity = _log_uniform(rng, 150_000, 40_000_000)
    volume = _log_uniform(rng, 90_000, 2_000_000)
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
    path = random_walk(
        rng, start=span.start, hours=span.hours, daily_volatility=0.30, pull_per_day=0.12
    )
    add_pumps(rng, path, days_between=11)
    anchor_at(
        path,
        hour=span.anchor,
        price=liquidity * rng.uniform(4, 12) / SUPPLY,
        change=change,
    )
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
        # One in six pools has a key of its own: its address lies on the curve like a wallet's.
        pools=tuple(_pool(rng, on_curve=rng.random() < 1 / 6) for _ in range(3)),
    )


def _pool(rng: Random, *, on_curve: bool) -> Pool:
    address = wallet_address(rng) if on_curve else program_address(rng)
    authority = address if on_curve else program_address(rng)
    return Pool(pool_venue(rng), address, authority)


def _stable(rng: Random, symbol: str, mint: str, span: Span) -> Coin:
    path = random_walk(
        rng, start=span.start, hours=span.hours, daily_volatility=0.0002, pull_per_day=1.0
    )
    return _known(rng, mint, symbol=symbol, decimals=6, path=path, listing=Listing.CASH)


def _staked(rng: Random, symbol: str, mint: str, sol: PricePath, *, per_day: float) -> Coin:
    path = growing_multiple(sol, per_day=per_day)
    return _known(rng, mint, symbol=symbol, decimals=9, path=path, listing=Listing.STAKED_SOL)


def _known(
    rng: Random, mint: str, *, symbol: str, decimals: int, path: PricePath, listing: Listing
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


def _symbols(rng: Random, count: int) -> list[str]:
    # Nothing keeps two of them from being the same, as in the real market.
    words = [
        "".join(rng.sample(SYLLABLES, rng.randint(1, 3))).upper()
        for _ in range(count - len(LYING_SYMBOLS))
    ]
    return [*LYING_SYMBOLS, *words]


def _log_uniform(rng: Random, low: float, high: float) -> float:
    return float(low * (high / low) ** rng.random())

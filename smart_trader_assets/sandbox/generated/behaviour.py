"""How each character goes through the market."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from random import Random

from smart_trader_assets.sandbox.generated.characters import (
    BOT_BURST_ROUND_TRIPS,
    PROFILES,
    Character,
    Profile,
    Range,
)
from smart_trader_assets.sandbox.generated.coins import Coin, Mints
from smart_trader_assets.sandbox.generated.price_path import STEP_SECONDS
from smart_trader_assets.sandbox.generated.wallet import TraderWallet

DAY = 86_400
SEARCHES = 60
"""How many spans of time a wallet looks at before it takes the one nearest to what it wants."""
CONVERTS = 0.16
ROTATES = 0.05
ROTATES_UNPRICED = 0.15
STAKES = 0.15
SELLS_LATER = 0.7
BURSTS = 0.02


@dataclass(frozen=True, slots=True)
class Calendar:
    """The first second of trading, the anchor and the last second, in unix time."""

    first: int
    anchor: int
    last: int


@dataclass(slots=True)
class RoundTrip:
    """A position of a wallet: what is left of what it bought.

    One that is ``kept`` is paid for in cash and pays for nothing else.
    """

    coin: Coin
    stake_usd: float
    kept: bool = False
    held: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """Something to do at a time: buy a round trip's coin, or sell a share of what is left of it."""

    time: int
    trip: RoundTrip
    share: float | None = None


def live(wallet: TraderWallet, mints: Mints, calendar: Calendar, round_trips: int | None) -> None:
    """Lets a wallet trade through the calendar in its character.

    At the anchor it holds at least one passing coin worth 1,600 USD or more, so that it is found
    among the holders. ``round_trips`` replaces the number that its profile would draw.
    """
    rng, profile = wallet.rng, PROFILES[wallet.character]
    count = rng.randint(*profile.round_trips) if round_trips is None else round_trips
    coins = _some(rng, mints.coins, profile.coins)
    bags = _bags(rng, mints, calendar)
    match wallet.character:
        case Character.BOT:
            _trade_in_seconds(wallet, coins, calendar, profile, count)
            _execute(wallet, bags)
        case Character.ARBITRAGEUR:
            _cycle(wallet, coins, calendar, profile, count)
            _execute(wallet, bags)
        case Character.INSIDER:
            _sell_gifts(wallet, mints, calendar, profile, count)
        case _:
            orders = _directional(rng, coins, calendar, profile, count)
            if rng.random() < STAKES:
                orders += _staking(rng, mints, calendar)
            _execute(wallet, orders + bags)


def _directional(
    rng: Random, coins: list[Coin], calendar: Calendar, profile: Profile, count: int
) -> list[Order]:
    win_rate = rng.uniform(*profile.win_rate)
    jackpots = rng.randint(*profile.jackpots)
    orders = []
    for index in range(count):
        if index < jackpots:
            wanted, hold = profile.jackpot, profile.jackpot_hold_hours
        else:
            wanted = profile.gain if rng.random() < win_rate else profile.loss
            hold = profile.hold_hours
        coin, entry, leave = _find_span(rng, coins, calendar, wanted, hold)
        trip = RoundTrip(coin, _log_uniform(rng, profile.stake_usd))
        orders.append(Order(entry, trip))
        orders += _exits(rng, trip, leave, calendar.last)
    return orders


def _find_span(
    rng: Random, coins: list[Coin], calendar: Calendar, wanted: Range, hold_hours: Range
) -> tuple[Coin, int, int]:
    nearest = (math.inf, coins[0], calendar.first, calendar.last)
    for _ in range(SEARCHES):
        coin = rng.choice(coins)
        hold = int(rng.uniform(*hold_hours) * STEP_SECONDS)
        entry = rng.randint(calendar.first, calendar.last - hold - STEP_SECONDS)
        ratio = coin.path.at(entry + hold) / coin.path.at(entry)
        missed = max(0.0, wanted[0] / ratio - 1.0, ratio / wanted[1] - 1.0)
        nearest = min(nearest, (missed, coin, entry, entry + hold), key=itemgetter(0))
        if missed == 0.0:
            break
    return nearest[1:]


def _exits(rng: Random, trip: RoundTrip, leave: int, last: int) -> list[Order]:
    parts = rng.choices((1, 2, 3), (60, 28, 12))[0]
    times = sorted(min(last, leave + rng.randint(0, 1_800)) for _ in range(parts))
    # Each part sells an equal share of the whole: 1/3, then 1/2 of the rest, then all of it.
    return [Order(time, trip, 1.0 / (parts - index)) for index, time in enumerate(times)]


def _bags(rng: Random, mints: Mints, calendar: Calendar) -> list[Order]:
    orders = []
    for coin in _some(rng, mints.passing, (1, 3)):
        entry = calendar.anchor - rng.randint(STEP_SECONDS, 6 * DAY)
        worth = rng.uniform(1_600, 6_500)
        stake = worth * coin.path.at(entry) / coin.path.at(calendar.anchor) * 1.02
        trip = RoundTrip(coin, stake, kept=True)
        orders.append(Order(entry, trip))
        if rng.random() < SELLS_LATER:
            ahead = calendar.last - calendar.anchor
            orders += _exits(
                rng, trip, calendar.anchor + rng.randint(ahead // 30, ahead), calendar.last
            )
    return orders


def _staking(rng: Random, mints: Mints, calendar: Calendar) -> list[Order]:
    trip = RoundTrip(rng.choice(mints.staked), rng.uniform(500, 8_000))
    entry = rng.randint(calendar.first, calendar.anchor - 10 * DAY)
    return [Order(entry, trip), Order(entry + rng.randint(DAY, 9 * DAY), trip, 1.0)]


def _execute(wallet: TraderWallet, orders: list[Order]) -> None:
    rng = wallet.rng
    open_trips: list[RoundTrip] = []
    for order in sorted(orders, key=lambda order: (order.time, order.share is not None)):
        trip = order.trip
        if order.share is None:
            _enter(wallet, trip, order.time, open_trips)
            open_trips.append(trip)
        elif trip.held:
            quantity = trip.held if order.share == 1.0 else int(trip.held * order.share)
            wallet.sell(trip.coin, order.time, quantity)
            trip.held -= quantity
            if not trip.held:
                open_trips.remove(trip)
        if rng.random() < CONVERTS:
            wallet.convert(order.time, rng.uniform(100, 4_000))


def _enter(wallet: TraderWallet, trip: RoundTrip, time: int, held: list[RoundTrip]) -> None:
    rng = wallet.rng
    others = [other for other in held if not other.kept and other.coin.mint != trip.coin.mint]
    # Old rows tell no volume, so what one coin was worth in another could not be told exactly.
    may_rotate = not trip.kept and not wallet.writes_old_rows(time)
    if others and may_rotate and rng.random() < ROTATES:
        given = rng.choice(others)
        priced = rng.random() >= ROTATES_UNPRICED
        trip.held += wallet.rotate(given.coin, given.held, trip.coin, time, priced=priced)
        given.held = 0
        held.remove(given)
    else:
        trip.held += wallet.buy(trip.coin, time, trip.stake_usd)


def _trade_in_seconds(
    wallet: TraderWallet, coins: list[Coin], calendar: Calendar, profile: Profile, count: int
) -> None:
    rng = wallet.rng
    win_rate = rng.uniform(*profile.win_rate)
    # Bots came late: in the oldest rows nothing tells the order within a second.
    times: list[int] = []
    first = max(calendar.anchor - 90 * DAY, calendar.first)
    while wallet.writes_old_rows(first):
        first += DAY
    while len(times) < count:
        burst = BOT_BURST_ROUND_TRIPS if rng.random() < BURSTS else 1
        times += [rng.randint(first, calendar.last)] * burst
    for time in sorted(times[:count]):
        coin, stake = rng.choice(coins), _log_uniform(rng, profile.stake_usd)
        ratio = rng.uniform(*(profile.gain if rng.random() < win_rate else profile.loss))
        quantity = wallet.buy(coin, time, stake, plain=True)
        wallet.sell(coin, time, quantity, plain=True, usd=stake * ratio)


def _cycle(
    wallet: TraderWallet, coins: list[Coin], calendar: Calendar, profile: Profile, count: int
) -> None:
    rng = wallet.rng
    win_rate = rng.uniform(*profile.win_rate)
    for time in sorted(rng.randint(calendar.first, calendar.last) for _ in range(count)):
        gain = rng.uniform(*(profile.gain if rng.random() < win_rate else profile.loss))
        through = tuple(rng.sample(coins, min(len(coins), rng.choice((1, 2, 2)))))
        wallet.cycle(through, time, _log_uniform(rng, profile.stake_usd), gain)


def _sell_gifts(
    wallet: TraderWallet, mints: Mints, calendar: Calendar, profile: Profile, count: int
) -> None:
    rng = wallet.rng
    gifts = _some(rng, mints.passing, profile.coins)
    sales = []
    for coin in gifts:
        received = rng.randint(calendar.first, calendar.anchor - 30 * DAY)
        worth = 3 * _log_uniform(rng, profile.stake_usd)
        quantity = int(worth / coin.path.at(calendar.anchor) * coin.unit)
        wallet.receive(coin, received, quantity)
        # Half of the gift at most is sold: the rest is what makes the wallet a holder.
        shares = max(1, count // len(gifts))
        for _ in range(shares):
            time = received + int(rng.uniform(*profile.hold_hours) * STEP_SECONDS)
            sales.append((min(time, calendar.last), coin, quantity // (2 * shares)))
    for time, coin, quantity in sorted(sales, key=lambda sale: (sale[0], sale[1].mint)):
        wallet.sell(coin, time, quantity)


def _some(rng: Random, coins: Sequence[Coin], how_many: tuple[int, int]) -> list[Coin]:
    return rng.sample(coins, min(len(coins), rng.randint(*how_many)))


def _log_uniform(rng: Random, bounds: Range) -> float:
    low, high = bounds
    return float(low * (high / low) ** rng.random())

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
    Range,
)
from smart_trader_assets.sandbox.generated.coins import DAY, HOUR, Coin, log_uniform
from smart_trader_assets.sandbox.generated.wallet import TraderWallet

SEARCHES = 60
"""How many spans of time a wallet looks at before it takes the one nearest to what it wants."""
CONVERTS = 0.16
ROTATES = 0.12
ROTATES_UNPRICED = 0.3
STAKES = 0.15
SELLS_LATER = 0.7
BURSTS = 0.02


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


def live(wallet: TraderWallet, round_trips: int | None) -> None:
    """Lets a wallet trade through the calendar in its character, one of ``PROFILES``.

    At the anchor it holds at least one passing coin worth 1,600 USD or more, so that it is found
    among the holders. ``round_trips`` replaces the number that its profile would draw.
    """
    life = _Life(wallet, round_trips)
    bags = life.bags()
    match wallet.character:
        case Character.BOT:
            life.trade_in_seconds()
            life.execute(bags)
        case Character.ARBITRAGEUR:
            life.cycle()
            life.execute(bags)
        case Character.INSIDER:
            life.sell_gifts()
        case _:
            life.execute(life.directional() + life.staking() + bags)


def hold_bags(wallet: TraderWallet) -> None:
    """Lets a wallet buy passing coins that it still holds at the anchor, so that it is found."""
    life = _Life(wallet, 0)
    life.execute(life.bags())


class _Life:
    def __init__(self, wallet: TraderWallet, round_trips: int | None) -> None:
        self.wallet, self.rng, self.mints = wallet, wallet.rng, wallet.mints
        self.calendar = wallet.calendar
        self.profile = PROFILES.get(wallet.character, PROFILES[Character.AVERAGE])
        drawn = self.rng.randint(*self.profile.round_trips) if round_trips is None else round_trips
        self.round_trips = drawn
        self.coins = _some(self.rng, self.mints.coins, self.profile.coins)

    def directional(self) -> list[Order]:
        """Buys and sales that turn out as the profile wants them to."""
        rng, profile = self.rng, self.profile
        win_rate = rng.uniform(*profile.win_rate)
        orders = []
        for _ in range(self.round_trips):
            coin, entry, leave = self._find_span(self._outcome(win_rate), profile.hold_hours)
            trip = RoundTrip(coin, log_uniform(rng, *profile.stake_usd))
            orders += [Order(entry, trip), *self._exits(trip, leave)]
        return orders

    def bags(self) -> list[Order]:
        """Buys of passing coins that are still held at the anchor."""
        rng, calendar = self.rng, self.calendar
        orders = []
        for coin in _some(rng, self.mints.passing, (1, 3)):
            entry = calendar.anchor - rng.randint(HOUR, 6 * DAY)
            worth = rng.uniform(1_600, 6_500)
            stake = worth * coin.path.at(entry) / coin.path.at(calendar.anchor) * 1.02
            trip = RoundTrip(coin, stake, kept=True)
            orders.append(Order(entry, trip))
            if rng.random() < SELLS_LATER:
                ahead = calendar.last - calendar.anchor
                orders += self._exits(trip, calendar.anchor + rng.randint(ahead // 30, ahead))
        return orders

    def staking(self) -> list[Order]:
        """SOL that is staked and unstaked, in some lives."""
        rng, calendar = self.rng, self.calendar
        if rng.random() >= STAKES:
            return []
        trip = RoundTrip(rng.choice(self.mints.staked), rng.uniform(500, 8_000))
        entry = rng.randint(calendar.first, calendar.anchor - 10 * DAY)
        return [Order(entry, trip), Order(entry + rng.randint(DAY, 9 * DAY), trip, 1.0)]

    def execute(self, orders: list[Order]) -> None:
        """Carries orders out in time, and now and then exchanges some cash after one."""
        rng = self.rng
        open_trips: list[RoundTrip] = []
        for order in sorted(orders, key=lambda order: (order.time, order.share is not None)):
            trip = order.trip
            if order.share is None:
                self._enter(trip, order.time, open_trips)
                open_trips.append(trip)
            elif trip.held:
                quantity = trip.held if order.share == 1.0 else int(trip.held * order.share)
                self.wallet.sell(trip.coin, order.time, quantity)
                trip.held -= quantity
                if not trip.held:
                    open_trips.remove(trip)
            if rng.random() < CONVERTS:
                self.wallet.convert(order.time, rng.uniform(100, 4_000))

    def trade_in_seconds(self) -> None:
        """Buys and sells at once, as bots do, with several round trips in one second in bursts."""
        rng, profile, calendar = self.rng, self.profile, self.calendar
        win_rate = rng.uniform(*profile.win_rate)
        # Bots came late: in the oldest rows nothing tells the order within a second.
        times: list[int] = []
        first = max(calendar.anchor - 90 * DAY, calendar.first)
        while self.wallet.writes_old_rows(first):
            first += DAY
        while len(times) < self.round_trips:
            burst = BOT_BURST_ROUND_TRIPS if rng.random() < BURSTS else 1
            times += [rng.randint(first, calendar.last)] * burst
        for time in sorted(times[: self.round_trips]):
            coin, stake = rng.choice(self.coins), log_uniform(rng, *profile.stake_usd)
            usd = stake * rng.uniform(*self._outcome(win_rate))
            quantity = self.wallet.buy(coin, time, stake, plain=True)
            self.wallet.sell(coin, time, quantity, plain=True, usd=usd)

    def cycle(self) -> None:
        """Goes from SOL through coins and back, each time in one transaction."""
        rng, first, last = self.rng, self.calendar.first, self.calendar.last
        win_rate = rng.uniform(*self.profile.win_rate)
        for time in sorted(rng.randint(first, last) for _ in range(self.round_trips)):
            gain = rng.uniform(*self._outcome(win_rate))
            through = rng.sample(self.coins, min(len(self.coins), rng.choice((1, 2, 2))))
            usd = log_uniform(rng, *self.profile.stake_usd)
            self.wallet.cycle(tuple(through), time, usd, gain)

    def sell_gifts(self) -> None:
        """Sells part of coins that were received without a swap."""
        rng, profile, calendar = self.rng, self.profile, self.calendar
        gifts = _some(rng, self.mints.passing, profile.coins)
        sales = []
        for coin in gifts:
            received = rng.randint(calendar.first, calendar.anchor - 30 * DAY)
            worth = 3 * log_uniform(rng, *profile.stake_usd)
            quantity = coin.raw_for(worth, calendar.anchor)
            self.wallet.receive(coin, received, quantity)
            # Half of the gift at most is sold: the rest is what makes the wallet a holder.
            shares = max(1, self.round_trips // len(gifts))
            for _ in range(shares):
                time = received + int(rng.uniform(*profile.hold_hours) * HOUR)
                sales.append((min(time, calendar.last), coin, quantity // (2 * shares)))
        for time, coin, quantity in sorted(sales, key=lambda sale: (sale[0], sale[1].mint)):
            self.wallet.sell(coin, time, quantity)

    def _outcome(self, win_rate: float) -> Range:
        return self.profile.gain if self.rng.random() < win_rate else self.profile.loss

    def _find_span(self, wanted: Range, hold_hours: Range) -> tuple[Coin, int, int]:
        rng, calendar = self.rng, self.calendar
        nearest = (math.inf, self.coins[0], calendar.first, calendar.last)
        for _ in range(SEARCHES):
            coin = rng.choice(self.coins)
            hold = int(rng.uniform(*hold_hours) * HOUR)
            entry = rng.randint(calendar.first, calendar.last - hold - HOUR)
            ratio = coin.path.at(entry + hold) / coin.path.at(entry)
            missed = max(0.0, wanted[0] / ratio - 1.0, ratio / wanted[1] - 1.0)
            nearest = min(nearest, (missed, coin, entry, entry + hold), key=itemgetter(0))
            if missed == 0.0:
                break
        return nearest[1:]

    def _exits(self, trip: RoundTrip, leave: int) -> list[Order]:
        rng, last = self.rng, self.calendar.last
        parts = rng.choices((1, 2, 3), (60, 28, 12))[0]
        times = sorted(min(last, leave + rng.randint(0, 1_800)) for _ in range(parts))
        # Each part sells an equal share of the whole: 1/3, then 1/2 of the rest, then all of it.
        return [Order(time, trip, 1.0 / (parts - index)) for index, time in enumerate(times)]

    def _enter(self, trip: RoundTrip, time: int, held: list[RoundTrip]) -> None:
        rng, wallet = self.rng, self.wallet
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


def _some(rng: Random, coins: Sequence[Coin], how_many: tuple[int, int]) -> list[Coin]:
    return rng.sample(coins, min(len(coins), rng.randint(*how_many)))

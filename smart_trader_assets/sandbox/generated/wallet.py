"""A wallet of the invented market: what it does, and what is known of it."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from smart_trader_assets.sandbox.generated.addresses import transaction_signature, wallet_address
from smart_trader_assets.sandbox.generated.characters import Character
from smart_trader_assets.sandbox.generated.coins import Coin, Listing, Mints
from smart_trader_assets.sandbox.generated.known_mints import WRAPPED_SOL
from smart_trader_assets.sandbox.generated.shapes import Shapes
from smart_trader_assets.sandbox.generated.swap_rows import (
    Swap,
    Transaction,
    volume_of,
    write_rows,
)
from smart_trader_assets.sandbox.generated.truth import Arbitrage, Side, Trade, Transfer, utc
from smart_trader_assets.sandbox.source import SwapItem

PAYS_WITH_SOL = 0.78
RECEIVES_NATIVE_SOL = 0.06
SELLS_SOL = 0.5
SLIPPAGE = 0.006


@dataclass(frozen=True, slots=True)
class Venues:
    """The market around a wallet; rows before ``old_before`` lack what came to the API later."""

    mints: Mints
    shapes: Shapes
    start: int
    old_before: int


class TraderWallet:
    """Trades coins, and keeps its rows, its true trades and its balances.

    Times are unix seconds, quantities are raw units.
    """

    def __init__(self, rng: Random, character: Character, venues: Venues) -> None:
        self.rng = rng
        self.address = wallet_address(rng)
        self.character = character
        self.items: list[SwapItem] = []
        self.trades: list[Trade] = []
        self.arbitrages: list[Arbitrage] = []
        self.transfers: list[Transfer] = []
        self.changes: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._venues = venues
        self._in_second: Counter[int] = Counter()

    def writes_old_rows(self, time: int) -> bool:
        """Whether rows of that time lack what came to the API later."""
        return time < self._venues.old_before

    def buy(self, coin: Coin, time: int, usd: float, *, plain: bool = False) -> int:
        """Pays about ``usd`` of cash for a coin, in one row where ``plain``; tells how much."""
        cash = self._cash(coin)
        paid = int(usd / cash.path.at(time) * cash.unit)
        value = _cash_value(cash, paid, time)
        price = coin.path.at(time) * (1.0 + self._slippage(plain=plain))
        quantity = int(value / price * coin.unit)
        trade = self._swap(cash, paid, coin, quantity)
        signature = self._send(self._cut(trade, time, plain=plain), time)
        self._record(signature, coin, time, quantity, value)
        return quantity

    def sell(
        self,
        coin: Coin,
        time: int,
        quantity: int,
        *,
        plain: bool = False,
        usd: float | None = None,
    ) -> float:
        """Sells so much of a coin for cash, for ``usd`` where given; tells the USD received."""
        cash = self._cash(coin)
        price = coin.path.at(time) * (1.0 - self._slippage(plain=plain))
        worth = quantity / coin.unit * price if usd is None else usd
        received = int(worth / cash.path.at(time) * cash.unit)
        value = _cash_value(cash, received, time)
        trade = self._swap(coin, quantity, cash, received)
        staked = coin.listing is Listing.STAKED_SOL
        native = cash.mint == WRAPPED_SOL and (staked or self.rng.random() < RECEIVES_NATIVE_SOL)
        signature = self._send(self._cut(trade, time, plain=plain), time, native=native)
        self._record(signature, coin, time, -quantity, value)
        return value

    def rotate(self, sold: Coin, quantity: int, bought: Coin, time: int, *, priced: bool) -> int:
        """Exchanges one coin for another; tells how much of the other."""
        worth = quantity / sold.unit * sold.path.at(time)
        received = int(worth / (bought.path.at(time) * (1 + SLIPPAGE)) * bought.unit)
        trade = self._swap(sold, quantity, bought, received)
        signature = self._send((trade,), time, priced=priced)
        value = volume_of(trade, time) if priced else None
        self._record(signature, sold, time, -quantity, value)
        self._record(signature, bought, time, received, value)
        return received

    def convert(self, time: int, usd: float) -> None:
        """Exchanges SOL and a stable coin, which is no trade."""
        sol, stable = self._venues.mints.sol, self.rng.choice(self._venues.mints.stables)
        pair = (sol, int(usd / sol.path.at(time) * sol.unit)), (stable, int(usd * stable.unit))
        (sold, paid), (bought, received) = pair if self.rng.random() < SELLS_SOL else pair[::-1]
        self._send((self._swap(sold, paid, bought, received),), time)

    def cycle(self, coins: tuple[Coin, ...], time: int, usd: float, gain: float) -> None:
        """Goes from SOL through coins back to ``gain`` times the SOL, in one transaction."""
        sol = self._venues.mints.sol
        paid = int(usd / sol.path.at(time) * sol.unit)
        amounts = [(sol, paid)]
        amounts += [(coin, int(usd / coin.path.at(time) * coin.unit)) for coin in coins]
        amounts.append((sol, int(paid * gain)))
        swaps = tuple(
            self._swap(sold, sold_raw, bought, bought_raw)
            for (sold, sold_raw), (bought, bought_raw) in pairwise(amounts)
        )
        signature = self._send(swaps, time)
        profit = _cash_value(sol, amounts[-1][1] - paid, time)
        self.arbitrages.append(Arbitrage(self.address, utc(time), signature, profit))

    def receive(self, coin: Coin, time: int, quantity: int) -> None:
        """Is sent a coin, which no row tells."""
        self.changes[coin.mint].append((time, quantity))
        self.transfers.append(Transfer(self.address, coin.mint, utc(time), quantity))

    def _cash(self, coin: Coin) -> Coin:
        mints = self._venues.mints
        if coin.listing is Listing.STAKED_SOL or self.rng.random() < PAYS_WITH_SOL:
            return mints.sol
        return self.rng.choice((mints.stables[0], mints.stables[0], mints.stables[1]))

    def _slippage(self, *, plain: bool) -> float:
        return 0.0 if plain else self.rng.uniform(0.0, SLIPPAGE)

    def _swap(self, sold: Coin, sold_raw: int, bought: Coin, bought_raw: int) -> Swap:
        pool = self._venues.shapes.pool(self.rng, sold, bought)
        return Swap(sold, sold_raw, bought, bought_raw, pool)

    def _cut(self, trade: Swap, time: int, *, plain: bool) -> tuple[Swap, ...]:
        return (trade,) if plain else self._venues.shapes.any_shape(self.rng, trade, time)

    def _send(
        self, swaps: tuple[Swap, ...], time: int, *, native: bool = False, priced: bool = True
    ) -> str:
        transaction = Transaction(
            wallet=self.address,
            signature=transaction_signature(self.rng),
            time=time,
            swaps=swaps,
            sequence=self._in_second[time],
            old=self.writes_old_rows(time),
            native=native,
            priced=priced,
        )
        self._in_second[time] += 1
        self.items.extend(write_rows(self.rng, transaction, self._venues.start))
        return transaction.signature

    def _record(
        self, signature: str, coin: Coin, time: int, change: int, value: float | None
    ) -> None:
        self.changes[coin.mint].append((time, change))
        side: Side = "buy" if change > 0 else "sell"
        self.trades.append(
            Trade(self.address, coin.mint, utc(time), signature, side, abs(change), value)
        )


def _cash_value(cash: Coin, raw: int, time: int) -> float:
    # A stable coin counts as exactly one dollar, whatever its price says.
    price = cash.path.at(time) if cash.mint == WRAPPED_SOL else 1.0
    return raw / cash.unit * price

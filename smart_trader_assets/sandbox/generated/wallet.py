"""A wallet of the invented market: what it does, and what is truly known of it."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import NamedTuple

from smart_trader_assets.sandbox.generated.chain import (
    WRAPPED_SOL,
    transaction_signature,
    wallet_address,
)
from smart_trader_assets.sandbox.generated.characters import Character
from smart_trader_assets.sandbox.generated.coins import DAY, Calendar, Coin, Listing
from smart_trader_assets.sandbox.generated.trade_rows import Shapes, Swap, Transaction
from smart_trader_assets.sandbox.source import SwapItem

PAYS_WITH_SOL = 0.78
RECEIVES_NATIVE_SOL = 0.06
SELLS_SOL = 0.5
SLIPPAGE = 0.006
OLD_ROWS_DAYS = 20
"""The first days of trading are written as the API wrote rows in its earlier years."""


class Trade(NamedTuple):
    """What a transaction changed of one position: raw units, and USD or None where unpriced."""

    wallet_address: str
    token_address: str
    traded_at: datetime
    tx_hash: str
    side: str
    quantity: int
    value_usd: float | None


class Arbitrage(NamedTuple):
    """A transaction that began and ended in cash, and the USD that it left."""

    wallet_address: str
    traded_at: datetime
    tx_hash: str
    profit_usd: float


class Transfer(NamedTuple):
    """Raw units that a wallet received without a swap, so that no row shows them."""

    wallet_address: str
    token_address: str
    received_at: datetime
    quantity: int


class Bet(NamedTuple):
    """What a wallet meant to do by its odds: times in unix seconds, `left_at` None where it never sells, the
    return before costs as a part of the stake in USD."""

    wallet_address: str
    token_address: str
    entered_at: int
    left_at: int | None
    bet_return: float
    stake_usd: float


class TraderWallet:
    """Trades coins, and keeps its rows, its true trades and its balances.

    Times are unix seconds, quantities are raw units.
    """

    def __init__(
        self, rng: Random, character: Character, shapes: Shapes, calendar: Calendar
    ) -> None:
        self.rng = rng
        self.address = wallet_address(rng)
        self.character = character
        self.mints = shapes.mints
        self.calendar = calendar
        self.items: list[SwapItem] = []
        self.trades: list[Trade] = []
        self.arbitrages: list[Arbitrage] = []
        self.transfers: list[Transfer] = []
        self.bets: list[Bet] = []
        self.changes: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._shapes = shapes
        self._in_second: Counter[int] = Counter()
        self._coins: dict[str, Coin] = {}

    @property
    def coins(self) -> list[Coin]:
        """Whatever it has bought or sold."""
        return list(self._coins.values())

    def writes_old_rows(self, time: int) -> bool:
        """Whether rows of that time lack what came to the API later."""
        return time < self.calendar.first + OLD_ROWS_DAYS * DAY

    def buy(
        self, coin: Coin, time: int, usd: float, *, plain: bool = False, dearer: float = 1.0
    ) -> int:
        """Pays about ``usd`` of cash for a coin, in one row where ``plain``, at ``dearer`` times what it is
        worth; tells how much."""
        cash = self._cash(coin)
        paid = cash.raw_for(usd, time)
        value = _cash_value(cash, paid, time)
        slippage = 0.0 if plain else self.rng.uniform(0.0, SLIPPAGE)
        quantity = coin.raw_for(value, time, dearer + slippage)
        trade = self._swap(cash, paid, coin, quantity)
        signature = self._send(self._cut(trade, time, plain=plain), time)
        self._record(signature, coin, time, quantity, value)
        return quantity

    def sell(
        self, coin: Coin, time: int, quantity: int, *, plain: bool = False, usd: float | None = None
    ) -> None:
        """Sells so much of a coin for cash, for ``usd`` where given."""
        cash = self._cash(coin)
        slippage = 0.0 if plain else self.rng.uniform(0.0, SLIPPAGE)
        worth = coin.worth(quantity, time, 1.0 - slippage)
        received = cash.raw_for(worth if usd is None else usd, time)
        trade = self._swap(coin, quantity, cash, received)
        staked = coin.listing is Listing.STAKED_SOL
        native = cash.mint == WRAPPED_SOL and (staked or self.rng.random() < RECEIVES_NATIVE_SOL)
        signature = self._send(self._cut(trade, time, plain=plain), time, native=native)
        self._record(signature, coin, time, -quantity, _cash_value(cash, received, time))

    def rotate(self, sold: Coin, quantity: int, bought: Coin, time: int, *, priced: bool) -> int:
        """Exchanges one coin for another; tells how much of the other."""
        received = bought.raw_for(sold.worth(quantity, time), time, 1 + SLIPPAGE)
        trade = self._swap(sold, quantity, bought, received)
        signature = self._send((trade,), time, priced=priced)
        value = trade.volume(time) if priced else None
        self._record(signature, sold, time, -quantity, value)
        self._record(signature, bought, time, received, value)
        return received

    def convert(self, time: int, usd: float) -> None:
        """Exchanges SOL and a stable coin, which is not a trade."""
        sol, stable = self.mints.sol, self.rng.choice(self.mints.stables)
        pair = (sol, sol.raw_for(usd, time)), (stable, int(usd * stable.unit))
        (sold, paid), (bought, received) = pair if self.rng.random() < SELLS_SOL else pair[::-1]
        self._send((self._swap(sold, paid, bought, received),), time)

    def cycle(self, coins: tuple[Coin, ...], time: int, usd: float, gain: float) -> None:
        """Goes from SOL through coins back to ``gain`` times the SOL, in one transaction."""
        sol = self.mints.sol
        amounts = [(coin, coin.raw_for(usd, time)) for coin in (sol, *coins)]
        paid = amounts[0][1]
        amounts.append((sol, int(paid * gain)))
        swaps = tuple(self._swap(*sold, *bought) for sold, bought in pairwise(amounts))
        signature = self._send(swaps, time)
        profit = sol.worth(amounts[-1][1] - paid, time)
        self.arbitrages.append(Arbitrage(self.address, utc(time), signature, profit))

    def receive(self, coin: Coin, time: int, quantity: int) -> None:
        """Is sent a coin, which no row shows."""
        self.changes[coin.mint].append((time, quantity))
        self.transfers.append(Transfer(self.address, coin.mint, utc(time), quantity))

    def _cash(self, coin: Coin) -> Coin:
        if coin.listing is Listing.STAKED_SOL or self.rng.random() < PAYS_WITH_SOL:
            return self.mints.sol
        first, second = self.mints.stables
        return self.rng.choice((first, first, second))

    def _swap(self, sold: Coin, sold_raw: int, bought: Coin, bought_raw: int) -> Swap:
        pool = self._shapes.pool(self.rng, sold, bought)
        return Swap(sold, sold_raw, bought, bought_raw, pool)

    def _cut(self, trade: Swap, time: int, *, plain: bool) -> tuple[Swap, ...]:
        return (trade,) if plain else self._shapes.any_shape(self.rng, trade, time)

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
        self.items.extend(transaction.rows(self.rng, self.calendar.start))
        return transaction.signature

    def _record(
        self, signature: str, coin: Coin, time: int, change: int, value: float | None
    ) -> None:
        self._coins[coin.mint] = coin
        self.changes[coin.mint].append((time, change))
        side, quantity = ("buy" if change > 0 else "sell"), abs(change)
        self.trades.append(
            Trade(self.address, coin.mint, utc(time), signature, side, quantity, value)
        )


def _cash_value(cash: Coin, raw: int, time: int) -> float:
    # A stable coin counts as exactly one dollar, whatever its price says.
    return cash.worth(raw, time) if cash.mint == WRAPPED_SOL else raw / cash.unit


def utc(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC)

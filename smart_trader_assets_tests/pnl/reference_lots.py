"""Transactions to trades, lots and marks, in plain Python over exact fractions.

First in, first out, a lot at a time.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from smart_trader_assets_tests.pnl.reference_trades import (
    Move,
    Transaction,
    exact,
    shares,
    sound,
    total,
)

NOTHING = Fraction(0)
SOURCES = ("table_trade", "own_trade", "token_list")
GivenMark = Mapping[str, Any]


@dataclass
class Lot:
    """`left` units; a lot without a cost is of unknown basis."""

    time: Fraction
    left: int
    cost_a_unit: Fraction | None = None
    sol_a_unit: Fraction | None = None

    @property
    def cost(self) -> Fraction | None:
        return None if self.cost_a_unit is None else self.left * self.cost_a_unit

    @property
    def cost_sol(self) -> Fraction | None:
        return None if self.sol_a_unit is None else self.left * self.sol_a_unit


@dataclass
class Match:
    """`since_first`: seconds from the wallet's first trade of the token to the purchase."""

    hours: Fraction
    cost: Fraction
    proceeds: Fraction
    since_first: Fraction


@dataclass
class Trade:
    """One mint in one transaction; what a disposal made of its lots is told beside it.

    `value` is cash: the price of a trade for cash, or what a rollover's disposal received.
    """

    of: Transaction
    mint: str
    decimals: int
    quantity: int
    value: Fraction = NOTHING
    matched_proceeds: Fraction = NOTHING
    matched_cost: Fraction = NOTHING
    unknown_basis_proceeds: Fraction = NOTHING
    unmatched_proceeds: Fraction = NOTHING
    unmatched_quantity: Fraction = NOTHING
    lost_cost: Fraction = NOTHING
    proceeds_sol: Fraction | None = None
    cost_sol: Fraction | None = None
    closing: bool = False
    same_moment: bool = False
    matches: list[Match] = field(default_factory=list)

    @property
    def result(self) -> Fraction:
        return self.matched_proceeds - self.matched_cost


@dataclass
class Mark:
    at: datetime
    price: Fraction
    source: str


@dataclass
class Taken:
    """What a disposal took: pieces of lots, and units beyond all of them."""

    pieces: list[Lot]
    beyond: int

    @property
    def known(self) -> list[Lot]:
        return [piece for piece in self.pieces if piece.cost is not None]

    @property
    def sound(self) -> bool:
        return not self.beyond and len(self.known) == len(self.pieces)

    @property
    def cost(self) -> Fraction:
        return total(piece.cost for piece in self.known)

    @property
    def cost_sol(self) -> Fraction | None:
        return sum_if_known(piece.cost_sol for piece in self.known)


def sum_if_known(values: Iterable[Fraction | None]) -> Fraction | None:
    listed = list(values)
    return None if None in listed else total(listed)


def in_sol(usd: Fraction, price: Fraction | None) -> Fraction | None:
    return None if price is None else usd / price


def by_cost(whole: Fraction, costs: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """A sum split in proportion to costs, in equal parts where nothing had any."""
    cost = total(costs.values())
    if not cost:
        return {mint: whole / len(costs) for mint in costs}
    return {mint: whole * own / cost for mint, own in costs.items()}


def pay_back(
    cash: Fraction, cost: Fraction, costs: Mapping[str, Fraction]
) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    """What each disposal of a rollover received, and how much of it paid back cost."""
    received = max(cash, NOTHING)
    return by_cost(received, costs), by_cost(min(received, cost), costs)


def own_values(moves: list[Move]) -> dict[str, Fraction | None]:
    return {move.mint: move.value for move in moves}


def shares_in_sol(
    whole: Fraction | None, own: Mapping[str, Fraction | None], price: Fraction | None
) -> dict[str, Fraction | None]:
    if whole is None:
        return dict.fromkeys(own)
    if price is not None:
        own = {mint: None if value is None else value / price for mint, value in own.items()}
    elif None in own.values():
        own = dict.fromkeys(own)
    return {**shares(whole, own)}


def mean_time(pieces: list[Lot], now: int) -> Fraction:
    """When the lots that were taken were bought, weighted by their cost."""
    cost = total(piece.cost for piece in pieces)
    if not cost:
        return Fraction(now)
    return total(piece.time * (piece.cost or 0) for piece in pieces) / cost


class Book:
    """A wallet's lots and trades, as its transactions go by."""

    def __init__(self, transactions: Iterable[Transaction]) -> None:
        self.lots: dict[str, deque[Lot]] = defaultdict(deque)
        self.trades: list[Trade] = []
        self.newest_buy: dict[str, Trade] = {}
        self.peaks: dict[str, Fraction] = defaultdict(Fraction)
        tell = {"cash": self.for_cash, "unpriced": self.unpriced, "rollover": self.rollover}
        for one in transactions:
            if one.kind in tell:
                tell[one.kind](one)

    def take(self, move: Move) -> Taken:
        lots, pieces, wanted = self.lots[move.mint], [], -move.net
        while wanted and lots:
            lot = lots[0]
            units = min(lot.left, wanted)
            pieces.append(Lot(lot.time, units, lot.cost_a_unit, lot.sol_a_unit))
            wanted -= units
            lot.left -= units
            if not lot.left:
                lots.popleft()
        return Taken(pieces, wanted)

    def record(self, of: Transaction, move: Move, value: Fraction = NOTHING) -> Trade:
        trade = Trade(of, move.mint, move.decimals, move.net, value)
        self.trades.append(trade)
        return trade

    def buy(
        self,
        of: Transaction,
        move: Move,
        *,
        value: Fraction = NOTHING,
        cost: Fraction | None = None,
        cost_sol: Fraction | None = None,
        time: Fraction | None = None,
    ) -> None:
        self.newest_buy[move.mint] = self.record(of, move, value)
        lot = Lot(Fraction(of.time) if time is None else time, move.net)
        lot.cost_a_unit = None if cost is None else cost / move.net
        lot.sol_a_unit = None if cost_sol is None else cost_sol / move.net
        self.lots[move.mint].append(lot)
        held = total(one.cost for one in self.lots[move.mint])
        self.peaks[move.mint] = max(self.peaks[move.mint], held)

    def for_cash(self, of: Transaction) -> None:
        values = shares(abs(of.cash or NOTHING), own_values(of.out + of.into))
        for move in of.into:
            value = values[move.mint]
            self.buy(of, move, value=value, cost=value, cost_sol=in_sol(value, of.sol_price))
        for move in of.out:
            self.sell(of, move, values[move.mint])

    def sell(self, of: Transaction, move: Move, value: Fraction) -> None:
        taken, trade = self.take(move), self.record(of, move, value)
        known = sum(piece.left for piece in taken.known)
        trade.matched_proceeds = value * known / -move.net
        trade.unmatched_proceeds = value * taken.beyond / -move.net
        rest = value - trade.matched_proceeds - trade.unmatched_proceeds
        trade.unknown_basis_proceeds = rest
        trade.unmatched_quantity = Fraction(taken.beyond, 10**move.decimals)
        trade.matched_cost = taken.cost
        trade.closing = known > 0
        if not trade.closing:
            return
        trade.same_moment = self.soon_after_a_buy(trade)
        first = next(one for one in self.trades if one.mint == move.mint)
        trade.matches = [
            Match(
                (of.time - piece.time) / 3600,
                piece.cost or NOTHING,
                value * piece.left / -move.net,
                piece.time - first.of.time,
            )
            for piece in taken.known
        ]
        if of.sol_price is not None and taken.cost_sol is not None:
            trade.proceeds_sol = trade.matched_proceeds / of.sol_price
            trade.cost_sol = taken.cost_sol

    def soon_after_a_buy(self, sale: Trade) -> bool:
        bought = self.newest_buy.get(sale.mint)
        if bought is None:
            return False
        one_block = bought.of.block is not None and bought.of.block == sale.of.block
        return one_block or sale.of.time - bought.of.time <= 10

    def unpriced(self, of: Transaction) -> None:
        for move in of.into:
            self.buy(of, move)
        for move in of.out:
            self.record(of, move).lost_cost = self.take(move).cost

    def rollover(self, of: Transaction) -> None:
        taken = {move.mint: self.take(move) for move in of.out}
        if all(one.sound for one in taken.values()):
            self.move_basis(of, taken)
        else:
            self.lose_basis(of, taken)

    def lose_basis(self, of: Transaction, taken: Mapping[str, Taken]) -> None:
        cash, costs = of.cash or NOTHING, {mint: one.cost for mint, one in taken.items()}
        received, paid = by_cost(max(cash, NOTHING), costs), by_cost(max(-cash, NOTHING), costs)
        for move in of.out:
            trade = self.record(of, move, received[move.mint])
            trade.unmatched_proceeds = trade.value
            trade.lost_cost = costs[move.mint] + paid[move.mint]
        for move in of.into:
            self.buy(of, move)

    def move_basis(self, of: Transaction, taken: Mapping[str, Taken]) -> None:
        """Cash received pays back cost first; the rest of the cost and cash paid move on."""
        cash, costs = of.cash or NOTHING, {mint: one.cost for mint, one in taken.items()}
        cost, cost_sol = total(costs.values()), sum_if_known(one.cost_sol for one in taken.values())
        cash_sol = in_sol(cash, of.sol_price) if cash else NOTHING
        received, paid_back = pay_back(cash, cost, costs)
        for move in of.out:
            trade = self.record(of, move, received[move.mint])
            trade.matched_proceeds = trade.value
            trade.matched_cost = paid_back[move.mint]
            if cash > 0 and cash_sol is not None and cost_sol is not None:
                received_sol, paid_back_sol = pay_back(cash_sol, cost_sol, costs)
                trade.proceeds_sol = received_sol[move.mint]
                trade.cost_sol = paid_back_sol[move.mint]
        moved_sol = None
        if cash_sol is not None and cost_sol is not None:
            moved_sol = cost_sol - min(cash_sol, cost_sol)
        pieces = [piece for one in taken.values() for piece in one.pieces]
        self.pass_on(of, cost - min(cash, cost), moved_sol, mean_time(pieces, of.time))

    def pass_on(
        self, of: Transaction, cost: Fraction, cost_sol: Fraction | None, time: Fraction
    ) -> None:
        own = own_values(of.into)
        costs, costs_sol = shares(cost, own), shares_in_sol(cost_sol, own, of.sol_price)
        for move in of.into:
            mint = move.mint
            self.buy(of, move, cost=costs[mint], cost_sol=costs_sol[mint], time=time)


def newest_mark(trades: list[Trade], given: list[GivenMark]) -> Mark | None:
    marks = [
        Mark(mark["marked_at"], price, mark["source"])
        for mark in given
        if (price := sound(mark["price"])) is not None
    ]
    for trade in [trade for trade in trades if trade.of.kind == "cash"][-1:]:
        at = datetime.fromtimestamp(trade.of.time, UTC)
        price = trade.value * 10**trade.decimals / abs(trade.quantity)
        marks.append(Mark(at, price, "own_trade"))
    order = [(mark.at, SOURCES.index(mark.source), mark.price) for mark in marks]
    return marks[order.index(max(order))] if marks else None


def newest_liquidity(given: list[GivenMark]) -> Fraction | None:
    told = [mark for mark in given if mark.get("liquidity") is not None]
    newest = max((mark["marked_at"] for mark in told), default=None)
    return min((exact(m["liquidity"]) for m in told if m["marked_at"] == newest), default=None)

"""Rollovers: a token against a token closes nothing, and its cost moves on to what came in.

K is the cost of the lots that the outgoing tokens take. Cash received pays back cost first and is a gain only
beyond K; cash paid adds to the cost. The rest of K is the cost of the incoming lots, which are as old as the
lots that they came from. Where anything that went out has no lot, or one of unknown basis, what comes in is
of unknown basis too, and the known cost is lost. The same is done a second time in SOL.

A rollover may take lots that another one made, so costs are found in rounds: each round takes all rollovers
whose lots are all known by then, in whichever wallets. There are as many rounds as the longest chain has
links.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smart_trader_assets.pnl.shares import (
    Codes,
    Whole,
    counts,
    is_known,
    parts,
    shared,
    sums,
    where_known,
)

_PRICE_SCALE: Final = 10**15
Times = NDArray[np.float64]


@dataclass(frozen=True)
class Taken:
    """The lots that outgoing tokens take, a row a lot and disposal, in the order of disposals.

    out: which outgoing token; lot; begin, end: the first and one past the last unit taken of the lot
    """

    out: Codes
    lot: Codes
    begin: Whole
    end: Whole


@dataclass
class Lots:
    """The lots that are taken. cost and cost_sol: of the whole lot, None where unknown; age: seconds that it is
    older than its transaction. All three are filled in for lots that a rollover makes."""

    quantity: Whole
    time: Codes
    cost: NDArray[Any]
    cost_sol: NDArray[Any]
    age: Times


@dataclass
class Outgoing:
    """What left in a rollover, with what became of it; money in 1e-21 USD, `_sol` in 1e-21 SOL.

    rollover: which, ascending; complete: whether all of it has lots
    received: its part of the cash received; returned: the cost that this pays back; lost: cost without a
      result;
    known: whether its basis was; `received_sol` and `returned_sol` are None where unknown
    """

    rollover: Codes
    complete: NDArray[np.bool_]
    received: Whole
    returned: Whole
    received_sol: NDArray[Any]
    returned_sol: NDArray[Any]
    lost: Whole
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Incoming:
    """What came in a rollover. rollover: which, ascending; lot: the lot that it is, -1 where nothing takes
    from it;
    own: its own value, or None."""

    rollover: Codes
    lot: Codes
    own: NDArray[Any]
    cost: NDArray[Any]
    cost_sol: NDArray[Any]
    age: Times


@dataclass(frozen=True)
class Rollovers:
    """By rollover: cash (received above 0), cash_sol (None where unknown), sol_price (USD per SOL, NaN where
    unknown), time (seconds)."""

    cash: Whole
    cash_sol: NDArray[Any]
    sol_price: NDArray[np.float64]
    time: Codes


class Rows:
    """Which rows belong to a code, for codes in any number: `of` gives them for some codes at once."""

    def __init__(self, codes: Codes, count: int) -> None:
        self._order = np.argsort(codes, kind="stable")
        self._begin = np.searchsorted(codes[self._order], np.arange(count + 1))

    def of(self, codes: Codes) -> Codes:
        """The rows of `codes`, code by code."""
        begin, end = self._begin[codes], self._begin[codes + 1]
        size = end - begin
        skipped = np.repeat(begin - np.concatenate([[0], np.cumsum(size)[:-1]]), size)
        rows: Codes = self._order[np.arange(int(size.sum())) + skipped]
        return rows


def move_basis(
    rollovers: Rollovers, lots: Lots, taken: Taken, outgoing: Outgoing, incoming: Incoming
) -> int:
    """Fill in what becomes of everything that went out and came in; returns the number of rounds."""
    count = len(rollovers.cash)
    maker = np.full(len(lots.cost), -1, dtype=np.int64)
    made = incoming.lot >= 0
    maker[incoming.lot[made]] = incoming.rollover[made]
    taker = outgoing.rollover[taken.out]
    waits = maker[taken.lot] >= 0
    waiting = np.bincount(taker[waits], minlength=count)
    of_out, of_in = Rows(outgoing.rollover, count), Rows(incoming.rollover, count)
    taken_of, taken_from = Rows(taken.out, len(outgoing.rollover)), Rows(taken.lot, len(maker))
    ready, rounds = np.flatnonzero(waiting == 0), 0
    while len(ready):
        out, into = of_out.of(ready), of_in.of(ready)
        _move(rollovers, lots, taken, outgoing, incoming, ready, out, taken_of.of(out), into)
        lot = incoming.lot[into]
        takers = taker[taken_from.of(lot[lot >= 0])]
        np.subtract.at(waiting, takers, 1)
        ready = np.unique(takers[waiting[takers] == 0])
        rounds += 1
    return rounds


def _move(
    rollovers: Rollovers,
    lots: Lots,
    taken: Taken,
    outgoing: Outgoing,
    incoming: Incoming,
    ready: Codes,
    out: Codes,
    took: Codes,
    into: Codes,
) -> None:
    """The rollovers `ready`, whose rows of the three frames are `out`, `took` and `into`."""
    count = len(ready)
    of_out = np.searchsorted(ready, outgoing.rollover[out])
    of_took = np.searchsorted(out, taken.out[took])
    of_in = np.searchsorted(ready, incoming.rollover[into])
    lot = taken.lot[took]
    cost, cost_known = _part(lots.cost, lots, taken, took)
    known = outgoing.complete[out] & (counts(~cost_known, of_took, len(out)) == 0)
    known = (counts(~known, of_out, count) == 0)[of_out]
    cost_of = sums(cost, of_took, len(out))
    total = sums(cost_of, of_out, count)

    cash = rollovers.cash[ready]
    nothing = np.zeros(count, dtype=object)
    received, paid = np.maximum(cash, nothing), np.maximum(-cash, nothing)
    returned = np.minimum(received, total)
    by_cost = _by_cost(cost_of, total, of_out)
    whole = known[of_out.searchsorted(np.arange(count))] if len(out) else known
    outgoing.known[out] = known
    outgoing.received[out] = parts(received, of_out, *by_cost)
    outgoing.returned[out] = np.where(known, parts(returned, of_out, *by_cost), 0)
    outgoing.lost[out] = np.where(known, 0, cost_of + parts(paid, of_out, *by_cost))
    moved = shared(total - returned + paid, of_in, incoming.own[into])
    incoming.cost[into] = where_known(whole[of_in], moved)

    cost_sol, sol_known = _part(lots.cost_sol, lots, taken, took)
    all_sol = (counts(~sol_known, of_took, len(out)) == 0) & known
    all_sol = counts(~all_sol, of_out, count) == 0
    cash_sol = rollovers.cash_sol[ready]
    sol = all_sol & is_known(cash_sol)
    cash_sol = np.where(sol, cash_sol, 0)
    cost_sol = np.where(sol[of_out][of_took], cost_sol, 0)
    total_sol = sums(cost_sol, of_out[of_took], count)
    received_sol = np.maximum(cash_sol, nothing)
    returned_sol = np.minimum(received_sol, total_sol)
    # Which part of the cash belongs to which token is one split, in either money.
    outgoing.received_sol[out] = where_known(sol[of_out], parts(received_sol, of_out, *by_cost))
    outgoing.returned_sol[out] = where_known(sol[of_out], parts(returned_sol, of_out, *by_cost))
    own_sol = _own_in_sol(incoming.own[into], rollovers.sol_price[ready][of_in], of_in, count)
    moved_sol = shared(total_sol - returned_sol + np.maximum(-cash_sol, nothing), of_in, own_sol)
    incoming.cost_sol[into] = where_known(sol[of_in], moved_sol)

    weight = np.array(cost, dtype=np.float64)
    seconds = (rollovers.time[ready][of_out[of_took]] - lots.time[lot]) + lots.age[lot]
    weights = np.bincount(of_out[of_took], weights=weight, minlength=count)
    ages = np.bincount(of_out[of_took], weights=weight * seconds, minlength=count)
    incoming.age[into] = np.divide(ages, weights, out=np.zeros(count), where=weights > 0)[of_in]

    made = incoming.lot[into] >= 0
    place = incoming.lot[into][made]
    lots.cost[place] = incoming.cost[into][made]
    lots.cost_sol[place] = incoming.cost_sol[into][made]
    lots.age[place] = incoming.age[into][made]


def _part(
    cost: NDArray[Any], lots: Lots, taken: Taken, took: Codes
) -> tuple[Whole, NDArray[np.bool_]]:
    """What the units taken of each lot cost, 0 where unknown, and whether it is known; rounded as on the
    line."""
    lot = taken.lot[took]
    known = is_known(cost[lot])
    of_lot = np.where(known, cost[lot], 0)
    quantity = lots.quantity[lot]
    upto, before = taken.end[took], taken.begin[took]
    return of_lot * upto // quantity - of_lot * before // quantity, known


def _by_cost(cost: Whole, total: Whole, group: Codes) -> tuple[Whole, Whole]:
    """Weights by cost taken, where a rollover took none equal ones, and their sums."""
    free = total == 0
    weight = np.where(free[group], 1, cost)
    return weight, np.where(free, counts(np.ones(len(group), bool), group, len(total)), total)


def _own_in_sol(
    own: NDArray[Any], price: NDArray[np.float64], group: Codes, count: int
) -> NDArray[Any]:
    """Own values in SOL; without a price in USD where all of a rollover have one, which shares alike, else
    None."""
    priced = price > 0
    known = is_known(own)
    alike = (counts(~known, group, count) == 0)[group]
    scaled = np.round(np.where(priced, price, 1.0) * _PRICE_SCALE)
    divisor = np.array([int(one) for one in scaled], dtype=object)
    in_sol = where_known(known & priced, np.where(known, own, 0) * _PRICE_SCALE // divisor)
    return np.where(alike, own, in_sol)

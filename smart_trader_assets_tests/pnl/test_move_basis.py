"""Costs that rollovers move are found in as many rounds as the longest chain has links."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_trader_assets.pnl.rollovers import (
    Incoming,
    Lots,
    Outgoing,
    Rollovers,
    Rows,
    Taken,
    move_basis,
)
from smart_trader_assets_tests.pnl.test_shares import objects

HOUR = 3600


class Book:
    """Rollovers by hand, each of whole lots."""

    def __init__(self) -> None:
        self.costs: list[int | None] = []
        self.times: list[int] = []
        self.cash: list[int] = []
        self.taken: list[list[int]] = []
        self.made: list[int] = []

    def lot(self, cost: int | None, hour: int = 0) -> int:
        self.costs.append(cost)
        self.times.append(hour * HOUR)
        return len(self.costs) - 1

    def roll(self, *lots: int, cash: int = 0, hour: int = 0) -> int:
        """The lot that comes of exchanging lots, with cash received above 0."""
        made = self.lot(None, hour)
        self.taken.append(list(lots))
        self.cash.append(cash)
        self.made.append(made)
        return made

    def settle(self) -> tuple[int, Lots, Outgoing]:
        count, rolled = len(self.costs), len(self.cash)
        out_of = [rollover for rollover, lots in enumerate(self.taken) for _ in lots]
        lot = [one for lots in self.taken for one in lots]
        lots = Lots(
            quantity=objects([10] * count),
            time=np.array(self.times),
            cost=objects(list(self.costs)),
            cost_sol=objects(list(self.costs)),
            age=np.zeros(count),
        )
        outgoing = Outgoing(
            rollover=np.array(out_of),
            complete=np.ones(len(out_of), dtype=bool),
            received=nothing(out_of),
            returned=nothing(out_of),
            received_sol=nothing(out_of),
            returned_sol=nothing(out_of),
            lost=nothing(out_of),
            known=np.zeros(len(out_of), dtype=bool),
        )
        rounds = move_basis(
            Rollovers(
                cash=objects(list(self.cash)),
                cash_sol=objects(list(self.cash)),
                sol_price=np.full(rolled, np.nan),
                time=np.array([self.times[made] for made in self.made]),
            ),
            lots,
            Taken(
                out=np.arange(len(lot)),
                lot=np.array(lot),
                begin=nothing(lot),
                end=objects([10] * len(lot)),
            ),
            outgoing,
            Incoming(
                rollover=np.arange(rolled),
                lot=np.array(self.made),
                own=objects([None] * rolled),
                cost=objects([None] * rolled),
                cost_sol=objects([None] * rolled),
                age=np.zeros(rolled),
            ),
        )
        return rounds, lots, outgoing


def nothing(rows: list[int]) -> Any:
    return objects([0] * len(rows))


def chain(book: Book, lot: int, links: int) -> int:
    for link in range(links):
        lot = book.roll(lot, hour=link + 1)
    return lot


@pytest.mark.parametrize("links", [1, 2, 7, 50])
def test_a_chain_takes_a_round_a_link_and_keeps_its_cost(links):
    book = Book()
    last = chain(book, book.lot(120), links)
    rounds, lots, _ = book.settle()
    assert (rounds, lots.cost[last], lots.cost_sol[last]) == (links, 120, 120)
    assert lots.age[last] == links * HOUR


def test_chains_beside_one_another_are_walked_together():
    book = Book()
    lasts = [chain(book, book.lot(cost), links) for cost, links in ((1, 3), (2, 1), (3, 5), (4, 5))]
    rounds, lots, _ = book.settle()
    assert rounds == 5
    assert lots.cost[lasts].tolist() == [1, 2, 3, 4]


def test_a_thousand_chains_take_no_more_rounds_than_one():
    book = Book()
    lasts = [chain(book, book.lot(cost), 2) for cost in range(1000)]
    rounds, lots, _ = book.settle()
    assert rounds == 2
    assert lots.cost[lasts].tolist() == list(range(1000))


def test_where_chains_meet_the_longest_is_waited_for():
    book = Book()
    met = book.roll(chain(book, book.lot(30), 4), chain(book, book.lot(10), 1), book.lot(2))
    rounds, lots, _ = book.settle()
    assert (rounds, lots.cost[met]) == (5, 42)


def test_rollovers_need_not_come_in_the_order_of_their_chain():
    book = Book()
    late = book.lot(None)
    early = book.lot(None)
    bought = book.lot(50)
    book.taken, book.cash, book.made = [[early], [bought]], [0, 0], [late, early]
    rounds, lots, _ = book.settle()
    assert (rounds, lots.cost[late]) == (2, 50)


def test_cash_on_the_way_pays_back_cost_and_adds_to_it():
    book = Book()
    first = book.roll(book.lot(100), cash=30)
    second = book.roll(first, cash=-5)
    third = book.roll(second, cash=90)
    _, lots, outgoing = book.settle()
    assert lots.cost[[first, second, third]].tolist() == [70, 75, 0]
    assert outgoing.received.tolist() == [30, 0, 90]
    assert outgoing.returned.tolist() == [30, 0, 75]
    assert outgoing.known.all()
    assert outgoing.lost.tolist() == [0, 0, 0]


def test_an_unknown_cost_stays_unknown_along_the_chain_and_loses_what_is_known():
    book = Book()
    first = book.roll(book.lot(None), book.lot(40), cash=-6)
    last = book.roll(first, book.lot(7))
    rounds, lots, outgoing = book.settle()
    assert (rounds, lots.cost[first], lots.cost[last]) == (2, None, None)
    assert outgoing.known.tolist() == [False] * 4
    assert outgoing.lost.tolist() == [0, 46, 0, 7]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_forests_keep_all_cost_and_take_as_many_rounds_as_they_are_deep(data):
    book = Book()
    depth: dict[int, int] = {book.lot(data.draw(st.integers(0, 1000))): 0 for _ in range(6)}
    total = sum(cost or 0 for cost in book.costs)
    deepest = 0
    for _ in range(data.draw(st.integers(1, 12))):
        several = st.lists(st.sampled_from(sorted(depth)), min_size=1, max_size=3, unique=True)
        lots = data.draw(several)
        below = max(depth.pop(lot) for lot in lots) + 1
        depth[book.roll(*lots)] = below
        deepest = max(deepest, below)
    rounds, settled, _ = book.settle()
    assert rounds == deepest
    assert sum(settled.cost[sorted(depth)]) == total


def test_rows_of_codes_come_code_by_code():
    rows = Rows(np.array([2, 0, 2, 1, 0]), 4)
    assert rows.of(np.array([0, 2])).tolist() == [1, 4, 0, 2]
    assert rows.of(np.array([2, 3, 1])).tolist() == [0, 2, 3]
    assert rows.of(np.array([], dtype=np.int64)).tolist() == []

"""What is held is worth: its newest mark, capped by cost and liquidity, fading where nobody confirms it."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.cash import NATIVE_SOL, USDC
from smart_trader_assets.pnl.errors import ColumnsMissingError
from smart_trader_assets_tests.pnl.figures import (
    Row,
    by_token,
    histories,
    mark,
    marks,
    pnl,
)
from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    WALLET,
    A,
    B,
    Leg,
    X,
    buy,
    mint,
    roll,
    sell,
    sol,
    swap,
    usdc,
)

DAY = 24
HELD = buy("b", 10, 1, hours_ago=DAY)
"""Ten open at a cost of 10, last traded a day ago."""
CONTENDERS = [
    ((mark(9.0, hours_ago=25),), "own_trade", 1.0),
    ((mark(9.0, hours_ago=23),), "token_list", 9.0),
    ((mark(9.0, hours_ago=23, source="table_trade"),), "table_trade", 9.0),
    ((mark(9.0, hours_ago=3), mark(5.0, hours_ago=2)), "token_list", 5.0),
    ((mark(9.0, hours_ago=3), mark(5.0, hours_ago=2, source="table_trade")), "table_trade", 5.0),
    ((mark(9.0, hours_ago=0),), "token_list", 9.0),
    ((mark(9.0, hours_ago=-0.001),), "own_trade", 1.0),
    ((mark(9.0, token=A),), "own_trade", 1.0),
    ((mark(float("nan")), mark(0.0), mark(-3.0), mark(float("inf"))), "own_trade", 1.0),
    # Equally new: the list, then the wallet's own trade, then anybody's.
    ((mark(3.0, hours_ago=24), mark(9.0, hours_ago=24, source="table_trade")), "token_list", 3.0),
    ((mark(9.0, hours_ago=24, source="table_trade"),), "own_trade", 1.0),
    ((mark(3.0), mark(4.0)), "token_list", 4.0),
    ((mark(4.0), mark(3.0)), "token_list", 4.0),
]


def held(*given: Row, **settings: Any) -> Row:
    return pnl(HELD, token=X, marks=marks(*given), **settings)


@pytest.mark.parametrize(("given", "source", "price"), CONTENDERS)
def test_the_newest_mark_at_or_before_as_of_rules(given, source, price):
    row = held(*given)
    assert (row["mark_source"], row["mark_price"]) == (source, price)
    if source != "own_trade":
        assert row["marked_at"] == max(one["marked_at"] for one in given)


def test_a_mark_may_be_named_by_either_address_of_a_coin_and_may_lack_its_source():
    rows = (HELD, buy("n", 1, 5, NATIVE_SOL))
    bare = marks(mark(7.0, token=NATIVE_SOL), mark(2.0)).drop("source", "liquidity")
    tokens = by_token(*rows, marks=bare, cash_mints=[USDC])
    # SOL is no cash here, and goes by its wrapped address.
    assert sorted(row["mark_price"] for row in tokens.values() if row["mark_price"]) == [2.0, 7.0]
    assert tokens[X]["mark_source"] == "token_list"


@pytest.mark.parametrize("name", ["token_address", "price", "marked_at"])
def test_a_column_that_marks_lack_is_named(name):
    with pytest.raises(ColumnsMissingError, match=name):
        pnl(HELD, marks=marks(mark(1.0)).drop(name))


def test_a_listed_price_counts_above_and_below_cost():
    above, below = held(mark(3.0)), held(mark(0.4))
    assert (above["open_value"], above["unrealized_pnl"], above["total_pnl"]) == (30.0, 20.0, 20.0)
    assert (below["open_value"], below["unrealized_pnl"], below["total_pnl"]) == (4.0, -6.0, -6.0)


@pytest.mark.parametrize(("price", "worth"), [(9.0, 10.0), (1.0, 10.0), (0.5, 5.0)])
def test_at_a_strangers_trade_nothing_is_worth_more_than_it_cost(price, worth):
    row = held(mark(price, hours_ago=1, source="table_trade"))
    assert (row["open_value"], row["unrealized_pnl"]) == (worth, worth - 10)


@pytest.mark.parametrize(("price", "worth"), [(4.0, 5.0), (1.0, 5.0), (0.5, 2.5)])
def test_at_the_wallets_own_trade_nothing_is_worth_more_than_it_cost(price, worth):
    row = pnl(HELD, sell("s", 5, price, hours_ago=2), token=X)
    assert (row["mark_price"], row["mark_source"]) == (price, "own_trade")
    assert (row["open_value"], row["unrealized_pnl"]) == (worth, worth - 5)


@pytest.mark.parametrize(
    ("liquidity", "worth"), [(59.0, 29.5), (60.0, 30.0), (1000.0, 30.0), (0.0, 0.0), (None, 30.0)]
)
def test_nothing_is_worth_more_than_half_of_the_liquidity(liquidity, worth):
    row = held(mark(3.0, liquidity=liquidity))
    assert (row["open_value"], row["liquidity"]) == (worth, liquidity)
    assert row["unrealized_pnl"] == worth - 10


def test_the_liquidity_as_last_listed_caps_any_mark():
    listed = mark(3.0, hours_ago=50, liquidity=12.0)
    row = held(listed, mark(0.9, hours_ago=1, source="table_trade"))
    assert row["mark_source"] == "table_trade"
    assert (row["open_value"], row["unrealized_pnl"]) == (6.0, -4.0)
    assert held(listed, mark(3.0, hours_ago=1, liquidity=14.0))["open_value"] == 7.0
    assert held(listed, mark(3.0, hours_ago=-1, liquidity=14.0))["open_value"] == 6.0
    assert held(mark(3.0, liquidity=14.0), mark(3.0, liquidity=12.0))["open_value"] == 6.0


@pytest.mark.parametrize("liquidity", [float("nan"), float("inf"), -1.0])
def test_a_liquidity_that_is_no_amount_caps_nothing(liquidity):
    assert held(mark(3.0, liquidity=liquidity))["open_value"] == 30.0


@pytest.mark.parametrize(
    ("days", "left", "stale"),
    [
        (0, 1.0, 0.0),
        (1, 6 / 7, 0.0),
        (3.5, 0.5, 0.0),
        (7, 0.0, 0.0),
        (7.001, 0.0, 10.0),
        (90, 0.0, 10.0),
    ],
)
def test_a_mark_fades_to_nothing_within_a_week(days, left, stale):
    bought = buy("b", 10, 1, hours_ago=91 * DAY)
    row = pnl(bought, token=X, marks=marks(mark(3.0, hours_ago=DAY * days)))
    assert row["open_value"] == 30.0
    assert row["conservative_value"] == pytest.approx(30 * left, abs=1e-9)
    assert row["stale_open_cost"] == stale


def test_how_long_a_mark_lives_is_an_assumption():
    assumptions = Assumptions(mark_life_days=2.0)
    assert held(assumptions=assumptions)["conservative_value"] == pytest.approx(5.0)
    assert held(assumptions=Assumptions(mark_life_days=0.5))["stale_open_cost"] == 10.0


@pytest.mark.parametrize(
    ("hours_ago", "left"), [(12, 1 - 0.5 / 7), (24, 1.0), (99, 1.0), (0, 6 / 7), (-5, 6 / 7)]
)
def test_a_mark_ages_up_to_when_the_history_is_known(hours_ago, left):
    known = histories((WALLET, AS_OF - timedelta(hours=hours_ago)))
    row = held(histories=known)
    assert row["conservative_value"] == pytest.approx(10 * left)
    assert row["known_to"] == AS_OF - timedelta(hours=hours_ago)


def test_where_it_is_not_told_the_history_is_known_up_to_as_of():
    for known in (None, histories((WALLET, None)), histories((mint("neighbour"), AS_OF))):
        row = held(histories=known)
        assert row["conservative_value"] == pytest.approx(10 * 6 / 7)
        assert row["known_to"] is None


def test_a_history_that_is_known_to_long_ago_keeps_no_cost_fresh_that_was_stale_then():
    row = pnl(
        buy("b", 10, 1, hours_ago=20 * DAY),
        token=X,
        histories=histories((WALLET, AS_OF - timedelta(days=12))),
    )
    assert (row["stale_open_cost"], row["conservative_value"]) == (10.0, 0.0)


def test_what_has_no_mark_is_worth_nothing_to_the_cautious_and_unknown_to_others():
    tokens = by_token(
        buy("1", 10, 1, A, hours_ago=3), roll("2", (A, 10), (B, 5), hours_ago=2), buy("3", 1, 7)
    )
    unmarked, portfolio = tokens[B], tokens[ALL_TOKENS]
    for name in ("mark_price", "mark_source", "open_value", "unrealized_pnl", "total_pnl"):
        assert unmarked[name] is None
    assert (unmarked["open_cost"], unmarked["stale_open_cost"]) == (10.0, 10.0)
    assert unmarked["conservative_value"] == 0.0
    assert unmarked["conservative_pnl"] == pytest.approx(-10 - 0.075)
    # A portfolio sums what is marked, and counts the rest.
    assert (portfolio["open_value"], portfolio["unrealized_pnl"]) == (7.0, 0.0)
    assert (portfolio["open_cost"], portfolio["unmarked_tokens"]) == (17.0, 1)
    assert portfolio["conservative_pnl"] == pytest.approx(-10 - 3 * 0.075)


def test_a_portfolio_without_any_mark_has_no_total():
    row = pnl(swap("b", sol(1, None), Leg(X, 10)))
    assert (row["open_value"], row["unrealized_pnl"], row["total_pnl"]) == (None, None, None)
    assert (row["unmarked_tokens"], row["conservative_value"]) == (0, 0.0)


def test_only_a_trade_for_cash_marks_a_token():
    rows = (
        buy("1", 10, 2, hours_ago=9),
        swap("2", Leg(X, 1, 50.0), Leg(A, 1, 50.0), hours_ago=5),
        swap("3", sol(1, None), Leg(X, 1), hours_ago=4),
        roll("4", (A, 1), (X, 1), hours_ago=3),
    )
    row = pnl(*rows, token=X)
    assert (row["mark_price"], row["marked_at"]) == (2.0, AS_OF - timedelta(hours=9))


def test_the_own_mark_is_of_the_last_trade_in_order():
    same_block = (sell("a", 5, 3), buy("b", 10, 1))
    assert pnl(*same_block, token=X)["mark_price"] == 3.0


def test_a_trade_over_several_pools_marks_at_its_mean():
    row = pnl(
        swap("t", usdc(10), Leg(X, 10), ordinal=0),
        swap("t", usdc(30), Leg(X, 10), ordinal=1),
        token=X,
    )
    assert row["mark_price"] == 2.0


def test_a_lot_of_unknown_basis_is_not_valued():
    row = pnl(
        swap("1", sol(1, None), Leg(X, 90), hours_ago=3),
        buy("2", 10, 1, hours_ago=2),
        token=X,
        marks=marks(mark(5.0)),
    )
    assert (row["open_quantity"], row["open_value"], row["unrealized_pnl"]) == (10.0, 50.0, 40.0)


def test_what_is_held_is_told_of_now_only():
    window = pnl(HELD, token=X, window="7d", marks=marks(mark(3.0)))
    of_now = ["open_quantity", "open_cost", "open_value", "unrealized_pnl", "total_pnl"]
    of_now += ["mark_price", "conservative_value", "conservative_pnl", "stale_open_cost"]
    assert [window[name] for name in of_now] == [None] * len(of_now)
    assert window["total_bought"] == 10.0


def test_a_portfolio_sums_its_tokens():
    tokens = by_token(
        HELD,
        buy("2", 10, 2, A, hours_ago=10 * DAY),
        buy("3", 10, 3, B, hours_ago=2 * DAY),
        marks=marks(mark(3.0, liquidity=40.0), mark(4.0, token=B, hours_ago=DAY)),
    )
    row = tokens[ALL_TOKENS]
    assert (row["open_cost"], row["open_value"]) == (60.0, 20.0 + 20.0 + 40.0)
    assert row["unrealized_pnl"] == 20.0
    assert row["conservative_value"] == pytest.approx(20 + 40 * 6 / 7)
    assert (row["stale_open_cost"], row["unmarked_tokens"]) == (20.0, 0)


def test_the_order_of_marks_changes_nothing():
    given = [mark(3.0, liquidity=9.0), mark(4.0, liquidity=8.0), mark(4.0, source="table_trade")]
    assert pl.DataFrame([held(*given)]).equals(pl.DataFrame([held(*given[::-1])]))

"""A sound quantity with a bad price is unpriced: it moves units, and no money."""

from typing import Any

import pytest

from smart_trader_assets_tests.pnl.histories import A, B, Leg, X, sol, swap, usdc
from smart_trader_assets_tests.pnl.test_vectors import buy, pnl, sell

BAD = [None, float("nan"), float("inf"), -float("inf"), -2.0, 0.0, 1e30]


@pytest.mark.parametrize("price", BAD)
def test_a_bad_price_leaves_a_token_for_a_token_unpriced(price):
    rows = (
        buy("b", 10, 1, A, hours_ago=3),
        swap("t", Leg(A, 10, price), Leg(B, 4, price, price), hours_ago=2),
    )
    row = pnl(*rows)
    assert (row["unpriced_count"], row["total_sold"], row["realized_pnl"]) == (2, 0.0, 0.0)
    assert pnl(*rows, token=A)["open_quantity"] == 0.0


@pytest.mark.parametrize("price", BAD)
def test_a_bad_price_gives_way_to_the_nearest_one(price):
    row = pnl(swap("b", Leg(sol(1, None).mint, 2, price, 100.0), Leg(X, 10)), token=X)
    assert row["total_bought"] == 200.0


@pytest.mark.parametrize("volume", BAD)
def test_a_bad_volume_is_no_value(volume):
    row = pnl(swap("t", Leg(A, 10), Leg(B, 4), volume_usd=volume))
    assert row["unpriced_count"] == 2


@pytest.mark.parametrize("price", BAD)
def test_sol_with_a_bad_price_makes_a_transaction_without_cash(price):
    row = pnl(swap("b", sol(1, price), Leg(X, 10)), token=X)
    assert (row["buy_count"], row["unpriced_count"], row["total_bought"]) == (1, 1, 0.0)
    assert (row["open_quantity"], row["mark_price"]) == (0.0, None)


def test_a_token_bought_for_sol_without_price_counts_at_its_own_price():
    assert pnl(swap("b", sol(1, None), Leg(X, 10, 3.0)), token=X)["total_bought"] == 30.0


def contradiction(**fields: Any) -> dict[str, Any]:
    """X at ten million times what the SOL beside it is worth."""
    return pnl(swap("b", sol(1, 100.0), Leg(X, 10, 1e8), **fields), token=X)


def test_legs_worth_a_million_times_each_other_are_unpriced():
    assert contradiction()["unpriced_count"] == 1


def test_the_volume_tells_which_of_two_contradictory_prices_is_right():
    assert contradiction(volume_usd=100.0)["total_bought"] == 100.0
    assert contradiction(volume_usd=1e9)["total_bought"] == 1e9


def test_a_stable_coin_is_right_against_any_price():
    row = pnl(swap("b", usdc(50), Leg(X, 10, 1e9)), token=X)
    assert (row["total_bought"], row["unpriced_count"]) == (50.0, 0)


def test_an_unpriced_sale_consumes_lots_without_a_result():
    row = pnl(
        buy("b", 10, 1, hours_ago=3),
        swap("t", Leg(X, 4), Leg(A, 1), hours_ago=2),
        sell("s", 6, 2, hours_ago=1),
        token=X,
    )
    assert (row["realized_pnl"], row["matched_cost"], row["closing_count"]) == (6.0, 6.0, 1)
    assert (row["open_quantity"], row["open_cost"], row["unpriced_count"]) == (0.0, 0.0, 1)

"""Where part of what is exchanged has no known cost, the rest of the cost is lost, and nothing is made."""

import pytest

from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets_tests.pnl.figures import by_token
from smart_trader_assets_tests.pnl.histories import (
    A,
    B,
    C,
    Leg,
    X,
    beside,
    buy,
    roll,
    sell,
    sol,
    swap,
    usdc,
)


def test_one_of_several_without_a_basis_takes_it_from_all_that_comes_in():
    rows = (
        buy("1", 10, 3, A, hours_ago=9),
        *beside(
            swap("2", Leg(A, 5), usdc(12), hours_ago=5),
            roll("2", (A, 5), (B, 1), hours_ago=5),
            roll("2", (C, 1), (X, 1), hours_ago=5),
        ),
        sell("3", 1, 50, B, hours_ago=1),
        sell("4", 1, 40, X, hours_ago=1),
    )
    tokens = by_token(*rows)
    assert (tokens[A]["lost_cost"], tokens[C]["lost_cost"]) == (30.0, 0.0)
    # By known cost all that was received is A's.
    assert (tokens[A]["unmatched_proceeds"], tokens[C]["unmatched_proceeds"]) == (12.0, 0.0)
    assert tokens[A]["matched_cost"] == tokens[ALL_TOKENS]["matched_proceeds"] == 0.0
    assert tokens[B]["unknown_basis_proceeds"] == 50.0
    assert tokens[X]["unknown_basis_proceeds"] == 40.0
    row = tokens[ALL_TOKENS]
    assert (row["realized_pnl"], row["total_sold"], row["coverage"]) == (0.0, 102.0, 0.0)
    assert row["unmatched_proceeds"] == 12.0


def test_without_any_known_cost_what_is_received_is_shared_alike():
    tokens = by_token(
        *beside(
            swap("1", Leg(A, 10), usdc(30), hours_ago=5), roll("1", (C, 1), (X, 1), hours_ago=5)
        )
    )
    assert [tokens[token]["unmatched_proceeds"] for token in (A, C)] == [15.0, 15.0]
    assert [tokens[token]["unmatched_quantity"] for token in (A, C)] == [0.0, 0.0]


def test_more_than_is_held_takes_the_basis_from_the_whole():
    tokens = by_token(
        buy("1", 10, 3, A, hours_ago=9),
        roll("2", (A, 10.000001), (B, 1), hours_ago=5),
        sell("3", 1, 50, B, hours_ago=1),
    )
    assert (tokens[A]["lost_cost"], tokens[B]["unknown_basis_proceeds"]) == (30.0, 50.0)


def test_cash_paid_beside_an_unknown_basis_is_lost_with_the_cost():
    tokens = by_token(
        buy("1", 10, 3, A, hours_ago=9),
        buy("2", 10, 1, C, hours_ago=9),
        *beside(
            swap("3", usdc(8), Leg(X, 1), hours_ago=5),
            roll("3", (A, 11), (X, 1), hours_ago=5),
            roll("3", (C, 10), (X, 1), hours_ago=5),
        ),
    )
    assert (tokens[A]["lost_cost"], tokens[C]["lost_cost"], tokens[X]["lost_cost"]) == (36, 12, 0)
    row = tokens[ALL_TOKENS]
    assert (row["lost_cost"], row["total_bought"], row["open_cost"]) == (48.0, 40.0, 0.0)
    assert row["conservative_pnl"] == pytest.approx(-48 - 3 * 0.075)


def test_a_lot_of_unknown_basis_takes_it_from_what_it_is_exchanged_for():
    tokens = by_token(
        swap("1", sol(1, None), Leg(A, 5), hours_ago=9),
        buy("2", 5, 3, A, hours_ago=8),
        roll("3", (A, 10), (B, 1), hours_ago=5),
        roll("4", (B, 1), (X, 1), hours_ago=4),
        sell("5", 1, 50, hours_ago=1),
    )
    assert (tokens[A]["lost_cost"], tokens[B]["lost_cost"]) == (15.0, 0.0)
    assert tokens[X]["unknown_basis_proceeds"] == 50.0


def test_cash_without_a_price_counts_as_none_in_a_rollover():
    tokens = by_token(
        buy("1", 10, 3, A, hours_ago=9),
        *beside(
            swap("2", Leg(A, 5), sol(1, None), hours_ago=5), roll("2", (A, 5), (B, 1), hours_ago=5)
        ),
    )
    assert (tokens[A]["total_sold"], tokens[B]["open_cost"]) == (0.0, 30.0)
    assert (tokens[A]["rollover_count"], tokens[A]["unpriced_count"]) == (1, 0)

"""Small histories in which a token is exchanged for a token: nothing is closed, the cost moves on."""

import pytest

from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets_tests.pnl.figures import by_token, pnl
from smart_trader_assets_tests.pnl.histories import A, B, C, Leg, buy, roll, sell, swap, usdc

FEE = 0.075
"""Of one transaction, without a price of SOL."""


@pytest.mark.parametrize(
    "prices", [(None, None), (1.0, 2.5), (5.0, None), (None, 77.0), (1e-9, 1e9)]
)
def test_whatever_the_legs_tell_the_profit_is_made_where_cash_comes_in(prices):
    of_a, of_b = prices
    tokens = by_token(
        buy("1", 100, 1, A, hours_ago=9),
        swap("2", Leg(A, 100, of_a), Leg(B, 40, of_b), hours_ago=5, volume_usd=160.0),
        sell("3", 40, 5, B, hours_ago=1),
    )
    portfolio = tokens[ALL_TOKENS]
    assert (tokens[A]["realized_pnl"], tokens[B]["realized_pnl"]) == (0.0, 100.0)
    assert (portfolio["realized_pnl"], portfolio["coverage"]) == (100.0, 100.0)
    assert (portfolio["closing_count"], portfolio["avg_holding_hours"]) == (1, 8.0)
    assert (portfolio["buy_count"], portfolio["sell_count"]) == (2, 2)
    assert portfolio["unpriced_count"] == 0
    assert (portfolio["total_bought"], portfolio["total_sold"]) == (100.0, 200.0)
    counts = [tokens[token]["rollover_count"] for token in (ALL_TOKENS, A, B)]
    assert counts == [1, 1, 1]


def test_what_was_never_bought_has_no_basis_to_move_on():
    row = pnl(roll("1", (A, 100), (B, 40), hours_ago=5), sell("2", 40, 5, B, hours_ago=1))
    assert (row["realized_pnl"], row["unknown_basis_proceeds"], row["coverage"]) == (0, 200, 0)
    assert (row["closing_count"], row["unmatched_proceeds"], row["lost_cost"]) == (0, 0.0, 0.0)


def test_cash_paid_beside_a_token_adds_to_the_cost():
    tokens = by_token(
        buy("1", 10, 5, A, hours_ago=3),
        swap("2", usdc(100), Leg(B, 50), hours_ago=2, ordinal=0),
        roll("2", (A, 10), (B, 40), hours_ago=2, ordinal=1),
    )
    assert (tokens[B]["open_quantity"], tokens[B]["open_cost"]) == (90.0, 150.0)
    portfolio = tokens[ALL_TOKENS]
    assert (portfolio["realized_pnl"], portfolio["total_bought"]) == (0.0, 50.0)


def test_cash_received_beside_a_token_pays_back_cost():
    tokens = by_token(
        buy("1", 20, 5, A, hours_ago=3),
        swap("2", Leg(A, 10), usdc(50), hours_ago=2, ordinal=0),
        roll("2", (A, 10), (B, 10), hours_ago=2, ordinal=1),
    )
    sold, held = tokens[A], tokens[B]
    assert (sold["matched_proceeds"], sold["matched_cost"], sold["realized_pnl"]) == (50, 50, 0)
    assert (sold["closing_count"], sold["total_sold"], sold["win_rate"]) == (0, 50.0, None)
    assert (held["open_cost"], held["open_quantity"]) == (50.0, 10.0)


@pytest.mark.parametrize(
    ("received", "gained_at_once", "cost_moved"), [(30, 0.0, 70.0), (130, 30.0, 0.0)]
)
def test_only_what_is_received_beyond_the_cost_is_a_gain(received, gained_at_once, cost_moved):
    held = (
        buy("1", 10, 10, A, hours_ago=9),
        swap("2", Leg(A, 4), usdc(received), hours_ago=5, ordinal=0),
        roll("2", (A, 6), (B, 5), hours_ago=5, ordinal=1),
    )
    tokens = by_token(*held)
    assert (tokens[A]["realized_pnl"], tokens[B]["open_cost"]) == (gained_at_once, cost_moved)
    assert tokens[A]["closing_count"] == 0
    sold = by_token(*held, sell("3", 5, 24, B, hours_ago=1))
    assert sold[B]["realized_pnl"] == 120 - cost_moved
    assert sold[ALL_TOKENS]["realized_pnl"] == gained_at_once + 120 - cost_moved
    assert sold[ALL_TOKENS]["closing_count"] == 1


def test_a_grain_of_unknown_basis_beside_it_loses_the_cost():
    row = pnl(
        buy("1", 10, 100, A, hours_ago=9),
        roll("2", (A, 10), (B, 4), hours_ago=5, ordinal=0),
        roll("2", (C, 0.000001), (B, 1), hours_ago=5, ordinal=1),
        sell("3", 5, 6, B, hours_ago=1),
    )
    assert (row["realized_pnl"], row["unknown_basis_proceeds"], row["lost_cost"]) == (0, 30, 1000)
    assert row["closing_count"] == 0
    assert row["conservative_pnl"] == pytest.approx(-1000 - 3 * FEE, rel=1e-12)

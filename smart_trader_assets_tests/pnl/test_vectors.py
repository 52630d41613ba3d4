"""Small histories whose profit is known by hand."""

from typing import Any

import pytest

from smart_trader_assets.pnl import ALL_TOKENS, compute_wallet_pnl
from smart_trader_assets.pnl.cash import NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets_tests.pnl.figures import by_token, pnl
from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    JITO_SOL,
    A,
    B,
    Leg,
    X,
    buy,
    frame,
    sell,
    sol,
    swap,
    usdc,
)

DAY = 24
TWO_LOTS = (
    buy("b1", 10, 1, hours_ago=9),
    buy("b2", 10, 3, hours_ago=8),
    sell("s1", 10, 4, hours_ago=7),
)


def test_a_sale_takes_the_oldest_lot():
    row = pnl(*TWO_LOTS, token=X)
    assert (row["realized_pnl"], row["open_quantity"], row["open_cost"]) == (30.0, 10.0, 30.0)


def test_a_sale_spans_lots():
    more = (buy("b3", 10, 5, hours_ago=6), sell("s2", 20, 5, hours_ago=5))
    row = pnl(*TWO_LOTS, *more, token=X)
    assert (row["realized_pnl"], row["open_quantity"], row["open_cost"]) == (50.0, 0.0, 0.0)
    assert (row["matched_proceeds"], row["matched_cost"]) == (140.0, 90.0)


def test_what_was_never_bought_makes_no_profit_and_no_short_position():
    row = pnl(sell("s", 5, 10, hours_ago=2), buy("b", 5, 8, hours_ago=1), token=X)
    assert (row["realized_pnl"], row["unmatched_quantity"], row["unmatched_proceeds"]) == (0, 5, 50)
    assert (row["coverage"], row["open_quantity"], row["open_cost"]) == (0.0, 5.0, 40.0)
    assert row["win_rate"] is None


def test_two_sales_in_one_second_both_count():
    sales = (sell("s1", 4, 2, hours_ago=1), sell("s2", 4, 3, hours_ago=1))
    row = pnl(buy("b", 10, 1, hours_ago=2), *sales, token=X)
    assert (row["realized_pnl"], row["win_count"]) == (12.0, 2)
    assert (row["open_quantity"], row["open_cost"]) == (2.0, 2.0)


def test_selling_more_than_is_held_is_matched_in_part():
    row = pnl(buy("b", 10, 1, hours_ago=2), sell("s", 15, 2, hours_ago=1), token=X)
    assert (row["realized_pnl"], row["matched_proceeds"], row["total_sold"]) == (10.0, 20.0, 30.0)
    assert row["coverage"] == pytest.approx(66.67, abs=0.01)
    assert (row["unmatched_quantity"], row["unmatched_proceeds"]) == (5.0, 10.0)


@pytest.mark.parametrize("sold_is_base", [True, False])
def test_the_sign_is_the_direction_whichever_leg_is_base(sold_is_base):
    row = pnl(
        swap("b", sol(1, 100.0), Leg(X, 100), hours_ago=2),
        swap("s", Leg(X, 100), sol(2, 100.0), hours_ago=1, given_is_base=sold_is_base),
    )
    assert (row["realized_pnl"], row["roi"]) == (100.0, 100.0)


def test_holding_time_is_weighted_by_cost():
    row = pnl(
        buy("b1", 10, 1, hours_ago=4),
        buy("b2", 10, 2, hours_ago=3),
        sell("s", 15, 3, hours_ago=1),
        token=X,
    )
    assert (row["realized_pnl"], row["avg_holding_hours"]) == (25.0, 2.5)
    assert (row["open_quantity"], row["open_cost"]) == (5.0, 10.0)
    # Costs 10 and 10: half of the weight is reached at the shorter holding.
    assert row["median_holding_hours"] == 2.0


def test_of_two_equal_parts_of_a_lot_the_shorter_holding_is_the_median():
    # Thirds of a dollar are rounded: the second part is a unit less than the third.
    rows = (
        buy("b", 3, 1 / 3, hours_ago=400),
        sell("s0", 1, 5, hours_ago=300),
        sell("s1", 1, 5, hours_ago=8),
        sell("s2", 1, 5, hours_ago=5),
    )
    assert pnl(*rows, token=X, window="7d")["median_holding_hours"] == 392.0


def test_an_intermediate_hop_leaves_no_trace():
    tokens = by_token(
        swap("t", sol(1, 150.0), Leg(A, 50), ordinal=0),
        swap("t", Leg(A, 50), Leg(B, 20), ordinal=1),
    )
    assert set(tokens) == {ALL_TOKENS, B}
    row = tokens[B]
    assert (row["buy_count"], row["total_bought"], row["open_cost"]) == (1, 150.0, 150.0)
    assert (row["open_quantity"], row["realized_pnl"]) == (20.0, 0.0)


def test_a_cyclic_arbitrage_is_counted_outside_the_profit():
    row = pnl(
        swap("t", sol(1, 150.0), Leg(A, 50), ordinal=0),
        swap("t", Leg(A, 50), sol(1.01, 150.0), ordinal=1),
    )
    assert (row["trade_count"], row["realized_pnl"], row["arbitrage_count"]) == (0, 0.0, 1)
    assert row["arbitrage_profit_usd"] == pytest.approx(1.5, abs=1e-12)


def test_a_lot_from_before_the_window_counts_in_it():
    rows = (buy("b", 10, 1, hours_ago=60 * DAY), sell("s", 10, 2))
    row = pnl(*rows, window="7d")
    assert (row["realized_pnl"], row["coverage"], row["buy_count"]) == (10.0, 100.0, 0)
    assert row["open_cost"] is None


def test_a_page_delivered_twice_counts_once():
    assert pnl(*TWO_LOTS, *TWO_LOTS) == pnl(*TWO_LOTS)


def test_a_row_of_2024_without_price_volume_and_indices():
    old: dict[str, Any] = {"volume_usd": None, "ins_index": None, "block_number": None}
    row = pnl(
        swap("b", sol(1, None, 100.0), Leg(X, 100), hours_ago=2, **old),
        swap("s", Leg(X, 100), sol(2, None, 100.0), hours_ago=1, **old),
    )
    assert (row["realized_pnl"], row["roi"]) == (100.0, 100.0)


def test_an_order_split_over_pools_is_one_trade():
    row = pnl(
        swap("t", sol(1, 100.0), Leg(A, 60), ordinal=0),
        swap("t", sol(1, 102.0), Leg(A, 61), ordinal=1),
        token=A,
    )
    assert (row["buy_count"], row["open_quantity"], row["total_bought"]) == (1, 121.0, 202.0)
    assert (row["realized_pnl"], row["open_cost_sol"]) == (0.0, 2.0)


def test_both_addresses_of_sol_are_cash_of_one_mint():
    bought = swap("b", sol(1, 100.0), Leg(A, 10), hours_ago=2)
    tokens = by_token(bought, swap("s", Leg(A, 10), Leg(NATIVE_SOL, 2, 100.0), hours_ago=1))
    assert set(tokens) == {ALL_TOKENS, A}
    assert tokens[ALL_TOKENS]["realized_pnl"] == 100.0
    round_trip = pnl(
        swap("t", sol(1, 100.0), Leg(A, 10), ordinal=0),
        swap("t", Leg(A, 10), Leg(NATIVE_SOL, 1.5, 100.0), ordinal=1),
    )
    assert (round_trip["arbitrage_count"], round_trip["arbitrage_profit_usd"]) == (1, 50.0)


def test_dust_of_a_token_that_was_only_passed_through_leaves_no_trace():
    tokens = by_token(
        swap("t", sol(1, 100.0), Leg(A, 50), ordinal=0),
        swap("t", Leg(A, 49.99999), Leg(B, 20), ordinal=1),
    )
    assert set(tokens) == {ALL_TOKENS, B}
    assert (tokens[B]["buy_count"], tokens[B]["open_cost"]) == (1, 100.0)
    assert tokens[ALL_TOKENS]["realized_pnl"] == 0.0


def test_the_rise_of_staked_sol_is_no_profit():
    tokens = by_token(
        swap("1", sol(10, 100.0), Leg(JITO_SOL, 9, 111.0), hours_ago=900),
        swap("2", Leg(JITO_SOL, 9, 222.0), sol(10.1, 200.0), hours_ago=1),
    )
    assert set(tokens) == {ALL_TOKENS}
    row = tokens[ALL_TOKENS]
    assert (row["trade_count"], row["conversion_count"], row["realized_pnl"]) == (0, 2, 0.0)
    assert (row["arbitrage_count"], row["realized_pnl_sol"], row["open_cost"]) == (0, None, 0.0)
    assert (row["estimated_fees_usd"], row["conservative_pnl"]) == (0.0, 0.0)


def test_a_gain_in_dollars_may_be_a_loss_in_sol():
    row = pnl(
        swap("b", sol(1, 100.0), Leg(X, 100), hours_ago=900),
        swap("s", Leg(X, 100), sol(0.85, 200.0), hours_ago=1),
    )
    assert (row["realized_pnl"], row["roi"]) == (70.0, 70.0)
    assert row["realized_pnl_sol"] == pytest.approx(-0.15, rel=1e-12)
    assert row["roi_sol"] == pytest.approx(-15.0, rel=1e-12)
    assert row["sol_coverage"] == 100.0


@pytest.mark.parametrize(("bought", "sold"), ["ab", "ba"])
def test_in_one_block_what_is_bought_is_there_to_be_sold(bought, sold):
    row = pnl(buy(bought, 10, 1), sell(sold, 10, 1.5), token=X)
    assert (row["realized_pnl"], row["unmatched_proceeds"], row["open_quantity"]) == (5.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("days_ago", "stale_cost", "conservative"), [(100, 10.0, -10.0), (3.5, 0.0, -5.0)]
)
def test_a_bag_that_nobody_prices_fades_to_nothing(days_ago, stale_cost, conservative):
    row = pnl(buy("b", 10, 1, hours_ago=days_ago * DAY), token=X)
    assert (row["realized_pnl"], row["unrealized_pnl"], row["mark_source"]) == (0, 0, "own_trade")
    assert row["stale_open_cost"] == stale_cost
    assert row["estimated_fees_usd"] == 0.075
    assert row["conservative_pnl"] == pytest.approx(conservative - 0.075, rel=1e-12)


def test_who_sells_a_grain_to_himself_is_not_rich():
    row = pnl(
        swap("b", usdc(1), Leg(X, 1_000_000), hours_ago=2), sell("s", 1, 1, hours_ago=1), token=X
    )
    assert row["mark_price"] == 1.0
    assert row["realized_pnl"] == pytest.approx(0.999999, rel=1e-12)
    assert row["total_pnl"] == pytest.approx(0.999999, rel=1e-12)


@pytest.mark.parametrize(
    "beside", [{"quote_price": 1.5}, {"quote_nearest_price": 1.5}, {"volume_usd": 150.0}]
)
def test_a_wrong_price_of_sol_gives_way_to_the_one_that_the_row_confirms(beside):
    row = pnl(
        swap("b", sol(1, 15_000.0, 150.0), Leg(X, 100), hours_ago=2, **beside),
        swap("s", Leg(X, 100), usdc(180), hours_ago=1),
    )
    assert row["realized_pnl"] == 30.0


def test_a_row_three_times_is_one_row_at_its_last_price():
    one = swap("b", sol(1, 100.0), Leg(X, 10))
    as_text = one | {"base_change_amount": "-1000000000.0"}
    revised = one | {"base_change_amount": "-1e9", "base_price": 120.0}
    row = pnl(one, as_text, revised, token=X)
    assert (row["buy_count"], row["open_quantity"], row["open_cost"]) == (1, 10.0, 120.0)
    unnamed = frame([one, as_text, revised]).drop("swap_id")
    alone = frame([revised]).drop("swap_id")
    assert compute_wallet_pnl(unnamed, as_of=AS_OF).equals(compute_wallet_pnl(alone, as_of=AS_OF))


def test_the_least_cash_makes_a_sale_and_so_a_loss():
    row = pnl(buy("b", 10, 10, A, hours_ago=9), swap("s", Leg(A, 10), usdc(0.005), hours_ago=1))
    assert (row["realized_pnl"], row["closing_count"], row["win_count"]) == (-99.995, 1, 0)


def test_a_closed_position_at_cost_is_neither_won_nor_lost():
    price = 180.90624596592593
    row = pnl(
        swap("b", sol(2.000000002, price), Leg(X, 3), hours_ago=4),
        swap("s1", Leg(X, 1.5), sol(1.000000001, price), hours_ago=3),
        swap("b2", sol(0.7, price), Leg(X, 7), hours_ago=2),
        swap("s2", Leg(X, 1.5), sol(1.000000001, price), hours_ago=1),
        swap("s3", Leg(X, 7), sol(0.7, price), hours_ago=0.5),
    )
    assert (row["closing_count"], row["open_cost"]) == (3, 0.0)
    assert (row["win_count"], row["profit_factor"]) == (0, None)


def test_each_window_of_a_portfolio_stands_even_where_it_is_empty():
    table = compute_wallet_pnl(frame([buy("b", 1, 1, hours_ago=20 * DAY)]), as_of=AS_OF)
    portfolio = table.filter(token_address=ALL_TOKENS)
    assert portfolio["window"].to_list() == ["all", "90d", "30d", "7d"]
    assert portfolio["trade_count"].to_list() == [1, 1, 1, 0]
    assert table.filter(token_address=X)["window"].to_list() == ["all", "90d", "30d"]


def test_sol_is_never_a_token_of_the_table():
    rows = [buy("b", 1, 1, hours_ago=2), swap("c", usdc(100), sol(1, 100.0), hours_ago=1)]
    table = compute_wallet_pnl(frame(rows), as_of=AS_OF)
    assert WRAPPED_SOL not in table["token_address"].to_list()
    assert table.filter(token_address=ALL_TOKENS)["conversion_count"].to_list() == [1, 1, 1, 1]

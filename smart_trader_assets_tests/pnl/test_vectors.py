"""Small histories whose profit is known by hand."""

from typing import Any

import polars as pl
import pytest

from smart_trader_assets.pnl import ALL_TOKENS, compute_wallet_pnl
from smart_trader_assets.pnl.cash import NATIVE_SOL
from smart_trader_assets_tests.pnl.histories import AS_OF, A, B, Leg, X, frame, sol, swap, usdc


def buy(tx: str, amount: float, price: float, token: str = X, **more: Any) -> dict[str, Any]:
    return swap(tx, usdc(amount * price), Leg(token, amount), **more)


def sell(tx: str, amount: float, price: float, token: str = X, **more: Any) -> dict[str, Any]:
    return swap(tx, Leg(token, amount), usdc(amount * price), **more)


def pnl(*rows: dict[str, Any], token: str = ALL_TOKENS, window: str = "all") -> dict[str, Any]:
    table = compute_wallet_pnl(frame(rows), as_of=AS_OF)
    return table.row(
        by_predicate=(pl.col("token_address") == token) & (pl.col("window") == window), named=True
    )


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


def test_the_sign_is_the_direction_whichever_leg_is_base():
    row = pnl(
        swap("b", sol(1, 100.0), Leg(X, 100), hours_ago=2, given_is_base=True),
        swap("s", Leg(X, 100), sol(2, 100.0), hours_ago=1, given_is_base=True),
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


def test_an_intermediate_hop_leaves_no_trace():
    rows = (
        swap("t", sol(1, 150.0), Leg(A, 50), ordinal=0),
        swap("t", Leg(A, 50), Leg(B, 20), ordinal=1),
    )
    table = compute_wallet_pnl(frame(rows), as_of=AS_OF)
    assert set(table["token_address"]) == {ALL_TOKENS, B}
    row = pnl(*rows, token=B)
    assert (row["buy_count"], row["total_bought"], row["open_cost"]) == (1, 150.0, 150.0)


@pytest.mark.parametrize(("left_over", "trades"), [(1e-6, 1), (3e-6, 2)])
def test_a_hop_leaves_no_trace_up_to_a_billionth_of_what_it_moved(left_over, trades):
    # 1,000 A in and out: a billionth of the 2,000 that moved is two units.
    row = pnl(
        swap("t", usdc(150), Leg(A, 1000), ordinal=0),
        swap("t", Leg(A, 1000 - left_over), Leg(B, 20, 7.5), ordinal=1),
    )
    assert row["trade_count"] == trades


def test_a_cyclic_arbitrage_is_counted_outside_the_profit():
    row = pnl(
        swap("t", sol(1, 150.0), Leg(A, 50), ordinal=0),
        swap("t", Leg(A, 50), sol(1.01, 150.0), ordinal=1),
    )
    assert (row["trade_count"], row["realized_pnl"], row["arbitrage_count"]) == (0, 0.0, 1)
    assert row["arbitrage_profit_usd"] == pytest.approx(1.5, abs=1e-12)


def test_a_token_for_a_token_is_worth_the_volume_of_its_row():
    rows = (
        buy("b", 100, 1, A, hours_ago=3),
        swap("t", Leg(A, 100), Leg(B, 40), hours_ago=2, volume_usd=160.0),
        sell("s", 40, 5, B, hours_ago=1),
    )
    assert pnl(*rows)["realized_pnl"] == 100.0
    assert (pnl(*rows, token=A)["realized_pnl"], pnl(*rows, token=B)["realized_pnl"]) == (60, 40)


def test_a_token_for_a_token_without_any_price_moves_quantities_only():
    row = pnl(
        buy("b", 100, 1, A, hours_ago=3),
        swap("t", Leg(A, 100), Leg(B, 40), hours_ago=2),
        sell("s", 40, 5, B, hours_ago=1),
    )
    assert (row["realized_pnl"], row["unpriced_count"]) == (0.0, 2)
    assert (row["unmatched_proceeds"], row["coverage"]) == (200.0, 0.0)


def test_a_lot_from_before_the_window_counts_in_it():
    rows = (buy("b", 10, 1, hours_ago=60 * 24), sell("s", 10, 2, hours_ago=1))
    row = pnl(*rows, window="7d")
    assert (row["realized_pnl"], row["coverage"], row["buy_count"]) == (10.0, 100.0, 0)
    assert row["open_cost"] is None


def test_a_page_delivered_twice_counts_once():
    assert pnl(*TWO_LOTS, *TWO_LOTS) == pnl(*TWO_LOTS)


def test_a_row_of_2024_without_price_volume_and_indices():
    old: dict[str, Any] = {"volume_usd": None, "ins_index": None, "block_number": None}
    row = pnl(
        swap("b", Leg(sol(1, None).mint, 1, None, 100.0), Leg(X, 100), hours_ago=2, **old),
        swap("s", Leg(X, 100), Leg(sol(1, None).mint, 2, None, 100.0), hours_ago=1, **old),
    )
    assert (row["realized_pnl"], row["roi"]) == (100.0, 100.0)


def test_cash_and_a_token_paid_together():
    rows = (
        buy("b", 10, 5, A, hours_ago=3),
        swap("t", usdc(100), Leg(B, 50), hours_ago=2, ordinal=0),
        swap("t", Leg(A, 10, 8.0), Leg(B, 40), hours_ago=2, ordinal=1),
    )
    assert pnl(*rows)["realized_pnl"] == 30.0
    assert (pnl(*rows, token=A)["total_sold"], pnl(*rows, token=B)["total_bought"]) == (80, 180)


def test_cash_and_a_token_received_together():
    rows = (
        buy("b", 20, 5, A, hours_ago=3),
        swap("t", Leg(A, 10), usdc(50), hours_ago=2, ordinal=0),
        swap("t", Leg(A, 10), Leg(B, 10, 8.0), hours_ago=2, ordinal=1),
    )
    assert pnl(*rows)["realized_pnl"] == 30.0
    assert (pnl(*rows, token=A)["total_sold"], pnl(*rows, token=B)["total_bought"]) == (130, 80)


def test_an_order_split_over_pools_is_one_trade():
    row = pnl(
        swap("t", sol(1, 100.0), Leg(A, 60), ordinal=0),
        swap("t", sol(1, 102.0), Leg(A, 61), ordinal=1),
        token=A,
    )
    assert (row["buy_count"], row["open_quantity"], row["total_bought"]) == (1, 121.0, 202.0)


def test_both_addresses_of_sol_are_cash_of_one_mint():
    rows = (
        swap("b", sol(1, 100.0), Leg(A, 10), hours_ago=2),
        swap("s", Leg(A, 10), Leg(NATIVE_SOL, 2, 100.0), hours_ago=1),
    )
    table = compute_wallet_pnl(frame(rows), as_of=AS_OF)
    assert set(table["token_address"]) == {ALL_TOKENS, A}
    assert pnl(*rows)["realized_pnl"] == 100.0


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
    assert row["win_count"] == 0


def test_each_window_of_a_portfolio_stands_even_where_it_is_empty():
    table = compute_wallet_pnl(frame([buy("b", 1, 1, hours_ago=20 * 24)]), as_of=AS_OF)
    portfolio = table.filter(token_address=ALL_TOKENS)
    assert portfolio["window"].to_list() == ["all", "90d", "30d", "7d"]
    assert portfolio["trade_count"].to_list() == [1, 1, 1, 0]
    assert table.filter(token_address=X)["window"].to_list() == ["all", "90d", "30d"]

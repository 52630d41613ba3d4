"""Can these trades be followed? How concentrated, how quick and how busy a wallet is."""

from typing import Any

from smart_trader_assets_tests.pnl.figures import pnl
from smart_trader_assets_tests.pnl.histories import A, B, Leg, X, buy, roll, sell, sol, swap, usdc

HOUR = 1.0
SECOND = HOUR / 3600


def test_top_token_share_is_the_best_part_of_the_positive_results():
    row = pnl(
        buy("1", 10, 1, A, hours_ago=6),
        sell("2", 10, 4, A, hours_ago=5),
        buy("3", 10, 1, B, hours_ago=4),
        sell("4", 10, 2, B, hours_ago=3),
        buy("5", 10, 1, X, hours_ago=2),
        sell("6", 10, 0.5, X, hours_ago=1),
    )
    assert row["top_token_share"] == 75.0


def test_without_a_positive_result_no_token_has_a_share():
    assert pnl(buy("1", 10, 1, hours_ago=6), sell("2", 10, 0.5))["top_token_share"] is None


def test_same_block_share_counts_sales_at_most_ten_seconds_after_a_buy_of_the_token():
    row = pnl(
        buy("1", 10, 1, hours_ago=9),
        sell("2", 1, 2, hours_ago=9 - 11 * SECOND),
        buy("3", 10, 1, A, hours_ago=5),
        sell("4", 1, 2, A, hours_ago=5 - 10 * SECOND),
        sell("5", 1, 2, B, hours_ago=1),
    )
    assert (row["closing_count"], row["same_block_share"]) == (2, 50.0)


def test_same_block_share_counts_sales_in_the_slot_of_the_purchase():
    slot: dict[str, Any] = {"block_number": 7}
    row = pnl(
        buy("1", 10, 1, hours_ago=9, **slot), sell("2", 1, 2, hours_ago=9 - 30 * SECOND, **slot)
    )
    assert row["same_block_share"] == 100.0


def test_a_lot_left_over_from_long_ago_hides_no_same_block_trader():
    row = pnl(
        buy("1", 10, 1, hours_ago=900),
        buy("2", 10, 1, hours_ago=9),
        sell("3", 10, 2, hours_ago=9 - SECOND),
        buy("4", 10, 1, hours_ago=5),
        sell("5", 10, 2, hours_ago=5 - SECOND),
    )
    assert (row["closing_count"], row["same_block_share"]) == (2, 100.0)


def test_active_days_and_the_busiest_day_are_utc_days_of_trades():
    row = pnl(
        buy("1", 10, 1, hours_ago=13),
        buy("2", 10, 1, hours_ago=11),
        sell("3", 1, 1, hours_ago=10),
        sell("4", 1, 1, A, hours_ago=9),
    )
    # It is noon: thirteen hours ago was yesterday.
    assert (row["active_days"], row["max_trades_per_day"]) == (2, 3)


def test_a_token_that_just_came_by_a_rollover_was_just_bought():
    row = pnl(
        buy("1", 10, 1, A, hours_ago=9),
        roll("2", (A, 10), (B, 5), hours_ago=5),
        sell("3", 5, 4, B, hours_ago=5 - 10 * SECOND),
    )
    assert (row["closing_count"], row["same_block_share"]) == (1, 100.0)


def test_rollovers_and_unpriced_trades_are_activity_and_conversions_are_none():
    row = pnl(
        buy("1", 10, 1, A, hours_ago=13),
        roll("2", (A, 10), (B, 5), hours_ago=11),
        swap("3", sol(1, None), Leg(X, 5), hours_ago=10),
        swap("4", sol(1, 100.0), usdc(100), hours_ago=9),
    )
    assert (row["active_days"], row["max_trades_per_day"], row["trade_count"]) == (2, 3, 4)
    assert row["conversion_count"] == 1


def test_trades_a_day_are_counted_over_a_day_at_least():
    busy = [buy(str(n), 1, 1, hours_ago=n / 10) for n in range(5)]
    assert pnl(*busy)["trade_frequency_daily"] == 5.0
    assert pnl(buy("1", 1, 1, hours_ago=60), sell("2", 1, 1))["trade_frequency_daily"] == 0.8


def test_a_day_cut_by_a_window_counts_what_lies_inside():
    row = pnl(
        buy("1", 1, 1, hours_ago=7 * 24 + 1), buy("2", 1, 1, hours_ago=7 * 24 - 1), window="7d"
    )
    assert (row["active_days"], row["max_trades_per_day"]) == (1, 1)

"""Can these trades be followed? How concentrated, how quick and how busy a wallet is."""

from typing import Any

from smart_trader_assets_tests.pnl.histories import A, B, X
from smart_trader_assets_tests.pnl.test_vectors import buy, pnl, sell

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


def test_a_day_cut_by_a_window_counts_what_lies_inside():
    row = pnl(
        buy("1", 1, 1, hours_ago=7 * 24 + 1), buy("2", 1, 1, hours_ago=7 * 24 - 1), window="7d"
    )
    assert (row["active_days"], row["max_trades_per_day"]) == (1, 1)

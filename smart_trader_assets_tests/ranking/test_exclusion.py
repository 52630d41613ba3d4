from datetime import timedelta

import pytest

from smart_trader_assets.ranking.exclusion import EXCLUSION_RULES
from smart_trader_assets_tests.ranking.pnl_rows import AS_OF, bets, class_of, judged, portfolio

# Measures of a wallet that is a class and would be ELITE otherwise, and its nearest neighbour that is not.
AT_THE_THRESHOLD = [
    ("ARBITRAGEUR", {"arbitrage_count": 10, "trade_count": 30}, {"trade_count": 31}),
    ("ARBITRAGEUR", {"arbitrage_count": 5, "trade_count": 15}, {"arbitrage_count": 4}),
    ("BOT", {"max_trades_per_day": 200}, {"max_trades_per_day": 199}),
    ("BOT", {"trade_frequency_daily": 100.0}, {"trade_frequency_daily": 99.9}),
    ("SAME_BLOCK", {"same_block_share": 50.0}, {"same_block_share": 49.9}),
    ("TRANSFERRED_IN", {"coverage": 59.9}, {"coverage": 60.0}),
    ("UNTESTED", {"closing_count": 4}, {"closing_count": 5}),
    ("UNTESTED", {"active_days": 2}, {"active_days": 3}),
    ("UNTESTED", {"coverage": None}, {"coverage": 100.0}),
    (
        "INACTIVE",
        {"last_transaction": AS_OF - timedelta(days=30, seconds=1)},
        {"last_transaction": AS_OF - timedelta(days=30)},
    ),
    ("UNPROFITABLE", {"total_pnl": 0.0}, {"total_pnl": 0.01}),
]


@pytest.mark.parametrize(("name", "measures", "spared"), AT_THE_THRESHOLD)
def test_a_class_is_kept_out_from_its_threshold_on(name, measures, spared):
    own = bets("ann", *[600.0] * 12)
    assert class_of(portfolio("ann", **measures), *own) == name
    assert class_of(portfolio("ann", **(measures | spared)), *own) is None


def test_a_wallet_that_is_the_pool_of_a_swap_is_no_trader():
    found = judged(portfolio("ann"), portfolio("bob"), pools=["ann", "elsewhere"])
    assert found.excluded.select("wallet_address", "wallet_class").rows() == [("ann", "POOL")]
    assert found.traders["wallet_address"].to_list() == ["bob"]


def test_unknown_basis_in_an_unfinished_history_is_no_transfer():
    assert class_of(portfolio("ann", coverage=20.0, history_complete=False)) == "UNTESTED"
    assert class_of(portfolio("ann", coverage=20.0, history_complete=None)) == "TRANSFERRED_IN"


def test_what_is_unknown_makes_nobody_a_machine():
    unknown = dict.fromkeys(
        ("max_trades_per_day", "trade_frequency_daily", "same_block_share", "arbitrage_count")
    )
    assert class_of(portfolio("ann", **unknown)) is None


def test_few_round_trips_within_seconds_make_no_same_block_trader():
    assert class_of(portfolio("ann", same_block_share=100.0, closing_count=4)) == "UNTESTED"


def test_the_class_is_what_a_wallet_is_and_its_reasons_are_all_that_applies():
    row = judged(
        portfolio(
            "ann",
            arbitrage_count=153,
            trade_count=24,
            max_trades_per_day=1_861,
            trade_frequency_daily=307.4,
            same_block_share=87.5,
            coverage=33.4,
            unmatched_proceeds=568_559.328,
            closing_count=12,
            active_days=1,
            history_complete=False,
            last_transaction=AS_OF - timedelta(days=59),
            total_pnl=-0.004,
        ),
        pools=["ann"],
    ).excluded.row(0, named=True)
    assert row["wallet_class"] == "POOL"
    assert row["reasons"] == [
        "It is the pool of a swap, not a trader.",
        "153 cyclic arbitrages against 24 trades.",
        "Up to 1,861 trades a day, 307.4 on average: more than a person would make.",
        "87.5 % of its closing trades sold what was bought in the same block or seconds before.",
        "Not enough evidence: 1 active day of 3, the history is not fetched back to the first trade.",
        "No trade since 2026-01-01, longer than 30 days.",
        "PnL of 0.00 USD: no profit.",
    ]
    assert row["coverage"] == 33.4


def test_a_wallet_without_any_trade_says_so():
    row = judged(
        portfolio(
            "ann",
            coverage=None,
            closing_count=0,
            active_days=0,
            last_transaction=None,
            total_pnl=None,
            realized_pnl=None,
        )
    ).excluded.row(0, named=True)
    assert row["reasons"] == [
        "Not enough evidence: nothing was sold at a known price, 0 closing trades of 5, 0 active days of 3.",
        "No trade at all.",
        "No PnL is known.",
    ]


def test_sellers_of_what_was_transferred_in_are_told_what_has_no_purchase():
    row = judged(portfolio("ann", coverage=2.35, unmatched_proceeds=2_471.99)).excluded
    assert row["reasons"].to_list() == [
        [
            "2,471.99 USD of its proceeds come from tokens without a known purchase; "
            "only 2.3 % has a known basis."
        ]
    ]


def test_every_class_has_its_test():
    tested = {name for name, _, _ in AT_THE_THRESHOLD} | {"POOL"}
    assert tested == {ground.name for ground in EXCLUSION_RULES}

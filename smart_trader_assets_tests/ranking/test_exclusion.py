from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from smart_trader_assets.ranking.exclusion import WALLET_CLASSES
from smart_trader_assets.tables.catalog import CLASSIFIED_WALLETS
from smart_trader_assets_tests.ranking.pnl_rows import (
    AS_OF,
    Row,
    bets,
    class_of,
    judged,
    portfolio,
    token,
)
from smart_trader_assets_tests.support.defaults import RANKING

MANY = replace(RANKING, exclusion=replace(RANKING.exclusion, min_closing_trades=1))

# Measures of a wallet that is a class and would be ELITE otherwise, and its nearest neighbour that is not.
AT_THE_THRESHOLD = [
    ("ARBITRAGEUR", {"arbitrage_count": 10, "trade_count": 30}, {"trade_count": 31}),
    ("ARBITRAGEUR", {"arbitrage_count": 5, "trade_count": 15}, {"arbitrage_count": 4}),
    ("BOT", {"max_trades_per_day": 200}, {"max_trades_per_day": 199}),
    ("BOT", {"trade_frequency_daily": 100.0}, {"trade_frequency_daily": 99.9}),
    ("CASH_ONLY", {"conversion_count": 1, "trade_count": 0}, {"trade_count": 1}),
    ("SAME_BLOCK", {"same_block_share": 50.0}, {"same_block_share": 49.9}),
    ("TRANSFERRED_IN", {"coverage": 59.9}, {"coverage": 60.0}),
    (
        "TRANSFERRED_IN",
        {"realized_pnl": 1.0, "unmatched_proceeds": 3.01},
        {"unmatched_proceeds": 3.0},
    ),
    ("UNTESTED", {"closing_count": 4}, {"closing_count": 5}),
    ("UNTESTED", {"active_days": 2}, {"active_days": 3}),
    ("UNTESTED", {"coverage": None}, {"coverage": 100.0}),
    (
        "INACTIVE",
        {"last_transaction": AS_OF - timedelta(days=30, seconds=1)},
        {"last_transaction": AS_OF - timedelta(days=30)},
    ),
    ("UNPROFITABLE", {"conservative_pnl": 0.0}, {"conservative_pnl": 0.01}),
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
            conservative_pnl=-0.004,
            open_cost=3.0,
            conservative_value=1.0,
            stale_open_cost=2.0,
            estimated_fees_usd=0.001,
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
        "Conservative PnL of -0.004 USD: no profit; bags that cost 3.00 USD are worth 1.00 USD at prices that "
        "fade with their age, 2.00 USD of them unpriced for days (still held, or moved away: transfers are not "
        "seen).",
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
            conservative_pnl=None,
            realized_pnl=None,
        )
    ).excluded.row(0, named=True)
    assert row["reasons"] == [
        "Not enough evidence: nothing was sold at a known price, 0 closing trades of 5, 0 active days of 3.",
        "No trade at all.",
        "No PnL is known.",
    ]


def test_sellers_of_what_was_transferred_in_are_told_what_has_no_purchase():
    row = judged(portfolio("ann", coverage=2.36, unmatched_proceeds=2_471.99)).excluded
    assert row["reasons"].to_list() == [
        [
            "2,471.99 USD of its proceeds come from tokens that it was not seen to buy, beside a realized PnL "
            "of 15,000.00 USD; the basis of 2.4 % of what it sold is known."
        ]
    ]


def launched(wallet: str, *returns: float, minutes: float = 10) -> list[Row]:
    """Bets of 1,000 USD bought so long after the first trade of their token, which somebody else made; what was
    bought and sold at once returned so much, in percent, and the whole bet gained three times its cost."""
    launch, bought = (
        AS_OF - timedelta(days=9),
        AS_OF - timedelta(days=9) + timedelta(minutes=minutes),
    )
    rows = [portfolio("other", conservative_pnl=-1.0)]
    for n, percent in enumerate(returns):
        mint = f"launch-{n}"
        early = {"early_cost": 200.0, "early_proceeds": 200.0 + 2 * percent}
        rows += [
            token("other", mint, -900.0, first_transaction=launch),
            token(wallet, mint, 3_000.0, first_transaction=bought, **early),
        ]
    return rows


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        (launched("ann", 301.0, 301.0, 301.0), "LAUNCH_INSIDER"),
        (launched("ann", 301.0, 301.0), None),
        (launched("ann", 300.0, 301.0, 301.0), None),
        (launched("ann", 301.0, 301.0, 301.0, minutes=10.1), None),
        ([*launched("ann", 301.0, 301.0, 301.0), *bets("ann", 8_999.0)], "LAUNCH_INSIDER"),
        ([*launched("ann", 301.0, 301.0, 301.0), *bets("ann", 9_000.0)], None),
        ([*launched("ann", 301.0, 301.0, 301.0), *bets("ann", *[-9_000.0] * 9)], "LAUNCH_INSIDER"),
    ],
)
def test_who_lives_on_launches_is_an_insider(rows, name):
    found = judged(portfolio("ann"), *rows).excluded
    assert dict(found.select("wallet_address", "wallet_class").rows()).get("ann") == name


def test_a_token_that_was_listed_long_before_its_first_known_trade_was_not_launched_then():
    rows = [portfolio("ann"), *launched("ann", 301.0, 301.0, 301.0)]
    listed = pl.LazyFrame(
        {
            "token_address": [f"launch-{n}" for n in range(3)],
            "listed_at": [AS_OF - timedelta(days=99)] * 3,
        },
        schema_overrides={"listed_at": pl.Datetime("us", "UTC")},
    )
    assert "ann" in judged(*rows).excluded["wallet_address"]
    assert "ann" in judged(*rows, listed=listed).traders["wallet_address"]


@pytest.mark.parametrize(("minutes", "name"), [(1.99, "TOO_FAST"), (2.0, None)])
def test_who_holds_for_less_than_minutes_cannot_be_followed(minutes, name):
    quick = [
        token("ann", f"quick-{n}", 900.0, median_holding_hours=minutes / 60) for n in range(12)
    ]
    # What is not closed has no holding time yet; a long one among many decides nothing, and dust less.
    held = token("ann", "held", 900.0, closing_count=0, median_holding_hours=None)
    slow = token("ann", "slow", 900.0, median_holding_hours=500.0)
    dust = [
        token("ann", f"dust-{n}", 0.1, matched_cost=0.2, median_holding_hours=24.0)
        for n in range(40)
    ]
    assert class_of(portfolio("ann"), *quick, held, slow, *dust) == name


def test_a_few_quick_sales_make_nobody_too_fast():
    quick = token("ann", "quick", 900.0, median_holding_hours=0.01)
    assert class_of(portfolio("ann", closing_count=4), quick) == "UNTESTED"


def known_in_part(share: float, *, complete: bool | None) -> list[Row]:
    """Of what was sold of the token behind most of the profit, so much in percent has no purchase."""
    return [
        portfolio("ann", history_complete=complete, realized_pnl=1_000.0, unmatched_proceeds=200.0),
        token("ann", "a", 600.0, total_sold=1_000.0, unmatched_proceeds=10 * share),
        token("ann", "b", 500.0, total_sold=1e6, unmatched_proceeds=0.0),
        token("ann", "c", -100.0, total_sold=1.0, unmatched_proceeds=1.0),
    ]


@pytest.mark.parametrize(
    ("measures", "words"),
    [
        ({"lost_cost": 60.0}, "what cost 60.00 USD left without a known price."),
        ({"lost_cost": 49.0}, "Conservative PnL of -100.00 USD: no profit."),
        ({"estimated_fees_usd": 50.0}, "no profit; fees are estimated at 50.00 USD."),
        (
            {"realized_pnl": -90.0, "realized_pnl_sol": 1.5},
            "no profit; measured in SOL it realized 1.5 SOL: what it lost is SOL's own fall.",
        ),
        (
            {"open_cost": 80.0, "conservative_value": 10.0},
            "bags that cost 80.00 USD are worth 10.00 USD",
        ),
    ],
)
def test_a_loss_names_what_decides_it(measures, words):
    row = portfolio("ann", conservative_pnl=-100.0, **measures)
    assert words in judged(row).excluded["reasons"].to_list()[0][0]


@pytest.mark.parametrize(
    ("seen", "amount", "words"),
    [
        (1, 1.0, "newer lists of holders show less than half of them: moved away"),
        (1, 600.0, "still held, or moved away"),
        (-60, 1.0, "still held, or moved away"),
    ],
)
def test_a_newer_list_of_holders_tells_that_bags_are_gone(seen, amount, words):
    whales = pl.LazyFrame(
        {
            "wallet_address": ["ann"],
            "token_address": ["bag"],
            "origin": ["holder"],
            "first_seen_on": [AS_OF.date() - timedelta(days=90)],
            "last_seen_on": [AS_OF.date() + timedelta(days=seen)],
            "ui_amount": [amount],
        }
    )
    worth = {"open_cost": 1_000.0, "stale_open_cost": 1_000.0, "conservative_value": 0.0}
    rows = [
        portfolio("ann", conservative_pnl=-900.0, **worth),
        token("ann", "bag", -1_000.0, open_quantity=1_000.0, **worth),
    ]
    assert words in judged(*rows, tracked_whales=whales).excluded["reasons"].to_list()[0][0]


@pytest.mark.parametrize("complete", [None, False])
def test_a_profit_that_hangs_on_sales_without_a_purchase_is_not_known(complete):
    found = judged(*known_in_part(20.1, complete=complete), rules=MANY).excluded
    assert found["wallet_class"].to_list() == ["UNTESTED"]
    assert (
        found["reasons"].to_list()[0][0].startswith("Whether it wins or loses is not known: 20.1 %")
    )
    assert judged(*known_in_part(20.0, complete=complete), rules=MANY).excluded.is_empty()
    assert judged(*known_in_part(90.0, complete=True), rules=MANY).excluded.is_empty()


def test_every_class_has_its_test():
    tested = {name for name, _, _ in AT_THE_THRESHOLD}
    assert tested | {"POOL", "TOO_FAST", "LAUNCH_INSIDER", "WASH_GROUP"} == set(WALLET_CLASSES)
    assert all(name in CLASSIFIED_WALLETS.column("wallet_class").meaning for name in WALLET_CLASSES)

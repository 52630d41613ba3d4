import dataclasses
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_trader_assets.ranking import QUALIFIED, Tier
from smart_trader_assets.tables.catalog import CLASSIFIED_WALLETS, SMART_TRADERS
from smart_trader_assets_tests.ranking.pnl_rows import (
    AS_OF,
    bets,
    judged,
    portfolio,
    ranked,
    tier_of,
    token,
    trader,
)
from smart_trader_assets_tests.support.defaults import RANKING


@pytest.mark.parametrize("rows", [[], trader("ann"), [portfolio("bob", total_pnl=-1.0)]])
def test_columns_are_the_tables_columns(rows):
    found = judged(*rows)
    for contract, frame in (
        (SMART_TRADERS, found.traders),
        (CLASSIFIED_WALLETS, found.excluded),
    ):
        assert dict(frame.schema) == {column.name: column.dtype for column in contract.columns}


def test_an_empty_pipeline_ranks_nobody_and_keeps_nobody_out():
    found = judged()
    assert found.traders.is_empty()
    assert found.excluded.is_empty()


def test_a_single_wallet_is_judged_by_its_own_bets():
    assert tier_of(*trader("ann")) == "ELITE"


def test_where_everybody_loses_nobody_is_ranked():
    rows = [portfolio(f"w{n}", total_pnl=-5.0, realized_pnl=-5.0, roi=-1.0) for n in range(30)]
    found = judged(*rows, *(row for n in range(30) for row in bets(f"w{n}", -1.0, -2.0, -2.0)))
    assert found.traders.is_empty()
    assert found.excluded["wallet_class"].unique().to_list() == ["UNPROFITABLE"]


def test_a_trader_carries_the_measures_of_its_whole_portfolio():
    row = ranked(
        portfolio("ann", trade_count=44, profit_factor=3.0, first_transaction=AS_OF),
        portfolio("ann", window="30d", trade_count=4, total_pnl=None),
        token("ann", "mint-a", 12.0, trade_count=40),
        token("ann", "mint-b", 13.0, trade_count=4),
        token("ann", "mint-b", 13.0, window="7d"),
    ).row(0, named=True)
    measures = ("total_pnl", "realized_pnl", "roi", "win_rate", "coverage", "closing_count")
    assert tuple(row[name] for name in measures) == (20_000.0, 15_000.0, 60.0, 50.0, 90.0, 20)
    assert (row["trade_count"], row["profit_factor"], row["first_transaction"], row["as_of"]) == (
        44,
        3.0,
        AS_OF,
        AS_OF,
    )
    assert row["token_count"] == 2
    assert row["bets"] == pytest.approx(2.0)


def test_a_wallet_with_windows_or_tokens_only_is_not_judged():
    found = judged(portfolio("ann", window="90d"), token("bob", "mint", 1e6))
    assert found.traders.is_empty()
    assert found.excluded.is_empty()


@pytest.mark.parametrize(
    ("pnl", "roi", "win_rate", "tier"),
    [
        (10_000.0, 50.0, 30.0, "ELITE"),
        (9_999.99, 50.0, 30.0, "STRONG"),
        (10_000.0, 49.9, 30.0, "STRONG"),
        (10_000.0, 50.0, 29.9, "STRONG"),
        (1_000.0, 20.0, 20.0, "STRONG"),
        (999.0, 90.0, 90.0, "PROMISING"),
        (100.0, 10.0, 10.0, "PROMISING"),
        (1e9, 9.9, 90.0, QUALIFIED),
        (99.0, 90.0, 90.0, QUALIFIED),
        (0.01, -5.0, 0.0, QUALIFIED),
        (1e9, None, None, QUALIFIED),
        (0.0, 90.0, 90.0, None),
        (-1.0, 90.0, 90.0, None),
    ],
)
def test_a_tier_asks_for_pnl_roi_and_win_rate_at_once(pnl, roi, win_rate, tier):
    assert tier_of(*trader("ann", total_pnl=pnl, roi=roi, win_rate=win_rate)) == tier


# Against a prior of four bets of nothing with a spread of 100 %.
@pytest.mark.parametrize(
    ("results", "tier"),
    [
        ([600.0] * 12, "ELITE"),
        ([600.0] * 5, "PROMISING"),
        ([600.0] * 4, QUALIFIED),
        ([900.0], QUALIFIED),
        ([1e9], QUALIFIED),
        ([], QUALIFIED),
    ],
)
def test_a_tier_asks_for_its_evidence(results, tier):
    assert tier_of(portfolio("ann"), *bets("ann", *results)) == tier


def test_machines_do_not_shape_what_is_expected_of_traders():
    losers = [
        row
        for n in range(30)
        for row in (portfolio(f"w{n}", total_pnl=-9.0), *bets(f"w{n}", -300.0, -200.0, -100.0))
    ]
    bots = [
        row
        for n in range(90)
        for row in (portfolio(f"bot{n}", max_trades_per_day=900), *bets(f"bot{n}", 0.1, 0.2, 0.3))
    ]
    alone = ranked(*trader("ann"), *losers)
    beside = ranked(*trader("ann"), *losers, *bots)
    assert beside.equals(alone)
    assert alone["expected_return"].item() < 60.0


def test_ten_sells_of_one_lucky_token_are_one_bet():
    one = [portfolio("ann", closing_count=10, win_count=10, win_rate=100.0)]
    assert tier_of(*one, *bets("ann", 90_000.0)) == QUALIFIED


@pytest.mark.parametrize(
    ("policy", "complete", "tier"),
    [
        ("cap", True, "ELITE"),
        ("cap", None, "ELITE"),
        ("cap", False, "PROMISING"),
        ("rank", False, "ELITE"),
        ("leave_out", False, None),
        ("leave_out", True, "ELITE"),
    ],
)
def test_an_incomplete_history_is_no_proof_unless_the_rules_say_so(policy, complete, tier):
    rules = replace(RANKING, incomplete_histories=policy)
    assert tier_of(*trader("ann", history_complete=complete), rules=rules) == tier


@pytest.mark.parametrize(
    ("total", "realized", "tier"),
    [
        (None, 15_000.0, "ELITE"),
        (None, -1.0, None),
        (-1.0, 15_000.0, None),
        (150.0, -9.0, "PROMISING"),
    ],
)
def test_realized_pnl_stands_in_only_where_the_total_is_unknown(total, realized, tier):
    assert tier_of(*trader("ann", total_pnl=total, realized_pnl=realized)) == tier


def test_ranks_go_by_tier_then_score_then_pnl_then_address():
    rows = ranked(
        *trader("strong", total_pnl=5_000.0, coverage=100.0, top_token_share=0.0),
        *trader("elite-b", coverage=70.0),
        *trader("elite-a", coverage=70.0),
        *trader("elite-rich", coverage=70.0, total_pnl=20_001.0),
        *trader("elite-best"),
        *trader("qualified", total_pnl=5.0, win_rate=95.0),
    )
    assert rows.select("wallet_address", "tier", "overall_rank", "tier_rank").rows() == [
        ("elite-best", "ELITE", 1, 1),
        ("elite-rich", "ELITE", 2, 2),
        ("elite-a", "ELITE", 3, 3),
        ("elite-b", "ELITE", 4, 4),
        ("strong", "STRONG", 5, 1),
        ("qualified", QUALIFIED, 6, 1),
    ]
    scores = dict(rows.select("wallet_address", "score").rows())
    assert scores["strong"] > scores["elite-best"] > scores["elite-a"] == scores["elite-b"]


def test_the_rules_can_be_set():
    rules = replace(RANKING, tiers=(Tier("GOOD", 1.0, 1.0, 1.0, 0.0),))
    rows = ranked(*trader("ann"), *trader("bob", roi=0.5), rules=rules)
    assert rows.select("wallet_address", "tier").rows() == [("ann", "GOOD"), ("bob", QUALIFIED)]
    strict = dataclasses.replace(
        rules, exclusion=dataclasses.replace(rules.exclusion, min_coverage=99.0)
    )
    assert ranked(*trader("ann"), rules=strict).is_empty()


WALLETS = st.lists(
    st.fixed_dictionaries(
        {
            "total_pnl": st.none() | st.floats(-1e6, 1e9),
            "roi": st.none() | st.floats(-100, 1e6),
            "win_rate": st.none() | st.floats(0, 100),
            "coverage": st.none() | st.floats(0, 100),
            "closing_count": st.integers(0, 100),
            "max_trades_per_day": st.integers(0, 500),
            "top_token_share": st.none() | st.floats(0, 100),
            "results": st.lists(st.floats(-1_000, 1e6), max_size=6),
        }
    ),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(WALLETS, st.randoms())
def test_every_wallet_is_ranked_or_kept_out_whatever_the_order_of_rows(wallets, random):
    rows = []
    for n, measures in enumerate(wallets):
        results = measures["results"]
        own = {name: value for name, value in measures.items() if name != "results"}
        rows += [portfolio(f"wallet-{n}", **own), *bets(f"wallet-{n}", *results)]
    first = judged(*rows)
    random.shuffle(rows)
    again = judged(*rows)
    assert again.traders.equals(first.traders)
    assert again.excluded.equals(first.excluded)
    verdicts = [*first.traders["wallet_address"], *first.excluded["wallet_address"]]
    assert sorted(verdicts) == [f"wallet-{n}" for n in range(len(wallets))]
    assert first.traders["overall_rank"].to_list() == list(range(1, first.traders.height + 1))
    places = [RANKING.tier_names.index(tier) for tier in first.traders["tier"]]
    assert places == sorted(places)
    for _, tier in first.traders.group_by("tier"):
        assert tier["tier_rank"].to_list() == list(range(1, tier.height + 1))
    assert first.traders["score"].is_between(0, 100).all()

import dataclasses
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.ranking import QUALIFIED, Tier, rank_wallets
from smart_trader_assets.tables.catalog import CLASSIFIED_WALLETS, SMART_TRADERS
from smart_trader_assets_tests.ranking.pnl_rows import (
    AS_OF,
    bets,
    judged,
    pnl_frame,
    portfolio,
    ranked,
    tier_of,
    token,
    trader,
)
from smart_trader_assets_tests.support.defaults import RANKING


@pytest.mark.parametrize("rows", [[], trader("ann"), [portfolio("bob", conservative_pnl=-1.0)]])
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


def test_numbers_without_the_newer_columns_are_ranked_by_what_they_have():
    newer = ("peak_cost", "early_cost", "early_proceeds", "paid_in_sol", "matched_cost_sol")
    older = pnl_frame(*trader("ann")).drop(newer)
    found = rank_wallets(older, rules=RANKING, as_of=AS_OF)
    assert found.traders["tier"].to_list() == ["ELITE"]


def test_where_everybody_loses_nobody_is_ranked():
    rows = [
        portfolio(f"w{n}", conservative_pnl=-5.0, realized_pnl=-5.0, roi=-1.0) for n in range(30)
    ]
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


def won(share: int) -> list[float]:
    """Results of a hundred bets of 1,000 USD, so many of them won, that prove skill."""
    return [900.0] * share + [-10.0] * (100 - share)


@pytest.mark.parametrize(
    ("pnl", "roi", "share", "tier"),
    [
        (10_000.0, 50.0, 30, "ELITE"),
        (9_999.99, 50.0, 30, "STRONG"),
        (10_000.0, 49.9, 30, "STRONG"),
        (10_000.0, 50.0, 29, "STRONG"),
        (1_000.0, 20.0, 20, "STRONG"),
        (999.0, 90.0, 90, "PROMISING"),
        (1e9, 90.0, 19, "PROMISING"),
        (100.0, 10.0, 15, "PROMISING"),
        (1e9, 9.9, 90, QUALIFIED),
        (99.0, 90.0, 90, QUALIFIED),
        (0.01, -5.0, 15, QUALIFIED),
        (1e9, None, 90, QUALIFIED),
        (0.0, 90.0, 90, None),
        (-1.0, 90.0, 90, None),
    ],
)
def test_a_tier_asks_for_conservative_pnl_roi_and_bets_won_at_once(pnl, roi, share, tier):
    rows = [portfolio("ann", conservative_pnl=pnl, roi=roi), *bets("ann", *won(share))]
    assert tier_of(*rows) == tier


def test_neither_the_total_nor_the_share_of_closing_trades_makes_a_tier():
    assert tier_of(*trader("ann", total_pnl=None, win_rate=0.0)) == "ELITE"
    assert tier_of(*trader("ann", total_pnl=1e9, conservative_pnl=-1.0)) is None


@pytest.mark.parametrize(
    ("paid_in_sol", "sol_coverage", "roi_sol", "tier"),
    [
        (50.1, 50.0, -15.0, QUALIFIED),
        (50.1, 50.0, 20.0, "STRONG"),
        (50.1, 50.0, 900.0, "ELITE"),
        (50.0, 100.0, -15.0, "ELITE"),
        (100.0, 49.9, -15.0, "ELITE"),
        (100.0, 100.0, None, "ELITE"),
        (None, None, None, "ELITE"),
    ],
)
def test_who_pays_in_sol_is_judged_by_the_lesser_roi(paid_in_sol, sol_coverage, roi_sol, tier):
    rows = trader("ann", paid_in_sol=paid_in_sol, sol_coverage=sol_coverage, roi_sol=roi_sol)
    assert tier_of(*rows) == tier


# Against the default prior: a total loss, and three bets with a mean of nothing.
@pytest.mark.parametrize(
    ("results", "tier"),
    [
        ([600.0] * 12, "ELITE"),
        ([600.0] * 7, "PROMISING"),
        ([600.0] * 4, QUALIFIED),
        ([3_000.0] * 5, "ELITE"),
        ([1e9] * 2, "PROMISING"),
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
        for row in (
            portfolio(f"w{n}", conservative_pnl=-9.0),
            *bets(f"w{n}", -300.0, -200.0, -100.0),
        )
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


def test_ranks_go_by_tier_then_floor_then_confidence_then_pnl_then_address():
    rows = ranked(
        *trader("strong", conservative_pnl=5_000.0),
        *trader("elite-b"),
        *trader("elite-a"),
        *trader("elite-rich", conservative_pnl=20_001.0),
        portfolio("elite-best"),
        *bets("elite-best", *([800.0] * 12)),
        *trader("qualified", conservative_pnl=5.0),
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
    assert scores["elite-best"] > scores["elite-rich"] == scores["strong"]


def test_a_bet_that_is_still_held_and_dead_is_lost():
    dead = [
        token("ann", f"dead-{n}", -1_000.0, matched_cost=0.0, open_cost=1_000.0, closing_count=0)
        for n in range(60)
    ]
    row = ranked(*trader("ann"), *dead).row(0, named=True)
    assert row["tier"] == QUALIFIED
    assert row["bet_count"] == 72
    assert row["bet_win_rate"] == pytest.approx(100 * 12 / 72)


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
            "conservative_pnl": st.none() | st.floats(-1e6, 1e9),
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


RESULT = st.one_of(st.just(-1_000.0), st.floats(-900, 200), st.floats(0, 5_000))


@given(
    st.lists(st.lists(RESULT, min_size=1, max_size=4), min_size=19, max_size=24),
    st.lists(RESULT, max_size=12),
    RESULT,
    RESULT,
)
def test_a_larger_result_of_one_bet_lowers_nothing_in_a_crowd(crowd, others, one, another):
    rows = [
        row
        for n, results in enumerate(crowd)
        for row in (portfolio(f"wallet-{n}"), *bets(f"wallet-{n}", *results))
    ]

    def with_result(result: float) -> dict[str, Any]:
        found = ranked(*rows, portfolio("ann"), *bets("ann", *others, result))
        return found.row(by_predicate=pl.col("wallet_address") == "ann", named=True)

    less, more = map(with_result, sorted((one, another)))
    # What the inversion of the sums may be off.
    for name in ("expected_return", "return_floor", "skill_confidence", "score"):
        assert more[name] >= less[name] - 1e-4, name
    assert RANKING.tier_names.index(more["tier"]) <= RANKING.tier_names.index(less["tier"])

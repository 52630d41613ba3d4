"""Bets: what was staked, what came of it, in which money it is judged, and which of them are evidence."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.ranking.bets import BetRules, bet_win_rate, with_bets
from smart_trader_assets.ranking.discovery import discoveries, found_as_holders
from smart_trader_assets_tests.ranking.pnl_rows import PNL_SCHEMA, Row, token

RULES = BetRules()


def bet(
    rules: BetRules = RULES, *, wallet_paid_in_sol: float | None = None, **measures: Any
) -> Row:
    """The bet that a token row makes."""
    rows = pl.LazyFrame([token("ann", "mint", 0.0) | measures], schema=PNL_SCHEMA)
    rows = rows.with_columns(wallet_paid_in_sol=pl.lit(wallet_paid_in_sol, dtype=pl.Float64))
    return with_bets(rows, rules).collect().row(0, named=True)


def test_a_bet_costs_all_that_was_bought_and_returns_what_is_certain_of_it():
    # 400 sold for 500, 500 still held and faded to 100, 100 lost, 10 of fees: 500 + 100 - 1,010 on 1,000.
    row = bet(
        matched_cost=400.0,
        open_cost=500.0,
        lost_cost=100.0,
        estimated_fees_usd=10.0,
        conservative_pnl=100.0 + 100.0 - 500.0 - 100.0 - 10.0,
    )
    assert (row["bet_cost"], row["bet_result"]) == (1_000.0, -410.0)
    assert row["bet_return"] == pytest.approx(-0.41)
    assert row["weight"] == 1.0


@pytest.mark.parametrize(("cost", "weight"), [(10.0, 0.1), (99.0, 0.99), (100.0, 1.0), (1e6, 1.0)])
def test_a_small_stake_weighs_in_proportion(cost, weight):
    assert bet(matched_cost=cost)["weight"] == pytest.approx(weight)
    # Used again and again, it is staked once; all that was ever paid at one time is staked at once.
    assert bet(matched_cost=1e6, peak_cost=cost)["weight"] == pytest.approx(weight)
    assert bet(matched_cost=cost, peak_cost=1e6)["weight"] == pytest.approx(weight)


@pytest.mark.parametrize(
    ("pnl", "expected"), [(-2_000.0, -1.0), (-999.0, -0.999), (2_999.0, 2.999), (1e9, 3.0)]
)
def test_a_return_is_cut_at_all_of_the_stake_and_at_the_cap(pnl, expected):
    assert bet(conservative_pnl=pnl)["bet_return"] == pytest.approx(expected)


def test_what_cost_nothing_is_no_bet():
    for nothing in (0.0, None):
        row = bet(matched_cost=nothing, open_cost=nothing, lost_cost=nothing)
        assert {row[name] for name in ("bet_cost", "bet_result", "bet_return", "weight")} == {None}


# 10 SOL bought for 1,000 USD and sold for 8.5 SOL when SOL had doubled: 1,700 USD.
IN_SOL: dict[str, Any] = {
    "conservative_pnl": 700.0,
    "matched_cost_sol": 10.0,
    "realized_pnl_sol": -1.5,
    "sol_coverage": 100.0,
    "paid_in_sol": 100.0,
    "total_bought": 1_000.0,
}


@pytest.mark.parametrize(
    ("measures", "expected"),
    [
        ({}, -0.15),
        ({"realized_pnl_sol": 30.0}, 0.7),
        ({"paid_in_sol": 50.0}, 0.7),
        ({"sol_coverage": 49.9}, 0.7),
        ({"matched_cost_sol": None, "realized_pnl_sol": None}, 0.7),
        ({"estimated_fees_usd": 20.0}, -0.17),
        # A half was lost: what is known in SOL is told of the other half alone.
        ({"lost_cost": 1_000.0, "total_bought": 2_000.0}, -0.15 / 2 - 0.5),
    ],
)
def test_who_pays_in_sol_is_judged_by_the_lesser_return(measures, expected):
    assert bet(**(IN_SOL | measures))["bet_return"] == pytest.approx(expected)


def test_what_is_still_held_is_judged_in_sol_too():
    held = {
        "matched_cost": 0.0,
        "matched_cost_sol": None,
        "realized_pnl_sol": None,
        "sol_coverage": None,
        "open_cost": 1_000.0,
        "open_cost_sol": 10.0,
        "conservative_value_sol": 8.5,
    }
    assert bet(**(IN_SOL | held))["bet_return"] == pytest.approx(-0.15)


@pytest.mark.parametrize(
    ("bought", "paid_in_sol", "by_wallet", "in_sol"),
    [
        (0.0, None, 80.0, True),
        (0.0, None, 20.0, False),
        (0.0, None, None, False),
        # A little cash beside it decides nothing.
        (1.0, 0.0, 80.0, True),
        (900.0, 0.0, 100.0, False),
        (400.0, 100.0, 20.0, True),
    ],
)
def test_what_came_by_rollovers_was_paid_like_the_wallets_other_tokens(
    bought, paid_in_sol, by_wallet, in_sol
):
    rolled = IN_SOL | {"total_bought": bought, "paid_in_sol": paid_in_sol}
    assert (bet(**rolled, wallet_paid_in_sol=by_wallet)["bet_return"] < 0) == in_sol


@given(st.floats(-1e5, 1e6), st.floats(1, 1e5), st.sampled_from([1e-3, 0.5, 7.0, 1e6]))
def test_scaling_all_money_changes_no_bet(result, cost, scale):
    one = bet(conservative_pnl=result, matched_cost=cost)
    rules = BetRules(full_bet_usd=RULES.full_bet_usd * scale)
    other = bet(rules=rules, conservative_pnl=result * scale, matched_cost=cost * scale)
    assert other["bet_return"] == pytest.approx(one["bet_return"], rel=1e-9, abs=1e-9)
    assert other["weight"] == pytest.approx(one["weight"], rel=1e-9)


def test_the_share_of_bets_won_weighs_them_and_rounds_no_loss_into_a_win():
    bets = pl.DataFrame({"bet_return": [0.5, 1e-12, 0.0, -1.0], "weight": [1.0, 1.0, 0.5, 0.5]})
    assert bets.select(bet_win_rate()).item() == pytest.approx(100 / 3)


WHALES = pl.Schema(
    {
        "wallet_address": pl.String,
        "token_address": pl.String,
        "origin": pl.String,
        "first_seen_on": pl.Date,
    }
)
DAY = date(2026, 1, 10)


def found_by(*rows: tuple[str, str | None, date]) -> pl.LazyFrame:
    """What `ann` was found by: of each row of silver/tracked_whales its token, origin and first day."""
    whales = pl.DataFrame([("ann", *row) for row in rows], schema=WHALES, orient="row")
    return discoveries(whales.lazy(), list_window=timedelta(days=7))


LATER = DAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("rows", "tokens"),
    [
        ([("mint-0", "holder", DAY)], {"mint-0"}),
        ([("mint-0", None, DAY)], {"mint-0"}),
        ([("mint-0", "holder", DAY), ("mint-1", "holder", DAY)], {"mint-0", "mint-1"}),
        ([("mint-0", "holder", DAY), ("mint-1", "holder", LATER)], {"mint-0"}),
        ([("WATCHLIST", "watchlist", DAY), ("mint-0", "holder", DAY)], {"mint-0"}),
        ([("WATCHLIST", "watchlist", DAY), ("mint-0", "holder", LATER)], set()),
        ([("WATCHLIST", "watchlist", LATER), ("mint-0", "holder", DAY)], {"mint-0"}),
        ([], set()),
    ],
)
def test_the_token_that_a_wallet_was_found_by_proves_nothing_about_it(rows, tokens):
    own = [token("ann", f"mint-{n}", 500.0) for n in range(3)]
    frame = pl.LazyFrame(own, schema=PNL_SCHEMA).with_columns(wallet_paid_in_sol=pl.lit(None))
    bets = with_bets(frame, RULES, found_by(*rows)).collect()
    assert set(bets.filter(~pl.col("counts"))["token_address"]) == tokens
    assert bets.height == 3


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("begun", "last", "measures", "counts"),
    [
        (at(1), at(2, 23), {}, True),
        (at(1), at(3), {}, False),
        (at(9), at(10, 23), {}, False),
        # A grain that is traded later brings nothing back.
        (at(9), at(20), {}, False),
        (at(12), at(20), {}, True),
        # What is still held has no outcome yet that a list could have ranked.
        (at(5), at(9), {"closing_count": 0, "open_cost": 1_000.0, "matched_cost": 0.0}, True),
        (at(5), at(9), {"open_cost": 1_001.0}, True),
        (at(5), at(9), {"open_cost": 900.0}, False),
    ],
)
def test_bets_that_a_list_ranked_prove_nothing_about_whom_it_named(begun, last, measures, counts):
    own = token("ann", "mint", 500.0, first_transaction=begun, last_transaction=last) | measures
    rows = pl.LazyFrame([own, token("bob", "mint", 500.0)], schema=PNL_SCHEMA)
    found = found_by(("LEADERBOARD", "leaderboard", DAY))
    bets = with_bets(rows.with_columns(wallet_paid_in_sol=pl.lit(None)), RULES, found).collect()
    assert dict(bets.select("wallet_address", "counts").rows()) == {"ann": counts, "bob": True}


def test_the_population_is_whom_nobody_chose_by_his_gains():
    whales = pl.DataFrame(
        [
            ("ann", "mint", "holder", DAY),
            ("bob", "LEADERBOARD", "leaderboard", DAY),
            ("bob", "mint", "holder", LATER),
            ("cat", "WATCHLIST", "watchlist", DAY),
            ("dan", "mint", None, DAY),
        ],
        schema=WHALES,
        orient="row",
    )
    assert sorted(found_as_holders(whales.lazy()).collect()["wallet_address"]) == ["ann", "dan"]

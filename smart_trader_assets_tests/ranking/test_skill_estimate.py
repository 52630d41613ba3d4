"""What results prove: worked by hand, against tables of Student's t, and as properties."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.ranking.skill_estimate import (
    Prior,
    deviate_at,
    normal_deviate,
    population_prior,
    students_t,
    wallet_bets,
    with_skill,
)
from smart_trader_assets_tests.support.defaults import RANKING

RULES = RANKING.skill
PRIOR = Prior(mean=0.0, spread=0.5, bets=4.0)


def tokens(*bets: tuple[float, float], wallet: str = "ann") -> pl.DataFrame:
    """Token rows of bets, each a cost and a result in USD."""
    return pl.DataFrame(
        {
            "wallet_address": [wallet] * len(bets),
            "matched_cost": [float(cost) for cost, _ in bets],
            "realized_pnl": [float(result) for _, result in bets],
        },
        schema={
            "wallet_address": pl.String,
            "matched_cost": pl.Float64,
            "realized_pnl": pl.Float64,
        },
    )


def evidence(*bets: tuple[float, float], prior: Prior = PRIOR) -> dict[str, float]:
    return with_skill(wallet_bets(tokens(*bets)), prior, RULES).row(0, named=True)


def test_a_wallets_bets_are_its_roi_and_how_many_equal_bets_it_is_worth():
    # Costs 1,000 and 3,000: 4,000 squared over 10 million. Returns 40 % and 0 % around 10 %.
    row = wallet_bets(tokens((1_000, 400), (3_000, 0))).row(0, named=True)
    assert row["bet_return"] == pytest.approx(0.1)
    assert row["bets"] == pytest.approx(1.6)
    assert row["bet_squares"] == pytest.approx(1.6 * (0.25 * 0.09 + 0.75 * 0.01))
    assert row["closed_tokens"] == 2


def test_the_posterior_is_worked_by_hand():
    # Four bets of 20, 40, 60 and 80 %: R = 0.5, n = 4, Q = 0.2. E = 4 x 0.5 / 8 = 0.25.
    # s^2 = (4 x 0.25 + 0.2 + 4 x 4 / 8 x 0.25) / 8 = 0.2125; the error sqrt(0.2125 / 8) = 0.16298.
    # t at 95 % and 8 degrees of freedom is 1.8595; t = 0.25 / 0.16298 = 1.5339 is at 91.84 %.
    row = evidence((100, 20), (100, 40), (100, 60), (100, 80))
    assert row["expected_return"] == pytest.approx(25.0)
    assert row["return_floor"] == pytest.approx(100 * (0.25 - 1.8595 * 0.16298), abs=0.02)
    assert row["skill_confidence"] == pytest.approx(91.84, abs=0.05)


@pytest.mark.parametrize(
    ("freedom", "confidence", "quantile"),
    [(5, 95, 2.015), (5, 75, 0.727), (10, 95, 1.812), (10, 99, 2.764), (30, 95, 1.697)],
)
def test_quantiles_are_those_of_the_tables_of_students_t(freedom, confidence, quantile):
    found = pl.select(t=students_t(pl.lit(float(freedom)), deviate_at(confidence))).item()
    assert found == pytest.approx(quantile, rel=3e-3)


@given(st.floats(4, 1e4), st.floats(51, 99.9))
def test_a_quantile_is_turned_back_into_its_deviate(freedom, confidence):
    nu = pl.lit(freedom)
    back = pl.select(z=normal_deviate(nu, students_t(nu, deviate_at(confidence)))).item()
    assert back == pytest.approx(deviate_at(confidence), rel=1e-6)


RETURN = st.floats(-1, 50).map(lambda r: round(r, 4))
BET = st.tuples(st.floats(1, 1e5).map(lambda c: round(c, 2)), RETURN).map(
    lambda bet: (bet[0], bet[0] * bet[1])
)
BETS = st.lists(BET, min_size=1, max_size=12)
PRIORS = st.builds(Prior, mean=st.floats(-0.5, 0), spread=st.floats(0.01, 3), bets=st.floats(4, 40))


@given(PRIORS, st.floats(0, 1e9), st.integers(1, 2))
def test_one_or_two_bets_prove_nothing_however_large(prior, gain, count):
    row = evidence(*[(100.0, 100.0 * gain)] * count, prior=prior)
    assert row["return_floor"] <= 0
    assert row["skill_confidence"] < (85 if count == 1 else 95)


def test_one_lucky_bet_proves_less_than_forty_good_ones():
    lucky = evidence((1_000, 500_000))
    good = evidence(*[(1_000, 100), (1_000, 300)] * 20)
    assert lucky["expected_return"] > good["expected_return"]
    assert lucky["skill_confidence"] < 85
    assert good["skill_confidence"] > 99.9
    assert lucky["return_floor"] < 0 < good["return_floor"]


@given(PRIORS, BETS)
def test_the_expected_return_lies_between_the_prior_and_the_wallets_own(prior, bets):
    own = 100 * sum(result for _, result in bets) / sum(cost for cost, _ in bets)
    expected = evidence(*bets, prior=prior)["expected_return"]
    low, high = sorted((own, 100 * prior.mean))
    assert low - 1e-6 <= expected <= high + 1e-6


@given(PRIORS, BETS)
def test_a_floor_above_zero_and_the_confidence_never_disagree(prior, bets):
    row = evidence(*bets, prior=prior)
    if abs(row["return_floor"]) > 1e-6:
        assert (row["return_floor"] > 0) == (row["skill_confidence"] > RULES.confidence)


@given(PRIORS, BETS, st.floats(0.01, 1e4))
def test_the_size_of_the_stakes_is_no_evidence(prior, bets, scale):
    row = evidence(*bets, prior=prior)
    scaled = evidence(*[(cost * scale, result * scale) for cost, result in bets], prior=prior)
    for name, value in row.items():
        if isinstance(value, float):
            assert math.isclose(scaled[name], value, rel_tol=1e-6, abs_tol=1e-6), name


@given(PRIORS, BETS, st.integers(1, 50))
def test_dust_beside_real_bets_adds_nothing(prior, bets, grains):
    row = evidence(*bets, prior=prior)
    dusty = evidence(*bets, *[(1e-9, 1e-9)] * grains, prior=prior)
    assert dusty["bets"] == pytest.approx(row["bets"])
    assert dusty["skill_confidence"] == pytest.approx(row["skill_confidence"], abs=1e-3)


@given(BETS)
def test_the_same_results_again_never_lower_the_confidence_of_a_gain(bets):
    row, twice = evidence(*bets), evidence(*bets, *bets)
    if row["expected_return"] > 0:
        assert twice["skill_confidence"] >= row["skill_confidence"] - 1e-9


def population(*wallets: tuple[str, list[float]]) -> pl.DataFrame:
    frames = [
        tokens(*((100.0, 100.0 * r) for r in returns), wallet=name) for name, returns in wallets
    ]
    return wallet_bets(pl.concat(frames))


def test_the_prior_is_what_the_population_shows():
    # Returns around -20 % and -10 %, within a wallet 10 % apart: a spread of 0.1, between wallets little.
    wallets = [
        (f"w{n}", [base - 0.1, base, base + 0.1]) for n, base in enumerate([-0.2, -0.15, -0.1] * 10)
    ]
    prior = population_prior(population(*wallets), RULES)
    assert prior.mean == pytest.approx(-0.15)
    assert prior.spread == pytest.approx(0.1)
    # Quartiles at -0.2 and -0.1: (0.1 / 1.349)^2 less 0.01 / 3 of chance is 0.00216; 0.01 / 0.00216.
    assert prior.bets == pytest.approx(4.62, abs=0.01)


def test_a_market_in_which_everybody_gains_lifts_nobody():
    wallets = [(f"w{n}", [0.5, 0.6, 0.7]) for n in range(30)]
    assert population_prior(population(*wallets), RULES).mean == 0.0


def test_wallets_that_differ_by_chance_alone_are_pulled_together_the_most():
    wallets = [(f"w{n}", [-0.5, 0.0, 0.5]) for n in range(30)]
    assert population_prior(population(*wallets), RULES).bets == RULES.most_prior_bets


def test_a_population_too_small_to_learn_from_gives_the_stated_prior():
    few = population(*[(f"w{n}", [0.1, 0.2, 0.3]) for n in range(19)])
    assert population_prior(few, RULES) == Prior(0.0, 1.0, 4.0)
    assert population_prior(wallet_bets(tokens()), RULES) == Prior(0.0, 1.0, 4.0)

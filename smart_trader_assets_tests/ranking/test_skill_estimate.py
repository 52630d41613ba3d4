"""What bets prove: the five laws of evidence as properties, and figures worked by hand.

The laws are about one wallet's bets under a prior; `test_tiers` has those of tiers and ranks.
"""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.ranking.skill_estimate import (
    Prior,
    SkillRules,
    population_prior,
    with_skill,
)
from smart_trader_assets_tests.support.defaults import RANKING

RULES = RANKING.skill
CAP = RANKING.bets.bet_return_cap / 100
COST = RULES.copy_cost_percent / 100
BETS = pl.Schema({"wallet_address": pl.String, "bet_return": pl.Float64, "weight": pl.Float64})
NO_GAIN = Prior((-1.0, 0.0), (1.0, 3.0))

Bet = tuple[float, float]


def of(*bets: Bet, wallet: str = "ann") -> pl.DataFrame:
    """Bets, each a return as a part of one and a weight."""
    return pl.DataFrame([(wallet, *bet) for bet in bets], schema=BETS, orient="row")


def evidence(*bets: Bet, prior: Prior = NO_GAIN, rules: SkillRules = RULES) -> dict[str, float]:
    return with_skill(of(*bets), pl.Series(["ann"]), prior, rules).row(0, named=True)


# The chance that a sum of bets at the cap outweighs an exponential loss, with a little against it.
@pytest.mark.parametrize(
    ("count", "sure"), [(0, 0.0), (1, 72.04), (2, 92.76), (3, 98.13), (5, 99.88)]
)
def test_bets_at_the_cap_are_as_sure_as_reckoned(count, sure):
    assert evidence(*[(CAP, 1.0)] * count)["skill_confidence"] == pytest.approx(sure, abs=0.005)


def test_the_expected_return_is_the_weighted_mean_with_the_prior():
    # (-1 + 0.5 + 0.2 x 0.5) / (4 + 1 + 0.5)
    row = evidence((0.5, 1.0), (0.2, 0.5))
    assert row["expected_return"] == pytest.approx(100 * -0.4 / 5.5)
    assert row["bets"] == pytest.approx(1.5)
    assert row["counted_bets"] == 2


RETURN = st.floats(-1, CAP).map(lambda r: round(r, 4))
WEIGHT = st.one_of(st.just(1.0), st.floats(0.001, 1).map(lambda a: round(a, 3)))
SOME = st.lists(st.tuples(RETURN, WEIGHT), max_size=12)
RETURNS = st.lists(st.floats(-1, CAP).map(lambda r: round(r, 3)), min_size=5, max_size=5)


def prior_of(returns: list[float]) -> Prior:
    """What a population gives in which these returns are equally common."""
    bets = pl.concat([of(*((one, 1.0) for one in returns), wallet=f"w{n}") for n in range(20)])
    return population_prior(bets, RULES)


PRIORS = RETURNS.map(prior_of)
PARTS_OF_MILLION = 1e-4
"""In percent: what the inversion may be off."""


@given(PRIORS, SOME, st.tuples(RETURN, WEIGHT), RETURN)
def test_a_larger_result_lowers_nothing(prior, others, bet, larger):
    low, high = sorted((bet[0], larger))
    before = evidence(*others, (low, bet[1]), prior=prior)
    after = evidence(*others, (high, bet[1]), prior=prior)
    for name in ("expected_return", "return_floor", "skill_confidence"):
        assert after[name] >= before[name] - PARTS_OF_MILLION, name


@given(PRIORS, SOME, st.tuples(RETURN, WEIGHT))
def test_one_more_bet_above_a_figure_does_not_lower_it(prior, bets, more):
    before, after = evidence(*bets, prior=prior), evidence(*bets, more, prior=prior)
    if more[0] >= COST:
        assert after["skill_confidence"] >= before["skill_confidence"] - PARTS_OF_MILLION
    if 100 * more[0] >= before["expected_return"]:
        assert after["expected_return"] >= before["expected_return"] - PARTS_OF_MILLION
    if 100 * more[0] >= before["return_floor"]:
        assert after["return_floor"] >= before["return_floor"] - PARTS_OF_MILLION


@given(PRIORS, st.integers(1, 2))
def test_one_or_two_bets_prove_nothing_whatever_the_population(prior, count):
    row = evidence(*[(CAP, 1.0)] * count, prior=prior)
    assert row["skill_confidence"] < (85 if count == 1 else 95)
    assert row["return_floor"] < 100 * COST


@given(PRIORS)
def test_five_bets_at_the_cap_and_nothing_else_prove_skill(prior):
    row = evidence(*[(CAP, 1.0)] * 5, prior=prior)
    assert row["skill_confidence"] > 95
    assert row["return_floor"] > 100 * COST


@given(PRIORS, SOME, st.tuples(RETURN, WEIGHT))
def test_one_bet_moves_the_expected_return_by_at_most_what_its_weight_allows(prior, bets, more):
    before, after = evidence(*bets, prior=prior), evidence(*bets, more, prior=prior)
    share = more[1] / (RULES.prior_bets + sum(weight for _, weight in bets) + more[1])
    moved = abs(after["expected_return"] - before["expected_return"])
    assert moved <= 100 * share * (CAP + 1) + 1e-9


@given(PRIORS, SOME)
def test_the_expected_return_lies_between_the_priors_and_the_wallets_own(prior, bets):
    nothing = evidence(prior=prior)["expected_return"]
    assert nothing <= 0
    if bets:
        own = 100 * sum(r * a for r, a in bets) / sum(a for _, a in bets)
        low, high = sorted((own, nothing))
        assert low - 1e-9 <= evidence(*bets, prior=prior)["expected_return"] <= high + 1e-9


@given(PRIORS, SOME, st.randoms())
def test_the_order_of_bets_and_other_wallets_change_nothing(prior, bets, random):
    alone = evidence(*bets, prior=prior)
    shuffled = [*bets]
    random.shuffle(shuffled)
    others = pl.concat([of((0.3, 1.0), (-0.9, 0.2), wallet="zoe"), of(*shuffled)])
    beside = with_skill(others, pl.Series(["zoe", "ann", "nobody"]), prior, RULES)
    row = beside.row(by_predicate=pl.col("wallet_address") == "ann", named=True)
    for name, value in alone.items():
        same = (
            row[name] == value
            if isinstance(value, str)
            else math.isclose(row[name], value, abs_tol=1e-6)
        )
        assert same, name


@given(PRIORS, SOME)
def test_a_floor_above_the_cost_and_the_confidence_never_disagree(prior, bets):
    row = evidence(*bets, prior=prior)
    if abs(row["return_floor"] - 100 * COST) > PARTS_OF_MILLION:
        assert (row["return_floor"] > 100 * COST) == (row["skill_confidence"] > RULES.confidence)


def test_forty_good_bets_stay_proven_beside_any_further_winner_and_one_that_died():
    good = [(0.1, 1.0), (0.9, 1.0)] * 20
    alone = evidence(*good)
    assert alone["skill_confidence"] > 99.9
    for winner in ((CAP, 0.01), (CAP, 1.0), (0.2, 1.0)):
        assert evidence(*good, winner)["skill_confidence"] >= alone["skill_confidence"] - 1e-9
    assert evidence(*good, (-1.0, 0.01))["skill_confidence"] > 99.9


def test_the_population_gives_the_quantiles_of_its_bets_each_wallet_with_the_same_weight():
    # Nineteen wallets lose a tenth on each of a hundred bets, one loses everything, with one bet.
    crowd = [of(*[(-0.1, 1.0)] * 100, wallet=f"w{n}") for n in range(19)]
    prior = population_prior(pl.concat([*crowd, of((-1.0, 1.0), wallet="last")]), RULES)
    assert prior.returns == pytest.approx((-1.0, *[-0.1] * 5))
    assert prior.weights == pytest.approx((1.0, *[0.6] * 5))
    # Where the many bets are one wallet's, they weigh no more than another's one.
    one = of(*[(2.0, 1.0)] * 1_000, wallet="busy")
    losers = [of((-0.5, 1.0), wallet=f"w{n}") for n in range(19)]
    assert population_prior(pl.concat([one, *losers]), RULES).returns[1:] == pytest.approx(
        [-0.5] * 5
    )


def test_a_rising_market_lifts_nobody():
    crowd = pl.concat([of((0.5, 1.0), (0.6, 1.0), wallet=f"w{n}") for n in range(30)])
    assert population_prior(crowd, RULES).returns == (-1.0, *[0.0] * 5)
    mixed = pl.concat([of((-0.2, 1.0), (0.8, 1.0), wallet=f"w{n}") for n in range(30)])
    assert sum(population_prior(mixed, RULES).returns[1:]) == pytest.approx(0.0)


def test_a_population_too_small_to_learn_from_gives_the_stated_prior():
    few = pl.concat([of((0.1, 1.0), wallet=f"w{n}") for n in range(19)])
    stated = (-1.0, -0.9, -0.5, -0.15, 0.3, 1.25)
    assert population_prior(few, RULES).returns == pytest.approx(stated)
    assert population_prior(of(), RULES).returns == pytest.approx(stated)


def test_dust_beside_real_bets_proves_nothing():
    row = evidence((0.5, 1.0), (0.5, 1.0))
    dusty = evidence((0.5, 1.0), (0.5, 1.0), *[(CAP, 1e-7)] * 200)
    assert dusty["skill_confidence"] == pytest.approx(row["skill_confidence"], abs=0.01)

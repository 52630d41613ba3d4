"""What bets prove: the five laws of evidence as properties, and figures worked by hand.

The laws are about one wallet's bets under a prior; `test_tiers` has those of tiers and ranks.
"""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.ranking.skill_estimate import (
    Priors,
    SkillRules,
    population_priors,
    with_skill,
)
from smart_trader_assets_tests.support.defaults import RANKING

RULES = RANKING.skill
CAP = RANKING.bets.bet_return_cap / 100
COST = RULES.copy_cost_percent / 100
BETS = pl.Schema({"wallet_address": pl.String, "bet_return": pl.Float64, "weight": pl.Float64})
NO_GAIN = Priors(pl.Series(["ann"]), np.array([[-1.0, 0.0]]), np.array([1.0, 3.0]))

Bet = tuple[float, float]


def of(*bets: Bet, wallet: str = "ann") -> pl.DataFrame:
    """Bets, each a return as a part of one and a weight."""
    return pl.DataFrame([(wallet, *bet) for bet in bets], schema=BETS, orient="row")


def evidence(*bets: Bet, prior: Priors = NO_GAIN, rules: SkillRules = RULES) -> dict[str, float]:
    return with_skill(of(*bets), prior, rules).row(0, named=True)


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


def crowd_of(returns: list[float]) -> pl.DataFrame:
    """A population in which these returns are equally common."""
    return pl.concat([of(*((one, 1.0) for one in returns), wallet=f"w{n}") for n in range(20)])


def prior_of(returns: list[float]) -> Priors:
    """What that lets expect of somebody else."""
    return population_priors(crowd_of(returns), pl.Series(["ann"]), RULES)


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
    names = pl.Series(["ann", "nobody", "zoe"])
    alike = Priors(names, np.repeat(prior.returns, 3, axis=0), prior.weights)
    beside = with_skill(others, alike, RULES)
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
    last = of((-1.0, 1.0), wallet="last")
    prior = population_priors(pl.concat([*crowd, last]), pl.Series(["ann"]), RULES)
    assert prior.returns[0] == pytest.approx((-1.0, *[-0.1] * 5))
    assert prior.weights == pytest.approx((1.0, *[0.6] * 5))
    # Where the many bets are one wallet's, they weigh no more than another's one.
    one = of(*[(2.0, 1.0)] * 1_000, wallet="busy")
    losers = [of((-0.5, 1.0), wallet=f"w{n}") for n in range(19)]
    assert expected(pl.concat([one, *losers])) == pytest.approx([-0.5] * 5)


def expected(population: pl.DataFrame, wallet: str = "ann") -> list[float]:
    """The quantiles that others give."""
    (row,) = population_priors(population, pl.Series([wallet]), RULES).returns
    assert row[0] == -1.0
    return [float(one) for one in row[1:]]


def test_what_is_expected_of_a_wallet_is_what_the_others_of_the_population_reach():
    crowd = [of((n / 10 - 1.05, 1.0), (n / 20 - 1, 0.3), wallet=f"w{n:02}") for n in range(25)]
    one_bet = [of((-0.95, 0.7), wallet=f"x{n}") for n in range(3)]
    population = pl.concat([*crowd, *one_bet])
    names = [*population["wallet_address"].unique(), "ann"]
    together = population_priors(population, pl.Series(names), RULES)
    assert together.wallets.to_list() == sorted(names)
    for wallet, row in zip(together.wallets, together.returns, strict=True):
        others = population.filter(pl.col("wallet_address") != wallet)
        assert row[1:].tolist() == expected(others, "somebody else")
    assert len(set(map(tuple, together.returns))) > 5


@given(RETURNS, SOME, st.tuples(RETURN, WEIGHT), RETURN)
def test_a_larger_result_lowers_nothing_where_the_wallet_is_one_of_the_population(
    returns, others, bet, larger
):
    low, high = sorted((bet[0], larger))
    crowd = crowd_of(returns)

    def judged(result: float) -> dict[str, float]:
        own = of(*others, (result, bet[1]))
        priors = population_priors(pl.concat([crowd, own]), pl.Series(["ann"]), RULES)
        return with_skill(own, priors, RULES).row(0, named=True)

    before, after = judged(low), judged(high)
    for name in ("expected_return", "return_floor", "skill_confidence"):
        assert after[name] >= before[name] - PARTS_OF_MILLION, name


def test_a_rising_market_lifts_nobody():
    crowd = pl.concat([of((0.5, 1.0), (0.6, 1.0), wallet=f"w{n}") for n in range(30)])
    assert expected(crowd) == [0.0] * 5
    mixed = pl.concat([of((-0.2, 1.0), (0.8, 1.0), wallet=f"w{n}") for n in range(30)])
    assert sum(expected(mixed)) == pytest.approx(0.0)


def test_a_population_too_small_to_learn_from_gives_the_stated_prior():
    few = pl.concat([of((0.1, 1.0), wallet=f"w{n}") for n in range(19)])
    stated = [-0.9, -0.5, -0.15, 0.3, 1.25]
    assert expected(few) == pytest.approx(stated)
    assert expected(of()) == pytest.approx(stated)
    # One more: enough for somebody else, and for nobody among them.
    enough = pl.concat([few, of((0.1, 1.0), wallet="one more")])
    assert expected(enough) == [0.0] * 5
    assert expected(enough, "w3") == pytest.approx(stated)


def test_dust_beside_real_bets_proves_nothing():
    row = evidence((0.5, 1.0), (0.5, 1.0))
    dusty = evidence((0.5, 1.0), (0.5, 1.0), *[(CAP, 1e-7)] * 200)
    assert dusty["skill_confidence"] == pytest.approx(row["skill_confidence"], abs=0.01)

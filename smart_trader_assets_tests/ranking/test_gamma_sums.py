"""Probabilities of sums of gamma variables: against closed forms, against another integral, and as laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from smart_trader_assets.ranking.gamma_sums import GammaRows

Floats = NDArray[np.float64]


def rows(*terms: tuple[float, float]) -> GammaRows:
    """One row of values and shapes."""
    values, shapes = zip(*terms, strict=True)
    return GammaRows(np.array([values], dtype=float), np.array([shapes], dtype=float))


def above(*terms: tuple[float, float], level: float = 0.0) -> float:
    return float(rows(*terms).above(level)[0])


def by_imhof(*terms: tuple[float, float], level: float = 0.0) -> float:
    """P(sum g_k (v_k - level) > 0) by Imhof's integral, on a fine grid over the logarithm of its variable."""
    s = np.linspace(-36, 24, 120_001)
    u = np.exp(s)
    angle, size = np.zeros_like(u), np.zeros_like(u)
    for value, shape in terms:
        angle += shape * np.arctan((value - level) * u)
        size += shape / 2 * np.log1p(((value - level) * u) ** 2)
    return float(0.5 + (np.sin(angle) * np.exp(-size)).sum() * (s[1] - s[0]) / np.pi)


@pytest.mark.parametrize(("gain", "loss"), [(3.0, 1.0), (0.1, 0.9), (1.0, 1.0), (1e-3, 50.0)])
def test_two_exponentials_are_in_proportion(gain, loss):
    # P(x E1 > y E2) = x / (x + y) for independent exponentials.
    assert above((gain, 1.0), (-loss, 1.0)) == pytest.approx(gain / (gain + loss), abs=1e-10)


@pytest.mark.parametrize("shape", [1, 2, 5, 20])
def test_a_gamma_against_an_exponential_is_a_power(shape):
    # P(x G(n) > y E) = 1 - (y / (x + y))^n.
    found = above((2.0, float(shape)), (-1.0, 1.0))
    assert found == pytest.approx(1 - (1 / 3) ** shape, abs=1e-10)


def test_a_small_probability_has_as_many_digits_as_a_large_one():
    tail = rows((2.0, 60.0), (-1.0, 1.0))
    chance, _ = tail._below(tail._less(np.zeros(1)))
    assert float(chance[0]) == pytest.approx((1 / 3) ** 60, rel=1e-6)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (((1.0, 1.0), (2.0, 0.1)), 1.0),
        (((-1.0, 1.0), (-2.0, 0.1)), 0.0),
        (((0.0, 3.0), (-2.0, 1.0)), 0.0),
        (((0.0, 3.0), (2.0, 1.0)), 1.0),
    ],
)
def test_what_lies_on_one_side_is_certain(terms, expected):
    assert above(*terms) == expected


TERM = st.tuples(
    st.floats(-1, 3).map(lambda v: round(v, 3)), st.sampled_from([1.0, 0.6, 0.1, 1e-3])
)
TERMS = st.lists(TERM, max_size=12).map(lambda more: [(-1.0, 1.0), (0.3, 3.0), *more])
LEVELS = st.floats(-0.9, 1.5).map(lambda level: round(level, 3))


@settings(max_examples=60, deadline=None)
@given(TERMS, LEVELS)
def test_it_agrees_with_imhofs_integral(terms, level):
    assert above(*terms, level=level) == pytest.approx(by_imhof(*terms, level=level), abs=1e-7)


@pytest.mark.parametrize("count", [40, 150, 1_000])
@pytest.mark.parametrize("spread", [0.01, 1.0])
def test_many_values_near_each_other_are_no_harder(count, spread):
    rng = np.random.default_rng(count)
    values = np.clip(rng.normal(0.1, spread, count), -1, 3)
    terms = [(-1.0, 1.0), (0.2, 3.0), *((float(value), 1.0) for value in values)]
    level = float(rows(*terms).quantiles(0.05)[0])
    assert by_imhof(*terms, level=level) == pytest.approx(0.95, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(TERMS, st.sampled_from([0.05, 0.15, 0.5]))
def test_a_quantile_is_where_that_probability_lies_below(terms, chance):
    level = float(rows(*terms).quantiles(chance)[0])
    assert -1.0 <= level <= 3.0
    assert above(*terms, level=level) == pytest.approx(1 - chance, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.lists(TERMS, min_size=1, max_size=5), LEVELS)
def test_a_row_is_the_same_beside_others_and_padded(several, level):
    width = max(len(terms) for terms in several) + 2
    values, shapes = np.zeros((len(several), width)), np.zeros((len(several), width))
    for row, terms in enumerate(several):
        for place, (value, shape) in enumerate(terms):
            values[row, place], shapes[row, place] = value, shape
    together = GammaRows(values, shapes)
    alone = [above(*terms, level=level) for terms in several]
    assert together.above(level).tolist() == pytest.approx(alone, abs=1e-9)
    floors = [float(rows(*terms).quantiles(0.05)[0]) for terms in several]
    assert together.quantiles(0.05).tolist() == pytest.approx(floors, abs=1e-7)

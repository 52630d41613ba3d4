"""One amount shared among several mints: to the last unit, by their own values as far as they have any."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_trader_assets.pnl.shares import parts, shared
from smart_trader_assets_tests.pnl.reference_trades import shares

quickly = settings(max_examples=100, deadline=None)
amounts = st.one_of(st.just(0), st.integers(0, 100), st.integers(0, 10**33))
own_values = st.one_of(st.none(), st.integers(1, 100), st.integers(1, 10**33))
groups = st.lists(
    st.tuples(amounts, st.lists(own_values, min_size=1, max_size=5)), min_size=1, max_size=4
)


def objects(values: list[Any]) -> Any:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def shared_in(among: list[tuple[int, list[int | None]]]) -> list[list[int]]:
    """The parts of each group, computed for all groups in one call."""
    sizes = [len(own) for _, own in among]
    found = shared(
        objects([amount for amount, _ in among]),
        np.repeat(np.arange(len(among)), sizes),
        objects([value for _, own in among for value in own]),
    ).tolist()
    ends = np.cumsum(sizes)
    return [found[end - size : end] for end, size in zip(ends, sizes, strict=True)]


@quickly
@given(groups)
def test_parts_sum_to_the_amount_exactly_and_none_is_negative(among):
    for (amount, _), found in zip(among, shared_in(among), strict=True):
        assert sum(found) == amount
        assert min(found) >= 0


@quickly
@given(groups)
def test_parts_are_the_exact_shares_to_within_a_unit(among):
    for (amount, own), found in zip(among, shared_in(among), strict=True):
        exact = shares(
            Fraction(amount),
            {
                str(place): None if value is None else Fraction(value)
                for place, value in enumerate(own)
            },
        )
        for part, wanted in zip(found, exact.values(), strict=True):
            assert abs(part - wanted) < 1


@quickly
@given(groups)
def test_a_group_is_shared_as_if_it_were_alone(among):
    assert shared_in(among) == [shared_in([one])[0] for one in among]


@pytest.mark.parametrize(
    ("amount", "own", "found"),
    [
        (100, [30, 20], [60, 40]),
        (100, [30, None, None], [30, 35, 35]),
        (100, [300, None], [100, 0]),
        (90, [300, 150, None], [60, 30, 0]),
        (50, [30, 20, None], [30, 20, 0]),
        (100, [None, None, None], [33, 33, 34]),
        (100, [None], [100]),
        (0, [30, None], [0, 0]),
        (10**33, [10**33 - 1, None], [10**33 - 1, 1]),
    ],
)
def test_known_values_count_as_they_are_and_the_rest_is_equal(amount, own, found):
    assert shared_in([(amount, own)]) == [found]


def test_where_a_group_has_no_weight_all_parts_are_nothing():
    none = objects([0, 0])
    assert parts(objects([7]), np.array([0, 0]), none, objects([0])).tolist() == [0, 0]


def test_nothing_is_shared_among_none():
    assert shared(objects([]), np.array([], dtype=np.int64), objects([])).tolist() == []

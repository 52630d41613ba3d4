"""Whole-number arithmetic is exact to the last unit, up to its limits."""

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_trader_assets.pnl.exact import (
    MAX_DIVISOR,
    MAX_QUANTITY,
    UNITS_PER_USD,
    multiply_divide,
    quotient,
    to_usd,
    usd_value,
)

quickly = settings(max_examples=60, deadline=None)


def integers(*values: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            name: pl.Series([value], dtype=pl.Int128)
            for name, value in zip("abc", values, strict=False)
        }
    )


@quickly
@given(st.integers(0, 10**32), st.integers(1, MAX_DIVISOR), st.data())
def test_multiply_divide_is_the_floor_of_the_fraction(value, denominator, data):
    numerator = data.draw(st.integers(0, denominator))
    frame = integers(value, numerator, denominator)
    found = frame.select(multiply_divide(pl.col("a"), pl.col("b"), pl.col("c"))).item()
    assert found == value * numerator // denominator


@quickly
@given(
    st.integers(1, MAX_QUANTITY), st.integers(0, 12), st.integers(1, 10**14), st.integers(-14, 0)
)
def test_a_value_is_the_floor_of_quantity_times_the_decimal_price(units, decimals, digits, power):
    price = float(f"{digits}e{power}")
    exact = Fraction(digits) * Fraction(10) ** (power - decimals + 21) * units
    if exact >= 10**32:
        return
    frame = integers(units).with_columns(price=pl.lit(price), decimals=pl.lit(decimals))
    found = frame.select(usd_value(pl.col("a"), pl.col("decimals"), pl.col("price"))).item()
    assert found == exact // 1


@pytest.mark.parametrize("usd", [0, 1, -1, 50, 3_286, -1_805, 10**11])
def test_whole_dollars_are_told_whole(usd):
    assert integers(usd * UNITS_PER_USD).select(to_usd(pl.col("a"))).item() == float(usd)


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("alike", [True, False])
def test_a_quotient_is_the_same_whether_or_not_all_rows_are_divided_by_the_same(rows, alike):
    """Forty-nine of forty-nine are all of them, also where there is nobody else."""
    for one, other in [(n, n) for n in range(1, 100)] + [(3, 4.541666666666667), (2, 3)]:
        frame = pl.DataFrame({"one": [one] * rows}).with_columns(other=pl.lit(other))
        if not alike:
            other_rows = frame.with_columns(other=pl.lit(7).cast(frame["other"].dtype))
            frame = pl.concat([frame, other_rows])
        found = frame.select(quotient(pl.col("one"), pl.col("other"))).to_series()
        assert found[:rows].to_list() == [one / other] * rows

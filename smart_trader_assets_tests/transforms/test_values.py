import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.transforms.values import (
    EXACT,
    FLAG,
    INTEGER,
    NUMBER,
    TEXT,
    TEXTS,
    NaiveTimeError,
    exact_text,
    flag,
    integer,
    number,
    text,
    texts,
    utc_time,
)

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters())
    | st.sampled_from(["1e999", "-1E-999", "1_000", "0x10", "nan", "Infinity", "١٢", "\ud83d"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (Decimal("0.1"), 0.1),
        ("2.5", 2.5),
        ("-1e3", -1000.0),
        (0, 0.0),
        (None, None),
        ("", None),
        ("1,000", None),
        ("1_000", None),
        ("NaN", None),
        (math.nan, None),
        (math.inf, None),
        ("1e999", None),
        (10**400, None),
        (Decimal("sNaN"), None),
        (True, None),
        ([1], None),
    ],
)
def test_a_number_is_finite_or_absent(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        ("7", 7),
        (Decimal("7.0"), 7),
        (7.0, 7),
        ("1e3", 1000),
        (7.5, None),
        ("7.5", None),
        (True, None),
        (2**63, None),
        (2**63 - 1, 2**63 - 1),
        (Decimal("1e999999"), None),
        ("seven", None),
    ],
)
def test_an_integer_is_whole_and_fits_or_is_absent(value, expected):
    assert integer(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (288631655632, "288631655632"),
        ("00123", "00123"),
        (2**200, str(2**200)),
        (Decimal("-17.50"), "-17.50"),
        (Decimal("1e400"), "1E+400"),
        (0.1, "0.1"),
        (None, None),
        (True, None),
        (math.nan, None),
    ],
)
def test_a_raw_amount_keeps_its_text(value, expected):
    assert exact_text(value) == expected


def test_half_a_character_costs_neither_the_text_nor_its_neighbours():
    assert TEXT.column("symbol", ["A\ud83d", "🐶", " x "]).to_list() == ["A?", "🐶", " x "]


def test_flags_and_lists_come_as_such_or_not_at_all():
    assert [flag(True), flag(False), flag(1), flag("true")] == [True, False, None, None]
    assert [texts(["a"]), texts([]), texts(["a", None]), texts("a")] == [["a"], [], None, None]
    assert text(5) is None


@given(st.lists(ANYTHING, max_size=6))
def test_nothing_that_the_source_sends_breaks_a_column(values):
    for kind in (NUMBER, INTEGER, TEXT, FLAG, EXACT, TEXTS):
        column = kind.column("x", values)
        assert column.dtype == kind.dtype
        assert len(column) == len(values)


@given(st.integers())
def test_a_raw_amount_is_never_rounded(amount):
    assert int(EXACT.column("amount", [amount]).item()) == amount


def test_columns_without_values_have_their_type():
    assert NUMBER.column("x", []).dtype == pl.Float64
    assert TEXTS.column("x", [None]).dtype == pl.List(pl.String)


def test_times_are_made_utc_and_naive_ones_refused():
    local = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=5)))
    assert utc_time(local, "fetched_at") == datetime(2026, 1, 1, 22, tzinfo=UTC)
    assert utc_time(local, "fetched_at").tzinfo is UTC
    with pytest.raises(NaiveTimeError, match="as_of 2026-01-02T03:00:00 has no time zone"):
        utc_time(datetime(2026, 1, 2, 3), "as_of")  # noqa: DTZ001

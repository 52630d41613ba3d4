from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.text import listed_words, money, percent, plural, times


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.0, "0.00 USD"),
        (-0.004, "-0.004 USD"),
        (1000.29, "1,000.29 USD"),
        (99_999.999, "99,999.999 USD"),
        (-1234.567, "-1,234.57 USD"),
        (1e22, "10,000,000,000,000,000,000,000.00 USD"),
    ],
)
def test_money_reads_in_dollars_and_cents(amount, text):
    assert money(amount) == text


def test_a_percentage_reads_to_one_place():
    assert [percent(62.58), percent(1_234.0), percent(100)] == ["62.6 %", "1,234.0 %", "100.0 %"]


def test_one_thing_is_no_plural():
    assert [plural(n, "trade") for n in (0, 1, 1_200)] == ["0 trades", "1 trade", "1,200 trades"]


@given(st.floats(-1e12, 1e12))
def test_an_amount_is_shown_to_the_nearest_cent_and_reads_as_no_round_sum_that_it_is_not(amount):
    shown = Decimal(money(amount).removesuffix(" USD").replace(",", ""))
    assert abs(Decimal(str(amount)) - shown) <= Decimal("0.00501")
    if amount > 0 and shown - Decimal(str(amount)) > Decimal("0.0001"):
        assert shown % 100 != 0


@given(st.floats(0, 100))
def test_a_percentage_reads_as_no_multiple_of_five_that_it_does_not_reach(share):
    shown = Decimal(percent(share).removesuffix(" %"))
    assert abs(Decimal(str(share)) - shown) <= Decimal("0.0501")
    if shown - Decimal(str(share)) > Decimal("0.0001"):
        assert shown % 5 != 0


def test_words_are_listed_as_they_are_spoken():
    assert [listed_words("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert [times(n) for n in (1, 2, 1_200)] == ["once", "2 times", "1,200 times"]

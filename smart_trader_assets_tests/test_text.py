from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.text import money, percent, plural


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.0, "0.00 USD"),
        (-0.004, "0.00 USD"),
        (1000.29, "1,000.29 USD"),
        (99_999.999, "99,999.99 USD"),
        (-1234.567, "-1,234.56 USD"),
        (1e22, "10,000,000,000,000,000,000,000.00 USD"),
    ],
)
def test_money_reads_in_dollars_and_cents(amount, text):
    assert money(amount) == text


def test_a_percentage_reads_to_one_place():
    assert [percent(62.58), percent(1_234.0), percent(100)] == ["62.5 %", "1,234.0 %", "100.0 %"]


def test_one_thing_is_no_plural():
    assert [plural(n, "trade") for n in (0, 1, 1_200)] == ["0 trades", "1 trade", "1,200 trades"]


@given(st.floats(0, 1e300))
def test_what_is_shown_never_exceeds_what_is(amount):
    shown = Decimal(money(amount).removesuffix(" USD").replace(",", ""))
    assert 0 <= Decimal(str(amount)) - shown < Decimal("0.01")

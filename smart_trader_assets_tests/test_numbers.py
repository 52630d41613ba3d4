"""Numbers and names as a person reads them."""

import math
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets import text
from smart_trader_assets.text import LONGEST_SYMBOL, named_mint, short, shown_symbol


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0.0, "$0.00"),
        (12.345, "$12.35"),
        (-12.3, "−$12.30"),
        (-0.001, "−$0.001"),
        (-0.00001, "$0.00"),
        (9_999.99, "$9,999.99"),
        (9_999.99999, "$10,000"),
        (1_239.6, "$1,240"),
        (12_345.6, "$12,346"),
        (-1_000.0, "−$1,000"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_money(amount, shown):
    assert text.usd(amount) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0.0, "$0"), (12_500.0, "$12.5k"), (-300.0, "−$300"), (0.05, "$0.05"), (None, "–")],
)
def test_money_on_an_axis(amount, shown):
    assert text.usd_short(amount) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0.0, "0 SOL"), (-0.15, "−0.15 SOL"), (1_234.5, "1,234 SOL"), (-3e-17, "0 SOL"), (None, "–")],
)
def test_sol(amount, shown):
    assert text.sol(amount) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.0, "0 %"),
        (0.004, "<1 %"),
        (1.0, "1 %"),
        (62.5, "62 %"),
        (99.6, ">99 %"),
        (100.0, "100 %"),
        (None, "–"),
    ],
)
def test_a_share_reads_as_none_or_all_only_where_it_is(share, shown):
    assert text.share(share) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (62.56, "62.6 %"),
        (94.96, "94.96 %"),
        (99.9997, "99.9997 %"),
        (99.99997, "100.0 %"),
        (94.94, "94.9 %"),
        (95.04, "95.0 %"),
        (-49.96, "−50.0 %"),
        (80.96, "81.0 %"),
        (0.04, "0.04 %"),
        (0.0, "0.0 %"),
        (-4.2, "−4.2 %"),
        (None, "–"),
    ],
)
def test_a_percentage_is_rounded_and_never_to_a_threshold_that_it_does_not_reach(share, shown):
    assert text.percent(share) == shown


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [
        (0.0, "0"),
        (1_492_531.0, "1.493M"),
        (2_000.0, "2k"),
        (100.0, "100"),
        (0.00471234, "0.004712"),
        (None, "–"),
    ],
)
def test_a_quantity_has_four_digits_that_count(tokens, shown):
    assert text.quantity(tokens) == shown


def test_a_price_has_no_powers_of_ten():
    assert text.price(4.242e-9) == "$0.000000004242"


@pytest.mark.parametrize(
    ("hours", "shown"),
    [(0.0, "0 s"), (0.01, "36 s"), (0.5, "30 min"), (5.25, "5.2 h"), (81.6, "3.4 d"), (None, "–")],
)
def test_a_duration_has_the_unit_that_suits(hours, shown):
    assert text.duration(hours) == shown


def test_a_moment_is_to_the_minute():
    assert text.moment(datetime(2026, 1, 31, 12, 5, 59, tzinfo=UTC)) == "2026-01-31 12:05"
    assert text.moment(None) == "–"


@given(st.text(max_size=60))
def test_a_shown_symbol_is_short_on_one_line_and_free_of_control_codes(symbol):
    shown = shown_symbol(symbol)
    assert len(shown) <= LONGEST_SYMBOL
    assert shown == shown.strip()
    assert all(
        character in "\u200c\u200d" or unicodedata.category(character)[0] != "C"
        for character in shown
    )


@pytest.mark.parametrize("symbol", ["Bonk", "שלום", "👩‍🚀", "<b>", "$WIF"])
def test_a_harmless_symbol_is_shown_as_it_is(symbol):
    assert shown_symbol(symbol) == symbol


def test_a_symbols_blanks_are_folded():
    assert shown_symbol(" Fart\n coin\t ") == "Fart coin"


def test_an_address_is_shortened_to_its_ends():
    assert short("5ngDQ3vMT7GHeFvXP5GLX79t6fqG2t15kyQTtst9zFdw") == "5ngD…zFdw"
    assert short("short") == "short"


@pytest.mark.parametrize(
    ("symbol", "shown"),
    [("BONK", "BONK (ADwd…4hXc)"), (None, "ADwdJg2ZLwX4hXc"), (" \u202e ", "ADwdJg2ZLwX4hXc")],
)
def test_a_symbol_stands_beside_its_mint_and_never_for_it(symbol, shown):
    assert named_mint("ADwdJg2ZLwX4hXc", symbol) == shown

"""However a row is broken, it is read or refused, its neighbours are read, and no number is made up."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from smart_trader_assets_tests.support.tiny_market import ANN, CAT, NOW, swap
from smart_trader_assets_tests.trust.fuzz import PAGE, PAGES, fuzz
from smart_trader_assets_tests.trust.readings import READERS, same_number

MUTATIONS = 10 * PAGE


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mutated_rows_are_read_or_refused_and_no_number_is_made_up(seed):
    tally = fuzz(MUTATIONS, seed)
    assert tally.troubles == []
    assert tally.mutations >= MUTATIONS
    assert tally.told.keys() == {reader for readers in PAGES for reader in readers}
    for told in tally.told.values():
        assert sum(told.values()) > 0


def bought(**leg: Any) -> bytes:
    """A swap row whose token's leg says so."""
    row = swap(ANN, CAT, 10, 2.0, NOW)
    row["base"] |= leg
    return json.dumps(row).encode()


WHOLE = bought()
OTHER = json.dumps(swap(ANN, CAT, 11, 2.0, NOW)).encode()


@pytest.mark.parametrize(
    ("line", "served"),
    [
        (bought(decimals=2**63), 2),
        (bought(decimals=-1), 2),
        (bought(price=10**400), 2),
        (bought(price=5e-324), 2),
        (bought(symbol="\ud800"), 2),
        (bought(address="\ud800"), 2),
        (WHOLE.replace(b'"price": 2.0', b'"price": 1e999'), 2),
        (WHOLE.replace(b'"decimals": 6', b'"decimals": ' + b"6" * 5000), 1),
        (WHOLE.replace(b'"price": 2.0', b'"price": ' + b"[" * 5000 + b"]" * 5000), 1),
    ],
)
def test_a_value_that_no_leg_can_have_stops_no_replay(line, served):
    assert READERS["replay"]([line, OTHER])["lines served"] == served
    assert READERS["swaps"]([line, OTHER])["rows"] == served


def test_a_holding_whose_worth_no_float_holds_is_there_without_it():
    account = {"owner": ANN, "mint": CAT, "amount": "5", "ui_amount": 1.7976931348623157e308}
    assert READERS["holders"]([json.dumps(account).encode()])["rows"] == 1


def test_a_fraction_that_is_all_but_nothing_is_no_whole_number():
    token = b'{"address": "%s", "decimals": 6, "last_trade_unix_time": -1e-99910880514296245}'
    assert READERS["tokens"]([token % CAT.encode()])["rows"] == 1


@pytest.mark.parametrize("amount", [10**400, "9" * 400, -1, 1.5, "1e5", None, True])
def test_an_amount_that_nobody_can_hold_is_refused_alone(amount):
    account = {"owner": ANN, "mint": CAT, "amount": "5", "decimals": 6}
    lines = [json.dumps(account | {"amount": amount}).encode(), json.dumps(account).encode()]
    assert READERS["holders"](lines)["rows"] == 1


@pytest.mark.parametrize(
    ("sent", "value", "same"),
    [
        (5, 5, True),
        (5, 6, False),
        (Decimal("0.1"), 0.1, True),
        (Decimal("0.1"), 0.2, False),
        ("1.50", 1.5, True),
        ("1.50", "1.50", True),
        ("1.50", "1.5", False),
        (None, 0, False),
        (True, 1, False),
        ("x", 0, False),
        ([5], 5, False),
    ],
)
def test_a_number_is_the_one_that_was_sent_or_made_up(sent, value, same):
    assert same_number(sent, value) is same

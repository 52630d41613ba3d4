"""A row that breaks the contract is set aside with its reason, and costs its transaction only."""

from typing import Any

import pytest

from smart_trader_assets.pnl import ALL_TOKENS, compute_wallet_pnl, netted_trades, screen_swaps
from smart_trader_assets.pnl.cash import USDC
from smart_trader_assets_tests.pnl.figures import by_token, pnl
from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    JITO_SOL,
    A,
    Leg,
    X,
    buy,
    frame,
    mint,
    roll,
    sell,
    sol,
    swap,
    usdc,
)

GOOD = (buy("b", 10, 1, hours_ago=5), sell("s", 4, 2, hours_ago=4))


def reasons(*rows: dict[str, Any]) -> dict[str, str]:
    screened = screen_swaps(frame(rows))
    return dict(zip(screened["swap_id"], screened["set_aside_reason"], strict=True))


BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("not_a_swap", {"tx_type": "add"}),
    ("wallet_missing", {"wallet_address": None, "owner": None}),
    ("tx_hash_missing", {"tx_hash": None}),
    ("tx_hash_missing", {"tx_hash": ""}),
    ("block_unix_time_missing", {"block_unix_time": None}),
    ("block_unix_time_not_in_seconds", {"block_unix_time": 1_751_371_200_000}),
    ("block_unix_time_not_in_seconds", {"block_unix_time": 0}),
    ("mint_not_an_address", {"quote_address": "0xdeadbeef"}),
    ("mint_not_an_address", {"base_address": None}),
    ("mint_not_an_address", {"quote_address": X[:-8]}),
    ("mint_not_an_address", {"quote_address": "z" * 44}),
    ("decimals_missing", {"quote_decimals": None}),
    ("decimals_out_of_range", {"quote_decimals": -1}),
    ("decimals_out_of_range", {"quote_decimals": 31}),
    ("quantity_unreadable", {"quote_change_amount": None}),
    ("quantity_unreadable", {"quote_change_amount": "many"}),
    ("quantity_unreadable", {"quote_change_amount": "NaN"}),
    ("quantity_unreadable", {"quote_change_amount": "inf"}),
    ("quantity_unreadable", {"quote_ui_change_amount": float("nan")}),
    ("quantity_unreadable", {"quote_ui_change_amount": float("-inf")}),
    ("quantity_zero", {"quote_change_amount": "0", "quote_ui_change_amount": 0.0}),
    ("quantity_beyond_limit", {"quote_change_amount": "1" + "0" * 21}),
    ("quantity_unreadable", {"quote_change_amount": "9" * 60}),
    ("legs_same_direction", {"quote_change_amount": "-5000000", "quote_ui_change_amount": -5.0}),
    ("amounts_contradict", {"quote_ui_change_amount": 5000.0}),
    ("amounts_contradict", {"quote_decimals": 9}),
    ("decimals_differ", {"quote_decimals": 9, "quote_ui_change_amount": 0.005}),
    ("decimals_differ", {"base_decimals": 9, "base_ui_change_amount": -0.005}),
]


@pytest.mark.parametrize(("reason", "fields"), BROKEN)
def test_a_broken_row_is_named_and_leaves_the_wallet_as_if_it_were_not_there(reason, fields):
    broken = buy("broken", 5, 1, hours_ago=4.5) | fields
    assert reasons(*GOOD, broken) == {broken["swap_id"]: reason}
    assert pnl(*GOOD, broken) == pnl(*GOOD)


def test_the_other_rows_of_a_broken_transaction_make_no_profit():
    half = swap("t", usdc(1), Leg(X, 1), hours_ago=3, ordinal=0)
    broken = swap("t", Leg(X, 1), Leg(A, 0), hours_ago=3, ordinal=1)
    assert reasons(*GOOD, half, broken) == {
        half["swap_id"]: "transaction_has_broken_row",
        broken["swap_id"]: "quantity_zero",
    }
    assert pnl(*GOOD, half, broken) == pnl(*GOOD)


def test_a_row_of_another_type_does_not_touch_its_transaction():
    added = swap("s", usdc(1), Leg(A, 1), hours_ago=4, ordinal=1, tx_type="add")
    assert reasons(*GOOD, added) == {added["swap_id"]: "not_a_swap"}
    assert pnl(*GOOD, added) == pnl(*GOOD)


def test_another_wallet_in_the_same_transaction_is_not_touched():
    broken = buy("shared", 5, 1, hours_ago=2) | {"quote_decimals": None}
    other = buy("shared", 5, 1, hours_ago=2, wallet=mint("neighbour"))
    assert reasons(broken, other) == {broken["swap_id"]: "decimals_missing"}


def test_the_majority_of_a_wallets_rows_tells_the_decimals_of_a_mint():
    odd = buy("odd", 5, 1, hours_ago=9) | {"quote_decimals": 5, "quote_ui_change_amount": 50.0}
    assert reasons(odd, *GOOD) == {odd["swap_id"]: "decimals_differ"}


def test_a_tie_about_decimals_goes_to_the_earlier_row():
    early = buy("early", 5, 1, hours_ago=9)
    late = buy("late", 5, 1, hours_ago=8) | {"quote_decimals": 5, "quote_ui_change_amount": 50.0}
    assert reasons(early, late) == {late["swap_id"]: "decimals_differ"}


def test_a_verdict_about_decimals_does_not_depend_on_other_wallets():
    mine = buy("mine", 5, 1) | {"quote_decimals": 5, "quote_ui_change_amount": 50.0}
    others = [buy(f"other{n}", 5, 1, wallet=mint(f"other {n}")) for n in range(3)]
    assert reasons(mine, *others) == {}


def test_a_scaled_token_may_tell_another_ui_amount():
    row = buy("scaled", 5, 1) | {"quote_ui_change_amount": 5000.0}
    scaled = frame([row]).with_columns(quote_is_scaled_ui_token=True, quote_multiplier=1000.0)
    assert screen_swaps(scaled).is_empty()


def test_the_largest_quantity_is_counted_exactly():
    units = 10**20
    big = {"quote_change_amount": str(units), "quote_ui_change_amount": units / 1e6}
    less = {"base_change_amount": str(1 - units), "base_ui_change_amount": (1 - units) / 1e6}
    bought = swap("b", usdc(1000), Leg(X, 1), hours_ago=2) | big
    sold = swap("s", Leg(X, 1), usdc(2000), hours_ago=1) | less
    row = pnl(bought, sold, token=X)
    assert row["open_quantity"] == 1e-6
    assert row["realized_pnl"] == pytest.approx(1000, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "ui_amount", "units"),
    [
        ("22142517299.999996", 22142.517299999996, 22142517300),
        ("4799783875.999999", 4799.783875999999, 4799783876),
        ("1e+16", 1e10, 10**16),
        ("123.0", 0.000123, 123),
    ],
)
def test_a_quantity_with_a_fraction_is_its_ui_amount_in_whole_units(text, ui_amount, units):
    row = swap("b", usdc(10), Leg(X, 1)) | {
        "quote_change_amount": text,
        "quote_ui_change_amount": ui_amount,
    }
    assert pnl(row, token=X)["open_quantity"] == units / 1e6


def test_an_all_broken_history_is_an_empty_table():
    broken = buy("b", 1, 1) | {"quote_decimals": None}
    assert compute_wallet_pnl(frame([broken]), as_of=AS_OF).is_empty()


def test_a_later_row_is_ignored_and_not_set_aside():
    later = sell("later", 4, 9, hours_ago=-1)
    assert reasons(*GOOD, later) == {}
    assert pnl(*GOOD, later) == pnl(*GOOD)


def test_a_row_at_as_of_counts():
    assert pnl(buy("b", 1, 1, hours_ago=0))["buy_count"] == 1


def test_what_is_stated_to_be_cash_is_no_position():
    tokens = by_token(*GOOD, cash_mints=[USDC, X])
    assert set(tokens) == {ALL_TOKENS}
    row = tokens[ALL_TOKENS]
    assert (row["trade_count"], row["conversion_count"], row["realized_pnl"]) == (0, 2, 0.0)
    assert set(by_token(*GOOD)) == {ALL_TOKENS, X}


def test_a_broken_row_costs_a_rollover_its_transaction_and_nothing_more():
    broken = [
        roll("t", (X, 6), (A, 3), hours_ago=3, ordinal=0),
        swap("t", usdc(5), Leg(A, 1), hours_ago=3, ordinal=1) | {"quote_decimals": None},
    ]
    assert pnl(*GOOD, *broken) == pnl(*GOOD)
    assert A not in by_token(*GOOD, *broken)


def test_a_broken_conversion_tells_no_price_of_sol_and_is_not_counted():
    conversion = swap("c", Leg(JITO_SOL, 1, 110.0), sol(1, 100.0), hours_ago=4)
    assert pnl(*GOOD, conversion)["open_cost_sol"] == pytest.approx(0.06)
    broken = conversion | {"base_decimals": None}
    row = pnl(*GOOD, broken)
    assert (row["open_cost_sol"], row["conversion_count"]) == (None, 0)


@pytest.mark.parametrize("spelling", ["{}.0", "{}.000", "{}e0", "{}.0E+0"])
def test_a_large_whole_amount_is_the_same_number_in_another_spelling(spelling):
    exact = 9007199254740993
    row = buy("b", 1, 10) | {"quote_decimals": 9, "quote_ui_change_amount": 9007199.254740993}
    spelled = frame([row | {"quote_change_amount": spelling.format(exact)}])
    assert netted_trades(spelled, as_of=AS_OF).trades["quantity"].to_list() == [exact]

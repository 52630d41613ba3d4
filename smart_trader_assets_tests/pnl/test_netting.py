"""What a transaction moved, net: hops, sharing, what stays unpriced, and the order in a block."""

from typing import Any

import pytest

from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets_tests.pnl.figures import by_token, pnl
from smart_trader_assets_tests.pnl.histories import (
    JITO_SOL,
    A,
    B,
    C,
    Leg,
    X,
    buy,
    roll,
    sell,
    sol,
    swap,
    usdc,
)


def route(entered: float, left: float, price: float | None = None, **fields: Any) -> set[str]:
    """The tokens that appear where cash buys A, and A buys B."""
    tokens = by_token(
        swap("t", usdc(150), Leg(A, entered, price), ordinal=0, **fields),
        swap("t", Leg(A, left, price), Leg(B, 20), ordinal=1),
    )
    return set(tokens) - {ALL_TOKENS}


@pytest.mark.parametrize(
    ("entered", "left", "tokens"),
    [
        (1001, 999, {B}),
        (999, 1001, {B}),
        (1001.000001, 999, {A, B}),
        (999, 1001.000001, {A, B}),
        (1000, 0.000001, {A, B}),
    ],
)
def test_a_hop_leaves_no_trace_up_to_a_thousandth_of_what_it_moved(entered, left, tokens):
    assert route(entered, left) == tokens


@pytest.mark.parametrize(
    ("price", "tokens"), [(None, {B}), (0.5, {B}), (0.500001, {A, B}), (1e30, {B})]
)
def test_what_a_hop_leaves_is_worth_at_most_a_dollar_or_has_no_price(price, tokens):
    # 2 of 2,000 are left.
    assert route(1001, 999, price) == tokens


def test_the_price_of_a_token_with_a_multiplier_does_not_keep_its_dust():
    assert route(1001, 999, 40.0, quote_multiplier=2.0) == {B}
    assert route(1001, 999, 40.0, quote_multiplier=1.0) == {A, B}


def test_what_a_hop_may_leave_is_an_assumption():
    rows = (
        swap("t", usdc(150), Leg(A, 1001, 3.0), ordinal=0),
        swap("t", Leg(A, 999, 3.0), Leg(B, 20), ordinal=1),
    )
    strict, lenient = (Assumptions(most_left_of_a_hop_usd=usd) for usd in (5.999999, 6.0))
    assert A in by_token(*rows, assumptions=strict)
    assert A not in by_token(*rows, assumptions=lenient)


def test_a_token_that_only_entered_is_no_hop_however_little_it_is():
    tokens = by_token(swap("t", usdc(0.01), Leg(A, 0.000001, 1.0)))
    assert tokens[A]["buy_count"] == 1


def test_cash_is_never_a_hop():
    rows = (
        swap("t", usdc(150), sol(1, 150.0), ordinal=0),
        swap("t", sol(0.9999, 150.0), Leg(A, 20), ordinal=1),
    )
    assert pnl(*rows, token=A)["open_cost"] == 149.985


@pytest.mark.parametrize("price", [100.0, None])
def test_an_arbitrage_is_unknown_only_where_its_cash_is(price):
    rows = (
        swap("t", sol(1, price), Leg(A, 50), ordinal=0),
        swap("t", Leg(A, 50), sol(0.9, price), ordinal=1),
    )
    row = pnl(*rows)
    assert row["arbitrage_count"] == 1
    assert row["arbitrage_profit_usd"] == (None if price is None else -10.0)


def together(*takes: Leg, paid: float = 100.0, **fields: Any) -> list[float]:
    """What each of several tokens cost that one transaction bought."""
    each = paid / len(takes)
    rows = (
        swap("t", usdc(each), leg, ordinal=place, **(fields if place == 0 else {}))
        for place, leg in enumerate(takes)
    )
    tokens = by_token(*rows)
    return [tokens[leg.mint]["open_cost"] for leg in takes]


def test_cash_is_shared_in_proportion_to_own_values():
    assert together(Leg(A, 30, 1.0), Leg(B, 10, 2.0)) == [60.0, 40.0]
    assert together(Leg(A, 30, None, 1.0), Leg(B, 10, 2.0)) == [60.0, 40.0]


def test_what_has_no_value_of_its_own_takes_the_rest_in_equal_parts():
    assert together(Leg(A, 30, 1.0), Leg(B, 1), Leg(C, 7), paid=120) == [30.0, 45.0, 45.0]


def test_known_values_above_the_cash_are_scaled_down_to_it():
    assert together(Leg(A, 300, 1.0), Leg(B, 1)) == [100.0, 0.0]
    assert together(Leg(A, 300, 1.0), Leg(X, 100, 1.0), Leg(B, 1), paid=120) == [90.0, 30.0, 0.0]


@pytest.mark.parametrize("price", [None, float("nan"), 0.0, -1.0, 1e30])
def test_without_any_believable_value_all_share_alike(price):
    assert together(Leg(A, 30, price), Leg(B, 1, price)) == [50.0, 50.0]


@pytest.mark.parametrize("shown", [{"quote_multiplier": 2.0}, {"quote_is_scaled_ui_token": True}])
def test_a_token_with_a_multiplier_has_no_value_of_its_own(shown):
    assert together(Leg(A, 30, 1.0), Leg(B, 10, 2.0), **shown) == [80.0, 20.0]


@pytest.mark.parametrize("flagged", [None, False, True])
def test_a_multiplier_of_one_is_none(flagged):
    fields = {"quote_multiplier": 1.0, "quote_is_scaled_ui_token": flagged}
    assert together(Leg(A, 30, 1.0), Leg(B, 10, 2.0), **fields) == [60.0, 40.0]


def test_a_price_that_is_told_for_a_part_counts_for_all_of_the_token():
    tokens = by_token(
        swap("t", usdc(50), Leg(A, 10, 3.0), ordinal=0),
        swap("t", usdc(25), Leg(A, 20), ordinal=1),
        swap("t", usdc(25), Leg(B, 10, 1.0), ordinal=2),
    )
    # 30 A at 3 and 10 B at 1.
    assert (tokens[A]["open_cost"], tokens[B]["open_cost"]) == (90.0, 10.0)


def test_parts_add_up_to_the_last_unit():
    tokens = by_token(
        *(swap("t", usdc(1), Leg(token, 1), ordinal=n) for n, token in enumerate((A, B, C))),
        *(sell(f"s{token}", 1, 2, token) for token in (A, B, C)),
    )
    assert tokens[ALL_TOKENS]["matched_cost"] == 3.0
    assert tokens[ALL_TOKENS]["realized_pnl"] == 3.0
    assert tokens[A]["matched_cost"] == 1.0


def test_what_is_sold_together_shares_what_came_in():
    tokens = by_token(
        buy("a", 10, 1, A, hours_ago=3),
        buy("b", 10, 1, B, hours_ago=3),
        swap("s", Leg(A, 10, 3.0), usdc(50), ordinal=0),
        swap("s", Leg(B, 10), usdc(50), ordinal=1),
    )
    assert (tokens[A]["realized_pnl"], tokens[B]["realized_pnl"]) == (20.0, 60.0)


def test_sol_is_shared_as_its_dollars_are():
    tokens = by_token(
        swap("t", sol(0.5, 100.0), Leg(A, 30, 1.0), ordinal=0),
        swap("t", sol(0.5, 100.0), Leg(B, 1), ordinal=1),
    )
    assert (tokens[A]["open_cost"], tokens[B]["open_cost"]) == (30.0, 70.0)
    assert (tokens[A]["open_cost_sol"], tokens[B]["open_cost_sol"]) == (0.3, 0.7)


def test_cash_of_several_kinds_is_one_sum():
    tokens = by_token(
        swap("t", usdc(50), Leg(A, 10), ordinal=0),
        swap("t", sol(1, 100.0), Leg(A, 10), ordinal=1),
        swap("t", Leg(JITO_SOL, 1, 120.0), Leg(A, 10), ordinal=2),
    )
    assert tokens[A]["open_cost"] == 270.0


def test_one_kind_of_cash_without_a_price_leaves_the_whole_unpriced():
    tokens = by_token(
        swap("t", usdc(50), Leg(A, 10), ordinal=0),
        swap("t", sol(1, None), Leg(A, 10), ordinal=1),
    )
    assert (tokens[A]["unpriced_count"], tokens[A]["total_bought"]) == (1, 0.0)


def test_cash_without_a_price_that_nets_to_nothing_is_not_missed():
    tokens = by_token(
        swap("t", usdc(50), sol(1, None), ordinal=0),
        swap("t", sol(1, None), Leg(A, 10), ordinal=1),
    )
    assert (tokens[A]["unpriced_count"], tokens[A]["open_cost"]) == (0, 50.0)


def test_cash_that_came_in_beside_what_was_bought_is_no_price_of_it():
    row = pnl(
        swap("t", sol(1, 100.0), Leg(A, 10), ordinal=0),
        swap("t", sol(1, 100.0), usdc(300), ordinal=1),
        sell("s", 10, 7, A),
        token=A,
    )
    assert (row["unpriced_count"], row["total_bought"], row["realized_pnl"]) == (1, 0.0, 0.0)
    assert row["unknown_basis_proceeds"] == 70.0


def test_cash_paid_to_be_rid_of_a_token_is_no_price_of_it():
    row = pnl(
        buy("b", 10, 2, A, hours_ago=3),
        swap("t", Leg(A, 10), usdc(1), ordinal=0),
        swap("t", usdc(5), sol(0.01, 100.0), ordinal=1),
        token=A,
    )
    # 1 in and 5 out for SOL worth 1: 3 were paid.
    assert (row["unpriced_count"], row["total_sold"], row["lost_cost"]) == (1, 0.0, 20.0)


def test_an_unpriced_sale_takes_lots_and_loses_their_cost():
    row = pnl(
        buy("b", 10, 1, hours_ago=3),
        swap("t", Leg(X, 4), sol(1, None), hours_ago=2),
        sell("s", 6, 2, hours_ago=1),
        token=X,
    )
    assert (row["realized_pnl"], row["matched_cost"], row["closing_count"]) == (6.0, 6.0, 1)
    assert (row["open_quantity"], row["open_cost"], row["unpriced_count"]) == (0.0, 0.0, 1)
    assert (row["lost_cost"], row["unmatched_quantity"]) == (4.0, 0.0)
    assert row["conservative_pnl"] == pytest.approx(6 - 4 - 3 * 0.075, rel=1e-12)


def test_an_unpriced_purchase_makes_lots_of_unknown_basis():
    row = pnl(
        swap("b", sol(1, None), Leg(X, 10), hours_ago=3),
        buy("b2", 10, 1, hours_ago=2),
        sell("s", 15, 2, hours_ago=1),
        token=X,
    )
    assert (row["unknown_basis_proceeds"], row["matched_proceeds"]) == (20.0, 10.0)
    assert row["realized_pnl"] == 5.0
    assert (row["open_quantity"], row["open_cost"]) == (5.0, 5.0)
    assert row["coverage"] == pytest.approx(100 / 3)


@pytest.mark.parametrize("hashes", ["abc", "acb", "bac", "bca", "cab", "cba"])
@pytest.mark.parametrize("block", [None, 7])
def test_in_one_block_buys_come_first_and_sales_last(hashes, block):
    row = pnl(
        buy(hashes[0], 10, 1, A, block_number=block),
        roll(hashes[1], (A, 10), (B, 5), block_number=block),
        sell(hashes[2], 5, 3, B, block_number=block),
    )
    assert (row["realized_pnl"], row["unmatched_proceeds"]) == (5.0, 0.0)


def test_blocks_of_one_second_keep_their_order():
    sold_first = pnl(sell("s", 10, 2, block_number=5), buy("b", 10, 1, block_number=6))
    assert (sold_first["realized_pnl"], sold_first["unmatched_proceeds"]) == (0.0, 20.0)
    unknown_first = pnl(sell("s", 10, 2, block_number=5), buy("b", 10, 1, block_number=None))
    assert unknown_first["realized_pnl"] == 10.0


@pytest.mark.parametrize(("dear_first", "wins"), [(True, 1), (False, 2)])
def test_sales_of_one_block_come_in_the_order_of_their_place(dear_first, wins):
    # Of lots at 1 and at 3; at the price of 2 only the first is sold with a gain.
    places = (0, 1) if dear_first else (1, 0)
    row = pnl(
        buy("b1", 10, 1, hours_ago=3),
        buy("b2", 10, 3, hours_ago=2),
        sell("s1", 10, 4, ins_index=places[0]),
        sell("s2", 10, 2, ins_index=places[1]),
    )
    assert (row["realized_pnl"], row["win_count"]) == (20.0, wins)

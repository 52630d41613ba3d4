"""The same disposals and lots in SOL, each at the price of SOL of its time."""

import pytest

from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets_tests.pnl.figures import Row, by_token, pnl
from smart_trader_assets_tests.pnl.histories import (
    JITO_SOL,
    A,
    B,
    Leg,
    X,
    buy,
    mint,
    roll,
    sell,
    sol,
    swap,
    usdc,
)

DAY = 24
SECOND = 1 / 3600


def changed(tx: str, price: float, hours_ago: float) -> Row:
    """A dollar's worth and more of SOL, changed at a price that can be believed."""
    return swap(tx, usdc(price), sol(1, price), hours_ago=hours_ago)


def test_what_was_paid_in_dollars_counts_at_the_price_of_sol_of_its_time():
    row = pnl(
        changed("c1", 100.0, hours_ago=50),
        buy("b", 10, 10, hours_ago=50),
        changed("c2", 200.0, hours_ago=1),
        sell("s", 10, 15, hours_ago=1),
        token=X,
    )
    assert row["realized_pnl"] == 50.0
    assert row["realized_pnl_sol"] == pytest.approx(0.75 - 1.0)
    assert row["roi_sol"] == pytest.approx(-25.0)
    assert row["sol_coverage"] == 100.0


def test_sol_itself_is_counted_exactly_and_not_through_its_price():
    price = 180.90624596592593
    row = pnl(
        swap("b", sol(2.000000002, price), Leg(X, 3), hours_ago=4),
        swap("s", Leg(X, 3), sol(2.000000001, 3 * price), hours_ago=3),
    )
    assert row["realized_pnl_sol"] == pytest.approx(-1e-9, rel=1e-12)


def test_the_price_of_a_transactions_own_legs_counts_before_any_other():
    row = pnl(
        swap("b", sol(1, 100.0), Leg(A, 10), hours_ago=50, ordinal=0),
        swap("b", usdc(50), Leg(A, 10), hours_ago=50, ordinal=1),
        changed("c", 190.0, hours_ago=50),
        token=A,
    )
    assert row["open_cost_sol"] == 1.5


def test_the_mean_of_a_transactions_legs_is_weighted_by_amount():
    row = pnl(
        swap("b", sol(3, 100.0), Leg(A, 10), ordinal=0),
        swap("b", usdc(210), sol(1, 120.0), ordinal=1),
        token=A,
    )
    # 2 SOL net and 210 USDC at 105 a SOL.
    assert row["open_cost_sol"] == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("hours_before", "hours_after", "price"),
    [
        (2, 3, 100.0),
        (3, 2, 200.0),
        (2, 2, 100.0),
        (24, 30, 100.0),
        (30, 24, 200.0),
        (24 + SECOND, 25, None),
    ],
)
def test_else_the_nearest_second_within_a_day_tells_and_of_two_the_earlier(
    hours_before, hours_after, price
):
    row = pnl(
        changed("c1", 100.0, hours_ago=90 + hours_before),
        changed("c2", 200.0, hours_ago=90 - hours_after),
        buy("b", 10, 10, hours_ago=90),
        token=X,
    )
    assert row["open_cost_sol"] == (None if price is None else pytest.approx(100 / price))


def test_all_legs_of_the_nearest_second_speak_together():
    row = pnl(
        changed("c1", 100.0, hours_ago=3),
        swap("c2", Leg(JITO_SOL, 3, 130.0), sol(3, 120.0), hours_ago=3),
        buy("b", 10, 23, hours_ago=2),
        token=X,
    )
    assert row["open_cost_sol"] == pytest.approx(2.0)


def test_staked_sol_tells_no_price_of_sol():
    row = pnl(
        swap("c", usdc(120), Leg(JITO_SOL, 1, 120.0), hours_ago=3),
        buy("b", 10, 1, hours_ago=2),
        token=X,
    )
    assert (row["open_cost_sol"], row["conservative_value_sol"]) == (None, None)


def test_a_neighbours_price_of_sol_is_not_the_wallets():
    rows = (
        swap("c", usdc(100), sol(1, 100.0), wallet=mint("neighbour")),
        buy("b", 10, 1, hours_ago=0),
    )
    assert pnl(*rows, token=X)["open_cost_sol"] is None


def test_only_disposals_known_at_both_ends_are_told():
    row = pnl(
        buy("b1", 10, 30, A, hours_ago=300),
        swap("b2", sol(1, 100.0), Leg(X, 10), hours_ago=50),
        sell("s1", 10, 40, A, hours_ago=49),
        swap("s2", Leg(X, 10), sol(1.2, 100.0), hours_ago=48),
    )
    assert (row["realized_pnl"], row["matched_cost"]) == (120.0, 400.0)
    assert row["realized_pnl_sol"] == pytest.approx(0.2)
    assert (row["roi_sol"], row["sol_coverage"]) == (pytest.approx(20.0), 25.0)


def test_one_lot_of_unknown_cost_in_sol_hides_the_whole_disposal():
    row = pnl(
        buy("b1", 10, 1, hours_ago=300),
        swap("b2", sol(1, 100.0), Leg(X, 10), hours_ago=50),
        swap("s", Leg(X, 20), sol(2, 100.0), hours_ago=48),
        token=X,
    )
    assert (row["realized_pnl_sol"], row["roi_sol"], row["sol_coverage"]) == (None, None, 0.0)


def test_without_a_closing_trade_there_is_nothing_to_tell_in_sol():
    row = pnl(swap("b", sol(1, 100.0), Leg(X, 10)))
    assert (row["realized_pnl_sol"], row["roi_sol"], row["sol_coverage"]) == (None, None, None)
    assert row["open_cost_sol"] == 1.0


def test_a_sale_beyond_all_lots_is_told_in_sol_for_its_matched_part():
    row = pnl(
        swap("b", sol(1, 100.0), Leg(X, 10), hours_ago=2),
        swap("s", Leg(X, 40), sol(8, 100.0), hours_ago=1),
    )
    assert (row["realized_pnl"], row["realized_pnl_sol"]) == (100.0, 1.0)


def test_a_window_tells_its_own_disposals_in_sol():
    rows = (
        swap("b", sol(2, 100.0), Leg(X, 20), hours_ago=60 * DAY),
        swap("s1", Leg(X, 10), sol(2, 100.0), hours_ago=20 * DAY),
        swap("s2", Leg(X, 10), sol(0.5, 100.0), hours_ago=2),
    )
    told = [pnl(*rows, window=window)["realized_pnl_sol"] for window in ("all", "30d", "7d")]
    assert told == pytest.approx([0.5, 0.5, -0.5])
    assert pnl(*rows, window="7d")["open_cost_sol"] is None


def test_what_is_open_is_told_in_sol_as_far_as_it_is_known():
    tokens = by_token(
        buy("b1", 10, 1, hours_ago=300),
        swap("b2", sol(1, 100.0), Leg(X, 10), hours_ago=90),
        buy("b3", 10, 1, B, hours_ago=300),
    )
    assert (tokens[X]["open_cost"], tokens[X]["open_cost_sol"]) == (110.0, 1.0)
    assert tokens[B]["open_cost_sol"] is None
    assert tokens[ALL_TOKENS]["open_cost_sol"] == 1.0


def test_nothing_open_costs_nothing_in_sol():
    row = pnl(buy("b", 10, 1, hours_ago=300), sell("s", 10, 1, hours_ago=299))
    assert (row["open_cost"], row["open_cost_sol"]) == (0.0, 0.0)


def test_the_conservative_value_is_told_at_the_newest_price_of_sol():
    tokens = by_token(
        changed("c1", 100.0, hours_ago=500),
        buy("b", 10, 1, hours_ago=84),
        changed("c2", 50.0, hours_ago=60),
        swap("c3", sol(1, None), usdc(1), hours_ago=1),
    )
    assert tokens[X]["conservative_value"] == pytest.approx(5.0)
    assert tokens[X]["conservative_value_sol"] == pytest.approx(0.1)
    assert tokens[ALL_TOKENS]["conservative_value_sol"] == pytest.approx(0.1)


def test_a_rollover_moves_the_cost_in_sol_too():
    tokens = by_token(
        swap("1", sol(2, 100.0), Leg(A, 10), hours_ago=900),
        roll("2", (A, 5), (B, 3), hours_ago=500),
        swap("3", Leg(B, 3), sol(0.75, 400.0), hours_ago=1),
    )
    assert (tokens[A]["open_cost_sol"], tokens[B]["open_cost_sol"]) == (1.0, 0.0)
    assert tokens[B]["realized_pnl"] == 200.0
    assert tokens[B]["realized_pnl_sol"] == pytest.approx(-0.25)
    assert tokens[A]["realized_pnl_sol"] is None


def test_cash_received_in_a_rollover_pays_back_cost_in_sol_by_itself():
    # 60 of 100 USD come back, but 1.2 of 1 SOL.
    tokens = by_token(
        swap("1", sol(1, 100.0), Leg(A, 10), hours_ago=500),
        swap("2", Leg(A, 5), sol(1.2, 50.0), hours_ago=5, ordinal=0),
        roll("2", (A, 5), (B, 1), hours_ago=5, ordinal=1),
    )
    sold, held = tokens[A], tokens[B]
    assert (sold["realized_pnl"], sold["matched_cost"], held["open_cost"]) == (0.0, 60.0, 40.0)
    assert (sold["realized_pnl_sol"], sold["roi_sol"]) == (pytest.approx(0.2), pytest.approx(20.0))
    assert (sold["sol_coverage"], held["open_cost_sol"]) == (100.0, 0.0)


def test_cash_paid_in_a_rollover_adds_to_the_cost_in_sol():
    tokens = by_token(
        swap("1", sol(1, 100.0), Leg(A, 10), hours_ago=500),
        swap("2", sol(0.5, 50.0), Leg(B, 1), hours_ago=5, ordinal=0),
        roll("2", (A, 10), (B, 1), hours_ago=5, ordinal=1),
    )
    assert (tokens[B]["open_cost"], tokens[B]["open_cost_sol"]) == (125.0, 1.5)


@pytest.mark.parametrize("received", [0, 10])
def test_a_cost_that_is_unknown_in_sol_stays_so(received):
    rows = [buy("1", 10, 10, A, hours_ago=500), roll("2", (A, 9), (B, 1), hours_ago=5)]
    if received:
        rows.append(swap("2", Leg(A, 1), sol(0.1, 100.0), hours_ago=5, ordinal=1))
    tokens = by_token(*rows, swap("3", Leg(B, 1), sol(1, 100.0), hours_ago=4))
    assert (tokens[A]["realized_pnl_sol"], tokens[B]["realized_pnl_sol"]) == (None, None)
    assert tokens[ALL_TOKENS]["sol_coverage"] == 0.0


def test_a_rollover_without_cash_needs_no_price_of_sol_to_move_its_cost():
    tokens = by_token(
        swap("1", sol(1, 100.0), Leg(A, 10), hours_ago=500),
        roll("2", (A, 10), (B, 4), hours_ago=300, ordinal=0),
        roll("2", (A, 10), (X, 4), hours_ago=300, ordinal=1),
    )
    # Half of A went beyond its lot: nothing is known of what came in.
    assert (tokens[B]["open_quantity"], tokens[X]["open_cost_sol"]) == (0.0, 0.0)
    whole = by_token(
        swap("1", sol(1, 100.0), Leg(A, 10), hours_ago=500),
        roll("2", (A, 5), (B, 4), hours_ago=300, ordinal=0),
        roll("2", (A, 5), (X, 4), hours_ago=300, ordinal=1),
    )
    assert [whole[token]["open_cost_sol"] for token in (B, X)] == pytest.approx([0.5, 0.5])

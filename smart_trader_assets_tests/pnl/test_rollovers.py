"""Where a token is exchanged for a token: circles, chains, several at once, cash beside them, ages."""

from itertools import pairwise

import pytest

from smart_trader_assets.pnl import ALL_TOKENS, compute_wallet_pnl
from smart_trader_assets_tests.pnl.figures import Row, by_token, pnl
from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    WALLET,
    A,
    B,
    C,
    Leg,
    X,
    beside,
    buy,
    frame,
    mint,
    roll,
    sell,
    swap,
    usdc,
)

DAY = 24


def test_a_circle_within_one_block_brings_the_cost_back():
    rows = (
        buy("0", 10, 10, A, hours_ago=9),
        roll("1", (A, 10), (B, 5), hours_ago=5),
        roll("2", (B, 5), (X, 2), hours_ago=5),
        roll("3", (X, 2), (A, 8), hours_ago=5),
        sell("4", 8, 20, A, hours_ago=1),
    )
    tokens = by_token(*rows)
    assert (tokens[A]["realized_pnl"], tokens[A]["avg_holding_hours"]) == (60.0, 8.0)
    assert tokens[ALL_TOKENS]["unknown_basis_proceeds"] == 0.0
    counts = [tokens[token]["rollover_count"] for token in (ALL_TOKENS, A, B, X)]
    assert counts == [3, 2, 2, 2]


def test_a_circle_that_begins_with_what_is_not_yet_held_has_no_basis():
    rows = (
        buy("0", 10, 10, A, hours_ago=9),
        roll("1", (B, 5), (A, 8), hours_ago=5),
        roll("2", (A, 10), (B, 5), hours_ago=5),
        sell("3", 8, 20, A, hours_ago=1),
        sell("4", 5, 24, B, hours_ago=1),
    )
    tokens = by_token(*rows)
    # The oldest lot of A, which cost 100, moved on to B; what is left came for nothing known.
    assert (tokens[A]["unknown_basis_proceeds"], tokens[A]["realized_pnl"]) == (160.0, 0.0)
    assert (tokens[B]["realized_pnl"], tokens[B]["closing_count"]) == (20.0, 1)


@pytest.mark.parametrize("first", ["A to B", "B to A"])
def test_the_place_in_its_transaction_puts_rollovers_of_a_block_in_order(first):
    there, back = (0, 1) if first == "A to B" else (1, 0)
    tokens = by_token(
        buy("0", 10, 10, A, hours_ago=9),
        roll("2", (A, 10), (B, 5), hours_ago=5, ins_index=there),
        roll("1", (B, 5), (A, 8), hours_ago=5, ins_index=back),
    )
    returned = first == "A to B"
    costs = (tokens[A]["open_cost"], tokens[B]["open_cost"])
    assert costs == ((100.0, 0.0) if returned else (0.0, 100.0))


def test_a_long_chain_keeps_cost_and_age():
    links = [mint(f"link {n}") for n in range(41)]
    rows = [buy("first", 1, 30, links[0], hours_ago=100)]
    rows += [
        roll(f"r{n:02}", (one, 1), (other, 1), hours_ago=90 - n)
        for n, (one, other) in enumerate(pairwise(links))
    ]
    row = pnl(*rows, sell("last", 1, 50, links[-1], hours_ago=10))
    assert (row["realized_pnl"], row["rollover_count"]) == (20.0, 40)
    assert row["avg_holding_hours"] == pytest.approx(90.0)


def test_a_part_of_a_lot_moves_its_part_of_the_cost():
    tokens = by_token(
        buy("1", 10, 10, A, hours_ago=9),
        sell("2", 2, 15, A, hours_ago=8),
        roll("3", (A, 5), (B, 1), hours_ago=7),
        sell("4", 3, 15, A, hours_ago=6),
        sell("5", 0.5, 80, B, hours_ago=5),
    )
    assert (tokens[A]["realized_pnl"], tokens[A]["open_cost"]) == (25.0, 0.0)
    assert (tokens[B]["realized_pnl"], tokens[B]["open_cost"]) == (15.0, 25.0)


def test_a_rollover_takes_the_oldest_lots_in_order():
    tokens = by_token(
        buy("1", 10, 1, A, hours_ago=9),
        buy("2", 10, 3, A, hours_ago=8),
        roll("3", (A, 15), (B, 1), hours_ago=7),
    )
    assert (tokens[A]["open_cost"], tokens[B]["open_cost"]) == (15.0, 25.0)


def test_several_that_come_in_share_the_cost_as_they_share_cash():
    def shared(*takes: Leg) -> list[float]:
        rows = (swap("2", Leg(A, 5), leg, hours_ago=5) for leg in takes)
        tokens = by_token(buy("1", 5 * len(takes), 12, A, hours_ago=9), *beside(*rows))
        return [tokens[leg.mint]["open_cost"] for leg in takes]

    assert shared(Leg(B, 10, 1.0), Leg(X, 10, 3.0)) == [30.0, 90.0]
    assert shared(Leg(B, 10, 1.0), Leg(X, 10), Leg(C, 1)) == [10.0, 85.0, 85.0]
    assert shared(Leg(B, 10, 100.0), Leg(X, 10)) == [120.0, 0.0]
    assert shared(Leg(B, 10), Leg(X, 10)) == [60.0, 60.0]


def test_several_that_go_out_move_their_costs_together():
    tokens = by_token(
        buy("1", 10, 3, A, hours_ago=9),
        buy("2", 10, 1, C, hours_ago=9),
        *beside(roll("3", (A, 10), (B, 1), hours_ago=5), roll("3", (C, 10), (B, 1), hours_ago=5)),
    )
    assert tokens[B]["open_cost"] == 40.0
    assert tokens[ALL_TOKENS]["rollover_count"] == 1
    assert (tokens[ALL_TOKENS]["buy_count"], tokens[ALL_TOKENS]["sell_count"]) == (3, 2)


def received_by_two(cash: float) -> dict[str, Row]:
    """A, which cost 30, and C, which cost 10, for B and cash."""
    return by_token(
        buy("1", 10, 3, A, hours_ago=9),
        buy("2", 10, 1, C, hours_ago=9),
        *beside(
            swap("3", Leg(A, 10), usdc(cash), hours_ago=5), roll("3", (C, 10), (B, 1), hours_ago=5)
        ),
    )


def test_several_that_go_out_are_paid_back_by_cost():
    tokens = received_by_two(20)
    assert (tokens[A]["matched_proceeds"], tokens[A]["matched_cost"]) == (15.0, 15.0)
    assert (tokens[C]["matched_proceeds"], tokens[C]["matched_cost"]) == (5.0, 5.0)
    assert (tokens[B]["open_cost"], tokens[ALL_TOKENS]["realized_pnl"]) == (20.0, 0.0)


def test_what_is_received_beyond_the_cost_is_a_gain_without_a_closing_trade():
    tokens = received_by_two(60)
    assert (tokens[A]["matched_proceeds"], tokens[A]["matched_cost"]) == (45.0, 30.0)
    assert (tokens[C]["realized_pnl"], tokens[B]["open_cost"]) == (5.0, 0.0)
    row = tokens[ALL_TOKENS]
    assert (row["realized_pnl"], row["roi"], row["coverage"]) == (20.0, 50.0, 100.0)
    assert (row["total_bought"], row["total_sold"]) == (40.0, 60.0)
    assert (row["closing_count"], row["win_count"], row["same_block_share"]) == (0, 0, None)
    for name in ("win_rate", "token_win_rate", "profit_factor", "trade_sharpe"):
        assert row[name] is None
    assert row["avg_holding_hours"] is None
    assert row["top_token_share"] == 75.0


def freed(*after: Row) -> tuple[Row, ...]:
    """A and C held at no cost, since cash has paid all of it back."""
    return (
        buy("1", 10, 1, B, hours_ago=9),
        *beside(
            swap("2", Leg(B, 5), usdc(10), hours_ago=8),
            roll("2", (B, 3), (A, 10), hours_ago=8),
            roll("2", (B, 2), (C, 10), hours_ago=8),
        ),
        *after,
    )


def test_what_cost_nothing_is_of_known_basis():
    tokens = by_token(*freed(sell("3", 10, 4, A, hours_ago=4)))
    assert (tokens[A]["open_cost"], tokens[C]["open_quantity"]) == (0.0, 10.0)
    assert (tokens[A]["realized_pnl"], tokens[A]["roi"]) == (40.0, None)
    assert (tokens[A]["closing_count"], tokens[A]["coverage"]) == (1, 100.0)


def test_cash_for_what_cost_nothing_is_all_gain_and_shared_alike():
    both = beside(
        swap("3", Leg(A, 10), usdc(30), hours_ago=4), roll("3", (C, 10), (X, 1), hours_ago=4)
    )
    tokens = by_token(*freed(*both))
    assert (tokens[A]["realized_pnl"], tokens[C]["realized_pnl"]) == (15.0, 15.0)
    assert (tokens[X]["open_cost"], tokens[X]["open_quantity"]) == (0.0, 1.0)


def test_cash_paid_beside_what_cost_nothing_is_the_cost_of_what_comes_in():
    both = beside(
        swap("3", usdc(30), Leg(X, 1), hours_ago=4), roll("3", (A, 10), (X, 1), hours_ago=4)
    )
    assert by_token(*freed(*both))[X]["open_cost"] == 30.0


def test_what_cost_nothing_is_as_old_as_its_exchange():
    later = (
        roll("3", (A, 10), (X, 1), hours_ago=4),
        buy("4", 1, 10, X, hours_ago=3),
        sell("5", 2, 10, hours_ago=2),
    )
    # The lot that cost nothing weighs nothing.
    assert by_token(*freed(*later))[X]["avg_holding_hours"] == 1.0


def test_the_age_of_an_incoming_lot_is_the_mean_of_its_lots_by_cost():
    tokens = by_token(
        buy("1", 30, 1, A, hours_ago=10),
        buy("2", 10, 1, A, hours_ago=4),
        roll("3", (A, 40), (B, 1), hours_ago=2),
        sell("4", 1, 50, B),
    )
    # Eight hours for 30 and two for 10 are six and a half, two more were B.
    assert (tokens[B]["avg_holding_hours"], tokens[B]["median_holding_hours"]) == (8.5, 8.5)


def test_ages_add_up_along_a_chain_and_stay_where_cash_is_added():
    tokens = by_token(
        buy("1", 30, 1, A, hours_ago=10),
        *beside(
            swap("2", usdc(90), Leg(B, 3), hours_ago=6), roll("2", (A, 30), (B, 1), hours_ago=6)
        ),
        roll("3", (B, 4), (X, 1), hours_ago=1),
        sell("4", 1, 50),
    )
    assert tokens[X]["matched_cost"] == 120.0
    assert tokens[X]["avg_holding_hours"] == 10.0


def test_a_rollover_and_a_purchase_weigh_by_their_costs():
    tokens = by_token(
        buy("1", 10, 3, A, hours_ago=20),
        roll("2", (A, 10), (B, 1), hours_ago=10),
        buy("3", 1, 10, B, hours_ago=4),
        sell("4", 2, 50, B),
    )
    assert tokens[B]["avg_holding_hours"] == 16.0
    assert tokens[B]["median_holding_hours"] == 20.0


def test_a_rollover_ends_no_holding():
    tokens = by_token(buy("1", 10, 3, A, hours_ago=20), roll("2", (A, 10), (B, 1), hours_ago=10))
    assert (tokens[A]["avg_holding_hours"], tokens[A]["closing_count"]) == (None, 0)


def test_a_window_counts_the_rollovers_and_the_cash_that_lie_in_it():
    rows = (
        buy("1", 10, 3, A, hours_ago=60 * DAY),
        roll("2", (A, 2), (B, 1), hours_ago=20 * DAY),
        *beside(
            swap("3", Leg(A, 4), usdc(40), hours_ago=2 * DAY),
            roll("3", (A, 4), (B, 1), hours_ago=2 * DAY),
        ),
    )
    week, month = (pnl(*rows, window=window) for window in ("7d", "30d"))
    assert (week["rollover_count"], month["rollover_count"]) == (1, 2)
    assert (week["realized_pnl"], week["matched_cost"], week["total_sold"]) == (16.0, 24.0, 40.0)
    assert (week["trade_count"], month["trade_count"]) == (2, 4)


def test_a_gain_of_a_rollover_makes_good_a_fall():
    row = pnl(
        buy("1", 10, 3, A, hours_ago=9),
        buy("2", 20, 3, X, hours_ago=8),
        sell("3", 10, 1, X, hours_ago=7),
        *beside(
            swap("4", Leg(A, 5), usdc(50), hours_ago=6), roll("4", (A, 5), (B, 1), hours_ago=6)
        ),
        sell("5", 10, 2, X, hours_ago=5),
    )
    # 20 lost, 20 gained, 10 lost.
    assert (row["realized_pnl"], row["max_drawdown_usd"]) == (-10.0, 20.0)


def test_the_chains_of_two_wallets_do_not_touch():
    neighbour = mint("neighbour")
    rows = (
        buy("1", 10, 3, A, hours_ago=9),
        roll("2", (A, 10), (B, 1), hours_ago=8),
        roll("2", (B, 1), (X, 1), hours_ago=7, wallet=neighbour),
        sell("3", 1, 99, X, hours_ago=6, wallet=neighbour),
    )
    table = compute_wallet_pnl(frame(rows), as_of=AS_OF).filter(window="all")
    mine, theirs = (table.filter(wallet_address=wallet) for wallet in (WALLET, neighbour))
    assert mine.filter(token_address=B)["open_cost"].to_list() == [30.0]
    assert theirs.filter(token_address=X)["unknown_basis_proceeds"].to_list() == [99.0]

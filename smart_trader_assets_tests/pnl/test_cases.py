"""Wallets that a naive count takes for clever ones, or for fools: what they have really made."""

from datetime import timedelta
from typing import Any

import pytest

from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets.pnl.cash import NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets.transforms.known_addresses import STAKING_MINTS
from smart_trader_assets_tests.pnl.figures import Row, by_token, pnl
from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    A,
    B,
    C,
    Leg,
    X,
    beside,
    buy,
    mint,
    roll,
    sell,
    sol,
    swap,
    usdc,
)

DAY = 24
FEE = 0.075


def round_trip(name: str, cost: float, proceeds: float, hours_ago: float) -> list[Row]:
    token = mint(name)
    return [
        swap(f"{name} in", usdc(cost), Leg(token, 50), hours_ago=hours_ago),
        swap(f"{name} out", Leg(token, 50), usdc(proceeds), hours_ago=hours_ago - 3),
    ]


def test_who_sells_winners_and_keeps_dead_bags_has_lost():
    winners = [row for n in range(4) for row in round_trip(f"win{n}", 50, 300, 90 + n)]
    bags = [buy(f"bag{n}", 5, 12, mint(f"bag{n}"), hours_ago=(2 + n) * DAY) for n in range(20)]
    row = pnl(*winners, *bags)
    assert (row["realized_pnl"], row["win_rate"], row["total_pnl"]) == (1000.0, 100.0, 1000.0)
    # Bags of two to seven days fade, older ones are worth nothing.
    fresh = sum(60 * (1 - days / 7) for days in range(2, 7))
    assert row["conservative_pnl"] == pytest.approx(1000 - 1200 + fresh - 28 * FEE)
    assert row["stale_open_cost"] == 14 * 60.0
    later = pnl(*winners, *bags, as_of=AS_OF + timedelta(days=7))
    assert later["conservative_pnl"] == pytest.approx(-200 - 28 * FEE)
    assert (later["total_pnl"], later["stale_open_cost"]) == (1000.0, 1200.0)


def test_staked_sol_that_doubled_with_sol_is_no_trade():
    rows = []
    for n, receipt in enumerate(list(STAKING_MINTS)[:6]):
        rate = 1.05 + n / 100
        rows += [
            swap(f"in{n}", sol(40, 90.0), Leg(receipt, 40 / rate, 90 * rate), hours_ago=1500 + n),
            swap(f"out{n}", Leg(receipt, 40 / rate, 190 * rate), sol(40.7, 190.0), hours_ago=n),
        ]
    tokens = by_token(*rows)
    assert set(tokens) == {ALL_TOKENS}
    row = tokens[ALL_TOKENS]
    assert (row["trade_count"], row["conversion_count"]) == (0, 12)
    assert (row["realized_pnl"], row["open_cost"], row["conservative_pnl"]) == (0.0, 0.0, 0.0)
    for name in ("roi", "win_rate", "total_pnl", "realized_pnl_sol", "first_transaction"):
        assert row[name] is None


def test_who_loses_sol_while_sol_doubles_gains_in_dollars_only():
    rows = []
    for n in range(8):
        token, price = mint(f"sunk{n}"), 80 + 10 * n
        rows += [
            swap(f"in{n}", sol(5, float(price)), Leg(token, 1000), hours_ago=1000 - 60 * n),
            swap(f"out{n}", Leg(token, 1000), sol(4, price * 1.9), hours_ago=500 - 60 * n),
        ]
    row = pnl(*rows)
    # Each turns 5 SOL at p into 4 at 1.9 p: 2.6 p more in dollars, one SOL less.
    assert row["realized_pnl"] == pytest.approx(2.6 * sum(80 + 10 * n for n in range(8)))
    assert (row["win_rate"], row["sol_coverage"]) == (100.0, 100.0)
    assert row["realized_pnl_sol"] == pytest.approx(-8.0)
    assert row["roi_sol"] == pytest.approx(-20.0)


@pytest.mark.parametrize("mint_of_sol", [WRAPPED_SOL, NATIVE_SOL])
def test_a_price_of_sol_a_hundred_times_too_high_makes_nobody_rich(mint_of_sol):
    paid = Leg(mint_of_sol, 2, 12_000.0, 120.0)
    row = pnl(
        swap("in", paid, Leg(X, 60), hours_ago=20, volume_usd=240.0),
        swap("out", Leg(X, 60), usdc(264), hours_ago=2),
    )
    assert (row["realized_pnl"], row["roi"]) == (24.0, 10.0)
    assert row["realized_pnl_sol"] == pytest.approx(0.2)


def test_a_wrong_price_of_sol_that_nothing_in_its_row_contradicts_is_seen_by_its_neighbours():
    right = [swap(f"n{n}", sol(1, 120.0 + n), Leg(A, 5), hours_ago=22 - n) for n in range(4)]
    row = pnl(*right, swap("in", sol(2, 12_000.0), Leg(X, 60), hours_ago=20), token=X)
    assert row["open_cost"] == 244.0


def test_who_pays_himself_a_fortune_for_a_grain_is_no_richer():
    honest = [row for n in range(3) for row in round_trip(f"fair{n}", 100, 140, 300 + n)]
    rows = [
        *honest,
        swap("in", usdc(2), Leg(X, 2_000_000), hours_ago=30),
        swap("out", Leg(X, 0.002), usdc(2), hours_ago=29),
    ]
    row = pnl(*rows)
    assert row["realized_pnl"] == pytest.approx(122.0)
    assert row["total_pnl"] == pytest.approx(122.0)
    assert row["conservative_pnl"] < 122.0
    assert pnl(*rows, token=X)["mark_price"] == 1000.0


def test_rollovers_into_a_dead_token_at_any_price_make_no_profit():
    rows = [row for n in range(6) for row in round_trip(f"so-so{n}", 100, 90, 200 + n)]
    for n in range(5):
        rows += [
            buy(f"in{n}", 10, 6, A, hours_ago=150 - n),
            swap(
                f"over{n}",
                Leg(A, 10, 6.0),
                Leg(B, 300, 12.0),
                hours_ago=140 - n,
                volume_usd=3600.0,
            ),
        ]
    tokens = by_token(*rows)
    assert (tokens[A]["realized_pnl"], tokens[A]["win_count"], tokens[A]["total_sold"]) == (0, 0, 0)
    assert (tokens[B]["open_cost"], tokens[B]["stale_open_cost"]) == (300.0, 300.0)
    row = tokens[ALL_TOKENS]
    assert (row["realized_pnl"], row["win_rate"], row["rollover_count"]) == (-60.0, 0.0, 5)
    assert row["conservative_pnl"] == pytest.approx(-360 - 22 * FEE)


def test_many_small_gains_are_eaten_by_fees():
    rows = [row for n in range(60) for row in round_trip(f"small{n}", 8, 8.1, 400 + n)]
    row = pnl(*rows)
    assert (row["realized_pnl"], row["win_rate"]) == (6.0, 100.0)
    assert row["estimated_fees_usd"] == pytest.approx(120 * FEE)
    assert row["conservative_pnl"] == pytest.approx(-3.0)


def test_one_line_twice_is_one_line():
    bought = buy("in", 40, 2, hours_ago=5) | {"swap_id": None}
    sold = sell("out", 40, 3, hours_ago=4) | {"swap_id": None}
    row = by_token(bought, sold, bought, sold)[X]
    assert (row["realized_pnl"], row["open_quantity"]) == (40.0, 0.0)
    assert row["unmatched_quantity"] == 0.0


@pytest.mark.parametrize("places", [(0, 1), (1, 0), (None, None)])
def test_bought_and_sold_in_one_slot_is_bought_first(places):
    slot: dict[str, Any] = {"hours_ago": 7.0, "block_number": 321}
    row = pnl(
        buy("zz", 9, 4, ins_index=places[0], **slot), sell("aa", 9, 7, ins_index=places[1], **slot)
    )
    assert (row["realized_pnl"], row["unmatched_proceeds"], row["open_cost"]) == (27.0, 0.0, 0.0)
    assert row["same_block_share"] == 100.0


def test_routes_that_leave_dust_trade_only_what_they_are_for():
    rows: list[Row] = []
    for n in range(4):
        token, begun = mint(f"meant{n}"), 60.0 - 10 * n
        rows += beside(
            swap(f"in{n}", sol(1, 130.0), Leg(C, 25, 5.2), hours_ago=begun),
            swap(f"in{n}", Leg(C, 24.9999, 5.2), Leg(token, 700), hours_ago=begun),
        )
        rows += beside(
            swap(f"out{n}", Leg(token, 700), Leg(C, 30.0001), hours_ago=begun - 4),
            swap(f"out{n}", Leg(C, 30), sol(1.1, 130.0), hours_ago=begun - 4),
        )
    tokens = by_token(*rows)
    row = tokens[ALL_TOKENS]
    assert (row["buy_count"], row["sell_count"], row["rollover_count"]) == (4, 4, 0)
    assert set(tokens) == {ALL_TOKENS, *(mint(f"meant{n}") for n in range(4))}
    assert row["realized_pnl"] == pytest.approx(52.0)
    assert row["realized_pnl_sol"] == pytest.approx(0.4)


def test_dust_of_an_unpriced_token_beside_an_exchange_makes_no_profit_and_no_price():
    bought = buy("in", 30, 5, A, hours_ago=30)
    exchange = roll("over", (A, 30), (B, 90), hours_ago=20)
    dust = swap("over", Leg(C, 0.000001), sol(0.000000001, 140.0), hours_ago=20)
    sold = sell("out", 90, 2, B, hours_ago=10)
    without = by_token(bought, exchange, sold)
    beside_it = by_token(bought, *beside(exchange, dust), sold)
    for tokens in (without, beside_it):
        assert tokens[A]["realized_pnl"] == 0.0
        prices = [row["mark_price"] for row in tokens.values() if row["mark_price"] is not None]
        assert max(prices) == 5.0
    assert without[ALL_TOKENS]["realized_pnl"] == 30.0
    # What went out had in part no basis: what came of it is told as such, and the cost as lost.
    row = beside_it[ALL_TOKENS]
    assert (row["realized_pnl"], row["unknown_basis_proceeds"], row["lost_cost"]) == (0, 180, 150)


@pytest.mark.parametrize("multiplier", [0.5, 3.0, 1000.0])
def test_a_multiplier_is_nobodys_profit(multiplier):
    shown = {"base_multiplier": multiplier, "base_is_scaled_ui_token": True}
    given = swap("over", Leg(A, 10, 4.0), Leg(B, 8, 15.0), hours_ago=20, **shown)
    given["base_ui_change_amount"] *= multiplier
    tokens = by_token(
        buy("in", 10, 12, A, hours_ago=30), given, sell("out", 8, 15, B, hours_ago=10)
    )
    assert (tokens[A]["realized_pnl"], tokens[B]["realized_pnl"]) == (0.0, 0.0)
    assert tokens[B]["matched_cost"] == 120.0


def test_a_token_that_moves_from_pool_to_pool_is_one_token():
    rows = (
        swap("curve", usdc(150), Leg(X, 3000), hours_ago=50, source="pump_dot_fun", address=A),
        swap("first", Leg(X, 1000), usdc(200), hours_ago=40, source="raydium", address=B),
        swap("second", Leg(X, 1200), usdc(360), hours_ago=2, source="meteora_dlmm", address=C),
    )
    row = pnl(*rows, token=X)
    assert (row["realized_pnl"], row["open_quantity"], row["open_cost"]) == (450.0, 800.0, 40.0)
    assert (row["coverage"], row["unrealized_pnl"]) == (100.0, 0.0)


def test_a_history_without_a_beginning_tells_how_little_it_knows():
    rows = []
    for n in range(6):
        token = mint(f"midway{n}")
        rows += [
            sell(f"old{n}", 10, 9, token, hours_ago=90 + n),
            buy(f"in{n}", 10, 8, token, hours_ago=60 + n),
            sell(f"out{n}", 10, 5, token, hours_ago=30 + n),
        ]
    row = pnl(*rows)
    # What came before is not known: neither the gains of the first sales nor whether there were any.
    assert (row["realized_pnl"], row["unmatched_proceeds"]) == (-180.0, 540.0)
    assert row["coverage"] == pytest.approx(100 * 300 / 840)
    assert (row["closing_count"], row["sell_count"]) == (6, 12)


def test_sold_but_never_bought_is_no_profit_whatever_is_washed_beside_it():
    gifts = [sell(f"gift{n}", 1000, 3, mint(f"gift{n}"), hours_ago=100 + n) for n in range(5)]
    washed = [
        swap(f"{way}{n}", *pair, hours_ago=50 + n)
        for n in range(5)
        for way, pair in (
            ("there", (usdc(9000), sol(60, 150.0))),
            ("back", (sol(60, 150.0), usdc(9000))),
        )
    ]
    row = pnl(*gifts, *washed)
    assert (row["realized_pnl"], row["unmatched_proceeds"], row["coverage"]) == (0.0, 15_000.0, 0.0)
    assert (row["conversion_count"], row["total_bought"], row["closing_count"]) == (10, 0.0, 0)

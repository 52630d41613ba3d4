"""Only cash is money, and its own price needs a witness where the source contradicts itself."""

from typing import Any

import pytest

from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS, EURC, NATIVE_SOL, USDC, USDT
from smart_trader_assets_tests.pnl.figures import by_token, pnl
from smart_trader_assets_tests.pnl.histories import (
    JITO_SOL,
    PYUSD,
    WALLET,
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

BAD = [None, float("nan"), float("inf"), -float("inf"), -2.0, 0.0, 1e30]


@pytest.mark.parametrize("price", [*BAD, 1e-9, 1.0, 1e9])
def test_no_price_of_a_token_makes_a_purchase_dearer(price):
    row = pnl(swap("b", usdc(50), Leg(X, 10, price, price)), token=X)
    assert (row["total_bought"], row["unpriced_count"], row["mark_price"]) == (50.0, 0, 5.0)


@pytest.mark.parametrize("price", [*BAD, 1e-9, 1.0, 1e9])
def test_a_token_for_a_token_is_a_rollover_at_any_price(price):
    tokens = by_token(
        buy("b", 10, 1, A, hours_ago=3),
        swap("t", Leg(A, 10, price), Leg(B, 4, price, price), hours_ago=2, volume_usd=500.0),
    )
    assert (tokens[A]["realized_pnl"], tokens[A]["total_sold"]) == (0.0, 0.0)
    assert (tokens[B]["open_cost"], tokens[B]["rollover_count"]) == (10.0, 1)
    assert (tokens[B]["unpriced_count"], tokens[B]["total_bought"]) == (0, 0.0)


@pytest.mark.parametrize("beside", [{"quote_price": 3.0}, {"volume_usd": 30.0}])
def test_neither_token_nor_volume_stands_in_for_the_price_of_sol(beside):
    row = pnl(swap("b", sol(1, None), Leg(X, 10), **beside), token=X)
    assert (row["total_bought"], row["unpriced_count"], row["open_quantity"]) == (0.0, 1, 0.0)


@pytest.mark.parametrize("price", BAD)
def test_sol_with_a_bad_price_makes_a_transaction_without_cash(price):
    row = pnl(swap("b", sol(1, price), Leg(X, 10)), token=X)
    assert (row["buy_count"], row["unpriced_count"], row["total_bought"]) == (1, 1, 0.0)
    assert (row["open_quantity"], row["mark_price"]) == (0.0, None)


@pytest.mark.parametrize("price", BAD)
def test_a_bad_price_gives_way_to_the_nearest_one(price):
    assert cost(sol(2, price, 100.0), volume_usd=7.0) == 200.0


@pytest.mark.parametrize("nearest_price", BAD)
def test_a_bad_nearest_price_contradicts_nothing(nearest_price):
    assert cost(sol(2, 100.0, nearest_price), volume_usd=7.0) == 200.0


def cost(paid: Leg, token_price: float | None = None, **fields: Any) -> float | None:
    """What 100 X cost that were bought for some cash, null where they are unpriced."""
    row = pnl(swap("b", paid, Leg(X, 100, token_price), **fields), token=X)
    assert row["open_quantity"] == (0.0 if row["unpriced_count"] else 100.0)
    found: float = row["open_cost"]
    return None if row["unpriced_count"] else found


def test_two_prices_agree_up_to_a_factor_of_two():
    assert cost(sol(1, 100.0, 200.0), 9.0) == 100.0
    assert cost(sol(1, 200.0, 100.0), 9.0) == 200.0
    assert cost(sol(1, 100.0, 201.0), 9.0) is None
    assert cost(sol(1, 201.0, 100.0), 9.0) is None


def test_of_two_prices_the_one_holds_that_the_other_leg_confirms():
    assert cost(sol(1, 15_000.0, 150.0), 1.5) == 150.0
    assert cost(sol(1, 15_000.0, 150.0), 149.0) == 15_000.0
    assert cost(sol(1, 150.0, 15_000.0), 1.5) == 150.0
    # Both agree with 160, neither with 40.
    assert cost(sol(1, 100.0, 250.0), 1.6) == 100.0
    assert cost(sol(1, 250.0, 100.0), 1.6) == 250.0
    assert cost(sol(1, 100.0, 250.0), 0.4) is None


def test_a_witness_agrees_up_to_a_factor_of_two():
    assert cost(sol(1, 100.0, 1000.0), 2.0) == 100.0
    assert cost(sol(1, 100.0, 1000.0), 2.01) is None
    assert cost(sol(1, 100.0, 1000.0), 0.5) == 100.0
    assert cost(sol(1, 100.0, 1000.0), 0.49) is None
    assert cost(sol(1, 100.0, 1000.0), 5.0) == 1000.0


def test_the_other_leg_is_asked_before_the_volume():
    assert cost(sol(1, 100.0, 1000.0), 9.0, volume_usd=100.0) == 1000.0
    # A witness that confirms neither is a witness still.
    assert cost(sol(1, 100.0, 1000.0), 3.0, volume_usd=100.0) is None


def test_the_nearest_price_speaks_for_the_other_leg_where_it_has_no_price():
    assert cost(sol(1, 100.0, 1000.0), None, quote_nearest_price=9.0, volume_usd=100.0) == 1000.0
    assert cost(sol(1, 100.0, 1000.0), 1.0, quote_nearest_price=9.0) == 100.0


def test_the_volume_is_asked_where_the_other_leg_says_nothing():
    assert cost(sol(1, 100.0, 1000.0), None, volume_usd=900.0) == 1000.0
    assert cost(sol(1, 100.0, 1000.0), None, volume_usd=90.0) == 100.0


@pytest.mark.parametrize("volume", BAD)
def test_without_any_witness_a_contradiction_has_no_price(volume):
    assert cost(sol(1, 100.0, 1000.0), None, volume_usd=volume) is None


@pytest.mark.parametrize("shown", [{"quote_multiplier": 5.0}, {"quote_is_scaled_ui_token": True}])
def test_a_leg_with_a_multiplier_is_no_witness(shown):
    assert cost(sol(1, 100.0, 1000.0), 1.0, volume_usd=900.0, **shown) == 1000.0
    assert cost(sol(1, 100.0, 1000.0), 1.0, **shown) is None


@pytest.mark.parametrize("coin", [USDC, USDT, PYUSD])
def test_a_dollar_coin_witnesses_at_a_dollar_whatever_its_price(coin):
    row = pnl(
        swap("c", Leg(coin, 150, 100.0), sol(1, 15_000.0, 150.0), hours_ago=2),
        buy("b", 30, 1, hours_ago=2),
        token=X,
    )
    assert row["open_cost_sol"] == pytest.approx(0.2, rel=1e-12)


def test_staked_sol_needs_a_witness_too():
    assert cost(Leg(JITO_SOL, 1, 120.0, 12.0), 1.1) == 120.0
    assert cost(Leg(JITO_SOL, 1, 120.0, 12.0), 0.1) == 12.0
    assert cost(Leg(JITO_SOL, 1, 120.0, 12.0)) is None


def test_a_dollar_coin_without_a_price_is_a_dollar_and_with_one_worth_it():
    assert cost(Leg(PYUSD, 10)) == 10.0
    assert cost(Leg(PYUSD, 10, 0.98)) == 9.8
    assert cost(Leg(PYUSD, 10, 5.0, 0.98)) == 10.0
    assert cost(Leg(USDC, 10, 0.5)) == cost(Leg(USDT, 10, None, 0.5)) == 10.0


def test_a_coin_of_another_currency_is_worth_its_price_only():
    assert cost(Leg(EURC, 10)) is None
    assert cost(Leg(EURC, 10, 1.2)) == 12.0


def test_of_a_dollar_coins_legs_those_with_a_price_speak_for_all():
    row = pnl(
        swap("t", Leg(PYUSD, 10, 0.9), Leg(X, 50), ordinal=0),
        swap("t", Leg(PYUSD, 30), Leg(X, 50), ordinal=1),
        token=X,
    )
    assert row["open_cost"] == 36.0


def test_a_dollar_coin_in_several_rows_without_any_price_is_a_dollar():
    row = pnl(
        swap("t", Leg(PYUSD, 10), Leg(X, 50), ordinal=0),
        swap("t", Leg(PYUSD, 30), Leg(X, 50), ordinal=1),
        token=X,
    )
    assert row["open_cost"] == 40.0


def test_a_net_amount_of_cash_counts_at_the_mean_of_its_legs_by_amount():
    row = pnl(
        swap("t", sol(3, 100.0), Leg(X, 50), ordinal=0),
        swap("t", usdc(10), sol(1, 120.0), ordinal=1),
        token=X,
    )
    # 2 SOL net at (3 x 100 + 1 x 120) / 4, and 10 USDC.
    assert row["open_cost"] == 220.0


def sol_cost(*prices: tuple[float, float], at: float = 0.0) -> float:
    """What X cost that was bought for a SOL at a given time; of `prices`, hours before AS_OF and USD."""
    rows = [
        swap(f"t{n}", sol(1, price), Leg(X if hours == at else A, 1), hours_ago=hours)
        for n, (hours, price) in enumerate(prices)
    ]
    found: float = by_token(*rows)[X]["open_cost"]
    return found


def test_a_price_of_sol_far_from_the_median_of_its_day_gives_way_to_it():
    assert sol_cost((3, 100.0), (2, 101.0), (0, 1000.0)) == 101.0
    assert sol_cost((3, 100.0), (2, 101.0), (0, 1.0)) == 100.0
    assert sol_cost((48, 1000.0), (28, 100.0), (26, 102.0), at=48) == 102.0


def test_up_to_a_factor_of_two_from_the_median_a_price_of_sol_is_believed():
    assert sol_cost((3, 100.0), (2, 100.0), (0, 200.0)) == 200.0
    assert sol_cost((3, 100.0), (2, 100.0), (0, 50.0)) == 50.0
    assert sol_cost((3, 100.0), (2, 100.0), (0, 200.01)) == 100.0
    assert sol_cost((3, 100.0), (2, 100.0), (0, 49.99)) == 100.0


def test_two_prices_of_sol_make_no_median():
    assert sol_cost((2, 100.0), (0, 1000.0)) == 1000.0
    assert sol_cost((2, 1000.0), (0, 100.0)) == 100.0


def test_a_day_either_way_is_24_hours_to_the_second():
    second = 1 / 3600
    assert sol_cost((24, 100.0), (24, 100.0), (0, 1000.0)) == 100.0
    assert sol_cost((24 + second, 100.0), (24, 100.0), (0, 1000.0)) == 1000.0
    assert sol_cost((24, 1000.0), (0, 100.0), (0, 100.0), at=24) == 100.0
    assert sol_cost((24 + second, 1000.0), (0, 100.0), (0, 100.0), at=24 + second) == 1000.0


def test_the_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle():
    assert sol_cost((3, 100.0), (2, 110.0), (1, 130.0), (0, 1000.0)) == 120.0


def test_medians_are_of_the_prices_as_told_and_not_as_put_right():
    rows = [
        swap(tx, sol(1, price), Leg(token, 1), hours_ago=hours)
        for tx, price, token, hours in (
            ("1", 100.0, A, 40),
            ("2", 100.0, A, 40),
            ("3", 1000.0, B, 20),
            ("4", 250.0, X, 0),
            ("5", 90.0, mint("Y"), 0),
        )
    ]
    tokens = by_token(*rows)
    # Of 1,000, 250 and 90 the median is 250; had 1,000 been put right first, it were 100.
    assert (tokens[B]["open_cost"], tokens[X]["open_cost"]) == (100.0, 250.0)
    assert tokens[mint("Y")]["open_cost"] == 250.0


def test_only_the_wallets_own_legs_of_sol_make_its_median():
    of_others = [
        swap(f"t{n}", sol(1, 100.0), Leg(A, 1), wallet=mint("neighbour")) for n in range(3)
    ]
    own = [swap("b", sol(1, 1000.0), Leg(X, 1), wallet=WALLET)]
    assert by_token(*own, *of_others)[X]["open_cost"] == 1000.0


def test_both_addresses_of_sol_and_conversions_make_one_median():
    row = pnl(
        swap("1", usdc(100), Leg(NATIVE_SOL, 1, 100.0), hours_ago=3),
        swap("2", sol(1, None, 104.0), Leg(JITO_SOL, 1, 900.0), hours_ago=2),
        swap("3", sol(1, 1000.0), Leg(X, 1), hours_ago=1),
        token=X,
    )
    assert row["open_cost"] == 104.0


def test_pegs_may_be_stated():
    row = swap("b", Leg(EURC, 10), Leg(X, 1))
    assert pnl(row, token=X, cash_mints={EURC: 1.25})["open_cost"] == 12.5
    in_cents = {**DEFAULT_CASH_MINTS, USDC: 100.0, USDT: 100.0}
    for coin in (USDC, USDT, PYUSD):
        paid = swap("b", Leg(coin, 10), Leg(X, 1))
        assert pnl(paid, token=X, cash_mints=in_cents)["open_cost"] == 1000.0


def test_further_mints_may_be_cash():
    rows = (
        swap("1", usdc(50), Leg(A, 10, 5.0), hours_ago=3),
        swap("2", Leg(A, 10, 6.0), Leg(X, 1), hours_ago=2),
        sell("3", 1, 70, hours_ago=1),
    )
    tokens = by_token(*rows, cash_mints=[*DEFAULT_CASH_MINTS, A])
    assert A not in tokens
    assert (tokens[X]["realized_pnl"], tokens[X]["conversion_count"]) == (10.0, 0)


def test_what_is_no_cash_is_a_position_even_if_it_is_a_dollar():
    tokens = by_token(swap("1", usdc(50), Leg(PYUSD, 50)), cash_mints=[USDC])
    assert tokens[PYUSD]["open_cost"] == 50.0


def test_a_multiplier_makes_no_profit():
    tokens = by_token(
        buy("1", 10, 10, A, hours_ago=3),
        swap("2", Leg(A, 10, 5.0), Leg(B, 10, 10.0), hours_ago=2, base_multiplier=2.0),
        roll("3", (B, 10), (X, 10), hours_ago=1),
        sell("4", 10, 10),
    )
    assert [tokens[token]["realized_pnl"] for token in (A, B, X)] == [0.0, 0.0, 0.0]

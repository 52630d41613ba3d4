"""What trading is assumed to have cost, and what is left when everything is held against a wallet."""

import pytest

from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets_tests.pnl.figures import by_token, mark, marks, pnl
from smart_trader_assets_tests.pnl.histories import (
    JITO_SOL,
    A,
    B,
    Leg,
    X,
    buy,
    roll,
    sell,
    sol,
    swap,
    usdc,
)

DAY = 24


def fees(*rows, token=ALL_TOKENS, window="all", **assumed: float) -> float:
    found = pnl(*rows, token=token, window=window, assumptions=Assumptions(**assumed))
    usd: float = found["estimated_fees_usd"]
    return usd


def test_a_transaction_costs_the_network_fee_at_the_price_of_sol_of_its_time():
    bought = swap("b", sol(1, 200.0), Leg(X, 10), hours_ago=50)
    assert fees(bought, network_fee_sol=0.01) == 2.0
    nearby = buy("b2", 1, 1, hours_ago=27)
    assert fees(bought, nearby, network_fee_sol=0.01) == 4.0
    far = buy("b2", 1, 1, hours_ago=25)
    assert fees(bought, far, network_fee_sol=0.01, fallback_sol_usd=70.0) == pytest.approx(2.7)


def test_the_assumptions_are_half_a_thousandth_of_sol_at_150_and_no_percentage():
    assert fees(buy("b", 1, 1000)) == 0.075


def test_a_venue_takes_its_part_of_what_is_bought_and_sold_for_cash():
    rows = (
        buy("1", 10, 10, A, hours_ago=9),
        swap("2", Leg(A, 5), usdc(30), hours_ago=5, ordinal=0),
        roll("2", (A, 5), (B, 5), hours_ago=5, ordinal=1),
        sell("3", 5, 40, B, hours_ago=1),
    )
    free = {"network_fee_sol": 0.0, "trading_fee_percent": 1.0}
    # 100 paid, and 30 and 200 received.
    assert fees(*rows, **free) == pytest.approx(3.3)
    assert fees(*rows, token=A, **free) == pytest.approx(1.3)
    assert fees(*rows, token=B, **free) == pytest.approx(2.0)


def test_a_token_bears_each_of_its_transactions_whole_and_the_portfolio_once():
    rows = (
        swap("t", usdc(10), Leg(A, 10), ordinal=0),
        swap("t", usdc(10), Leg(B, 10), ordinal=1),
        roll("u", (A, 10), (X, 5)),
    )
    assert [fees(*rows, token=token) for token in (A, B, X)] == [0.15, 0.075, 0.075]
    assert fees(*rows) == 0.15


def test_an_unpriced_trade_and_an_arbitrage_cost_their_fee_and_a_conversion_does_not():
    assert fees(swap("t", sol(1, None), Leg(A, 10))) == 0.075
    arbitrage = (
        swap("t", sol(1, 100.0), Leg(A, 50), ordinal=0),
        swap("t", Leg(A, 50), sol(1.01, 100.0), ordinal=1),
    )
    assert fees(*arbitrage) == pytest.approx(0.05)
    assert fees(swap("t", sol(1, 100.0), Leg(JITO_SOL, 1, 100.0))) == 0.0


def test_a_window_bears_its_own_transactions():
    rows = (buy("1", 1, 1, hours_ago=60 * DAY), buy("2", 1, 1, hours_ago=20 * DAY), buy("3", 1, 1))
    told = [fees(*rows, window=window) for window in ("all", "90d", "30d", "7d")]
    assert told == pytest.approx([0.225, 0.225, 0.15, 0.075])


def test_conservative_pnl_holds_everything_against_the_wallet():
    tokens = by_token(
        buy("1", 10, 10, A, hours_ago=9),
        sell("2", 5, 30, A, hours_ago=8),
        swap("3", Leg(A, 2), sol(1, None), hours_ago=7),
        buy("4", 10, 7, B, hours_ago=6),
        marks=marks(mark(20.0, token=A, hours_ago=3.5 * DAY), mark(5.0, token=B)),
        assumptions=Assumptions(network_fee_sol=0.01, fallback_sol_usd=100.0),
    )
    # A: 100 realized, 3 open at 30 and marked by its sale 8 hours ago, 20 lost, three fees of 1.
    left = 1 - 8 / (7 * DAY)
    assert tokens[A]["conservative_value"] == pytest.approx(30 * left)
    assert tokens[A]["conservative_pnl"] == pytest.approx(100 + 30 * left - 30 - 20 - 3)
    # B: 70 open and worth 50 by a fresh mark, one fee.
    assert tokens[B]["conservative_pnl"] == pytest.approx(50 - 70 - 1)
    portfolio = tokens[ALL_TOKENS]
    assert portfolio["lost_cost"] == 20.0
    assert portfolio["conservative_pnl"] == pytest.approx(
        tokens[A]["conservative_pnl"] + tokens[B]["conservative_pnl"]
    )


def test_an_arbitrage_is_paid_for_but_its_profit_is_none_of_the_wallets():
    row = pnl(
        swap("t", usdc(100), Leg(A, 50), ordinal=0),
        swap("t", Leg(A, 50), usdc(150), ordinal=1),
    )
    assert (row["arbitrage_profit_usd"], row["realized_pnl"]) == (50.0, 0.0)
    assert row["conservative_pnl"] == pytest.approx(-0.075)

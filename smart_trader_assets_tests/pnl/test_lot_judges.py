"""Lots are matched as released bookkeeping programs match them."""

import importlib
import random
from collections.abc import Callable
from decimal import Decimal, localcontext
from itertools import groupby
from pathlib import Path

import polars as pl
import pytest

from smart_trader_assets.pnl import fifo, netted_trades
from smart_trader_assets.pnl.exact import UNITS_PER_USD
from smart_trader_assets.pnl.valuation import CASH, VALUATION
from smart_trader_assets_tests.pnl.beancount_judge import beancount_costs
from smart_trader_assets_tests.pnl.deals import Deal
from smart_trader_assets_tests.pnl.histories import frame, recorded_rows
from smart_trader_assets_tests.pnl.test_recorded_wallets import AS_OF
from smart_trader_assets_tests.support.command import RECORDED_ROWS

CENT = UNITS_PER_USD // 100
NO_ROLLOVERS = pl.DataFrame()


def held_deals(deals: list[Deal]) -> list[Deal]:
    """The part of each sale that the judges accept: what is held."""
    held, kept = 0, []
    for deal in deals:
        quantity = max(deal.quantity, -held)
        if quantity:
            kept.append(Deal(quantity, deal.value))
            held += quantity
    return kept


def disposals(deals: list[Deal], sol_values: list[Decimal]) -> pl.DataFrame:
    """What the engine makes of one position's trades for cash, given their values in SOL."""
    count = len(deals)
    trades = pl.DataFrame(
        {
            "tx": range(count),
            "wallet": [0] * count,
            "mint": [0] * count,
            "block_unix_time": range(1, count + 1),
            "block_number": [None] * count,
            "decimals": [6] * count,
            "quantity": [deal.quantity for deal in deals],
            "value": [int(deal.value * UNITS_PER_USD) for deal in deals],
            "value_sol": [int(value * UNITS_PER_USD) for value in sol_values],
            "valuation": [CASH] * count,
            "sol_price": [None] * count,
            "first": [True] * count,
        },
        schema={
            "tx": pl.UInt32,
            "wallet": pl.UInt32,
            "mint": pl.UInt32,
            "block_unix_time": pl.Int64,
            "block_number": pl.Int64,
            "decimals": pl.Int64,
            "quantity": pl.Int128,
            "value": pl.Int128,
            "value_sol": pl.Int128,
            "valuation": VALUATION,
            "sol_price": pl.Float64,
            "first": pl.Boolean,
        },
    )
    return fifo(trades, NO_ROLLOVERS).disposals


def amounts(units: pl.Series) -> list[Decimal]:
    return [Decimal(amount) / UNITS_PER_USD for amount in units]


def engine_costs(deals: list[Deal]) -> list[Decimal]:
    sold = disposals(deals, [deal.value for deal in deals])
    assert sold["matched_cost_sol"].equals(sold["matched_cost"])
    return amounts(sold["matched_cost"])


def assert_same_costs(found: list[Decimal], judged: list[Decimal]) -> None:
    assert len(found) == len(judged)
    for one, other in zip(found, judged, strict=True):
        # Both judges divide a lot's cost by its units before they take a part of it.
        assert float(one) == pytest.approx(float(other), rel=1e-9, abs=1e-9)


def random_deals(seed: int, count: int) -> list[Deal]:
    draw = random.Random(seed)
    return held_deals(
        [
            Deal(
                draw.choice([1, 1, -1]) * draw.choice([10**6, draw.randint(1, 10**9)]),
                Decimal(draw.randint(1, 10**8)) / 100,
            )
            for _ in range(count)
        ]
    )


def recorded_deals() -> list[list[Deal]]:
    """Every recorded position that sold something: its trades for a cent of cash and more, in cents."""
    trades = netted_trades(frame(recorded_rows()), as_of=AS_OF).trades
    for_cash = trades.filter(pl.col("valuation") == CASH).sort("wallet", "mint", "tx")
    rows = for_cash.select("wallet", "mint", "quantity", "value").iter_rows()
    positions = (
        held_deals([Deal(q, Decimal(v // CENT) / 100) for *_, q, v in group if v >= CENT])
        for _, group in groupby(rows, key=lambda row: row[:2])
    )
    return [deals for deals in positions if any(deal.quantity < 0 for deal in deals)]


@pytest.fixture
def rp2_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[Deal]], list[Decimal]]:
    monkeypatch.chdir(tmp_path)
    with localcontext():
        judge = importlib.import_module("smart_trader_assets_tests.pnl.rp2_oracle")

    def costs(deals: list[Deal]) -> list[Decimal]:
        with localcontext(judge.RP2_CONTEXT):
            found: list[Decimal] = judge.rp2_costs(deals, tmp_path)
            return found

    return costs


def test_random_lots_are_matched_as_rp2_matches_them(rp2_costs):
    for seed in range(4):
        deals = random_deals(seed, 120)
        assert_same_costs(engine_costs(deals), rp2_costs(deals))


def test_random_lots_are_matched_as_beancount_matches_them():
    for seed in range(10, 14):
        deals = random_deals(seed, 300)
        assert_same_costs(engine_costs(deals), beancount_costs(deals))


def test_the_same_lots_are_matched_in_sol():
    for seed in range(20, 23):
        deals = random_deals(seed, 200)
        draw = random.Random(seed)
        in_sol = [Deal(deal.quantity, Decimal(draw.randint(1, 10**9)) / 10**6) for deal in deals]
        sold = disposals(deals, [deal.value for deal in in_sol])
        assert_same_costs(amounts(sold["matched_cost_sol"]), beancount_costs(in_sol))
        assert_same_costs(amounts(sold["matched_cost"]), beancount_costs(deals))


@pytest.mark.skipif(not RECORDED_ROWS.is_dir(), reason=f"no recorded histories at {RECORDED_ROWS}")
def test_recorded_lots_are_matched_as_both_judges_match_them(rp2_costs):
    positions = recorded_deals()
    assert len(positions) > 30
    for deals in positions:
        found = engine_costs(deals)
        assert_same_costs(found, beancount_costs(deals))
        if len(deals) < 100:
            assert_same_costs(found, rp2_costs(deals))

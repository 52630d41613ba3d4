"""What a wallet laid open says of rollovers, fading marks, lost cost, fees, and SOL."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.pnl.cash import WRAPPED_SOL
from smart_trader_assets.report.explanation import explain
from smart_trader_assets_tests.report.adversarial_market import (
    add_swaps,
    exchange,
    rank,
)
from smart_trader_assets_tests.support.tiny_market import (
    BOB,
    CAT,
    DOG,
    FOX,
    NOW,
    swap,
)


def sol_leg(amount: float, price: float | None) -> dict[str, Any]:
    """What makes a leg of cash one of SOL."""
    return {
        "address": WRAPPED_SOL,
        "decimals": 9,
        "change_amount": round(amount * 10**9),
        "ui_change_amount": amount,
        "price": price,
        "nearest_price": price,
    }


def test_a_rollover_says_where_the_cost_went(rolled):
    out, into = rolled.explanation.rollovers.to_dicts()
    assert (out["token_address"], out["side"], out["quantity"]) == (DOG, "sell", 10)
    assert (out["cost_out"], out["received"], out["returned"]) == pytest.approx((30, 12, 12))
    assert (out["gain"], out["lost_cost"], out["basis_known"]) == (0, 0, True)
    assert (into["token_address"], into["side"], into["quantity"]) == (CAT, "buy", 8)
    assert (into["cost_in"], into["paid"]) == pytest.approx((18, 0))
    # The DOG were bought six days before.
    assert into["age_days"] == pytest.approx(6)
    assert rolled.agreement.equal
    portfolio = rolled.totals.row(-1, named=True)
    # 30 of the first sale, and 14 for what cost 9.
    assert portfolio["realized_pnl"] == pytest.approx(35)
    assert portfolio["matched_cost"] == pytest.approx(10 + 12 + 9)


def test_a_sale_of_a_lot_that_a_rollover_made_is_held_since_the_first_purchase(rolled):
    sale = rolled.explanation.lot_matches.filter(pl.col("result").is_not_null()).row(-1, named=True)
    assert (sale["cost"], sale["result"], sale["holding_hours"]) == pytest.approx((9, 5, 7 * 24))
    assert sale["bought_at"] == NOW - timedelta(days=8)
    assert sale["purchase_valuation"] == "rollover"
    assert sale["purchase_tx"] == rolled.explanation.rollovers["tx_hash"][0]


def test_a_gain_of_a_rollover_is_realized_in_usd_and_in_sol(own_lake):
    one, other = exchange(BOB, (FOX, 10), (CAT, 8), NOW - timedelta(days=2), cash=50.0)
    other["quote"] |= sol_leg(0.5, 100.0)
    bought = swap(BOB, FOX, 10, 3.0, NOW - timedelta(days=2, hours=1))
    add_swaps(own_lake, [bought, one, other])
    rank(own_lake)
    explained = explain(own_lake, BOB, as_of=NOW, token=FOX)
    assert explained.agreement.equal
    (total,) = explained.totals.to_dicts()
    assert (total["realized_pnl"], total["matched_cost"]) == pytest.approx((20, 30))
    # What cost 30 cost 0.3 SOL at 100.
    assert total["realized_pnl_sol"] == pytest.approx(0.2)
    portfolio = explain(own_lake, BOB, as_of=NOW).totals.row(-1, named=True)
    assert portfolio["realized_pnl_sol"] == pytest.approx(0.2)
    assert portfolio["realized_pnl"] == pytest.approx(50)


def test_lost_cost_is_that_of_unpriced_sales_and_of_rollovers_without_a_basis(own_lake):
    unpriced = swap(BOB, DOG, -5, 1.0, NOW - timedelta(days=3))
    unpriced["quote"] |= sol_leg(5, None)
    too_much = exchange(BOB, (DOG, 10), (CAT, 8), NOW - timedelta(days=2))
    add_swaps(own_lake, [unpriced, *too_much])
    rank(own_lake)
    explained = explain(own_lake, BOB, as_of=NOW)
    assert explained.agreement.equal
    assert explained.explanation.rollovers["lost_cost"].to_list() == pytest.approx([15, None])
    portfolio = explained.totals.row(-1, named=True)
    assert portfolio["lost_cost"] == pytest.approx(30)
    assert portfolio["realized_pnl"] == pytest.approx(30)


def test_one_token_alone_shows_the_other_side_of_its_rollovers(rolled_lake):
    alone = explain(rolled_lake, BOB, as_of=NOW, token=CAT)
    assert alone.agreement.equal
    assert alone.explanation.rollovers["token_address"].to_list() == [DOG, CAT]
    assert alone.explanation.trades["token_address"].unique().to_list() == [CAT]
    assert alone.totals["token_address"].to_list() == [CAT]
    assert set(alone.symbols) == {CAT, DOG}


def test_a_mark_fades_to_the_time_up_to_which_the_table_knew_the_history(own_lake):
    known_to = NOW - timedelta(minutes=30)
    rank(own_lake, known_to=known_to)
    explained = explain(own_lake, BOB, as_of=NOW)
    assert explained.agreement.equal
    (lot,) = explained.explanation.open_lots.to_dicts()
    assert lot["mark_age_days"] == pytest.approx(0.5 / 24)
    assert lot["conservative_value"] == pytest.approx(25 * (1 - 0.5 / 24 / 7))
    assert not lot["stale"]


def test_without_numbers_in_the_table_a_recorded_history_is_known_to_the_time_asked_for(lake):
    asked = NOW - timedelta(minutes=30)
    (lot,) = explain(lake, BOB, as_of=asked).explanation.open_lots.to_dicts()
    # No list marks a recording: it is the own trade, seven days before `NOW`.
    assert lot["mark_age_days"] == pytest.approx(7 - 0.5 / 24)


def test_fees_of_a_transaction_count_once_in_the_portfolio_and_those_of_arbitrages_too(own_lake):
    again = exchange(BOB, (DOG, 10), (CAT, 8), NOW - timedelta(days=2))
    way, back = (swap(BOB, FOX, 3 * one, 1.0, NOW - timedelta(days=1)) for one in (1, -1))
    add_swaps(own_lake, [*again, way, back | {"tx_hash": way["tx_hash"], "ins_index": 2}])
    rank(own_lake)
    explained = explain(own_lake, BOB, as_of=NOW)
    assert explained.agreement.equal
    *tokens, portfolio = explained.totals["estimated_fees_usd"].to_list()
    fee = 0.0005 * 150
    assert sorted(tokens) == pytest.approx([fee, 4 * fee])
    assert portfolio == pytest.approx(5 * fee)

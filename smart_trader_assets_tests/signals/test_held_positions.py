"""What a ranked trader holds: the open lots of its own numbers, and nothing else."""

from __future__ import annotations

import polars as pl
import pytest

from smart_trader_assets.pnl.columns import ALL_TOKENS
from smart_trader_assets.signals import SignalRules, positions
from smart_trader_assets.tables.catalog import SMART_TRADERS, WALLET_PNL
from smart_trader_assets_tests.support.samples import NOW, Row, pnl, trader, whole

TRADERS = whole(SMART_TRADERS, [trader("ann"), trader("bob", tier="STRONG", overall_rank=2)])
HELD = {"open_quantity": 8.0, "open_cost": 4.0, "open_value": 6.0, "mark_price": 0.75}


def held(*rows: Row, min_usd: float = 1.0) -> pl.DataFrame:
    return positions(whole(WALLET_PNL, rows).lazy(), TRADERS, rules=SignalRules(min_usd=min_usd))


def test_an_open_lot_of_a_ranked_trader_is_a_position_at_its_own_numbers():
    rows = held(pnl("bob", "m", **HELD, unrealized_pnl=2.0), pnl("ann", "m", **HELD))
    assert rows.select(
        "wallet_address", "tier", "overall_rank", "quantity", "cost", "entry_price", "value"
    ).rows() == [("ann", "ELITE", 1, 8.0, 4.0, 0.5, 6.0), ("bob", "STRONG", 2, 8.0, 4.0, 0.5, 6.0)]
    assert rows["unrealized_pnl"].to_list() == [None, 2.0]
    assert set(rows["as_of"]) == {NOW}


@pytest.mark.parametrize(
    "row",
    [
        pnl("stranger", "m", **HELD),
        pnl("ann", ALL_TOKENS, **HELD),
        pnl("ann", "m", window="7d", **HELD),
        pnl("ann", "m", **HELD | {"open_quantity": 0.0}),
        pnl("ann", "m"),
        pnl("ann", "m", **HELD | {"open_cost": 0.5, "open_value": 0.9}),
    ],
    ids=["not ranked", "portfolio", "window", "sold", "unknown", "crumbs"],
)
def test_nothing_else_is(row):
    assert held(row).is_empty()


def test_what_nothing_marks_is_held_by_its_cost_and_worth_what_nobody_knows():
    unmarked = pnl("ann", "m", open_quantity=8.0, open_cost=4.0)
    rows = held(unmarked)
    assert rows.select("cost", "mark_price", "value").rows() == [(4.0, None, None)]

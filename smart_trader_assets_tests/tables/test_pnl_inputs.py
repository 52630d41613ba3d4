"""What the profit of wallets is computed from: listed prices and liquidity, and how far histories are known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.tables.catalog import TOKENS, TRACKED_WHALES, TRANSACTIONS
from smart_trader_assets.tables.pnl_inputs import PnlInputs, read_pnl_inputs
from smart_trader_assets_tests.support.samples import NOW, Row, swap, token, tracked_whale, whole
from smart_trader_assets_tests.support.tiny_market import ANN, CAT

HOUR = timedelta(hours=1)


def listing(hours_ago: float, **fields: Any) -> Row:
    taken = NOW - hours_ago * HOUR
    return token(CAT, fetched_at=taken, snapshot_date=taken.date(), **fields)


def inputs(*listings: Row, **more: Any) -> PnlInputs:
    rows = [swap("s", wallet_address=ANN, base_address=CAT, wallet_shard="00")]
    known = tracked_whale(ANN, wallet_shard="00", fetched_to=int((NOW - HOUR).timestamp()))
    return read_pnl_inputs(
        [ANN],
        shards=["00"],
        as_of=NOW,
        transactions=whole(TRANSACTIONS, rows).lazy(),
        tracked_whales=whole(TRACKED_WHALES, [known]).lazy(),
        tokens=whole(TOKENS, listings or [listing(3)]).lazy(),
        **more,
    )


def mark(*listings: Row) -> tuple[float | None, float | None]:
    (row,) = inputs(*listings).marks.to_dicts()
    return row["price"], row["liquidity"]


def test_the_newest_price_and_the_newest_liquidity_are_read():
    older = listing(30, price=2.0, liquidity=500_000.0)
    newer = listing(3, price=None, liquidity=400_000.0)
    assert mark(older, newer) == (2.0, 400_000.0)
    later = listing(-24, price=9.0, liquidity=1.0)
    assert mark(older, newer, later) == (2.0, 400_000.0)


@pytest.mark.parametrize(
    ("scale", "price"),
    [
        ({"multiplier": 2.0}, None),
        ({"multiplier": 1.0, "is_scaled_ui_token": True}, 2.0),
        ({"is_scaled_ui_token": True}, None),
        ({}, 2.0),
    ],
)
def test_a_price_of_shown_units_is_none_of_raw_ones(scale: dict[str, Any], price: float | None):
    assert mark(listing(3, price=2.0, liquidity=500_000.0, **scale)) == (price, 500_000.0)


def test_a_fetched_history_is_known_to_its_fetch_and_a_recorded_one_to_the_end():
    assert inputs().histories["known_to"].to_list() == [NOW - HOUR]
    assert inputs(recorded=True).histories["known_to"].to_list() == [None]


def test_marks_by_trades_stand_beside_the_listed_ones():
    traded = pl.DataFrame(
        {
            "token_address": [CAT],
            "price": [3.0],
            "marked_at": [NOW],
            "source": ["table_trade"],
            "liquidity": pl.Series([None], dtype=pl.Float64),
        },
        schema_overrides={"marked_at": pl.Datetime("us", "UTC")},
    )
    found = inputs(listing(3, price=2.0, liquidity=5.0), traded=traded).marks
    assert found["source"].to_list() == ["token_list", "table_trade"]

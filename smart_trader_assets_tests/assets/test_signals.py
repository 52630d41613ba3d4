"""gold/positions and gold/token_signals through Dagster and Delta: they follow from the tables beside them."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.contract import AUDIT, TableContract
from smart_trader_assets.signals import SIGNAL_WINDOWS
from smart_trader_assets.tables.catalog import (
    POSITIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TOKEN_SIGNALS,
    TOKEN_TRADES,
    TRANSACTIONS,
)
from smart_trader_assets_tests.assets.ranked_root import STAMP, Gold
from smart_trader_assets_tests.ranking.pnl_rows import AS_OF, portfolio, token, trader
from smart_trader_assets_tests.support.made_once import MadeOnce
from smart_trader_assets_tests.support.samples import frame, token_trade
from smart_trader_assets_tests.support.tiny_market import NOW

TRAIL = [column.name for column in AUDIT]


def test_its_signals_are_those_of_a_recount_from_all_trades(first_run):
    tables = first_run.tables
    now = int(NOW.timestamp())
    ranked = tables[SMART_TRADERS.name].select("wallet_address", "tier")
    trades = tables[TOKEN_TRADES.name].join(ranked, on="wallet_address")
    signals = tables[TOKEN_SIGNALS.name]
    for window, length in SIGNAL_WINDOWS.items():
        lately = trades.filter(pl.col("block_unix_time") > now - length.total_seconds())
        told = signals.filter(pl.col("window") == window)
        voters = lately.filter(pl.col("quantity") > 0).select("token_address", "wallet_address")
        assert (told["traders_bought"] + told["unproven_bought"]).sum() == voters.unique().height
        assert told.height == told["token_address"].n_unique()
    assert signals["symbol"].to_list() == ["CAT"]
    assert set(signals["as_of"]) == {NOW}


def test_recent_trades_are_those_of_the_last_days_and_no_others(first_run):
    tables = first_run.tables
    begin = int((NOW - timedelta(days=9)).replace(hour=0, minute=0).timestamp())
    expected = tables[TOKEN_TRADES.name].filter(pl.col("block_unix_time") >= begin)
    found = tables[RECENT_TRADES.name]
    key = list(TOKEN_TRADES.key)
    assert 0 < found.height <= tables[TRANSACTIONS.name].height
    assert_frame_equal(found.drop(TRAIL).sort(key), expected.drop(TRAIL).sort(key))


@pytest.fixture
def gold(tmp_path: Path, made_once: MadeOnce) -> Gold:
    """ANN is ELITE, and has a position of cat; she bought it an hour ago, a stranger after that."""
    folder, _ = made_once("test_signals.gold", lambda folder: make_gold(folder / "root"))
    shutil.copytree(folder / "root", tmp_path / "root")
    return Gold(tmp_path / "root")


def make_gold(root: Path) -> None:
    gold = Gold(root)
    held = {"open_quantity": 8.0, "open_cost": 4.0, "open_value": 6.0, "mark_price": 0.75}
    gold.put(*trader("ann"), token("ann", "cat", 2.0, **held, marked_at=AS_OF - timedelta(hours=3)))
    now = int(AS_OF.timestamp())
    rows = [
        token_trade(
            f"tx of {wallet}",
            wallet_address=wallet,
            token_address="cat",
            block_unix_time=now - seconds,
            quantity=8.0,
            price=price,
            value_usd=8.0 * price,
        )
        for wallet, price, seconds in (("ann", 0.5, 3_600), ("eve", 1.0, 1_800))
    ]
    gold.store.write(RECENT_TRADES, Batch(frame(RECENT_TRADES, rows)), STAMP)
    gold.judge()


def test_one_run_ranks_and_tells_what_the_ranked_hold_and_trade(gold: Gold) -> None:
    assert gold.rows(
        POSITIONS, "wallet_address", "tier", "token_address", "cost", "value", "entry_price"
    ) == [("ann", "ELITE", "cat", 4.0, 6.0, 0.5)]
    assert gold.rows(
        TOKEN_SIGNALS, "window", "elite_bought", "traders_holding", "net_flow_usd", "mark_price"
    ) == [("24h", 1, 1, 4.0, 0.5), ("7d", 1, 1, 4.0, 0.5)]


def test_the_windows_go_on_where_the_ranking_does_not(gold: Gold) -> None:
    ranked = gold.store.version(SMART_TRADERS)
    gold.judge(dg.AssetKey.from_user_string(TOKEN_SIGNALS.name), day=2)
    assert gold.store.version(SMART_TRADERS) == ranked
    assert gold.rows(TOKEN_SIGNALS, "window", "elite_bought", "traders_holding") == [
        ("24h", 0, 1),
        ("7d", 1, 1),
    ]


def test_who_leaves_the_ranking_leaves_its_positions_and_votes(gold: Gold) -> None:
    gold.put(portfolio("ann", max_trades_per_day=900))
    gold.judge(day=1)
    assert gold.rows(POSITIONS, "wallet_address") == gold.rows(TOKEN_SIGNALS, "window") == []


@pytest.mark.parametrize("contract", [POSITIONS, TOKEN_SIGNALS], ids=lambda c: c.name)
def test_another_run_at_the_same_time_changes_nothing(gold: Gold, contract: TableContract) -> None:
    version = gold.store.version(contract)
    gold.judge()
    assert gold.store.version(contract) == version

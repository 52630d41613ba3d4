"""A settlement moves the state of exactly the rows that were read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.batch import Batch, Settlement
from smart_trader_assets.delta.contract import BATCH, OPERATION, VERSION, TableContract
from smart_trader_assets.delta.errors import FrameError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_TOKENS, TRANSACTIONS, WHALES
from smart_trader_assets_tests.support.samples import (
    DAY,
    HOLDINGS,
    LATER_STAMP,
    LISTINGS,
    NOW,
    STAMP,
    frame,
    swap,
    token,
    tracked_token,
    whale,
)
from smart_trader_assets_tests.support.stores import Put, Settle

TRACKED = {"tracking_status": "tracked", "tracked_at": NOW}


def states(store: DeltaStore, contract: TableContract, key: str, state: str) -> dict[str, Any]:
    return dict(store.scan(contract).select(key, state).collect().sort(key).iter_rows())


def test_a_row_that_changed_since_it_was_read_stays_due(
    store: DeltaStore, put: Put, settle: Settle
) -> None:
    put(TOKENS, token("a"), token("b"), token("c"))
    read = store.scan(TOKENS).collect()
    put(TOKENS, token("b", price=2.0))

    assert settle(TOKENS, TRACKED, rows=read) == 2

    assert states(store, TOKENS, "token_address", "tracking_status") == {
        "a": "tracked",
        "b": "pending",
        "c": "tracked",
    }


def test_a_row_that_came_since_the_read_stays_due(
    store: DeltaStore, put: Put, settle: Settle
) -> None:
    put(WHALES, whale("a"))
    read = store.scan(WHALES).collect()
    put(WHALES, whale("b"))

    assert settle(WHALES, TRACKED, rows=read) == 1

    assert states(store, WHALES, "wallet_address", "tracking_status") == {
        "a": "tracked",
        "b": "pending",
    }


def test_a_row_that_somebody_else_settled_is_left_to_them(
    store: DeltaStore, put: Put, settle: Settle
) -> None:
    put(TRACKED_TOKENS, tracked_token("a"))
    read = store.scan(TRACKED_TOKENS).collect()
    settle(TRACKED_TOKENS, {"whale_fetch_status": "failed", "last_error": "theirs"}, rows=read)
    version = store.version(TRACKED_TOKENS)

    assert settle(TRACKED_TOKENS, {"whale_fetch_status": "completed"}, rows=read) == 0

    assert store.version(TRACKED_TOKENS) == version
    assert states(store, TRACKED_TOKENS, "token_address", "last_error") == {"a": "theirs"}


def test_a_repeated_settlement_makes_no_commit(store: DeltaStore, put: Put, settle: Settle) -> None:
    put(TRANSACTIONS, swap("s"), swap("t"))
    read = store.scan(TRANSACTIONS).collect()
    done = {"processed_for_pnl": True, "pnl_processed_at": NOW}
    assert settle(TRANSACTIONS, done, rows=read) == 2
    settled, version = store.scan(TRANSACTIONS).collect(), store.version(TRANSACTIONS)

    assert settle(TRANSACTIONS, done, rows=read) == 0

    assert store.version(TRANSACTIONS) == version
    assert_frame_equal(store.scan(TRANSACTIONS).collect(), settled)


def test_a_settlement_opens_only_what_is_due(store: DeltaStore, put: Put, settle: Settle) -> None:
    for turn in range(3):
        put(TRANSACTIONS, swap(f"old{turn}"))
        settle(TRANSACTIONS, {"processed_for_pnl": True}, only=~pl.col("processed_for_pnl"))
    put(TRANSACTIONS, swap("other", wallet_shard="01"), partition="01")
    put(TRANSACTIONS, swap("due"))

    settle(TRANSACTIONS, {"processed_for_pnl": True}, only=pl.col("swap_id") == "due")

    metrics = store.open(TRANSACTIONS).history(1)[0]["operationMetrics"]
    assert metrics["num_target_rows_updated"] == 1
    assert metrics["num_target_files_scanned"] == 1
    assert metrics["num_target_files_skipped_during_scan"] == 4
    assert metrics["num_target_rows_copied"] == 0


def test_one_settlement_may_send_its_rows_different_ways(
    store: DeltaStore, put: Put, settle: Settle
) -> None:
    later = DAY + timedelta(days=1)
    put(TOKENS, token("a"), token("b", price=None))
    put(TOKENS, token("c", snapshot_date=later, token_shard="03"), partition=later)
    refused = pl.col("price").is_null()

    moved = settle(
        TOKENS,
        {
            "tracking_status": pl.when(refused)
            .then(pl.lit("rejected"))
            .otherwise(pl.lit("tracked")),
            "reject_reason": pl.when(refused).then(pl.lit("no price")),
        },
    )

    assert moved == 3
    assert states(store, TOKENS, "token_address", "tracking_status") == {
        "a": "tracked",
        "b": "rejected",
        "c": "tracked",
    }
    assert states(store, TOKENS, "token_address", "reject_reason") == {
        "a": None,
        "b": "no price",
        "c": None,
    }


def test_a_settlement_leaves_its_trace_on_the_row(store: DeltaStore, put: Put) -> None:
    put(TRACKED_TOKENS, tracked_token("a"))
    read = store.scan(TRACKED_TOKENS).collect()
    settlement = Settlement.of(
        TRACKED_TOKENS, read, operation="WHALES_FETCHED", sets={"whale_fetch_status": "completed"}
    )
    assert store.settle(settlement, LATER_STAMP) == 1
    before, after = read.row(0, named=True), store.scan(TRACKED_TOKENS).collect().row(0, named=True)
    assert (after[OPERATION], after[BATCH]) == ("WHALES_FETCHED", "run-2")
    assert after[VERSION] > before[VERSION]
    moved = {name for name in before if before[name] != after[name]}
    assert moved == {"whale_fetch_status", OPERATION, BATCH, VERSION}


def test_a_batch_counts_what_it_settled_and_what_it_left(store: DeltaStore, put: Put) -> None:
    put(LISTINGS, *(listing(mint) for mint in "abc"), partition="00")
    store.create(HOLDINGS)
    read = store.scan(LISTINGS).collect()
    put(LISTINGS, listing("b", price=2), partition="00")
    batch = Batch(
        frame(HOLDINGS, [{**listing("a"), "first_listing": 1}]),
        "00",
        settles=(Settlement.of(LISTINGS, read, operation="KEPT", sets={"status": "kept"}),),
        metrics={"mints": 1.0},
    )
    written = store.write(HOLDINGS, batch, STAMP)
    assert (written.inserted, written.settled, written.left_due) == (1, 2, 1)
    assert written.settled_by_table == {"bronze/listings": 2}
    assert written.metrics == {"mints": 1.0}


def listing(mint: str, **columns: Any) -> dict[str, Any]:
    return {"mint": mint, "shard": "00", "price": 1, "listing": 1} | columns


def test_nothing_to_settle_is_no_commit(store: DeltaStore, put: Put, settle: Settle) -> None:
    put(WHALES, whale("a"))
    version = store.version(WHALES)
    assert settle(WHALES, TRACKED, only=pl.lit(False)) == 0
    assert store.version(WHALES) == version


def test_a_settlement_cannot_touch_content(store: DeltaStore, put: Put, settle: Settle) -> None:
    put(TOKENS, token("a"))
    with pytest.raises(KeyError, match="has no state column price"):
        settle(TOKENS, {"price": 2.0})


def test_a_settlement_to_a_state_that_is_not_allowed_is_refused(
    store: DeltaStore, put: Put, settle: Settle
) -> None:
    put(TOKENS, token("a"))
    with pytest.raises(FrameError, match=r"tracking_status cannot be \['done'\]"):
        settle(TOKENS, {"tracking_status": "done"})
    with pytest.raises(FrameError, match=r"tracking_status cannot be \[None\]"):
        settle(TOKENS, {"tracking_status": None})


def test_a_settlement_names_each_row_once(store: DeltaStore, put: Put, settle: Settle) -> None:
    put(TOKENS, token("a"))
    read = store.scan(TOKENS).collect()
    with pytest.raises(FrameError, match="share a key"):
        settle(TOKENS, TRACKED, rows=pl.concat([read, read]))

"""A batch that replaces a scope: what it does not bring again leaves, everything else stays."""

from __future__ import annotations

import polars as pl
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.batch import Batch, ReplaceScope
from smart_trader_assets.delta.contract import VERSION
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import SMART_TRADERS, WALLET_PNL
from smart_trader_assets_tests.support.samples import STAMP, frame, pnl, trader
from smart_trader_assets_tests.support.stores import Put, Settle


def keys(store: DeltaStore) -> list[tuple[str, str]]:
    rows = store.scan(WALLET_PNL).select("wallet_address", "token_address").collect()
    return sorted(rows.iter_rows())


def test_rows_of_the_scope_that_no_longer_exist_leave(store: DeltaStore, put: Put) -> None:
    put(WALLET_PNL, pnl("a", "x"), pnl("a", "y"), pnl("b", "x"), pnl("c", "x"))

    written = put(
        WALLET_PNL,
        pnl("a", "x"),
        pnl("a", "z"),
        replaces=ReplaceScope("wallet_address", ("a", "b")),
    )

    assert (written.inserted, written.updated, written.deleted) == (1, 0, 2)
    assert keys(store) == [("a", "x"), ("a", "z"), ("c", "x")]


def test_what_the_scope_brings_again_keeps_its_state_and_version(
    store: DeltaStore, put: Put, settle: Settle
) -> None:
    put(WALLET_PNL, pnl("a", "x"), pnl("a", "y"))
    settle(WALLET_PNL, {"processed_for_gold": True})
    before = store.scan(WALLET_PNL).filter(pl.col("token_address") == "x").collect()

    put(WALLET_PNL, pnl("a", "x"), replaces=ReplaceScope("wallet_address", ("a",)))

    assert_frame_equal(store.scan(WALLET_PNL).collect(), before)
    assert before[VERSION].null_count() == 0


def test_settled_rows_leave_too(store: DeltaStore, put: Put, settle: Settle) -> None:
    put(WALLET_PNL, pnl("a", "x"), pnl("a", "y"))
    settle(WALLET_PNL, {"processed_for_gold": True}, only=pl.col("token_address") == "y")
    assert (
        put(WALLET_PNL, pnl("a", "x"), replaces=ReplaceScope("wallet_address", ("a",))).deleted == 1
    )
    assert keys(store) == [("a", "x")]


def test_a_repeated_replacement_makes_no_commit(store: DeltaStore, put: Put) -> None:
    put(WALLET_PNL, pnl("a", "x"), pnl("b", "x"))
    scope = ReplaceScope("wallet_address", ("a",))
    put(WALLET_PNL, pnl("a", "y"), replaces=scope)
    version = store.version(WALLET_PNL)
    written = put(WALLET_PNL, pnl("a", "y"), replaces=scope)
    assert (written.inserted, written.updated, written.deleted) == (0, 0, 0)
    assert store.version(WALLET_PNL) == version


def test_the_merge_is_given_only_what_differs(store: DeltaStore, put: Put) -> None:
    """It would take time with the square of the rest."""
    told = {"reasons": ["one", "two"]}
    put(SMART_TRADERS, *(trader(f"w{n}", overall_rank=n, **told) for n in range(9)))
    rows = [trader(f"w{n}", overall_rank=n, **told) for n in range(8)]
    # Another list, a number where none was known, a new one; and the last has left.
    rows[2] = trader("w2", overall_rank=2, reasons=["one"])
    rows[3] = trader("w3", overall_rank=3, roi=1.0, **told)
    written = put(
        SMART_TRADERS, *rows, trader("w9", overall_rank=9, **told), replaces=ReplaceScope()
    )
    assert (written.inserted, written.updated, written.deleted) == (1, 2, 1)
    (entry,) = store.open(SMART_TRADERS).history(1)
    assert int(entry["operationMetrics"]["num_source_rows"]) == 4


def test_a_scope_without_rows_is_emptied(store: DeltaStore, put: Put) -> None:
    put(WALLET_PNL, pnl("a", "x"), pnl("b", "x"))
    none = frame(WALLET_PNL, [pnl("a")]).clear()
    batch = Batch(none, "00", replaces=ReplaceScope("wallet_address", ("a",)))
    assert store.write(WALLET_PNL, batch, STAMP).deleted == 1
    assert keys(store) == [("b", "x")]


def test_a_scope_ends_at_the_partition_of_its_batch(store: DeltaStore, put: Put) -> None:
    put(WALLET_PNL, pnl("a", "x"))
    put(WALLET_PNL, pnl("a", "x2", wallet_shard="01"), partition="01")
    put(WALLET_PNL, pnl("a", "y"), replaces=ReplaceScope("wallet_address", ("a",)))
    assert keys(store) == [("a", "x2"), ("a", "y")]


def test_a_whole_table_is_replaced_row_by_row(store: DeltaStore, put: Put) -> None:
    put(SMART_TRADERS, trader("a"), trader("b", overall_rank=2), trader("c", overall_rank=3))
    before = store.scan(SMART_TRADERS).filter(pl.col("wallet_address") == "a").collect()

    written = put(
        SMART_TRADERS,
        trader("a"),
        trader("c", overall_rank=2),
        trader("d"),
        replaces=ReplaceScope(),
    )

    assert (written.inserted, written.updated, written.deleted) == (1, 1, 1)
    after = store.scan(SMART_TRADERS).collect()
    assert dict(after.select("wallet_address", "overall_rank").iter_rows()) == {
        "a": 1,
        "c": 2,
        "d": 1,
    }
    assert_frame_equal(after.filter(pl.col("wallet_address") == "a"), before)


def test_a_table_that_nobody_qualifies_for_is_empty(store: DeltaStore, put: Put) -> None:
    put(SMART_TRADERS, trader("a"), trader("b"))
    none = frame(SMART_TRADERS, [trader("a")]).clear()
    assert store.write(SMART_TRADERS, Batch(none, replaces=ReplaceScope()), STAMP).deleted == 2
    assert store.scan(SMART_TRADERS).collect().height == 0

"""What comes to an empty partition meets no row: it is inserted, without a look for rows to meet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.delta import writing
from smart_trader_assets.delta.batch import Batch, CommitInfo, ReplaceScope
from smart_trader_assets.delta.contract import AUDIT, TableContract
from smart_trader_assets.delta.differences import Changes, changes_of
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import CLASSIFIED_WALLETS, TOKENS, WALLET_PNL
from smart_trader_assets_tests.support.samples import STAMP, classified, frame, pnl, token

ASSET = WALLET_PNL.name


def fenced(store: DeltaStore, contract: TableContract = WALLET_PNL) -> CommitInfo:
    return CommitInfo("run", contract.name, None, store.fence("run", [contract]))


def operations(store: DeltaStore, contract: TableContract = WALLET_PNL) -> list[str]:
    """What the commits to the table were, the first one first; without those that made it."""
    history = store.open(contract).history()
    return [entry["operation"] for entry in reversed(history)][-store.version(contract) :]


def rows(*wallets: str, shard: str = "00", **columns: Any) -> pl.DataFrame:
    return frame(WALLET_PNL, [pnl(wallet, wallet_shard=shard, **columns) for wallet in wallets])


@pytest.fixture(autouse=True)
def made(store: DeltaStore) -> int:
    store.create(WALLET_PNL)
    return store.version(WALLET_PNL)


def test_the_first_rows_of_each_partition_are_inserted_and_later_ones_merged(store, made):
    stamp = fenced(store)
    for wallets, shard in ((("a", "b"), "00"), (("c",), "01")):
        store.write(WALLET_PNL, Batch(rows(*wallets, shard=shard), shard), stamp)
    store.write(WALLET_PNL, Batch(rows("a", "d", roi=7.0), "00"), stamp)
    assert operations(store)[made:] == ["WRITE", "WRITE", "MERGE"]
    assert sorted(store.scan(WALLET_PNL).collect()["wallet_address"]) == ["a", "b", "c", "d"]


def test_they_are_the_same_as_by_a_merge_statistics_and_states_too(store, tmp_path, monkeypatch):
    other = DeltaStore(str(tmp_path / "merged"))
    other.create(WALLET_PNL)
    written = store.write(WALLET_PNL, Batch(rows("a", "b"), "00"), fenced(store))

    def unsure(*given: Any) -> Changes:
        return replace(changes_of(*given), are_new=False)

    monkeypatch.setattr(writing, "changes_of", unsure)
    other.write(WALLET_PNL, Batch(rows("a", "b"), "00"), STAMP)
    assert operations(other)[-1] == "MERGE"
    assert written.inserted == 2
    by_each = [
        one.scan(WALLET_PNL).drop(c.name for c in AUDIT).sort(WALLET_PNL.key).collect()
        for one in (store, other)
    ]
    assert_frame_equal(*by_each)
    told = [one.files(WALLET_PNL) for one in (store, other)]
    assert told[0].columns == told[1].columns
    known = [name for name in told[0].columns if name.startswith(("min.", "max.", "null_count."))]
    assert any("ages_at" in name for name in known)
    own = [name for name in known if not any(c.name in name for c in AUDIT)]
    assert_frame_equal(told[0].select(own), told[1].select(own))


def test_a_scope_that_holds_nothing_yet_is_filled_and_an_empty_one_is_left(store):
    store.create(CLASSIFIED_WALLETS)
    before = store.version(CLASSIFIED_WALLETS)
    none = frame(CLASSIFIED_WALLETS, [classified("w")]).clear()
    written = store.write(
        CLASSIFIED_WALLETS,
        Batch(none, replaces=ReplaceScope()),
        fenced(store, CLASSIFIED_WALLETS),
    )
    assert (written.inserted, store.version(CLASSIFIED_WALLETS)) == (0, before)


def test_a_day_is_a_partition_too(store):
    store.create(TOKENS)
    made, stamp = store.version(TOKENS), fenced(store, TOKENS)
    for price in (1.0, 7.0):
        row = token("m1", price=price)
        store.write(TOKENS, Batch(frame(TOKENS, [row]), row["snapshot_date"]), stamp)
    assert operations(store, TOKENS)[made:] == ["WRITE", "MERGE"]

"""The pools of all swap rows: each data file is read once, and the result is that of reading all of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from solders.pubkey import Pubkey

from smart_trader_assets.assets.pools import POOLS_NOTE, pool_addresses
from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.state.shared_state import LocalState
from smart_trader_assets.tables.catalog import TRANSACTIONS
from smart_trader_assets.tables.reset import Choice, carry_out, plan_reset
from smart_trader_assets.tables.transitions import swaps_counted
from smart_trader_assets.transforms.whale_screening import may_be_a_trader
from smart_trader_assets_tests.support.samples import NOW, STAMP, frame, swap
from smart_trader_assets_tests.support.ticking import settings_for
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, CID, DEE

VAULT = str(Pubkey.find_program_address([b"vault"], Pubkey.default())[0])


@pytest.fixture
def store(tmp_path: Path) -> DeltaStore:
    return make_lake(settings_for(tmp_path / "root", wallet_shards=2)).store


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def add(store: DeltaStore, *pools: str | None, shard: str = "00") -> None:
    """Swap rows in these pools; a data file more."""
    known = store.scan(TRANSACTIONS).collect().height
    rows = [
        swap(f"s{known + number}", wallet_shard=shard, address=pool)
        for number, pool in enumerate(pools)
    ]
    store.write(TRANSACTIONS, Batch(frame(TRANSACTIONS, rows), shard), STAMP)


def of_all_rows(store: DeltaStore) -> set[str]:
    """By reading every row."""
    pools = store.scan(TRANSACTIONS).select("address").collect()["address"].drop_nulls()
    return {pool for pool in pools if may_be_a_trader(pool)}


def take_away(store: DeltaStore, files: set[str]) -> None:
    for file in files:
        (Path(store.uri(TRANSACTIONS)) / file).unlink()


def test_only_files_that_came_since_are_read(store, notes):
    add(store, ANN, VAULT, None)
    add(store, BOB, shard="01")
    assert pool_addresses(store, LocalState(notes)) == of_all_rows(store) == {ANN, BOB}
    before = set(store.files(TRANSACTIONS)["path"])
    add(store, CID)
    wanted = of_all_rows(store)
    take_away(store, before)  # who opens one of them fails
    assert pool_addresses(store, LocalState(notes)) == wanted == {ANN, BOB, CID}
    take_away(store, set(store.files(TRANSACTIONS)["path"]) - before)
    assert pool_addresses(store, LocalState(notes)) == wanted


def test_an_address_that_no_owner_of_a_wallet_can_have_is_left_out(store, notes):
    add(store, VAULT, "jupiterz", "")
    assert pool_addresses(store, LocalState(notes)) == set()


def settle(store: DeltaStore) -> None:
    rows = store.scan(TRANSACTIONS).filter(~pl.col("processed_for_pnl")).collect()
    at = NOW + timedelta(minutes=1)
    rows = rows.with_columns(reason=pl.lit(None, pl.String))
    store.settle(swaps_counted(rows, at=at), STAMP)


def reset(store: DeltaStore) -> None:
    carry_out(store, plan_reset(store, Choice(TRANSACTIONS.name)), STAMP)


def compact(store: DeltaStore) -> None:
    maintain(store, TRANSACTIONS, retention_hours=0, stamp=STAMP)


def add_late_rows(store: DeltaStore) -> None:
    add(store, DEE, shard="01")


def restore(store: DeltaStore) -> None:
    store.open(TRANSACTIONS).restore(store.version(TRANSACTIONS) - 1)


@pytest.mark.parametrize("happens", [settle, reset, compact, add_late_rows, restore])
def test_it_is_what_all_rows_say_whatever_happens_to_the_table(store, notes, happens):
    add(store, ANN)
    settle(store)
    add(store, BOB, CID)
    pool_addresses(store, LocalState(notes))
    happens(store)
    assert pool_addresses(store, LocalState(notes)) == of_all_rows(store)


@pytest.mark.parametrize("spoilt", ["", "{", "[1]", '{"a": 1}', "null"])
def test_a_note_that_is_lost_or_garbled_is_made_anew(store, notes, spoilt):
    add(store, ANN)
    pool_addresses(store, LocalState(notes))
    (notes / f"{POOLS_NOTE}.json").write_text(spoilt)
    assert pool_addresses(store, LocalState(notes)) == {ANN}


def test_a_table_without_rows_has_no_pools(store, notes):
    assert pool_addresses(store, LocalState(notes)) == set()

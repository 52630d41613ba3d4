"""Tables that are kept opened: what was read stays as it was, and what is newest is always found."""

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import CommitRefusedError, TableMissingError
from smart_trader_assets.delta.store import DeltaStore, PinnedStore
from smart_trader_assets.tables.catalog import TRACKED_TOKENS
from smart_trader_assets_tests.support.samples import SAMPLES, STAMP, frame, tracked_token
from smart_trader_assets_tests.support.stores import Put

PARTITION = SAMPLES[TRACKED_TOKENS.name][1]


def mints(scan: pl.LazyFrame) -> list[str]:
    return sorted(scan.collect()["token_address"])


@pytest.fixture
def add(put: Put) -> Any:
    """Adds tracked tokens of these names."""
    return lambda *names: put(TRACKED_TOKENS, *(tracked_token(name) for name in names))


def test_a_scan_stays_what_it_was_while_its_store_writes_on(store: DeltaStore, add: Any) -> None:
    add("a")
    one = store.scan(TRACKED_TOKENS)
    add("b")
    two = store.scan(TRACKED_TOKENS)
    add("c")
    assert [mints(scan) for scan in (one, two, store.scan(TRACKED_TOKENS))] == [
        ["a"],
        ["a", "b"],
        ["a", "b", "c"],
    ]


def test_what_another_writes_is_seen_and_not_by_a_scan_of_before(
    store: DeltaStore, add: Any
) -> None:
    elsewhere = DeltaStore(store.root)
    add("a")
    before, version = elsewhere.scan(TRACKED_TOKENS), elsewhere.version(TRACKED_TOKENS)
    add("b")
    add("c")
    assert elsewhere.version(TRACKED_TOKENS) == version + 2
    assert mints(elsewhere.scan(TRACKED_TOKENS)) == ["a", "b", "c"]
    assert elsewhere.files(TRACKED_TOKENS)["num_records"].sum() == 3
    assert mints(before) == ["a"]


def test_a_pinned_store_answers_everything_as_of_when_it_first_looked(
    store: DeltaStore, add: Any
) -> None:
    add("a")
    pinned = PinnedStore(store)
    version = pinned.version(TRACKED_TOKENS)
    add("b")
    assert pinned.version(TRACKED_TOKENS) == version
    assert pinned.files(TRACKED_TOKENS)["num_records"].sum() == 1
    assert pinned.row_counts(TRACKED_TOKENS)["rows"].item() == 1
    assert mints(pinned.scan(TRACKED_TOKENS).filter(pl.col("token_address") > "")) == ["a"]


def test_a_table_that_was_taken_away_is_missing(store: DeltaStore, add: Any) -> None:
    add("a")
    assert mints(store.scan(TRACKED_TOKENS)) == ["a"]
    shutil.rmtree(Path(store.root) / TRACKED_TOKENS.name)
    with pytest.raises(TableMissingError):
        store.scan(TRACKED_TOKENS)


def test_a_table_that_was_restored_or_made_anew_is_read_from_the_start(
    store: DeltaStore, add: Any, tmp_path: Path
) -> None:
    folder, backup = Path(store.root) / TRACKED_TOKENS.name, tmp_path / "backup"
    add("a")
    shutil.copytree(folder, backup)
    add("b")
    assert mints(store.scan(TRACKED_TOKENS)) == ["a", "b"]
    shutil.rmtree(folder)
    shutil.copytree(backup, folder)
    assert mints(store.scan(TRACKED_TOKENS)) == ["a"]

    # Another table in its place, with more commits than the one that was kept.
    shutil.rmtree(folder)
    elsewhere = DeltaStore(store.root)
    elsewhere.create(TRACKED_TOKENS)
    for name in "vwxyz":
        add(name)
    assert mints(store.scan(TRACKED_TOKENS)) == list("vwxyz")


def test_after_a_commit_that_was_refused_the_next_one_passes(store: DeltaStore, add: Any) -> None:
    add("a")
    _append_only(store, True)
    renamed = Batch(frame(TRACKED_TOKENS, [tracked_token("a", symbol="RENAMED")]), PARTITION)
    with pytest.raises(CommitRefusedError):
        store.write(TRACKED_TOKENS, renamed, STAMP)
    _append_only(store, False)
    add("b")
    assert mints(store.scan(TRACKED_TOKENS)) == ["a", "b"]


def _append_only(store: DeltaStore, wanted: bool) -> None:
    properties = {"delta.appendOnly": str(wanted).lower()}
    store.open(TRACKED_TOKENS).alter.set_table_properties(properties)


def test_a_snapshot_is_only_read_from(store: DeltaStore, add: Any) -> None:
    add("a")
    with pytest.raises(AttributeError, match="only read from"):
        store.snapshot(TRACKED_TOKENS).delete()


def test_a_table_is_opened_once(
    store: DeltaStore, add: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("a")
    opened: list[str] = []
    fresh = DeltaStore(store.root)
    openly = fresh.open

    def count(contract: TableContract) -> DeltaTable:
        opened.append(contract.name)
        return openly(contract)

    monkeypatch.setattr(fresh._handles, "_open", count)
    for name in "bcd":
        fresh.scan(TRACKED_TOKENS)
        add(name)
    assert mints(fresh.scan(TRACKED_TOKENS)) == list("abcd")
    assert opened == [TRACKED_TOKENS.name]

"""Upkeep beside running writers: nothing is lost, nothing comes twice, older versions stay readable."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.maintenance import (
    Upkeep,
    UpkeepError,
    files_before_gathering,
    maintain,
    unread_files,
)
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import ALL_TABLES, TOKENS, TRANSACTIONS, WHALES
from smart_trader_assets.tables.cursors import SWAPS_TO_COUNT
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.roots import contents
from smart_trader_assets_tests.support.samples import DAY, NOW, frame, swap, token, whale

UPKEEP = CommitInfo("upkeep", "maintenance")
WEEK = 168.0


# So many files that the partition of shard 00 is gathered, and that of 01.
MANY = max(files_before_gathering([shard, False]) for shard in ("00", "01"))


@pytest.fixture
def store(tmp_path: Path) -> DeltaStore:
    store = DeltaStore(str(tmp_path / "root"))
    store.create(TRANSACTIONS)
    return store


def add(store: DeltaStore, name: str, count: int = 1, shard: str = "00") -> None:
    """One file of swaps, of as many wallets."""
    rows = [swap(f"{name} {n}", wallet_shard=shard, wallet_address=f"w{n}") for n in range(count)]
    store.write(TRANSACTIONS, Batch(frame(TRANSACTIONS, rows), shard), CommitInfo(name, "writer"))


def settle(store: DeltaStore, shard: str) -> int:
    """Read what is due in a shard and settle it; how many rows."""
    rows = store.scan(TRANSACTIONS).filter(
        (pl.col("wallet_shard") == shard) & ~pl.col("processed_for_pnl")
    )
    return store.settle(
        SWAPS_TO_COUNT.settle_done(rows.collect(), at=NOW), CommitInfo("s", "writer")
    )


def upkeep(
    store: DeltaStore,
    contract: TableContract = TRANSACTIONS,
    retention_hours: float = WEEK,
) -> Upkeep:
    return maintain(store, contract, retention_hours=retention_hours, stamp=UPKEEP)


def rows_of(store: DeltaStore, version: int | None = None) -> pl.DataFrame:
    table = DeltaTable(store.uri(TRANSACTIONS), version=version)
    return pl.scan_delta(table).sort("swap_id").collect()


def test_many_small_files_become_one_a_partition_and_the_rows_stay_as_they_are(store):
    for number in range(2 * MANY):
        add(store, f"batch {number}", 3, shard=f"0{number % 2}")
    before = rows_of(store)
    kept = upkeep(store)
    assert (kept.files_before, kept.files_after) == (2 * MANY, 2)
    assert_frame_equal(rows_of(store), before)
    stored = store.scan(TRANSACTIONS).filter(pl.col("wallet_shard") == "00").collect()
    assert stored["wallet_address"].is_sorted()


def test_a_partition_of_a_table_that_is_not_sorted_is_compacted_once_its_files_are_many(store):
    store.create(WHALES)

    def listed(name: str, shard: str) -> None:
        batch = Batch(frame(WHALES, [whale(name, token_shard=shard)]), shard)
        store.write(WHALES, batch, CommitInfo(name, "writer"))

    most = files_before_gathering(["00", "00", "pending"])
    for number in range(most - 1):
        listed(f"w{number}", "00")
    listed("elsewhere", "01")
    assert upkeep(store, WHALES).files_after == most
    listed("one more", "00")
    before = store.scan(WHALES).sort("wallet_address").collect()
    kept = upkeep(store, WHALES)
    assert (kept.files_before, kept.files_after) == (most + 1, 2)
    assert_frame_equal(store.scan(WHALES).sort("wallet_address").collect(), before)


def test_partitions_that_grow_alike_are_not_all_gathered_in_the_same_night():
    turns = [
        files_before_gathering([f"{shard:02}", state])
        for shard in range(16)
        for state in (True, False)
    ]
    assert {turn: turns.count(turn) > 4 for turn in turns} == dict.fromkeys((8, 9, 10, 11), True)
    assert files_before_gathering([]) == 8


def test_older_versions_within_the_retention_can_still_be_read(store):
    known = {}
    for number in range(MANY):
        add(store, f"batch {number}")
        known[store.version(TRANSACTIONS)] = rows_of(store)
    kept = upkeep(store)
    assert (kept.files_after, kept.files_vacuumed) == (1, 0)
    for version, rows in known.items():
        assert_frame_equal(rows_of(store, version), rows)


def test_a_reader_that_began_before_the_upkeep_reads_to_its_end(store):
    for number in range(MANY):
        add(store, f"batch {number}")
    begun = store.scan(TRANSACTIONS).sort("swap_id")
    before = rows_of(store)
    assert upkeep(store).files_after == 1
    assert_frame_equal(begun.collect(), before)


def test_files_that_nothing_reads_are_deleted_once_the_retention_is_over(store):
    for number in range(MANY):
        add(store, f"batch {number}")
    before = rows_of(store)
    kept = upkeep(store, retention_hours=0)
    assert kept.files_vacuumed == MANY
    assert_frame_equal(rows_of(store), before)
    on_disk = list(Path(store.uri(TRANSACTIONS)).glob("wallet_shard=*/**/*.parquet"))
    assert len(on_disk) == 1


def data_files(store: DeltaStore) -> dict[str, list[Path]]:
    """Parquet files of the table by what they are."""
    files = [
        file
        for file in Path(store.uri(TRANSACTIONS)).rglob("*.parquet")
        if "_delta_log" not in file.parts
    ]
    return {
        "change data": [file for file in files if "_change_data" in file.parts],
        "orphans": [file for file in files if "orphan" in file.name],
        "data": [f for f in files if "_change_data" not in f.parts and "orphan" not in f.name],
    }


def age(files: list[Path], hours: float) -> None:
    """Make files as old as that."""
    for file in files:
        then = file.stat().st_mtime - hours * 3600
        os.utime(file, (then, then))


def leave_behind(store: DeltaStore) -> None:
    """What years of work leave: change data, removed data files, files of writers that were killed."""
    for number in range(MANY):
        add(store, f"batch {number}")
        settle(store, "00")
    for folder in (Path(store.uri(TRANSACTIONS)), data_files(store)["data"][0].parent):
        (folder / "part-orphan.parquet").write_bytes(b"of a writer that was killed")


def test_nothing_is_left_behind_once_the_retention_is_over(store):
    leave_behind(store)
    before = rows_of(store)
    assert all(data_files(store).values())
    upkeep(store, retention_hours=0)
    left = data_files(store)
    assert (len(left["change data"]), len(left["orphans"])) == (0, 0)
    assert len(left["data"]) == len(store.files(TRANSACTIONS))
    assert_frame_equal(rows_of(store), before)
    assert unread_files(store, TRANSACTIONS, 0) == []


def test_what_is_younger_than_the_retention_stays_whoever_may_need_it(store):
    """An orphan may be a file that a running writer has yet to commit."""
    leave_behind(store)
    there = data_files(store)
    upkeep(store)
    kept = data_files(store)
    assert all(set(files) <= set(kept[kind]) for kind, files in there.items())
    age(kept["change data"] + kept["orphans"], 2 * WEEK)
    upkeep(store)
    left = data_files(store)
    assert (left["change data"], left["orphans"]) == ([], [])
    assert set(there["data"]) <= set(left["data"])  # removed a moment ago, however old they are


def test_the_log_remembers_a_removed_file_for_longer_than_it_is_kept(store):
    leave_behind(store)
    upkeep(store, retention_hours=30 * 24)
    removed = set(data_files(store)["data"])
    age(list(removed), 60 * 24)
    for _ in range(3):  # checkpoints drop what the log need not remember
        add(store, "more")
        upkeep(store, retention_hours=30 * 24)
    assert removed <= set(data_files(store)["data"])
    held = store.open(TRANSACTIONS).metadata().configuration
    assert held["delta.deletedFileRetentionDuration"] == "interval 744 hours"
    assert held["delta.logRetentionDuration"] == "interval 744 hours"


def test_a_checkpoint_stands_and_the_table_opens_from_it(store):
    for number in range(3):
        add(store, f"batch {number}")
    kept = upkeep(store)
    log = Path(store.uri(TRANSACTIONS)) / "_delta_log"
    assert json.loads((log / "_last_checkpoint").read_text())["version"] == kept.version
    for commit in log.glob("*.json"):
        if int(commit.stem) <= kept.version:
            commit.unlink()
    assert rows_of(store).height == 3


def test_upkeep_of_a_table_that_needs_none_makes_no_commit(store):
    for number in range(MANY):
        add(store, f"batch {number}")
    upkeep(store)
    version = store.version(TRANSACTIONS)
    kept = upkeep(store)
    assert (kept.version, kept.files_before, kept.files_after) == (version, 1, 1)


def test_the_change_data_feed_tells_of_no_change_by_upkeep(store):
    for number in range(MANY):
        add(store, f"batch {number}")
    version = store.version(TRANSACTIONS)
    assert upkeep(store).version > version
    feed = pl.DataFrame(store.open(TRANSACTIONS).load_cdf(starting_version=version + 1))
    assert feed.is_empty()


def test_changes_are_told_as_far_back_as_upkeep_has_left_them(store):
    """A check of a root that rested for longer than the retention looks back to when it last ran."""
    long_ago = datetime.now(UTC) - timedelta(days=60)
    add(store, "first", count=3)
    settle(store, "00")
    # Each row added, and settled: its image before and after.
    assert store.changes(TRANSACTIONS, since=long_ago).height == 3 * 3
    upkeep(store, retention_hours=0)
    assert store.changes(TRANSACTIONS, since=long_ago).is_empty()
    add(store, "second", count=2, shard="01")
    settle(store, "01")
    told = store.changes(TRANSACTIONS, since=long_ago)
    assert told.filter(pl.col("_change_type") == "update_postimage")["swap_id"].n_unique() == 2
    assert set(told["wallet_shard"]) == {"01"}


def test_changes_of_a_restored_table_are_told_too(store):
    """A restore has no change data of its own: it is what it added and removed."""
    long_ago = datetime.now(UTC) - timedelta(days=60)
    add(store, "first")
    version = store.version(TRANSACTIONS)
    add(store, "second", shard="01")
    store.open(TRANSACTIONS).restore(version)
    upkeep(store, retention_hours=0)
    assert store.changes(TRANSACTIONS, since=long_ago).is_empty()
    settle(store, "00")
    assert store.changes(TRANSACTIONS, since=long_ago).height == 2


def test_beside_writers_that_add_and_settle_nothing_is_lost_and_nothing_comes_twice(store):
    shards = ("00", "01", "02")
    start = threading.Barrier(len(shards) + 1)
    settled = dict.fromkeys(shards, 0)

    def write(shard: str) -> None:
        start.wait()
        for number in range(MANY):
            add(store, f"{shard} batch {number}", 5, shard)
            if number % 4 == 3:
                settled[shard] += settle(store, shard)

    def keep() -> None:
        start.wait()
        for _ in range(2 * MANY):
            upkeep(store)

    with ThreadPoolExecutor(len(shards) + 1) as pool:
        for done in [*(pool.submit(write, shard) for shard in shards), pool.submit(keep)]:
            done.result()
    rows = rows_of(store)
    assert rows.height == rows["swap_id"].n_unique() == len(shards) * MANY * 5
    assert set(rows["processed_for_pnl"]) == {True}
    assert settled == dict.fromkeys(shards, MANY * 5)
    counted = store.row_counts(TRANSACTIONS, "wallet_shard", "processed_for_pnl")
    assert counted.rows() == [(shard, True, MANY * 5) for shard in shards]


def test_a_table_with_a_lost_file_is_told_by_name_with_the_remedy(store):
    for number in range(MANY):
        add(store, f"batch {number}")
    next(Path(store.uri(TRANSACTIONS)).glob("wallet_shard=*/**/*.parquet")).unlink()
    with pytest.raises(
        UpkeepError, match=r"bronze/transactions could not be maintained .* restore it"
    ):
        upkeep(store)


def run_job(pipeline: Pipeline) -> tuple[bool, list[str]]:
    job = make_definitions(pipeline.settings()).resolve_job_def("maintenance")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        told = [entry.user_message for entry in instance.all_logs(result.run_id)]
    return result.success, told


def test_the_job_keeps_every_table_and_leaves_nothing_due(drained):
    before = contents(drained.store)
    success, told = run_job(drained)
    assert success
    for contract in ALL_TABLES:
        assert any(line.startswith(f"{contract.name}: ") for line in told), contract.name
        log = Path(drained.store.uri(contract)) / "_delta_log"
        assert (log / "_last_checkpoint").exists()
    after = contents(drained.store)
    for name, rows in before.items():
        assert_frame_equal(after[name], rows)
    report = drained.drain()
    assert [step.asset for step in report.steps] == [TOKENS.name]


def test_a_table_that_cannot_be_kept_fails_the_job_but_does_not_stop_the_others(drained):
    """A file that the log names is gone, so its table cannot be compacted; those after it are kept."""
    for number in range(MANY):
        drained.store.write(
            TOKENS, Batch(frame(TOKENS, [token(f"m{number}")]), DAY), CommitInfo("run", "writer")
        )
    for path in Path(drained.store.uri(TOKENS)).glob("snapshot_date=*/**/*.parquet"):
        path.unlink()
    success, told = run_job(drained)
    assert not success
    for contract in ALL_TABLES:
        kept = any(line.startswith(f"{contract.name}: ") for line in told)
        assert kept is (contract is not TOKENS), contract.name

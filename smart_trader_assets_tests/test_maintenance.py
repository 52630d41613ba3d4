"""Upkeep beside running writers: nothing is lost, nothing comes twice, older versions stay readable."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.cursors import SWAPS_TO_COUNT
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.delta.store import DeltaStore, Stamp
from smart_trader_assets.delta.tables import ALL_TABLES, TOKENS, TRANSACTIONS
from smart_trader_assets_tests.delta.samples import NOW, frame, swap
from smart_trader_assets_tests.support.roots import contents
from smart_trader_assets_tests.support.village import NOW as NOW_OF_THE_VILLAGE

UPKEEP = Stamp("upkeep", "maintenance")
WEEK = 168.0


@pytest.fixture
def store(tmp_path: Path) -> DeltaStore:
    store = DeltaStore(str(tmp_path / "root"))
    store.create(TRANSACTIONS)
    return store


def add(store, name, count=1, shard="00"):
    rows = [swap(f"{name} {n}", wallet_shard=shard) for n in range(count)]
    store.write(TRANSACTIONS, Batch(frame(TRANSACTIONS, rows), shard), Stamp(name, "writer"))


def settle(store, shard):
    """Read what is due in a shard and settle it; how many rows."""
    rows = store.scan(TRANSACTIONS).filter(
        (pl.col("wallet_shard") == shard) & ~pl.col("processed_for_pnl")
    )
    return store.settle(SWAPS_TO_COUNT.settle_done(rows.collect(), at=NOW), Stamp("s", "writer"))


def upkeep(store, retention_hours=WEEK):
    return maintain(store, TRANSACTIONS, retention_hours=retention_hours, stamp=UPKEEP)


def rows_of(store, version=None):
    table = DeltaTable(store.uri(TRANSACTIONS), version=version)
    return pl.scan_delta(table).sort("swap_id").collect()


def test_small_files_become_one_a_partition_and_the_rows_stay_as_they_are(store):
    for number in range(6):
        add(store, f"batch {number}", 3, shard=f"0{number % 2}")
    before = rows_of(store)
    kept = upkeep(store)
    assert (kept.files_before, kept.files_after) == (6, 2)
    assert_frame_equal(rows_of(store), before)


def test_older_versions_within_the_retention_can_still_be_read(store):
    known = {}
    for number in range(4):
        add(store, f"batch {number}")
        known[store.version(TRANSACTIONS)] = rows_of(store)
    kept = upkeep(store)
    assert kept.files_vacuumed == 0
    for version, rows in known.items():
        assert_frame_equal(rows_of(store, version), rows)


def test_a_reader_that_began_before_the_upkeep_reads_to_its_end(store):
    for number in range(4):
        add(store, f"batch {number}")
    begun = store.scan(TRANSACTIONS).sort("swap_id")
    before = rows_of(store)
    upkeep(store)
    assert_frame_equal(begun.collect(), before)


def test_files_that_nothing_reads_are_deleted_once_the_retention_is_over(store):
    for number in range(4):
        add(store, f"batch {number}")
    kept = upkeep(store, retention_hours=0)
    assert kept.files_vacuumed == 4
    assert rows_of(store).height == 4
    on_disk = [p for p in Path(store.uri(TRANSACTIONS)).glob("wallet_shard=*/**/*.parquet")]
    assert len(on_disk) == 1


def test_a_checkpoint_stands_and_the_table_opens_from_it(store):
    for number in range(3):
        add(store, f"batch {number}")
    kept = upkeep(store)
    log = Path(store.uri(TRANSACTIONS)) / "_delta_log"
    pointer = log / "_last_checkpoint"
    assert f'"version":{kept.version}' in pointer.read_text().replace(" ", "")
    for commit in log.glob("*.json"):
        if int(commit.stem) <= kept.version:
            commit.unlink()
    assert rows_of(store).height == 3


def test_upkeep_of_a_table_that_needs_none_makes_no_commit(store):
    add(store, "batch")
    upkeep(store)
    version = store.version(TRANSACTIONS)
    kept = upkeep(store)
    assert (kept.version, kept.files_before, kept.files_after) == (version, 1, 1)


def test_the_change_data_feed_tells_of_no_change_by_upkeep(store):
    for number in range(4):
        add(store, f"batch {number}")
    version = store.version(TRANSACTIONS)
    upkeep(store)
    feed = pl.DataFrame(store.open(TRANSACTIONS).load_cdf(starting_version=version + 1))
    assert feed.is_empty()


def test_beside_writers_that_add_and_settle_nothing_is_lost_and_nothing_comes_twice(store):
    batches, shards = 8, ("00", "01", "02")
    writing = threading.Barrier(len(shards) + 1)
    settled = dict.fromkeys(shards, 0)

    def write(shard):
        writing.wait()
        for number in range(batches):
            add(store, f"{shard} batch {number}", 5, shard)
            settled[shard] += settle(store, shard)

    def keep():
        writing.wait()
        return [upkeep(store) for _ in range(6)]

    with ThreadPoolExecutor(len(shards) + 1) as pool:
        done = [pool.submit(write, shard) for shard in shards] + [pool.submit(keep)]
        for future in done:
            future.result()
    rows = rows_of(store)
    assert rows.height == rows["swap_id"].n_unique() == len(shards) * batches * 5
    assert set(rows["processed_for_pnl"]) == {True}
    assert settled == dict.fromkeys(shards, batches * 5)
    counted = store.row_counts(TRANSACTIONS, "wallet_shard", "processed_for_pnl")
    assert counted.rows() == [(shard, True, batches * 5) for shard in shards]


def run_job(pipeline):
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


def test_a_table_that_cannot_be_kept_does_not_stop_the_others(drained):
    """A file that the log names is gone, so its table cannot be compacted; those after it are kept."""
    drained.drain(NOW_OF_THE_VILLAGE + timedelta(hours=2))
    folder = Path(drained.store.uri(TOKENS))
    for path in folder.glob("snapshot_date=*/**/*.parquet"):
        path.unlink()
    success, told = run_job(drained)
    assert not success
    for contract in ALL_TABLES:
        if contract is not TOKENS:
            assert any(line.startswith(f"{contract.name}: ") for line in told), contract.name

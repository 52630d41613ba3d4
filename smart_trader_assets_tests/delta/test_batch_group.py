"""Batches of several partitions that are committed as one do what they would have done one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_trader_assets.delta.batch import (
    Batch,
    CommitInfo,
    ReplaceScope,
    Settlement,
    WriteResult,
)
from smart_trader_assets.delta.batch_group import (
    MOST_PARTITIONS,
    MOST_ROWS,
    BatchGroup,
    gathered,
)
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import FrameError, OvertakenError, StorageError
from smart_trader_assets.delta.fence import WRITER
from smart_trader_assets.delta.handles import Handles
from smart_trader_assets.delta.merge import MOST_NAMED
from smart_trader_assets.delta.operations import Metrics
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import TRACKED_TOKENS, WALLET_PNL
from smart_trader_assets_tests.delta.takeover import create_tables, due_batch, list_prices
from smart_trader_assets_tests.delta.test_conflicts import SIXTEEN, at_once
from smart_trader_assets_tests.delta.test_kill_points import (
    Killed,
    MortalStore,
    assert_same_tables,
    listed,
)
from smart_trader_assets_tests.support.samples import (
    HOLDINGS,
    LISTINGS,
    STAMP,
    frame,
    pnl,
    tracked_token,
)
from smart_trader_assets_tests.support.watched_store import WatchedStore

SHARDS = ("00", "01", "02")
NONE = {"none": 1}


def due_batches(store: DeltaStore) -> tuple[Batch, ...]:
    found = (due_batch(store, shard) for shard in SHARDS)
    return tuple(batch for batch in found if batch is not None)


def holding(mint: str, shard: str, price: int) -> dict[str, Any]:
    return {"mint": mint, "shard": shard, "price": price, "first_listing": 1, "listing": 1}


def holdings(shard: str, prices: Mapping[str, int]) -> pl.DataFrame:
    rows = frame(
        HOLDINGS, [holding(mint, shard, price) for mint, price in (prices or NONE).items()]
    )
    return rows if prices else rows.clear()


def in_shard(shard: str, mints: str, price: int = 1, **batch: Any) -> Batch:
    return Batch(holdings(shard, {f"{shard}-{mint}": price for mint in mints}), shard, **batch)


def write_group(
    store: DeltaStore, contract: TableContract, group: BatchGroup, stamp: CommitInfo
) -> list[WriteResult]:
    outcome = store.write_group(contract, group, stamp)
    outcome.raise_refusal()
    return outcome.results


prices = st.dictionaries(st.sampled_from("abc"), st.integers(1, 2), max_size=3)
listings = st.lists(st.fixed_dictionaries(dict.fromkeys(SHARDS, prices)), min_size=1, max_size=4)


@settings(max_examples=10, deadline=None)
@given(listings=listings, stale=st.integers(0, 3))
def test_together_is_as_one_after_another_and_told_as_much(
    tmp_path_factory: pytest.TempPathFactory, listings: list[dict[str, dict[str, int]]], stale: int
) -> None:
    """Also where rows have changed between the read and the settlement."""
    apart, together = (DeltaStore(str(tmp_path_factory.mktemp(n))) for n in ("apart", "together"))
    for store in (apart, together):
        create_tables(store)
    for number, listing in enumerate(listings, start=1):
        told: list[list[WriteResult]] = []
        for store in (apart, together):
            for shard, of_it in listing.items():
                named = {f"{shard}-{mint}": price for mint, price in of_it.items()}
                list_prices(store, shard, named, listing=number)
            batches = due_batches(store)
            if number == stale and listing["01"]:
                list_prices(store, "01", {f"01-{min(listing['01'])}": 9}, listing=number + 1)
            if store is apart:
                told.append([store.write(HOLDINGS, batch, STAMP) for batch in batches])
            else:
                told.append(write_group(store, HOLDINGS, BatchGroup(batches), STAMP))
        assert told[0] == told[1]
        assert_same_tables(apart, together)


@settings(max_examples=10, deadline=None)
@given(held=prices, brought=prices)
def test_what_is_counted_is_what_the_merge_counts(
    tmp_path_factory: pytest.TempPathFactory, held: dict[str, int], brought: dict[str, int]
) -> None:
    store = DeltaStore(str(tmp_path_factory.mktemp("counted")))
    store.create(HOLDINGS)
    store.write(HOLDINGS, Batch(holdings("00", held), "00"), STAMP)
    before = store.version(HOLDINGS)
    again = Batch(holdings("00", brought), "00", replaces=ReplaceScope())
    told = store.write(HOLDINGS, again, STAMP)
    changed = sum(held[mint] != brought[mint] for mint in held.keys() & brought.keys())
    new, gone = len(brought.keys() - held.keys()), len(held.keys() - brought.keys())
    assert (told.inserted, told.updated, told.deleted) == (new, changed, gone)
    entry = store.open(HOLDINGS).history(1)[0]
    if store.version(HOLDINGS) > before and entry["operation"] == "MERGE":
        measured = entry["operationMetrics"]
        names = ("num_target_rows_inserted", "num_target_rows_updated", "num_target_rows_deleted")
        assert tuple(int(measured[name]) for name in names) == (new, changed, gone)


def test_rows_of_all_are_one_commit_and_so_are_their_states(tmp_path: Path) -> None:
    store = listed(tmp_path, SHARDS)
    for price in (1, 2):
        if price == 2:
            for shard in SHARDS:
                list_prices(store, shard, {f"{shard}-0": 5}, listing=2)
        before = store.version(HOLDINGS), store.version(LISTINGS)
        results = write_group(store, HOLDINGS, BatchGroup(due_batches(store)), STAMP)
        assert (store.version(HOLDINGS), store.version(LISTINGS)) == (before[0] + 1, before[1] + 1)
        assert [(r.inserted, r.updated, r.settled) for r in results] == [
            (3, 0, 3) if price == 1 else (0, 1, 1)
        ] * 3


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2], ids=["rows", "states"])
def test_whoever_dies_at_one_of_them_is_made_up_for(
    tmp_path: Path, moment: Literal["before", "after"], number: int
) -> None:
    undisturbed, store = (listed(tmp_path / name, SHARDS) for name in ("undisturbed", "killed"))
    write_group(undisturbed, HOLDINGS, BatchGroup(due_batches(undisturbed)), STAMP)
    batches = due_batches(store)
    with pytest.raises(Killed):
        MortalStore(store.root, moment, number).write_group(HOLDINGS, BatchGroup(batches), STAMP)
    is_settled = (number, moment) == (2, "after")
    assert len(due_batches(store)) == (0 if is_settled else 3)
    if not is_settled:
        write_group(store, HOLDINGS, BatchGroup(due_batches(store)), STAMP)
    assert_same_tables(store, undisturbed)


def test_each_replaces_its_own_scope_in_its_own_partition(store: DeltaStore) -> None:
    store.create(WALLET_PNL)
    rows = {
        shard: frame(
            WALLET_PNL,
            [pnl(f"{shard}-{wallet}", wallet_shard=shard, roi=1.0) for wallet in "abc"],
        )
        for shard in SHARDS
    }
    for shard in SHARDS:
        store.write(WALLET_PNL, Batch(rows[shard], shard), STAMP)
    wallet = pl.col("wallet_address")
    results = write_group(
        store,
        WALLET_PNL,
        BatchGroup(
            tuple(
                Batch(
                    rows[shard].filter(wallet == f"{shard}-a").with_columns(roi=pl.lit(2.0)),
                    shard,
                    replaces=ReplaceScope("wallet_address", (f"{shard}-a", f"{shard}-b")),
                )
                for shard in ("00", "02")
            )
        ),
        STAMP,
    )
    assert [(r.inserted, r.updated, r.deleted) for r in results] == [(0, 1, 1)] * 2
    held = store.scan(WALLET_PNL).select("wallet_address", "roi").collect()
    assert dict(held.sort("wallet_address").iter_rows()) == {
        **{f"{shard}-a": 2.0 for shard in ("00", "02")},
        **{f"01-{wallet}": 1.0 for wallet in "abc"},
        **{f"{shard}-c": 1.0 for shard in ("00", "02")},
    }


def test_a_broken_batch_is_refused_and_stands_in_no_others_way(tmp_path: Path) -> None:
    store = listed(tmp_path, SHARDS)
    first, second, third = due_batches(store)
    assert second.rows is not None
    broken = replace(second, rows=second.rows.with_columns(first_listing=pl.lit(None, pl.Int64)))
    outcome = store.write_group(HOLDINGS, BatchGroup((first, broken, third)), STAMP)
    assert list(outcome.refused) == [1]
    with pytest.raises(FrameError, match="first_listing"):
        outcome.raise_refusal()
    assert [(r.inserted, r.settled) for r in outcome.results] == [(3, 3), (0, 0), (3, 3)]
    (due,) = due_batches(store)
    assert due.partition == "01"


def test_what_is_wrong_is_told_before_who_was_overtaken(tmp_path: Path) -> None:
    store = listed(tmp_path, SHARDS)
    older, newer = fenced(store, "older"), fenced(store, "newer")
    first, second, third = due_batches(store)
    store.write(HOLDINGS, replace(first, rows=holdings("00", {"theirs": 1}), settles=()), newer)
    broken = replace(
        third, rows=third.rows.drop("first_listing") if third.rows is not None else None
    )
    outcome = store.write_group(HOLDINGS, BatchGroup((first, second, broken)), older)
    assert {place: type(error) for place, error in outcome.refused.items()} == {
        0: OvertakenError,
        2: FrameError,
    }
    assert isinstance(outcome.apart, FrameError | OvertakenError)
    with pytest.raises(FrameError, match="first_listing"):
        outcome.raise_refusal()


def test_a_storage_that_fails_is_not_asked_for_each_batch_and_what_was_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, commit, tries = listed(tmp_path, SHARDS), DeltaStore.commit, []

    def fail(self: DeltaStore, what: str, operation: Callable[[], Metrics]) -> Metrics:
        tries.append(what)
        if what == f"{LISTINGS.name}: state":
            raise StorageError("The disk is full.")
        return commit(self, what, operation)

    monkeypatch.setattr(DeltaStore, "commit", fail)
    outcome = store.write_group(HOLDINGS, BatchGroup(due_batches(store)), STAMP)
    assert tries == [f"{HOLDINGS.name}: rows", f"{LISTINGS.name}: state"]
    assert [(r.inserted, r.settled) for r in outcome.results] == [(3, 0)] * 3
    with pytest.raises(StorageError, match="The disk is full"):
        outcome.raise_refusal()


def test_a_row_of_another_partition_is_refused(store: DeltaStore) -> None:
    store.create(HOLDINGS)
    stray = replace(in_shard("01", "a"), partition="02")
    with pytest.raises(FrameError, match="has rows of 01"):
        write_group(store, HOLDINGS, BatchGroup((in_shard("00", "a"), stray)), STAMP)
    assert store.scan(HOLDINGS).collect()["shard"].to_list() == ["00"]


def fenced(store: DeltaStore, run_id: str) -> CommitInfo:
    tables = (HOLDINGS, LISTINGS)
    return CommitInfo(run_id, HOLDINGS.name, None, store.fence(run_id, tables))


@pytest.mark.parametrize("taken", range(3))
def test_who_was_overtaken_in_one_partition_writes_in_the_others(
    tmp_path: Path, taken: int
) -> None:
    store = listed(tmp_path, SHARDS)
    older, newer = fenced(store, "older"), fenced(store, "newer")
    batches = due_batches(store)
    theirs = replace(batches[taken], rows=holdings(SHARDS[taken], {"theirs": 1}), settles=())
    store.write(HOLDINGS, theirs, newer)
    outcome = store.write_group(HOLDINGS, BatchGroup(batches), older)
    with pytest.raises(OvertakenError, match=rf"newer has written .*holdings/0{taken}"):
        outcome.raise_refusal()
    wanted = [(0, 0) if place == taken else (3, 3) for place in range(3)]
    assert [(r.inserted, r.settled) for r in outcome.results] == wanted
    assert [batch.partition for batch in due_batches(store)] == [SHARDS[taken]]


def test_who_is_overtaken_between_rows_and_states_says_what_it_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = listed(tmp_path, SHARDS)
    older, newer = fenced(store, "older"), fenced(store, "newer")
    batches, commit = due_batches(store), DeltaStore.commit

    def overtake(self: DeltaStore, what: str, operation: Callable[[], Metrics]) -> Metrics:
        if what == f"{LISTINGS.name}: state" and self is store:
            settled = replace(batches[1], rows=None)
            DeltaStore(store.root).write(HOLDINGS, settled, newer)
            monkeypatch.undo()
        return commit(self, what, operation)

    monkeypatch.setattr(DeltaStore, "commit", overtake)
    outcome = store.write_group(HOLDINGS, BatchGroup(batches), older)
    assert list(outcome.refused) == [1]
    assert [(r.inserted, r.settled) for r in outcome.results] == [(3, 3), (3, 0), (3, 3)]


def test_states_are_moved_in_the_order_of_each_batch(tmp_path: Path) -> None:
    store = listed(tmp_path, SHARDS)
    read = store.scan(LISTINGS).collect()

    def kept(shard: str, *settled: int) -> Batch:
        rows = read.filter(pl.col("shard") == shard)
        names = ("FIRST", "SECOND")
        return Batch(
            partition=shard,
            settles=tuple(
                Settlement.of(
                    LISTINGS,
                    rows.filter(pl.int_range(pl.len()) == n) if n in settled else rows.clear(),
                    operation=names[n],
                    sets={"status": "kept"},
                )
                for n in range(2)
            ),
        )

    group = BatchGroup((kept("00", 1), kept("01", 0, 1)))
    order = [list(parts) for parts in group.settlements()]
    assert order == [[1], [0, 1]]


@pytest.mark.parametrize("shard", SHARDS)
def test_who_writes_together_overtakes_in_each_partition(tmp_path: Path, shard: str) -> None:
    store = listed(tmp_path, SHARDS)
    older, newer = fenced(store, "older"), fenced(store, "newer")
    batches = due_batches(store)
    write_group(store, HOLDINGS, BatchGroup(batches), newer)
    with pytest.raises(OvertakenError):
        store.write(HOLDINGS, batches[SHARDS.index(shard)], older)


def test_what_brings_nothing_new_is_confirmed_for_each_partition_that_is_relied_upon(
    tmp_path: Path,
) -> None:
    store = listed(tmp_path, SHARDS)
    batches = due_batches(store)
    for batch in batches:
        store.write(HOLDINGS, Batch(batch.rows, batch.partition), STAMP)
    before = store.version(HOLDINGS)
    stamp = fenced(store, "run")
    unread = Batch(batches[2].rows, "02")
    write_group(store, HOLDINGS, BatchGroup((*batches[:2], unread)), stamp)
    assert store.version(HOLDINGS) == before + 1
    entry = store.open(HOLDINGS).history(1)[0]
    assert entry[WRITER].splitlines() == ["silver/holdings/00", "silver/holdings/01"]


def test_runs_of_different_shards_are_no_rivals(tmp_path: Path) -> None:
    store = WatchedStore(str(tmp_path))
    create_tables(store)

    def take_over_four(first: str) -> int:
        shards = SIXTEEN[int(first) : int(first) + 4]
        stamp = fenced(store, first)
        settled = 0
        for listing in (1, 2):
            for shard in shards:
                list_prices(store, shard, {f"{shard}-{n}": listing for n in "ab"}, listing)
            found = (due_batch(store, shard) for shard in shards)
            group = BatchGroup(tuple(batch for batch in found if batch is not None))
            results = write_group(store, HOLDINGS, group, stamp)
            settled += sum(result.settled for result in results)
        return settled

    assert at_once(take_over_four, SIXTEEN[::4]) == [16] * 4
    assert store.lost == []
    held = store.scan(HOLDINGS).collect()
    assert (held.height, held["price"].unique().to_list()) == (32, [2])


def test_small_ones_that_follow_each_other_are_gathered() -> None:
    batches = [in_shard(shard, "a") for shard in SHARDS]
    assert list(gathered(HOLDINGS, batches)) == [tuple(batches)]
    assert list(gathered(HOLDINGS, [])) == []


def test_two_of_one_partition_stay_in_their_order() -> None:
    batches = [in_shard(shard, mint) for mint in "ab" for shard in ("00", "01")]
    assert list(gathered(HOLDINGS, batches)) == [tuple(batches[:2]), tuple(batches[2:])]
    with pytest.raises(ValueError, match="Two batches of one partition"):
        BatchGroup((batches[0], batches[2]))


def test_scopes_of_different_kinds_are_committed_apart() -> None:
    kinds = (ReplaceScope(), ReplaceScope("mint", ("a",)), None)
    batches = [in_shard(s, "a", replaces=kind) for s, kind in zip(SHARDS, kinds, strict=True)]
    assert [len(group) for group in gathered(HOLDINGS, batches)] == [1, 1, 1]
    with pytest.raises(ValueError, match="scopes of different kinds"):
        BatchGroup(tuple(batches))


def test_many_rows_go_alone() -> None:
    many = frame(HOLDINGS, [holding(f"m{n}", "01", 1) for n in range(MOST_ROWS)])
    batches = [in_shard("00", "a"), Batch(many, "01"), in_shard("02", "a")]
    assert [len(group) for group in gathered(HOLDINGS, batches)] == [1, 1, 1]


def test_no_more_partitions_are_gathered_than_conflicts_are_told_by() -> None:
    batches = [in_shard(f"{n:02}", "a") for n in range(MOST_PARTITIONS + 1)]
    assert [len(group) for group in gathered(HOLDINGS, batches)] == [MOST_PARTITIONS, 1]


def test_as_many_as_are_gathered_are_no_rivals_of_others(tmp_path: Path) -> None:
    """Where a run of other partitions commits between the look and the commit."""
    store = WatchedStore(str(tmp_path))
    create_tables(store)
    names = [f"{n:02}" for n in range(2 * MOST_PARTITIONS)]
    mine, theirs = names[:MOST_PARTITIONS], names[MOST_PARTITIONS:]
    other, stamps = DeltaStore(store.root), (fenced(store, "mine"), fenced(store, "theirs"))
    for shards, stamp in ((mine, stamps[0]), (theirs, stamps[1])):
        write_group(store, HOLDINGS, BatchGroup(tuple(in_shard(s, "a") for s in shards)), stamp)
    writing = Handles.writing
    again = [BatchGroup(tuple(in_shard(shard, "a", 2) for shard in theirs))]

    @contextmanager
    def be_second(self: Handles, contract: TableContract) -> Iterator[DeltaTable]:
        with writing(self, contract) as table:
            if again:
                write_group(other, HOLDINGS, again.pop(), stamps[1])
            yield table

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Handles, "writing", be_second)
        group = BatchGroup(tuple(in_shard(shard, "a", 2) for shard in mine))
        results = write_group(store, HOLDINGS, group, stamps[0])
    assert store.lost == []
    assert [result.updated for result in results] == [1] * MOST_PARTITIONS


def test_files_of_other_wallets_stay_closed_in_each_partition(store: DeltaStore) -> None:
    """A file of one partition may hold the wallets that another one's batch names."""
    store.create(WALLET_PNL)
    for part in "abcd":
        for shard in SHARDS:
            rows = [pnl(f"{part}{n}-{shard}", wallet_shard=shard, roi=1.0) for n in range(3)]
            store.write(WALLET_PNL, Batch(frame(WALLET_PNL, rows), shard), STAMP)
    changed = [
        frame(WALLET_PNL, [pnl(f"{part}1-{shard}", wallet_shard=shard, roi=2.0)])
        for part, shard in zip("abc", SHARDS, strict=True)
    ]
    group = BatchGroup(tuple(map(Batch, changed, SHARDS)))
    assert [r.updated for r in write_group(store, WALLET_PNL, group, STAMP)] == [1, 1, 1]
    metrics = store.open(WALLET_PNL).history(1)[0]["operationMetrics"]
    assert int(metrics["num_target_files_scanned"]) == 3


def test_no_more_are_gathered_than_a_merge_names() -> None:
    """Beyond, it would open the files of all wallets of the partitions."""
    half = MOST_NAMED // 2
    batches = [
        Batch(
            frame(WALLET_PNL, [pnl(f"{shard}-{n}", wallet_shard=shard) for n in range(half)]),
            shard,
        )
        for shard in SHARDS
    ]
    assert [len(group) for group in gathered(WALLET_PNL, batches)] == [2, 1]


def test_what_was_made_before_an_error_is_handed_over_first() -> None:
    def breaking() -> Iterator[Batch]:
        yield in_shard("00", "a")
        yield in_shard("01", "a")
        raise OSError("the network is gone")

    groups = gathered(HOLDINGS, breaking())
    assert [batch.partition for batch in next(groups)] == ["00", "01"]
    with pytest.raises(OSError, match="the network is gone"):
        next(groups)


def test_a_batch_that_only_settles_needs_no_commit_of_rows(store: DeltaStore) -> None:
    store.create(TRACKED_TOKENS)
    before = store.version(TRACKED_TOKENS)
    rows = frame(TRACKED_TOKENS, [tracked_token("a", token_shard="01")])
    none = rows.clear()
    group = BatchGroup((Batch(none, "00"), Batch(partition="01")))
    assert [r.inserted for r in write_group(store, TRACKED_TOKENS, group, STAMP)] == [0, 0]
    assert store.version(TRACKED_TOKENS) == before

"""What a merge is given, and which files it opens for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import write_deltalake
from polars.testing import assert_frame_equal

from smart_trader_assets.delta import operations, writing
from smart_trader_assets.delta.batch import Batch, CommitInfo, ReplaceScope
from smart_trader_assets.delta.contract import BATCH, VERSION, TableContract
from smart_trader_assets.delta.differences import Changes
from smart_trader_assets.delta.errors import OvertakenError
from smart_trader_assets.delta.merge import time_span
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import (
    RECENT_TRADES,
    SMART_TRADERS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    TRANSFERS,
    WHALES,
)
from smart_trader_assets_tests.support.samples import (
    DAY,
    LATER_STAMP,
    NOW,
    STAMP,
    Row,
    content,
    frame,
    swap,
    token_trade,
    tracked_token,
    tracked_whale,
    trader,
    transfer,
    whale,
    whole,
)
from smart_trader_assets_tests.support.stores import Put

HOUR = timedelta(hours=1)

LetFirst = Callable[..., list[partial[Any]]]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the time at which rows are written."""

    def set_time(moment: datetime) -> None:
        monkeypatch.setattr(writing, "_now", lambda: moment)

    return set_time


@pytest.fixture
def let_first(monkeypatch: pytest.MonkeyPatch) -> LetFirst:
    """Has one rival after the other come right before rows are added; hands out those who still wait."""

    def let(*rivals: partial[Any]) -> list[partial[Any]]:
        waiting = list(rivals)

        def add(*given: Any, **options: Any) -> None:
            if waiting:
                waiting.pop(0)()
            write_deltalake(*given, **options)

        monkeypatch.setattr(operations, "write_deltalake", add)
        return waiting

    return let


def merged(store: DeltaStore, contract: TableContract = SMART_TRADERS) -> dict[str, int]:
    """What the newest commit says of its merge."""
    (entry,) = store.open(contract).history(1)
    return {name: int(value) for name, value in entry["operationMetrics"].items() if value}


def put_one_an_hour(names: str, put: Put, at: Callable[[datetime], None]) -> None:
    """A trader a name, each in a file of its own, the first at NOW."""
    for hour, name in enumerate(names):
        at(NOW + hour * HOUR)
        put(SMART_TRADERS, trader(name))


def test_a_batch_without_a_scope_is_merged_by_what_differs_too(store: DeltaStore, put: Put) -> None:
    put(WHALES, *(whale(f"w{n}") for n in range(9)))
    rows = [
        whale(f"w{n}", holding_usd=7.0 if n == 3 else whale("w")["holding_usd"]) for n in range(9)
    ]
    written = put(WHALES, *rows, whale("new"))
    assert (written.inserted, written.updated) == (1, 1)
    assert merged(store, WHALES)["num_source_rows"] == 2


def test_files_written_at_other_times_than_what_changes_stay_unopened(
    store: DeltaStore, put: Put, at: Callable[[datetime], None]
) -> None:
    put_one_an_hour("abcd", put, at)
    at(NOW + 9 * HOUR)

    put(SMART_TRADERS, trader("b", roi=7.0), trader("c", roi=7.0), trader("d"))

    told = merged(store)
    assert (told["num_target_files_scanned"], told["num_target_rows_updated"]) == (2, 2)
    rows = store.scan(SMART_TRADERS).select("wallet_address", "roi", VERSION).collect()
    changed = rows.filter(pl.col(VERSION) == NOW + 9 * HOUR).sort("wallet_address")
    assert changed.select("wallet_address", "roi").rows() == [("b", 7.0), ("c", 7.0)]
    assert sorted(rows["wallet_address"]) == ["a", "b", "c", "d"]


def test_where_a_row_is_new_every_file_is_looked_at(
    store: DeltaStore, put: Put, at: Callable[[datetime], None]
) -> None:
    """Somebody else may be adding it just now: the commit has to conflict with that."""
    put_one_an_hour("abc", put, at)
    put(SMART_TRADERS, trader("b", roi=7.0), trader("new"))
    assert merged(store)["num_target_files_scanned"] == 3


def test_rows_that_are_all_new_are_added_and_no_file_is_opened(store: DeltaStore, put: Put) -> None:
    put(SMART_TRADERS, trader("a"))
    assert put(SMART_TRADERS, trader("b"), trader("c")).inserted == 2
    (entry,) = store.open(SMART_TRADERS).history(1)
    assert (entry["operation"], entry["operationParameters"]["mode"]) == ("WRITE", "Append")
    assert sorted(store.scan(SMART_TRADERS).collect()["wallet_address"]) == ["a", "b", "c"]


def test_swaps_that_are_known_are_passed_over_and_new_ones_are_added(
    store: DeltaStore, put: Put
) -> None:
    put(TRANSACTIONS, swap("a"), swap("b"))
    assert put(TRANSACTIONS, swap("b"), swap("c")).inserted == 1
    (entry,) = store.open(TRANSACTIONS).history(1)
    assert entry["operation"] == "WRITE"
    version = store.version(TRANSACTIONS)
    assert put(TRANSACTIONS, swap("b"), swap("c")).inserted == 0
    assert store.version(TRANSACTIONS) == version
    assert sorted(store.scan(TRANSACTIONS).collect()["swap_id"]) == ["a", "b", "c"]


@pytest.mark.parametrize("is_fenced", [True, False])
def test_the_writers_of_other_partitions_hold_nobody_up(
    store: DeltaStore, put: Put, let_first: LetFirst, is_fenced: bool
) -> None:
    """With fences rows are added beside theirs; without, who was beaten once merges."""
    put(WHALES, whale("a"))

    def add_to(shard: str) -> None:
        rows = whole(WHALES, [whale("a", token_shard=shard, token_address=shard)])
        write_deltalake(store.uri(WHALES), rows, mode="append")

    waiting = let_first(partial(add_to, "s01"), partial(add_to, "s02"))
    fence = store.fence("a run", [WHALES]) if is_fenced else None
    stamp = CommitInfo(run_id="a run", asset=WHALES.name, fence=fence)
    assert put(WHALES, whale("new"), stamp=stamp).inserted == 1
    assert [one.args for one in waiting] == [("s02",)], "it was held up once more"
    (entry,) = store.open(WHALES).history(1)
    assert entry["operation"] == ("WRITE" if is_fenced else "MERGE")


def test_a_run_of_the_same_partition_that_comes_in_between_is_noticed(
    store: DeltaStore, put: Put, let_first: LetFirst
) -> None:
    put(WHALES, whale("a"))

    def stamp_of(run: str, one: DeltaStore) -> CommitInfo:
        return CommitInfo(run, WHALES.name, fence=one.fence(run, [WHALES]))

    rival, rows = DeltaStore(store.root), frame(WHALES, [whale("new", holding_usd=1.0)])
    its_stamp, stamp = stamp_of("a rival", rival), stamp_of("a run", store)
    let_first(partial(rival.write, WHALES, Batch(rows, "00"), its_stamp))
    with pytest.raises(OvertakenError, match="run a rival has written"):
        put(WHALES, whale("new", holding_usd=7.0), stamp=stamp)
    held = store.scan(WHALES).select("wallet_address", "holding_usd").collect()
    assert sorted(held.rows()) == [("a", 1.0), ("new", 1.0)]


def add_the_same(store: DeltaStore) -> None:
    rows = whole(SMART_TRADERS, [trader("new", roi=1.0)])
    write_deltalake(store.uri(SMART_TRADERS), rows, mode="append")


def bring_back_the_same(store: DeltaStore) -> None:
    table = store.open(SMART_TRADERS)
    table.restore(table.version() - 1)


@pytest.mark.parametrize("rival", [add_the_same, bring_back_the_same])
def test_who_adds_the_same_row_in_between_is_met(
    store: DeltaStore,
    put: Put,
    let_first: LetFirst,
    rival: Callable[[DeltaStore], None],
) -> None:
    """Between the look at what is there and the commit of what is new."""
    put(SMART_TRADERS, trader("a"))
    put(SMART_TRADERS, trader("new", roi=1.0))
    store.open(SMART_TRADERS).delete("wallet_address = 'new'")
    waiting = let_first(partial(rival, DeltaStore(store.root)))
    written = put(SMART_TRADERS, trader("new", roi=7.0))
    assert (written.inserted, written.updated, waiting) == (0, 1, [])
    held = store.scan(SMART_TRADERS).select("wallet_address", "roi").collect()
    assert held.filter(pl.col("wallet_address") == "new").rows() == [("new", 7.0)]


@pytest.mark.parametrize("is_fenced", [True, False])
def test_who_adds_the_same_row_to_an_empty_table_is_met(
    store: DeltaStore, put: Put, let_first: LetFirst, is_fenced: bool
) -> None:
    store.create(SMART_TRADERS)
    waiting = let_first(partial(add_the_same, DeltaStore(store.root)))
    fence = store.fence("a run", [SMART_TRADERS]) if is_fenced else None
    stamp = CommitInfo(run_id="a run", asset=SMART_TRADERS.name, fence=fence)
    written = put(SMART_TRADERS, trader("new", roi=7.0), stamp=stamp)
    assert (written.inserted, written.updated, waiting) == (0, 1, [])
    assert store.scan(SMART_TRADERS).collect()["roi"].to_list() == [7.0]


def test_rows_written_within_one_second_are_found(
    store: DeltaStore, put: Put, at: Callable[[datetime], None]
) -> None:
    """The statistics of a file cut its latest time short, to the millisecond."""
    for part, name in enumerate("abc"):
        at(NOW + timedelta(microseconds=999_990 + part))
        put(SMART_TRADERS, trader(name))
    assert put(SMART_TRADERS, *(trader(name, roi=7.0) for name in "abc")).updated == 3


def test_equal_rows_outside_of_the_scope_are_left_as_they_are(store: DeltaStore, put: Put) -> None:
    """A batch may empty what is old, and bring what is new once more."""
    old, new = token_trade("old", block_unix_time=100), token_trade("new", block_unix_time=900)
    put(RECENT_TRADES, old, new)
    before = store.scan(RECENT_TRADES).filter(pl.col("block_unix_time") == 900).collect()
    written = put(RECENT_TRADES, new, replaces=ReplaceScope("block_unix_time", below=500))
    assert (written.inserted, written.updated, written.deleted) == (0, 0, 1)
    assert_frame_equal(store.scan(RECENT_TRADES).collect(), before)
    changed = token_trade("new", block_unix_time=900, value_usd=7.0)
    written = put(RECENT_TRADES, changed, replaces=ReplaceScope("block_unix_time", below=500))
    assert (written.inserted, written.updated, written.deleted) == (0, 1, 0)


def test_a_row_that_moves_into_the_scope_is_met_where_it_was(store: DeltaStore, put: Put) -> None:
    """What a batch brings may lie inside what it replaces, and the row of that key outside."""
    put(RECENT_TRADES, token_trade("moved", block_unix_time=600), token_trade("new"))
    moved = token_trade("moved", block_unix_time=400)
    written = put(RECENT_TRADES, moved, replaces=ReplaceScope("block_unix_time", below=500))
    assert (written.inserted, written.updated, written.deleted) == (0, 1, 0)
    rows = store.scan(RECENT_TRADES).select("tx_hash", "block_unix_time").collect()
    assert ("moved", 400) in rows.rows()
    assert rows.height == 2


Values = tuple[Any, ...]
NEXT_DAY = DAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("contract", "row", "choices"),
    [
        (
            TRANSACTIONS,
            swap,
            {"ins_index": (None, 1, 2), "volume_usd": (None, 1.0), "signers": (None, ["a"], ["b"])},
        ),
        (
            TRACKED_TOKENS,
            tracked_token,
            {
                "first_listed_on": (DAY, NEXT_DAY),
                "last_listed_on": (DAY, NEXT_DAY),
                "metrics_at": (NOW, NOW + HOUR),
                "price": (None, 1.0),
            },
        ),
        (
            TRACKED_WHALES,
            tracked_whale,
            {
                "first_seen_on": (DAY, NEXT_DAY),
                "last_seen_on": (DAY, NEXT_DAY),
                "holding_usd": (None, 1.0, 2.0),
            },
        ),
        (TRANSFERS, transfer, {"value": (1.0, 2.0)}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_is_left_out_is_what_a_merge_would_leave_as_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    contract: TableContract,
    row: Callable[..., Row],
    choices: dict[str, Values],
) -> None:
    """Of every pair of an old row and a new one: the same content as by a merge of everything."""

    def rows(pick: int) -> pl.DataFrame:
        pairs = list(product(product(*choices.values()), repeat=2))
        return frame(
            contract,
            [
                row(f"k{n}", **dict(zip(choices, pair[pick], strict=True)))
                for n, pair in enumerate(pairs)
            ],
        )

    def everything(*given: Any) -> Changes:
        _, _, rows, _ = given
        span = time_span(contract, rows)
        return Changes(rows, are_new=False, written=None, span=span, counts={})

    looking, merging = (DeltaStore(str(tmp_path / name)) for name in ("looking", "merging"))
    for one in (looking, merging):
        one.create(contract)
        one.write(contract, Batch(rows(0), "00"), STAMP)
    before = looking.scan(contract).collect()
    looking.write(contract, Batch(rows(1), "00"), LATER_STAMP)
    monkeypatch.setattr(writing, "changes_of", everything)
    merging.write(contract, Batch(rows(1), "00"), LATER_STAMP)

    key = list(contract.key)
    after, merged = (one.scan(contract).collect().sort(key) for one in (looking, merging))
    assert_frame_equal(content(after), content(merged))
    columns = [*key, *contract.compared_columns]
    same = before.select(columns).join(
        after.select(columns), on=columns, how="semi", nulls_equal=True
    )
    untouched = after.filter(pl.col(BATCH) == STAMP.run_id)
    assert sorted(same.select(key).rows()) == sorted(untouched.select(key).rows())


def test_a_row_that_moves_in_time_is_met_where_it_was_beside_one_that_stays(
    store: DeltaStore, put: Put
) -> None:
    """What stays has its time too, by which the one that moves was found."""
    put(TRANSACTIONS, swap("moves"), swap("stays"))
    late = swap("moves", block_unix_time=swap("moves")["block_unix_time"] + 700)
    written = put(TRANSACTIONS, late, swap("stays"))
    assert (written.inserted, written.updated) == (0, 1)
    assert sorted(store.scan(TRANSACTIONS).collect()["swap_id"]) == ["moves", "stays"]


@pytest.mark.parametrize("roi", [1.0, 2.0, 3.0])
def test_a_key_that_is_there_twice_is_written_whole(
    store: DeltaStore, put: Put, roi: float
) -> None:
    """It should not be; a check tells of it, and what is written to both is the same."""
    put(SMART_TRADERS, trader("w", roi=1.0), trader("other"))
    rows = whole(SMART_TRADERS, [trader("w", roi=2.0)])
    write_deltalake(store.uri(SMART_TRADERS), rows, mode="append")
    assert put(SMART_TRADERS, trader("w", roi=roi)).updated == 2
    held = store.scan(SMART_TRADERS).filter(pl.col("wallet_address") == "w").collect()
    assert held["roi"].to_list() == [roi, roi]

"""Writers side by side: different shards never get in each other's way, and on one shard nothing is lost."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import tenacity.nap
from deltalake import write_deltalake
from deltalake.exceptions import CommitFailedError

from smart_trader_assets.delta.batch import Batch, Settlement
from smart_trader_assets.delta.contract import OPERATION, TableContract
from smart_trader_assets.delta.errors import CommitConflictError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import TOKENS, TRANSACTIONS, WHALES
from smart_trader_assets_tests.delta import takeover
from smart_trader_assets_tests.support.samples import (
    HOLDINGS,
    LISTINGS,
    NOW,
    STAMP,
    frame,
    swap,
    token,
    whale,
    whole,
)
from smart_trader_assets_tests.support.watched_store import WatchedStore

SIXTEEN = [f"{n:02}" for n in range(16)]
FOUR = SIXTEEN[:4]


@pytest.fixture
def watched(tmp_path: Path) -> WatchedStore:
    return WatchedStore(str(tmp_path / "root"))


def at_once(work: Callable[[str], int], shards: list[str]) -> list[int]:
    """`work` on all shards, each in a thread of its own, let go together."""
    gate = threading.Barrier(len(shards))

    def run(shard: str) -> int:
        gate.wait()
        return work(shard)

    with ThreadPoolExecutor(len(shards)) as pool:
        return list(pool.map(run, shards))


def settle_shard(
    store: DeltaStore, contract: TableContract, column: str, shard: str, state: str
) -> int:
    due = pl.col(column).eq(shard) & pl.col(state).eq("pending")
    rows = store.scan(contract).filter(due).collect()
    sets = {state: "tracked", "tracked_at": NOW}
    settlement = Settlement.of(contract, rows, operation=f"BY {shard}", sets=sets)
    return store.settle(settlement, STAMP)


def test_sixteen_wallet_shards_settle_one_fetch_day_at_once_without_a_conflict(
    watched: WatchedStore,
) -> None:
    watched.create(WHALES)
    rows = [
        whale(f"w{number}", token_shard=token_shard, wallet_shard=wallet_shard)
        for number, (token_shard, wallet_shard) in enumerate(
            (token_shard, wallet_shard) for token_shard in FOUR for wallet_shard in SIXTEEN
        )
    ]
    write_deltalake(watched.uri(WHALES), whole(WHALES, rows), mode="append")

    settled = at_once(
        lambda shard: settle_shard(watched, WHALES, "wallet_shard", shard, "tracking_status"),
        SIXTEEN,
    )

    assert watched.lost == []
    assert settled == [4] * 16
    after = watched.scan(WHALES).collect()
    assert after.height == 64
    assert after["tracking_status"].unique().to_list() == ["tracked"]
    assert after.filter(pl.col(OPERATION) != "BY " + pl.col("wallet_shard")).height == 0


def test_token_shards_settle_one_snapshot_day_at_once_without_a_conflict(
    watched: WatchedStore,
) -> None:
    watched.create(TOKENS)
    rows = [token(f"t{n}", token_shard=shard) for n, shard in enumerate(FOUR * 3)]
    write_deltalake(watched.uri(TOKENS), whole(TOKENS, rows), mode="append")
    settled = at_once(
        lambda shard: settle_shard(watched, TOKENS, "token_shard", shard, "tracking_status"), FOUR
    )
    assert watched.lost == []
    assert settled == [3] * 4
    assert watched.scan(TOKENS).collect()["tracking_status"].to_list() == ["tracked"] * 12


def test_shards_are_merged_into_at_once_without_a_conflict(watched: WatchedStore) -> None:
    watched.create(TRANSACTIONS)

    def fetch(shard: str) -> int:
        rows = [swap(f"{shard}-{n}", wallet_shard=shard) for n in range(3)]
        batch = Batch(frame(TRANSACTIONS, rows), shard)
        return sum(watched.write(TRANSACTIONS, batch, STAMP).inserted for _ in range(2))

    eight = SIXTEEN[:8]
    assert at_once(fetch, eight) == [3] * 8
    assert watched.lost == []
    assert watched.scan(TRANSACTIONS).collect()["swap_id"].n_unique() == 24


def test_writers_of_one_shard_lose_nothing(watched: WatchedStore) -> None:
    watched.create(LISTINGS)

    def add(writer: str) -> int:
        takeover.list_prices(watched, "00", {f"{writer}-{n}": 1 for n in range(3)}, listing=1)
        return 0

    at_once(add, FOUR)
    mints = watched.scan(LISTINGS).collect()["mint"]
    assert (len(mints), mints.n_unique()) == (12, 12)


def test_a_lost_race_is_done_again_whole_on_the_newest_table(watched: WatchedStore) -> None:
    takeover.create_tables(watched)
    takeover.list_prices(watched, "00", {"a": 1, "b": 1}, listing=1)
    seen: list[int] = []

    def settle_what_is_there() -> dict[str, Any]:
        table = watched.open(LISTINGS)
        seen.append(table.version())
        if len(seen) == 1:
            takeover.list_prices(watched, "00", {"a": 2}, listing=2)
        source = pl.DataFrame({"mint": ["a", "b"]})
        return (
            table.merge(
                source.to_arrow(),
                predicate="t.shard = '00' AND t.status = 'pending' AND t.mint = s.mint",
                source_alias="s",
                target_alias="t",
            )
            .when_matched_update({"reason": "'seen'"})
            .execute()
        )

    metrics = watched.commit("a race", settle_what_is_there)

    assert watched.lost == ["a race"]
    assert seen == [seen[0], seen[0] + 1]
    assert metrics["num_target_rows_updated"] == 2
    rows = watched.scan(LISTINGS).collect().sort("mint")
    assert rows.select("mint", "price", "reason").rows() == [("a", 2, "seen"), ("b", 1, "seen")]


def test_a_race_that_is_lost_every_time_is_an_error_that_says_so(
    watched: WatchedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=waits.append))

    def lose() -> dict[str, Any]:
        raise CommitFailedError("Failed to commit transaction: Concurrent transaction failed.")

    with pytest.raises(CommitConflictError, match=r"12 times in a row\. Nothing was lost"):
        watched.commit("bronze/tokens: rows", lose)
    assert len(watched.lost) == 12
    assert len(waits) == 11
    assert max(waits) <= 5


def test_any_other_error_is_raised_at_once(watched: WatchedStore) -> None:
    tries: list[int] = []

    def break_down() -> dict[str, Any]:
        tries.append(1)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        watched.commit("bronze/tokens: rows", break_down)
    assert tries == [1]


MINTS, LISTED = 9, 9
LATEST = {f"m{n}": max(t for t in range(1, LISTED + 1) if (n + t) % 3 == 0) for n in range(MINTS)}


def assert_all_taken_over(store: DeltaStore) -> None:
    listings = store.scan(LISTINGS).collect()
    holdings = store.scan(HOLDINGS).collect()
    assert dict(listings.select("mint", "price").iter_rows()) == LATEST
    assert dict(holdings.select("mint", "price").iter_rows()) == LATEST
    assert (listings.height, holdings.height) == (MINTS, MINTS)
    assert listings["status"].to_list() == ["kept"] * MINTS


def test_rows_that_change_under_two_consumers_in_threads_are_all_taken_over_as_they_ended(
    watched: WatchedStore,
) -> None:
    takeover.create_tables(watched)
    with ThreadPoolExecutor(3) as pool:
        lister = pool.submit(takeover.keep_listing, watched, MINTS, LISTED)

        def consume() -> None:
            while not lister.done():
                takeover.take_over(watched, ["00"])

        for finished in [lister, pool.submit(consume), pool.submit(consume)]:
            finished.result()
    takeover.drain(watched)
    assert_all_taken_over(watched)


def test_rows_that_change_in_another_process_are_all_taken_over_as_they_ended(
    watched: WatchedStore,
) -> None:
    takeover.create_tables(watched)
    command = [sys.executable, "-m", takeover.__name__, watched.root, str(MINTS), str(LISTED)]
    with subprocess.Popen(command) as lister:
        while lister.poll() is None:
            takeover.take_over(watched, ["00"])
    assert lister.returncode == 0
    takeover.drain(watched)
    assert_all_taken_over(watched)

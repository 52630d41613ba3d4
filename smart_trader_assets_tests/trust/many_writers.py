"""Eight processes that write at once, on one shard and on several, local and on S3, a compaction beside them.

    python -m smart_trader_assets_tests.trust.many_writers [--rounds N] [--rows N]

Prints for each scene what was written, how many commits lost against another and were done again, and
how long it took. Exit code 1 where a row was lost, doubled, or settled more or less than once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import TRANSACTIONS
from smart_trader_assets_tests.support.command import PROJECT, environment
from smart_trader_assets_tests.support.object_store import ObjectStore
from smart_trader_assets_tests.support.watched_store import WatchedStore
from smart_trader_assets_tests.trust import writer
from smart_trader_assets_tests.trust.writer import READY, Orders, Told, keys, settle

WRITERS = 8


@dataclass(frozen=True)
class Scene:
    """How many shards the eight writers share, and how much each of them brings."""

    shards: int
    rounds: int
    rows: int

    def orders(self, root: str, options: Mapping[str, str]) -> list[Orders]:
        """The orders of the writers, and behind them those of the compactor."""
        shards = [f"{number % self.shards:02}" for number in range(WRITERS)]
        return [
            Orders(root, dict(options), f"writer {number}", shard, self.rounds, self.rows)
            for number, shard in enumerate(shards)
        ] + [Orders(root, dict(options), "compactor", None, 0, 0)]

    def expected(self, orders: Sequence[Orders]) -> set[str]:
        """The rows that must be there in the end."""
        return {
            key
            for order in orders
            if order.shard is not None
            for round_ in range(self.rounds)
            for key in keys(order.name, order.shard, round_, self.rows)
        }


@dataclass(frozen=True)
class Outcome:
    """What came of a scene."""

    seconds: float
    version: int
    rows: int
    told: tuple[Told, ...]

    def __str__(self) -> str:
        writers, (compactor,) = self.told[:-1], self.told[-1:]
        lost = sum(one.lost for one in writers)
        return (
            f"{self.rows:,} rows in {self.version:,} commits and {self.seconds:.1f} s; "
            f"{lost} commits of the writers lost and were done again, one of them "
            f"{max(one.most_tries for one in writers) - 1} times, "
            f"{sum(one.gave_up for one in writers)} were given up and begun anew; "
            f"{compactor.compactions} compactions beside them, {compactor.lost} lost"
        )


@contextmanager
def processes(orders: Sequence[Orders]) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes, each with its orders, waiting for the start."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", writer.__name__],
            cwd=PROJECT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in orders
    ]
    try:
        for process, order in zip(started, orders, strict=True):
            say(process, json.dumps(asdict(order)))
        for process in started:
            assert heard(process) == READY
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def say(process: subprocess.Popen[str], line: str) -> None:
    """A line to a process."""
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def heard(process: subprocess.Popen[str]) -> str:
    """The next line of a process."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def play(scene: Scene, root: str, options: Mapping[str, str]) -> Outcome:
    """Let the writers go at once; AssertionError where a row is lost, doubled or not settled once."""
    store = WatchedStore(root, options)
    store.create(TRANSACTIONS)
    made = store.version(TRANSACTIONS)
    orders = scene.orders(root, options)
    with processes(orders) as started:
        *writers, compactor = started
        began = time.monotonic()
        for process in started:
            say(process, "begin")
        told = [Told(**json.loads(heard(process))) for process in writers]
        seconds = time.monotonic() - began
        say(compactor, "stop")
        told.append(Told(**json.loads(heard(compactor))))
    version = store.version(TRANSACTIONS) - made
    left = sum(
        settle(store, shard, CommitInfo("last", TRANSACTIONS.name))
        for shard in sorted({order.shard for order in orders if order.shard is not None})
    )
    expected = scene.expected(orders)
    assert_each_once(store, made, expected)
    assert sum(one.inserted for one in told) == len(expected)
    assert sum(one.settled for one in told) + left == len(expected)
    return Outcome(seconds, version, len(expected), tuple(told))


def assert_each_once(store: DeltaStore, made: int, expected: set[str]) -> None:
    """Every row is there once, and was inserted and settled once."""
    rows = store.scan(TRANSACTIONS).select("swap_id", "processed_for_pnl").collect()
    assert Counter(rows["swap_id"].to_list()) == Counter(expected)
    assert rows["processed_for_pnl"].all()
    feed = pl.DataFrame(store.open(TRANSACTIONS).load_cdf(starting_version=made + 1))
    for change in ("insert", "update_postimage"):
        touched = feed.filter(pl.col("_change_type") == change)["swap_id"]
        assert Counter(touched.to_list()) == Counter(expected), change


def main() -> int:
    """Play every scene; 0 where each of them ended as it should."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6, help="Rounds of each writer")
    parser.add_argument("--rows", type=int, default=20, help="Rows of its own in each round")
    asked = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as place, ObjectStore() as s3:
        for shards in (1, 4, WRITERS):
            for where, root, options in (
                ("local", str(Path(place) / f"{shards} shards"), {}),
                ("S3", s3.bucket(), s3.options),
            ):
                name = f"{WRITERS} writers on {shards} shards, {where}"
                try:
                    print(
                        f"ok      {name}: {play(Scene(shards, asked.rounds, asked.rows), root, options)}"
                    )
                except AssertionError as difference:
                    failed += 1
                    print(f"FAILED  {name}: {difference}")
                sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

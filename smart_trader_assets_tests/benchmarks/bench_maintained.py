"""What adding costs after upkeep, when a shard's files are sorted by wallet and each spans all times.

    python -m smart_trader_assets_tests.benchmarks.bench_maintained [--size small|full]

Two hundred swaps of forty scattered wallets come to a shard of seventy thousand swaps and to one of seven
hundred thousand. Each is measured in a process of its own, and so is its memory.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256

import polars as pl

from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.contract import BATCH, OPERATION, VERSION
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.delta.schema import conform
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import TRANSACTIONS
from smart_trader_assets_tests.benchmarks.bench_tables import append, audit
from smart_trader_assets_tests.benchmarks.lines import Line, Size, command, compared
from smart_trader_assets_tests.support.samples import NOW

FEW, MANY = 70_000, 700_000
SWAPS_A_WALLET = 500
FILES = 10
WALLETS_ADDED, SWAPS_ADDED = 40, 200
ROUNDS = 7
SHARD = "00"
STAMP = CommitInfo("bench", "bench")
_SELF = "smart_trader_assets_tests.benchmarks.bench_maintained"


def address(number: int) -> str:
    """A wallet's address, as scattered as addresses are."""
    return sha256(str(number).encode()).hexdigest()[:44]


def swaps(first: int, wallets: list[str], *, counted: bool) -> pl.DataFrame:
    """A swap of each of `wallets`, one after the other in time."""
    number = pl.int_range(first, first + len(wallets), dtype=pl.Int64, eager=True)
    frame = pl.DataFrame({"number": number, "wallet_address": wallets}).select(
        pl.format("{}-{}", pl.col("number").hash(1), pl.col("number").hash(2)).alias("swap_id"),
        "wallet_address",
        pl.lit(SHARD).alias("wallet_shard"),
        pl.format("{}{}", pl.col("number").hash(3), pl.col("number").hash(4)).alias("tx_hash"),
        (1_700_000_000 + 40 * pl.col("number")).alias("block_unix_time"),
        pl.format("{}", pl.col("number").hash(5)).alias("base_change_amount"),
        pl.format("{}", pl.col("number").hash(6)).alias("quote_change_amount"),
        (pl.col("number").hash(7) / 1e15).alias("base_price"),
        pl.lit(counted).alias("processed_for_pnl"),
        pl.lit(NOW).dt.cast_time_unit("us").alias("fetched_at"),
        *audit(),
    )
    return conform(frame, TRANSACTIONS)


def make(root: str, rows: int) -> None:
    """A shard of so many counted swaps, maintained."""
    store, wallets = DeltaStore(root), rows // SWAPS_A_WALLET
    store.create(TRANSACTIONS)
    part = rows // FILES
    for first in range(0, rows, part):
        whose = [address(number % wallets) for number in range(first, first + part)]
        append(store, TRANSACTIONS, swaps(first, whose, counted=True))
    maintain(store, TRANSACTIONS, retention_hours=168, stamp=STAMP)


def add(root: str, rows: int) -> tuple[float, float]:
    """The median of the seconds that adding takes; and the megabytes that it takes beyond what was held."""
    store, wallets = DeltaStore(root), rows // SWAPS_A_WALLET
    chance = random.Random(7)
    store.version(TRANSACTIONS)
    before, seconds = _peak(), []
    for round_ in range(ROUNDS):
        chosen = [address(number) for number in chance.sample(range(wallets), WALLETS_ADDED)]
        whose = [chosen[number % WALLETS_ADDED] for number in range(SWAPS_ADDED)]
        new = swaps(rows + round_ * SWAPS_ADDED, whose, counted=False)
        batch = Batch(new.drop(TRANSACTIONS.state_columns, OPERATION, VERSION, BATCH), SHARD)
        begun = time.perf_counter()
        written = store.write(TRANSACTIONS, batch, STAMP)
        seconds.append(time.perf_counter() - begun)
        if written.inserted != SWAPS_ADDED:
            raise SystemExit(f"of {SWAPS_ADDED} new rows {written.inserted} were inserted")
    return sorted(seconds)[ROUNDS // 2], _peak() - before


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _elsewhere(*arguments: str) -> str:
    """This module in a process of its own."""
    told = subprocess.run(
        [sys.executable, "-m", _SELF, *arguments], check=True, capture_output=True, text=True
    )
    return told.stdout


def measure(_: Size) -> Iterator[Line]:
    """One line of the time, one of the memory."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-maintained-") as folder:
        for rows in (FEW, MANY):
            root = f"{folder}/{rows}"
            _elsewhere("make", root, str(rows))
            found[rows] = tuple(map(float, _elsewhere("add", root, str(rows)).split()))
    (few, _little), (many, much) = found[FEW], found[MANY]
    yield compared(
        f"Adding {SWAPS_ADDED} swaps of {WALLETS_ADDED} wallets to a maintained shard of {MANY:,}",
        many,
        f"the same, {FEW:,}",
        few,
        goal=1.5,
    )
    yield Line("The memory that takes", f"{much:.0f} MB", "<= 600 MB", much <= 600)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", root, rows]:
            make(root, int(rows))
        case ["add", root, rows]:
            print(*add(root, int(rows)))
        case _:
            command(__doc__, measure)

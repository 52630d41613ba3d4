"""What a tick, ten thousand settled rows and ten thousand new ones cost, as the tables grow.

    python -m smart_trader_assets_tests.benchmarks.bench_tables [--size small|full]

Full compares ten thousand and a hundred thousand rows with ten million, small with one million. Beside
it stands what is done where a state is no partition column: the table is written anew.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dagster as dg
import polars as pl
from deltalake import write_deltalake

from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.contract import BATCH, OPERATION, VERSION, TableContract
from smart_trader_assets.delta.schema import conform
from smart_trader_assets.delta.store import DeltaStore, PinnedStore
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.pnl.assumptions import PNL_RULES
from smart_trader_assets.tables.catalog import TRANSACTIONS, WALLET_PNL
from smart_trader_assets.tables.cursors import SWAPS_TO_COUNT, cursors_of
from smart_trader_assets.tables.transitions import swaps_counted
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets.transforms.shards import shard_keys
from smart_trader_assets_tests.benchmarks.lines import Line, Size, command
from smart_trader_assets_tests.support.samples import NOW
from smart_trader_assets_tests.support.ticking import Automation, settings_for

ROWS: dict[Size, int] = {"small": 1_000_000, "full": 10_000_000}
SHARDS = shard_keys(16)
DUE = 10_000
FENCED_ROUNDS = 15
SWAPS_A_WALLET = 500
ROWS_A_FILE = 200_000
STAMP = CommitInfo("bench", "bench")


@dataclass(frozen=True)
class Bed:
    """A root with so many counted swaps, and the PnL of their wallets."""

    rows: int
    automation: Automation

    @property
    def store(self) -> DeltaStore:
        """The tables."""
        return self.automation.store


def swaps(first: int, count: int, shard: str, *, counted: bool) -> pl.DataFrame:
    """Rows as the table holds them, all but the first block null."""
    number = pl.int_range(first, first + count, dtype=pl.Int64, eager=True).alias("number")
    frame = number.to_frame().select(
        pl.format("{}-{}", pl.lit(shard), pl.col("number").hash(1)).alias("swap_id"),
        pl.format("wallet {} {}", pl.lit(shard), pl.col("number") // SWAPS_A_WALLET).alias(
            "wallet_address"
        ),
        pl.lit(shard).alias("wallet_shard"),
        pl.format("tx {}", "number").alias("tx_hash"),
        (1_700_000_000 + pl.col("number")).alias("block_unix_time"),
        pl.lit(counted).alias("processed_for_pnl"),
        pl.lit(NOW).dt.cast_time_unit("us").alias("fetched_at"),
        *audit(),
    )
    return conform(frame, TRANSACTIONS)


def portfolios(wallets: int, shard: str) -> pl.DataFrame:
    """PnL rows of today, seen by the ranking."""
    frame = pl.DataFrame(
        {"wallet_address": [f"wallet {shard} {n}" for n in range(wallets)]}
    ).select(
        "wallet_address",
        pl.lit("ALL_TOKENS").alias("token_address"),
        pl.lit("all").alias("window"),
        pl.lit(shard).alias("wallet_shard"),
        pl.lit(NOW).dt.cast_time_unit("us").alias("as_of"),
        pl.lit(PNL_RULES).alias("pnl_rules"),
        pl.lit(value=True).alias("processed_for_gold"),
        *audit(),
    )
    return conform(frame, WALLET_PNL)


def audit() -> list[pl.Expr]:
    return [
        pl.lit("CREATE").alias(OPERATION),
        pl.lit(NOW).dt.cast_time_unit("us").alias(VERSION),
        pl.lit("bench").alias(BATCH),
    ]


def append(store: DeltaStore, contract: TableContract, rows: pl.DataFrame) -> None:
    """Add rows as they are, past the merge, which would read for each batch what is there."""
    write_deltalake(store.uri(contract), rows, mode="append")


def make_bed(folder: Path, rows: int, instance: dg.DagsterInstance) -> Bed:
    """Tables of `rows` counted swaps over sixteen shards."""
    bed = Bed(rows, Automation(settings_for(folder), instance))
    store = make_lake(bed.automation.settings).store
    a_shard = rows // len(SHARDS)
    for shard in SHARDS:
        for first in range(0, a_shard, ROWS_A_FILE):
            count = min(ROWS_A_FILE, a_shard - first)
            append(store, TRANSACTIONS, swaps(first, count, shard, counted=True))
        append(store, WALLET_PNL, portfolios(a_shard // SWAPS_A_WALLET + 1, shard))
    return bed


def add_due(bed: Bed, round_: int) -> None:
    """Ten thousand rows more that are due, in one shard: what a run hands to one settlement."""
    first = bed.rows + (round_ + 1) * DUE
    append(bed.store, TRANSACTIONS, swaps(first, DUE, "00", counted=False))


def best(work: Callable[[], object], rounds: int, before: Callable[[int], object] = int) -> float:
    """The least time of `work` in seconds, which other programs disturb least; `before` is not measured."""
    times = []
    for round_ in range(rounds):
        before(round_)
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def time_tick(bed: Bed) -> tuple[float, float]:
    """A tick of the sensor of silver/wallet_pnl with rows due: whole, and the counting in it."""
    policy = due_policy(bed.automation.settings)
    store = bed.store

    def count() -> None:
        look = PinnedStore(store)
        for cursor in cursors_of(WALLET_PNL.name):
            cursor.due_counts(look, as_of=NOW, policy=policy)

    tick = bed.automation.tick(WALLET_PNL.name)
    if tick.log != [f"{WALLET_PNL.name}: due rows by partition: 00: {DUE}"]:
        raise SystemExit(f"the tick counted something else: {tick}")
    return best(lambda: bed.automation.tick(WALLET_PNL.name), 15), best(count, 15)


def settle(bed: Bed, stamp: CommitInfo = STAMP) -> None:
    """Settle all that is due, as the asset does."""
    due = due_rows(bed)
    if bed.store.settle(swaps_counted(due, at=NOW), stamp, "00") != DUE:
        raise SystemExit("not all due rows were settled")


def due_rows(bed: Bed) -> pl.DataFrame:
    """The due rows with the verdict on each."""
    table = bed.store.scan(TRANSACTIONS).with_columns(reason=pl.lit(None, dtype=pl.String))
    policy = due_policy(bed.automation.settings)
    return SWAPS_TO_COUNT.due_rows(table, shards=["00"], as_of=NOW, policy=policy).collect()


def rewrite(bed: Bed) -> None:
    """The same by writing the table anew, as it is done where a state is no partition column."""
    due = ~pl.col("processed_for_pnl")
    whole = bed.store.scan(TRANSACTIONS).with_columns(
        pl.when(due)
        .then(pl.lit(value=True))
        .otherwise("processed_for_pnl")
        .alias("processed_for_pnl"),
        pl.when(due).then(pl.lit(NOW)).otherwise("pnl_processed_at").alias("pnl_processed_at"),
    )
    write_deltalake(bed.store.uri(TRANSACTIONS), whole.collect(), mode="overwrite")


def add(bed: Bed, round_: int, stamp: CommitInfo = STAMP) -> None:
    """Ten thousand fetched swaps, written as the asset writes them."""
    rows = swaps(bed.rows + (100 + round_) * DUE, DUE, "00", counted=False)
    rows = rows.drop(TRANSACTIONS.state_columns, OPERATION, VERSION, BATCH)
    written = bed.store.write(TRANSACTIONS, Batch(rows=rows, partition="00"), stamp)
    if written.inserted != DUE:
        raise SystemExit(f"of {DUE} new rows {written.inserted} were inserted")


def time_adding(bed: Bed) -> float:
    """The least seconds of adding, over some rounds."""
    rounds = iter(range(5))
    return best(lambda: add(bed, next(rounds)), 5)


def time_fencing(bed: Bed) -> Iterator[tuple[str, float, float]]:
    """What is done, and its least seconds with and without a fence, measured in turns."""

    def fenced() -> CommitInfo:
        return CommitInfo("bench", "bench", "00", bed.store.fence("bench", [TRANSACTIONS]))

    bed.store.settle(swaps_counted(due_rows(bed), at=NOW), STAMP)
    numbers = iter(range(1000, 10_000))
    works: dict[str, tuple[Callable[[int], object], Callable[[CommitInfo], object]]] = {
        f"Settling {DUE:,} rows": (
            lambda _: add_due(bed, next(numbers)),
            lambda stamp: settle(bed, stamp),
        ),
        f"Adding {DUE:,} swaps": (int, lambda stamp: add(bed, next(numbers), stamp)),
    }
    for name, (before, work) in works.items():
        bare: list[float] = []
        within: list[float] = []
        for _ in range(FENCED_ROUNDS):
            for make, times in ((fenced, within), (lambda: STAMP, bare)):
                before(0)
                stamp = make()
                times.append(best(partial(work, stamp), 1))
        yield name, min(within), min(bare)


def measure(size: Size) -> Iterator[Line]:
    """Ticks, settlements and additions on tables of several sizes."""
    rows = ROWS[size]
    with (
        tempfile.TemporaryDirectory(prefix="bench-tables-") as folder,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        counts = {"small": 10_000, "middle": 100_000, "large": rows}
        beds = {name: make_bed(Path(folder) / name, n, instance) for name, n in counts.items()}
        for bed in beds.values():
            add_due(bed, -1)
        few, many = time_tick(beds["small"])[0], time_tick(beds["large"])[0]
        yield Line(
            f"A tick with rows due, {rows:,} rows",
            f"{_ms(many)} = {many / few:.2f} x",
            "<= 1.5 x, <= 50 ms",
            many <= 1.5 * few and many <= 0.05,
            "the same, 10,000 rows",
            _ms(few),
        )
        for bed in (beds["middle"], beds["large"]):
            settle(bed)
        few, many = (
            best(partial(settle, bed), 5, partial(add_due, bed))
            for bed in (beds["middle"], beds["large"])
        )
        yield Line(
            f"Settling {DUE:,} rows, {rows:,} rows",
            f"{_ms(many)} = {many / few:.2f} x",
            "<= 2 x",
            many <= 2 * few,
            "the same, 100,000 rows",
            _ms(few),
        )
        few, added = (time_adding(bed) for bed in (beds["middle"], beds["large"]))
        yield Line(
            f"Adding {DUE:,} swaps, {rows:,} rows",
            f"{_ms(added)} = {added / few:.2f} x",
            "<= 2 x",
            added <= 2 * few,
            "the same, 100,000 rows",
            _ms(few),
        )
        for name, within, bare in time_fencing(beds["middle"]):
            yield Line(
                f"{name} within a fence",
                f"{_ms(within)} = {within / bare:.2f} x",
                "<= 1.1 x",
                within <= 1.1 * bare,
                "without one",
                _ms(bare),
            )
        anew = best(lambda: rewrite(beds["large"]), 1)
        large = size == "full"
        yield Line(
            f"Settling {DUE:,} rows, {rows:,} rows",
            f"{_ms(many)}, {anew / many:.0f} times faster",
            ">= 100 times" if large else "",
            anew >= 100 * many if large else None,
            "the table written anew",
            _ms(anew),
        )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


if __name__ == "__main__":
    command(__doc__, measure)

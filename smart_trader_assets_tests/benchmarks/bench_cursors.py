"""What it costs to ask what is due and to settle it, at ten thousand rows and at ten million.

`python -m smart_trader_assets_tests.benchmarks.bench_cursors [--rows 10000000]` prints a table: a tick of the
busiest sensor, the settlement of 10,000 due rows, and the same settlement by writing the table anew.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
from deltalake import write_deltalake
from rich.console import Console
from rich.table import Table

from smart_trader_assets.assembly import make_lake
from smart_trader_assets.delta.contract import BATCH, OPERATION, VERSION, TableContract
from smart_trader_assets.delta.cursors import SWAPS_TO_COUNT, cursors_of
from smart_trader_assets.delta.pinned import PinnedStore
from smart_trader_assets.delta.schema import conform
from smart_trader_assets.delta.settlements import swaps_counted
from smart_trader_assets.delta.store import DeltaStore, Stamp
from smart_trader_assets.delta.tables import TRANSACTIONS, WALLET_PNL
from smart_trader_assets.shards import shard_keys
from smart_trader_assets.tuning import due_policy
from smart_trader_assets_tests.automation.ticking import Automation, settings_for
from smart_trader_assets_tests.delta.samples import NOW

SHARDS = shard_keys(16)
DUE = 10_000
SWAPS_A_WALLET = 500
ROWS_A_FILE = 200_000
STAMP = Stamp("bench", "bench")


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
        *_audit(),
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
        pl.lit(value=True).alias("processed_for_gold"),
        *_audit(),
    )
    return conform(frame, WALLET_PNL)


def _audit() -> list[pl.Expr]:
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


def settle(bed: Bed) -> None:
    """Settle all that is due, as the asset does."""
    due = due_rows(bed)
    if bed.store.settle(swaps_counted(due, at=NOW), STAMP) != DUE:
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the largest table")
    rows = parser.parse_args().rows
    table = Table(
        "what", "few rows", "many rows", "ratio", "goal", title="Cursors", title_justify="left"
    )
    with (
        tempfile.TemporaryDirectory(prefix="bench-cursors-") as folder,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        sizes = {
            name: make_bed(Path(folder) / name, count, instance)
            for name, count in {
                "small": 10_000,
                "middle": 100_000,
                "large": rows,
            }.items()
        }
        for bed in sizes.values():
            add_due(bed, -1)
        small, large = time_tick(sizes["small"]), time_tick(sizes["large"])
        for what, before, after in zip(
            ("a tick", "of it: counting what is due"), small, large, strict=True
        ):
            table.add_row(
                what, _ms(before), _ms(after), f"{after / before:.2f}", "<= 1.5, <= 50 ms"
            )
        for bed in (sizes["middle"], sizes["large"]):
            settle(bed)
        middle = best(lambda: settle(sizes["middle"]), 5, lambda n: add_due(sizes["middle"], n))
        most = best(lambda: settle(sizes["large"]), 5, lambda n: add_due(sizes["large"], n))
        table.add_row(
            f"settling {DUE:,} rows", _ms(middle), _ms(most), f"{most / middle:.2f}", "<= 2"
        )
        add_due(sizes["large"], 9)
        anew = best(lambda: rewrite(sizes["large"]), 1)
        table.add_row("the same, table written anew", "", _ms(anew), f"{anew / most:.0f}", ">= 100")
    Console(width=120).print(table, f"Few rows: 10,000 (tick), 100,000 (settling). Many: {rows:,}.")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"


if __name__ == "__main__":
    main()

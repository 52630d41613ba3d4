"""Proof: two workers compute the PnL of a root almost twice as fast as one.

`python -m smart_trader_assets_tests.proofs.cluster_speed [--swaps N] [--rounds N]` counts invented swaps in
sixteen shards, a run each, once with one Celery worker of one slot and once with two, each with one Polars
thread, and prints the median of the ratios. Timed is from the first run's beginning to the last one's end, as
Dagster's history has it. It needs redis-server and two idle cores.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg
import polars as pl
from rich.console import Console

from smart_trader_assets.automation.live_runs import CONSUMER_TAG
from smart_trader_assets.delta.schema import conform
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import load_settings
from smart_trader_assets.sources import with_sandbox_epoch
from smart_trader_assets.tables.catalog import TRACKED_WHALES, TRANSACTIONS, WALLET_PNL
from smart_trader_assets_tests.benchmarks.bench_tables import append, audit
from smart_trader_assets_tests.benchmarks.zipf_swaps import AS_OF, write_swaps
from smart_trader_assets_tests.proofs.background import ProofError
from smart_trader_assets_tests.proofs.engines import (
    Machine,
    Postgres,
    Redis,
    engines,
    open_history,
)
from smart_trader_assets_tests.support.command import environment
from smart_trader_assets_tests.support.samples import frame, tracked_whale

SHARDS = 16
ROUND_SECONDS = 900.0
FIRST_RUN_SECONDS = 120.0
PORTFOLIOS = WALLET_PNL.name


def make(root: Path, swaps: int) -> None:
    """A root of so many swaps that nobody has counted."""
    given = {"source": "sandbox", "root": str(root), "wallet_shards": SHARDS, "as_of": AS_OF}
    store: DeltaStore = make_lake(with_sandbox_epoch(load_settings(given))).store
    store.create(TRANSACTIONS)
    store.create(TRACKED_WHALES)
    with tempfile.TemporaryDirectory(prefix="swaps-") as folder:
        write_swaps(Path(folder), swaps, SHARDS)
        for shard, file in enumerate(sorted(Path(folder).glob("*.parquet"))):
            rows = pl.read_parquet(file).with_columns(
                wallet_shard=pl.lit(f"{shard:02}"),
                processed_for_pnl=pl.lit(value=False),
                fetched_at=pl.lit(AS_OF).dt.cast_time_unit("us"),
            )
            append(store, TRANSACTIONS, conform(rows.with_columns(audit()), TRANSACTIONS))
            wallets = [
                tracked_whale(wallet, wallet_shard=f"{shard:02}", processing_status="processed")
                for wallet in rows["wallet_address"].unique()
            ]
            known = frame(TRACKED_WHALES, wallets).with_columns(audit())
            append(store, TRACKED_WHALES, conform(known, TRACKED_WHALES))


def seconds_of(
    folder: Path, swaps: int, workers: int, name: str, postgres: Postgres, redis: Redis
) -> float:
    """How long so many workers take for a fresh root."""
    root = folder / name / "root"
    make(root, swaps)
    variables = environment(
        SMART_TRADER_SOURCE="sandbox",
        SMART_TRADER_ROOT=str(root),
        SMART_TRADER_WALLET_SHARDS=str(SHARDS),
        SMART_TRADER_AS_OF=AS_OF.isoformat(),
        SMART_TRADER_STATE_URL=postgres.new_database(name),
        SMART_TRADER_BROKER_URL=redis.url,
        SMART_TRADER_LAUNCHER="celery",
        SMART_TRADER_RUNS_AT_ONCE=str(SHARDS),
        SMART_TRADER_SHARDS_PER_RUN="1",
        SMART_TRADER_SENSOR_SECONDS="600",
        POLARS_MAX_THREADS="1",
    )
    machine = Machine("the machine", 0, folder / name, variables)
    home = machine.home()
    code = ["-m", "smart_trader_assets.definitions"]
    try:
        machine.workers(workers)
        machine.begin("daemon", "-m", "dagster._daemon", "run", *code, DAGSTER_HOME=home)
        begin = ["-m", "dagster", "sensor", "start", "wallet_pnl_due", *code]
        subprocess.run(
            [sys.executable, *begin],
            env={**variables, "DAGSTER_HOME": home},
            cwd=folder,
            capture_output=True,
            check=True,
        )
        with open_history(variables, home) as instance:
            return _took(instance, machine)
    finally:
        machine.crash()


def _took(instance: dg.DagsterInstance, machine: Machine) -> float:
    started = time.monotonic()
    until = started + ROUND_SECONDS
    while time.monotonic() < until:
        records = instance.get_run_records(dg.RunsFilter(tags={CONSUMER_TAG: PORTFOLIOS}))
        if len(records) >= SHARDS and all(record.dagster_run.is_finished for record in records):
            if any(not record.dagster_run.is_success for record in records):
                raise ProofError(f"a run failed: {_said(machine)}")
            ends = [record.end_time or 0.0 for record in records]
            return max(ends) - min(record.start_time or 0.0 for record in records)
        if machine.complaints():
            raise ProofError(f"{machine.complaints()} ended: {_said(machine)}")
        if not records and time.monotonic() > started + FIRST_RUN_SECONDS:
            raise ProofError(f"no run has begun: {_said(machine)}")
        time.sleep(1)
    raise ProofError(f"not done in {ROUND_SECONDS:.0f} s: {_said(machine)}")


def _said(machine: Machine) -> str:
    """The last lines of what its processes said."""
    logs = sorted(machine.folder.glob("*.log"))
    return "\n".join(f"{log.name}: ...{log.read_text()[-1_000:]}" for log in logs)


def main() -> None:
    """Run the rounds and print what each took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--swaps", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    console = Console(highlight=False)
    ratios = []
    with (
        tempfile.TemporaryDirectory(prefix="speed-proof-", ignore_cleanup_errors=True) as named,
        engines(Path(named)) as (postgres, redis),
    ):
        for number in range(given.rounds):
            one, two = (
                seconds_of(Path(named), given.swaps, n, f"round{number}_{n}", postgres, redis)
                for n in (1, 2)
            )
            ratios.append(one / two)
            console.print(f"one worker {one:.1f} s, two workers {two:.1f} s: {one / two:.2f} times")
    console.print(f"median of {len(ratios)}: {statistics.median(ratios):.2f} times faster with two")


if __name__ == "__main__":
    main()

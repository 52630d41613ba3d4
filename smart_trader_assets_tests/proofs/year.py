"""A year of an invented market with nightly upkeep: nothing leaks; two hours.

    python -m smart_trader_assets_tests.proofs.year [--days N] [--keep DIR]

With `--keep` the next call goes on where this one ended.

Each day are two processes whose clocks libfaketime sets (Debian: faketime): one drains the root, one maintains
it. File dates, which the kernel sets, are put to the day's after each of them. After each day it is told what
lies below the root, what of it the newest versions need, and how long opening all tables and counting what is
due take.
Exit code 1 where the root holds more than three times what its newest versions need, where files (but for those
that each day keeps of itself) or log entries still grow in the second half, or where opening or counting takes
more than 1.5 times what it took on the first days.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

import dagster as dg
import polars as pl

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.drain import Drain
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.sandbox import GeneratedMarket, SandboxServer
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets.tables.cursors import CURSORS
from smart_trader_assets.tables.ops import RUNS
from smart_trader_assets.thresholds import due_policy

FIRST: Final = datetime(2030, 1, 1, 9, tzinfo=UTC)
MOST_DAYS: Final = 365
TABLES: Final = (*ALL_TABLES, RUNS)
MOST_BYTES, MOST_TIME, MOST_GROWTH = 3.0, 1.5, 1.1
ROUNDS: Final = 7
# A partition's files are gathered once they are eight: until then, and from one time to the next, they grow.
WEEK: Final = 7
_SELF: Final = "smart_trader_assets_tests.proofs.year"


@dataclass(frozen=True)
class Day:
    """What lies below the root after a day, and what it takes to look at it."""

    day: int
    mb: float
    newest_mb: float
    files: int
    log_entries: int
    opening_ms: float
    counting_ms: float
    seconds: float
    files_of_days: int = 0
    """Of the files: what the newest versions keep in partitions of one day, which each day adds to."""


def _drain(root: str) -> None:
    """In a process whose clock is set."""
    settings = load_settings({"source": "sandbox", "root": root, "sandbox_anchor": FIRST})
    with (
        SandboxServer(_market(Path(root).parent, settings), clock=settings.now) as server,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        Drain(settings.but(birdeye_base_url=server.base_url), instance).run()


def _market(folder: Path, settings: Settings) -> GeneratedMarket:
    """The market of the year, made once: the sandbox's own ends a month after its epoch."""
    kept = folder / "market.pickle"
    if kept.exists():
        market: GeneratedMarket = pickle.loads(kept.read_bytes())  # noqa: S301 - written below
        return market
    market = GeneratedMarket(settings.sandbox_seed, FIRST, future_days=MOST_DAYS + 1)
    kept.write_bytes(pickle.dumps(market))
    return market


def _maintain(root: str) -> None:
    """In a process whose clock is set; prints what lies below the root then."""
    settings = load_settings({"source": "sandbox", "root": root, "sandbox_anchor": FIRST})
    store = make_lake(settings).store
    for contract in TABLES:
        stamp = CommitInfo("upkeep", "maintenance")
        maintain(store, contract, retention_hours=settings.retention_hours, stamp=stamp)
    print(json.dumps(asdict(_look(store, settings))))


def _look(store: DeltaStore, settings: Settings) -> Day:
    folder = Path(store.root)
    stored = [
        file for table in TABLES for file in (folder / table.name).rglob("*") if file.is_file()
    ]
    logged = [file for file in stored if "_delta_log" in file.parts]
    data = [file for file in stored if "_delta_log" not in file.parts]
    kept = {table.name: store.files(table)["size_bytes"] for table in TABLES}
    newest = sum(int(sizes.sum() or 0) for sizes in kept.values())
    of_days = [t.name for t in TABLES if any(t.schema[name] == pl.Date for name in t.partition_by)]
    policy, now = due_policy(settings), settings.now()

    def open_all() -> None:
        for table in TABLES:
            store.open(table)

    def count() -> None:
        for cursor in CURSORS:
            cursor.due_counts(store, as_of=now, policy=policy)

    return Day(
        day=0,
        mb=sum(file.stat().st_size for file in data) / 1e6,
        newest_mb=newest / 1e6,
        files=len(data),
        log_entries=len(logged),
        opening_ms=_median(open_all) * 1000,
        counting_ms=_median(count) * 1000,
        seconds=0,
        files_of_days=sum(kept[name].len() for name in of_days),
    )


def _median(work: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return median(times)


def one_day(root: Path, number: int) -> Day:
    """The day `number` of the root, from 1."""
    at, begun = FIRST + timedelta(days=number - 1), time.time()

    def run(part: str) -> str:
        told = subprocess.run(
            ["faketime", f"{at:%Y-%m-%d %H:%M:%S}", sys.executable, "-m", _SELF, part, str(root)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TZ": "UTC", "SMART_TRADER_FIRST_DAY": f"{FIRST:%Y-%m-%d}"},
        ).stdout
        # Before the next part: upkeep goes by files' dates. The days' own dates are years later.
        for file in root.rglob("*"):
            if file.is_file() and begun - 1 <= file.stat().st_mtime <= time.time() + 1:
                os.utime(file, (at.timestamp(), at.timestamp()))
        return told

    run("--drain")
    seen = json.loads(run("--maintain").splitlines()[-1])
    return Day(**{**seen, "day": number, "seconds": time.time() - begun})


def faults(days: list[Day]) -> list[str]:
    """What is not as it should be at the end."""
    first, half, last = days[:WEEK], days[len(days) // 2 - WEEK // 2 :][:WEEK], days[-WEEK:]
    found = []
    if (times := median(day.mb / day.newest_mb for day in last)) > MOST_BYTES:
        found.append(f"{times:.1f} times as much is stored as the newest versions need")
    for name, counted in (
        ("files", lambda day: day.files - day.files_of_days),
        ("log_entries", lambda day: day.log_entries),
    ):
        was, is_now = (median(map(counted, part)) for part in (half, last))
        if is_now > MOST_GROWTH * was:
            found.append(f"{name} grew from {was:.0f} to {is_now:.0f} in the second half")
    for name in ("opening_ms", "counting_ms"):
        was = median(getattr(day, name) for day in first)
        is_now = median(getattr(day, name) for day in last)
        if is_now > MOST_TIME * was:
            found.append(f"{name} went from {was:.0f} to {is_now:.0f}")
    return found


def main() -> None:
    """Live the days, tell of each, and judge the last."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--days", type=int, default=MOST_DAYS, choices=range(1, MOST_DAYS + 1), metavar="N"
    )
    parser.add_argument("--keep", type=Path, help="where the root stays, to go on from there")
    parser.add_argument("--drain", help=argparse.SUPPRESS)
    parser.add_argument("--maintain", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    for root, part in ((chosen.drain, _drain), (chosen.maintain, _maintain)):
        if root:
            logging.disable(logging.WARNING)
            part(root)
            return
    if shutil.which("faketime") is None:
        sys.exit("faketime is missing: install it (Debian: apt-get install faketime)")
    with tempfile.TemporaryDirectory(prefix="prove-year-") as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        told = folder / "days.jsonl"
        lines = told.read_text().splitlines() if told.exists() else []
        days = [Day(**json.loads(line)) for line in lines]
        for number in range(len(days) + 1, chosen.days + 1):
            days.append(one_day(folder / "root", number))
            with told.open("a") as file:
                file.write(json.dumps(asdict(days[-1])) + "\n")
            print("  ".join(f"{k} {v:.1f}" for k, v in asdict(days[-1]).items()), flush=True)
    for fault in (found := faults(days)):
        print(f"NOT AS IT SHOULD BE: {fault}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

"""Makes a root of the version that is checked out, with rows in every state, and keeps it as an archive.

    python -m smart_trader_assets_tests.released_roots.make layout_1

To be run once for each released layout, before its code changes. The archive holds `rows/`, the recorded
market; `root/`, the tables as they stand in the middle of their work; and `drained/`, what they hold after one
more drain at `DRAINED`, a file a table, without the time of writing and the run's id.
"""

from __future__ import annotations

import shutil
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from smart_trader_assets.sandbox import Endpoint, Fault, FaultKind, Recording
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets_tests.released_roots.market import (
    DRAINED,
    FAY,
    FIRST,
    FOURTH,
    GNU,
    GUS,
    HEN,
    SECOND,
    THIRD,
    write_market,
)
from smart_trader_assets_tests.support.pipeline import Pipeline, open_pipeline
from smart_trader_assets_tests.support.roots import contents

FOLDER = Path(__file__).parent
SHARDS = ("00", "01")


def fails(endpoint: Endpoint, entity: str) -> Fault:
    """Whoever asks for it fails."""
    return Fault(FaultKind.NOT_FOUND, endpoint, entity, times=None)


def make_root(pipeline: Pipeline) -> None:
    """Runs that end well, runs that fail, and a last day whose runs stop half way."""
    faults = pipeline.server.faults
    faults.add(fails(Endpoint.HOLDERS, GNU), fails(Endpoint.SWAPS, FAY))
    pipeline.drain(FIRST, max_attempts=1)
    faults.add(fails(Endpoint.HOLDERS, HEN), fails(Endpoint.SWAPS, GUS))
    pipeline.drain(SECOND, whale_refresh_hours=1, retry_base_minutes=72 * 60, retry_limit_hours=72)
    faults.clear()

    day, (first, second) = THIRD.date().isoformat(), SHARDS
    steps = (
        (TOKENS, day, THIRD),
        (TRACKED_TOKENS, second, THIRD),
        (WHALES, second, THIRD),
        (TRACKED_WHALES, first, THIRD),
        (TRACKED_WHALES, second, THIRD),
        (TRANSACTIONS, first, THIRD),
        (WALLET_PNL, second, THIRD),
        (WHALES, first, THIRD),
        (TRACKED_TOKENS, first, THIRD),
        (TOKENS, day, FOURTH),
    )
    for table, partition, as_of in steps:
        ran = pipeline.materialize(
            table, partition, as_of=as_of, whale_refresh_hours=1, swap_pages_per_run=1
        )
        if not ran.success:
            sys.exit(f"{table.name} failed.")


def states_missing(tables: dict[str, pl.DataFrame]) -> list[str]:
    """The states that no row is in."""
    return [
        f"{contract.name}.{state.column} = {value}"
        for contract in ALL_TABLES
        for state in contract.states
        for value in state.values
        if value not in tables[contract.name][state.column].unique().to_list()
    ]


def keep(name: str, folders: Iterable[Path]) -> Path:
    """The archive of the folders."""
    archive = FOLDER / f"{name}.tar.xz"
    with tarfile.open(archive, "w:xz") as kept:
        for folder in folders:
            kept.add(folder, folder.name)
    return archive


def main(name: str) -> None:
    """Make the archive, and say what it holds."""
    with TemporaryDirectory() as scratch:
        place = Path(scratch)
        rows, root, drained = place / "rows", place / "root", place / "drained"
        with open_pipeline(root, Recording.load(write_market(rows))) as pipeline:
            make_root(pipeline)
            tables = contents(pipeline.store)
            if missing := states_missing(tables):
                sys.exit(f"No row is in the state {', '.join(missing)}.")
            shutil.copytree(root, place / "kept" / "root")
            pipeline.drain(DRAINED)
            drained.mkdir()
            for table, frame in contents(pipeline.store).items():
                frame.write_parquet(drained / f"{table.replace('/', '.')}.parquet")
        archive = keep(name, (rows, place / "kept" / "root", drained))
    heights = {table: frame.height for table, frame in tables.items()}
    print(f"{archive.name}: {archive.stat().st_size:,} bytes, rows {heights}")


if __name__ == "__main__":
    main(sys.argv[1])

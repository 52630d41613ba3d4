"""What new work costs as the tables grow.

    python -m smart_trader_assets_tests.benchmarks.bench_tables [--rows 10000000]

First, ten thousand new swaps are merged into 100 thousand rows and into ten million. Then two whole
roots, one many times larger than the other, get the same new work (five tokens, fifty wallets, a
thousand swaps), and each asset's run is timed. The daily ageing of PnL, which follows the number of
wallets, stands by itself.
"""

import argparse
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
from rich.console import Console
from rich.table import Table

from smart_trader_assets.assembly import make_lake
from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.contract import BATCH, OPERATION, VERSION
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.delta.tables import TRANSACTIONS
from smart_trader_assets_tests.automation.ticking import settings_for
from smart_trader_assets_tests.benchmarks.bench_cursors import STAMP, append, swaps
from smart_trader_assets_tests.benchmarks.bench_pipeline import drain
from smart_trader_assets_tests.benchmarks.sized_market import LATER, NOW, SIZES, served

_NEW: Final = 10_000
_SMALL: Final = 100_000
_SHARDS: Final = 16
_ROWS_A_FILE: Final = 200_000
_ROUNDS: Final = 3


def _fill(store: DeltaStore, rows: int) -> None:
    a_shard = rows // _SHARDS
    for shard in (f"{number:02}" for number in range(_SHARDS)):
        for first in range(0, a_shard, _ROWS_A_FILE):
            count = min(_ROWS_A_FILE, a_shard - first)
            append(store, TRANSACTIONS, swaps(first, count, shard, counted=True))


def _seconds_of_adding(folder: Path, rows: int) -> float:
    """The quickest of some rounds of merging new swaps into one shard."""
    store = make_lake(settings_for(folder)).store
    _fill(store, rows)
    quickest = float("inf")
    for round_ in range(_ROUNDS):
        batch = Batch(rows=_fetched(rows + round_ * _NEW), partition="00")
        begun = time.perf_counter()
        written = store.write(TRANSACTIONS, batch, STAMP)
        quickest = min(quickest, time.perf_counter() - begun)
        assert written.inserted == _NEW
    return quickest


def _fetched(first: int) -> pl.DataFrame:
    """Swaps as a fetch hands them over: without state and audit."""
    rows = swaps(first, _NEW, "00", counted=False)
    return rows.drop(TRANSACTIONS.state_columns, OPERATION, VERSION, BATCH)


def _by_asset(run: dict[str, Any]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for asset, _, taken, _ in run["steps"]:
        seconds[asset] = seconds.get(asset, 0.0) + taken
    return seconds


def _seconds_of_runs(folder: Path, size: str) -> tuple[int, dict[str, float], dict[str, float]]:
    """Swaps in the root; seconds by asset of a run with the new work, and of a run a day later."""
    root = folder / size
    with served(size, NOW) as url:
        first = drain(root, url, NOW)
    with served(size, LATER) as url:
        later = drain(root, url, LATER)
    next_day = LATER + timedelta(days=1)
    with served(size, next_day) as url:
        aged = drain(root, url, next_day, wallet_refresh_hours=100, whale_refresh_hours=100)
    return first["rows"][TRANSACTIONS.name], _by_asset(later), _by_asset(aged)


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000, help="Rows of the large table")
    asked = parser.parse_args()
    console = Console(width=100)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        small = _seconds_of_adding(folder / "few", _SMALL)
        large = _seconds_of_adding(folder / "many", asked.rows)
        table = Table(title=f"Adding {_NEW:,} swaps", title_justify="left")
        for name in ("rows in the table", "seconds", "ratio"):
            table.add_column(name, justify="right")
        table.add_row(f"{_SMALL:,}", f"{small:.3f}", "1.00")
        table.add_row(f"{asked.rows:,}", f"{large:.3f}", f"{large / small:.2f}")
        console.print(table)

        found = {size: _seconds_of_runs(folder, size) for size in SIZES if size != "real"}
    titles = [f"{swaps_there:,} swaps" for swaps_there, _, _ in found.values()]
    for title, runs in (
        ("The same new work", [later for _, later, _ in found.values()]),
        ("A day later, nothing new: PnL ages", [aged for _, _, aged in found.values()]),
    ):
        table = Table(title=title, title_justify="left")
        for name in ("asset", *titles, "ratio"):
            table.add_column(name, justify="left" if name == "asset" else "right")
        for asset in runs[0]:
            few, many = (run.get(asset, 0.0) for run in runs)
            table.add_row(asset, f"{few:.2f} s", f"{many:.2f} s", f"{many / few:.2f}")
        console.print(table)


if __name__ == "__main__":
    main()

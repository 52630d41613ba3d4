"""How long the profit engine takes beside reading and sorting the same rows, and what it holds.

    python -m smart_trader_assets_tests.benchmarks.bench_pnl [--size small|full]

Small is one million invented swaps, full one and ten million. Every step runs in a process of its
own, so that its peak memory is its own. Rows are kept in the folder for temporary files.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import polars as pl

from smart_trader_assets.pnl import compute_wallet_pnl, fifo, netted_trades
from smart_trader_assets_tests.benchmarks.lines import Line, Size, at_most, show
from smart_trader_assets_tests.benchmarks.python_fifo import python_fifo
from smart_trader_assets_tests.benchmarks.zipf_swaps import AS_OF, write_swaps

_MODULE: Final = "smart_trader_assets_tests.benchmarks.bench_pnl"
SIZES: Final[dict[Size, tuple[int, ...]]] = {"small": (1_000_000,), "full": (1_000_000, 10_000_000)}
_REAL_RUN: Final = 65_079
_REAL_WALLETS: Final = 2_357
_LARGE_WALLET: Final = 100_000
_SMALL_ROWS: Final = 1_000_000
_SMALL_STEPS: Final = (
    "python_rows_to_lots",
    "python_lots_only",
    "as_many_as_a_real_run",
    "one_more_swap",
)


class Stopwatch:
    """Wall and processor seconds of the part of a step that counts."""

    wall = 0.0
    processor = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.processor += time.process_time() - processor


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def _rows(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(_files(folder))


def read(folder: Path, watch: Stopwatch) -> None:
    with watch.running():
        _rows(folder)


def read_and_sort(folder: Path, watch: Stopwatch) -> None:
    with watch.running():
        _rows(folder).sort("block_unix_time")


def one_piece(folder: Path, watch: Stopwatch) -> None:
    with watch.running():
        compute_wallet_pnl(_rows(folder), as_of=AS_OF)


def shards(folder: Path, watch: Stopwatch) -> None:
    with watch.running():
        for path in _files(folder):
            compute_wallet_pnl(pl.read_parquet(path), as_of=AS_OF)


def lots_only(folder: Path, watch: Stopwatch) -> None:
    traded = netted_trades(_rows(folder), as_of=AS_OF)
    with watch.running():
        fifo(traded.trades, traded.rollovers)


def rows_to_lots(folder: Path, watch: Stopwatch) -> None:
    """Screening, netting, valuation and matching, without the metrics."""
    rows = _rows(folder)
    _to_lots(rows.head(1000))
    with watch.running():
        _to_lots(rows)


def _to_lots(rows: pl.DataFrame) -> None:
    traded = netted_trades(rows, as_of=AS_OF)
    fifo(traded.trades, traded.rollovers)


def python_rows_to_lots(folder: Path, watch: Stopwatch) -> None:
    """As little of the same as these rows can do with, a row and a lot at a time."""
    rows = _rows(folder)
    with watch.running():
        python_fifo(rows)


def python_lots_only(folder: Path, watch: Stopwatch) -> None:
    """`lots_only`, a lot at a time: costs alone, from rows that lie ready as tuples."""
    trades = netted_trades(_rows(folder), as_of=AS_OF).trades.sort("tx")
    rows = trades.select("wallet", "mint", "quantity", "value").rows()
    with watch.running():
        held: dict[tuple[int, int], deque[list[int]]] = defaultdict(deque)
        costs = []
        for wallet, mint, quantity, value in rows:
            lots = held[wallet, mint]
            if quantity > 0:
                lots.append([quantity, value or 0])
                continue
            left, cost = -quantity, 0
            while left and lots:
                lot = lots[0]
                taken = min(left, lot[0])
                part = lot[1] * taken // lot[0]
                cost += part
                left -= taken
                lot[0] -= taken
                lot[1] -= part
                if not lot[0]:
                    lots.popleft()
            costs.append(cost)


def as_many_as_a_real_run(folder: Path, watch: Stopwatch) -> None:
    """65,079 swaps of 2,357 wallets."""
    rows = _rows(folder)
    wallets = rows["wallet_address"].unique(maintain_order=True).head(_REAL_WALLETS)
    rows = rows.filter(pl.col("wallet_address").is_in(wallets.to_list())).head(_REAL_RUN)
    compute_wallet_pnl(rows.head(1000), as_of=AS_OF)
    with watch.running():
        compute_wallet_pnl(rows, as_of=AS_OF)


def one_more_swap(folder: Path, watch: Stopwatch) -> None:
    """A wallet of 100,000 swaps after one more."""
    rows = _rows(folder).head(_LARGE_WALLET)
    newest = rows.head(1).with_columns(
        swap_id=pl.lit("one more"),
        tx_hash=pl.lit("one more"),
        block_unix_time=pl.lit(int(AS_OF.timestamp()), dtype=pl.Int64),
    )
    rows = pl.concat([rows, newest])
    rows = rows.with_columns(wallet_address=pl.lit(rows["wallet_address"][0]))
    compute_wallet_pnl(rows.head(1000), as_of=AS_OF)
    with watch.running():
        compute_wallet_pnl(rows, as_of=AS_OF)


STEPS: Final[dict[str, Callable[[Path, Stopwatch], None]]] = {
    step.__name__: step
    for step in (
        read,
        read_and_sort,
        one_piece,
        shards,
        rows_to_lots,
        python_rows_to_lots,
        lots_only,
        python_lots_only,
        as_many_as_a_real_run,
        one_more_swap,
    )
}


def _measure(step: str, folder: Path) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak GB of one step in a fresh process."""
    command = [sys.executable, "-m", _MODULE, "--step", step, "--folder", str(folder)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    wall, processor, peak = json.loads(answer)
    return wall, processor, peak


def _measured(rows: int, folder: Path) -> dict[str, tuple[float, float, float]]:
    """Every step, told as it ends."""
    swaps = folder / str(rows)
    if len(_files(swaps)) == 0:
        write_swaps(swaps, rows)
    found: dict[str, tuple[float, float, float]] = {}
    print(f"{'step':<24}{'seconds':>9}{'x sort':>8}{'cpu s':>9}{'x sort':>8}{'GB':>7}")
    for step in ("read_and_sort", *(name for name in STEPS if name != "read_and_sort")):
        if step in _SMALL_STEPS and rows > _SMALL_ROWS:
            continue
        found[step] = wall, processor, peak = _measure(step, swaps)
        basis = found["read_and_sort"]
        print(
            f"{step:<24}{wall:>9.2f}{wall / basis[0]:>8.2f}"
            f"{processor:>9.2f}{processor / basis[1]:>8.2f}{peak:>7.2f}",
            flush=True,
        )
    return found


def measure(size: Size) -> Iterator[Line]:
    """Lines in wall seconds; those of the large rows where `size` is full."""
    folder = Path(tempfile.gettempdir()) / "zipf_swaps"
    for rows in SIZES[size]:
        found = _measured(rows, folder)
        seconds = {step: wall for step, (wall, _, _) in found.items()}
        sort = seconds["read_and_sort"]
        large = rows > _SMALL_ROWS
        for step, what, goal in (
            ("one_piece", "PnL, all columns, in one piece", 2.2 if large else 3.0),
            ("shards", "PnL, all columns, in 16 shards", 1.4 if large else None),
            ("lots_only", "PnL, lots alone", 2.0 if large else None),
        ):
            ratio = seconds[step] / sort
            yield Line(
                f"{what}, {rows:,} swaps",
                f"{seconds[step]:.1f} s = {ratio:.2f} x",
                f"<= {goal:g} x reading and sorting" if goal else "",
                ratio <= goal if goal else None,
                "reading and sorting the rows",
                f"{sort:.1f} s",
            )
        if rows > _SMALL_ROWS:
            peak = found["shards"][2]
            yield Line(
                f"Peak memory of that in 16 shards, {rows:,} swaps",
                f"{peak:.2f} GB",
                *at_most(peak, 0.8, " GB"),
            )
            continue
        for ours, theirs, what, least in (
            ("rows_to_lots", "python_rows_to_lots", "from rows to lots", 10),
            ("lots_only", "python_lots_only", "lots alone, costs alone on the other side", 0),
        ):
            times = seconds[theirs] / seconds[ours]
            yield Line(
                f"FIFO {what}, {rows:,} swaps",
                f"{seconds[ours]:.2f} s = {times:.1f} times faster",
                f">= {least} times" if least else "",
                times >= least if least else None,
                "a loop over Python's deques",
                f"{seconds[theirs]:.2f} s",
            )
        yield Line(
            f"PnL of {_REAL_RUN:,} swaps of {_REAL_WALLETS:,} wallets",
            f"{seconds['as_many_as_a_real_run']:.2f} s",
            *at_most(seconds["as_many_as_a_real_run"], 0.5, " s"),
        )
        yield Line(
            f"PnL of a wallet of {_LARGE_WALLET:,} swaps after one more",
            f"{seconds['one_more_swap']:.2f} s",
            *at_most(seconds["one_more_swap"], 0.3, " s"),
        )


def main() -> None:
    """One step, where one is named; else all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        watch = Stopwatch()
        STEPS[options.step](options.folder, watch)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(json.dumps([watch.wall, watch.processor, peak]))
        return
    show(measure(options.size))


if __name__ == "__main__":
    main()

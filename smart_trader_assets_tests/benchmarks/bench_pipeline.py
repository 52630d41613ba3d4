"""A whole run at a real size: seconds by phase, peak memory, and a second run with nothing due.

    python -m smart_trader_assets_tests.benchmarks.bench_pipeline [--size small|full]

52 tokens, 4,700 holder rows, 3,863 wallets of which 2,357 trade, 65,079 swaps, against a stand-in that
refuses nothing. Each run is a process of its own; its imports are measured apart from its work.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from smart_trader_assets_tests.benchmarks.lines import Line, Size, at_most, show
from smart_trader_assets_tests.benchmarks.sized_market import NOW, served

_MODULE: Final = "smart_trader_assets_tests.benchmarks.bench_pipeline"
_LIMITLESS: Final = {
    "source": "live",
    "birdeye_api_key": "key-of-the-benchmark",
    "requests_per_second": 1000,
    "wallet_requests_per_minute": 60_000,
    "credits_per_month": 10**9,
    "credits_per_run": 10**9,
}


def drain(root: Path, url: str, as_of: datetime, **changes: Any) -> dict[str, Any]:
    """One drain in a fresh process: seconds of imports and of work, steps, rows, peak GB."""
    order = {**_LIMITLESS, "root": str(root), "birdeye_base_url": url, **changes}
    order["as_of"] = as_of.isoformat()
    command = [sys.executable, "-m", _MODULE, "--drain", json.dumps(order)]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def _drain_here(order: dict[str, Any]) -> None:
    begun, processor = time.perf_counter(), time.process_time()
    import dagster as dg  # noqa: PLC0415 - what importing takes is a figure of its own
    import polars as pl  # noqa: PLC0415

    from smart_trader_assets.drain import Drain  # noqa: PLC0415
    from smart_trader_assets.lake.resource import make_lake  # noqa: PLC0415
    from smart_trader_assets.settings import load_settings  # noqa: PLC0415
    from smart_trader_assets.tables.catalog import ALL_TABLES  # noqa: PLC0415

    imported = time.perf_counter()
    settings = load_settings({**order, "as_of": datetime.fromisoformat(order["as_of"])})
    with dg.DagsterInstance.ephemeral() as instance:
        report = Drain(settings, instance).run()
    worked = time.perf_counter()
    processor = time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    store = make_lake(settings).store
    rows = {table.name: store.scan(table).select(pl.len()).collect().item() for table in ALL_TABLES}
    print(
        json.dumps(
            {
                "imports": imported - begun,
                "work": worked - imported,
                "processor": processor,
                "peak_gb": peak,
                "steps": [
                    [step.asset, step.due, step.seconds, step.metrics] for step in report.steps
                ],
                "rows": rows,
            }
        )
    )


def _tell(console: Console, title: str, run: dict[str, Any]) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("asset", "runs", "rows due", "seconds"):
        table.add_column(name, justify="left" if name == "asset" else "right")
    assets = list(dict.fromkeys(step[0] for step in run["steps"]))
    for asset in assets:
        steps = [step for step in run["steps"] if step[0] == asset]
        seconds = sum(step[2] for step in steps)
        table.add_row(asset, f"{len(steps)}", f"{sum(s[1] for s in steps):,}", f"{seconds:.1f}")
    console.print(table)
    console.print(
        f"imports {run['imports']:.1f} s, work {run['work']:.1f} s, both {run['processor']:.1f} s "
        f"of a processor, peak {run['peak_gb']:.2f} GB"
    )


def measure(size: Size) -> Iterator[Line]:
    """The whole run, and the run after it; of a small market where `size` is small."""
    market = "real" if size == "full" else "small"
    console = Console(width=100)
    with tempfile.TemporaryDirectory() as place, served(market, NOW) as url:
        first = drain(Path(place) / "root", url, NOW)
        _tell(console, "Everything new", first)
        console.print(", ".join(f"{name} {rows:,}" for name, rows in first["rows"].items()))
        again = drain(Path(place) / "root", url, NOW)
        _tell(console, "Nothing due", again)
    swaps = first["rows"]["bronze/transactions"]
    yield Line(
        f"A whole run, {swaps:,} swaps", f"{first['work']:.1f} s", *at_most(first["work"], 60, " s")
    )
    yield Line(
        "Its peak memory", f"{first['peak_gb']:.2f} GB", *at_most(first["peak_gb"], 1, " GB")
    )
    yield Line(
        "A run with nothing due, after its imports",
        f"{again['work']:.1f} s",
        *at_most(again["work"], 3, " s"),
        "fetching and computing everything anew",
        f"{first['work']:.1f} s",
    )


def main() -> None:
    """One drain, where one is asked for; else the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=("small", "full"), default="full")
    parser.add_argument("--drain", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.drain:
        _drain_here(json.loads(asked.drain))
        return
    show(measure(asked.size))


if __name__ == "__main__":
    main()

"""Every benchmark, and one table of what they found.

    python -m smart_trader_assets_tests.benchmarks [--size small|full]

All figures of a line are of this run and this machine. `full` takes about half an hour, 24 GB of disk
and 2 GB of memory; `small` a few minutes, with tables of a million rows instead of ten.
"""

from collections.abc import Iterator

from smart_trader_assets_tests.benchmarks import (
    bench_ageing,
    bench_client,
    bench_copying,
    bench_growth,
    bench_maintained,
    bench_pipeline,
    bench_pnl,
    bench_ranking,
    bench_signals,
    bench_tables,
)
from smart_trader_assets_tests.benchmarks.lines import Line, Size, command

_MODULES = (
    bench_client,
    bench_pnl,
    bench_ranking,
    bench_pipeline,
    bench_tables,
    bench_copying,
    bench_growth,
    bench_maintained,
    bench_ageing,
    bench_signals,
)


def measure(size: Size) -> Iterator[Line]:
    """The lines of all benchmarks, told as they come."""
    for module in _MODULES:
        name = module.__name__.rpartition(".")[2]
        print(f"{name} ...", flush=True)
        for line in module.measure(size):
            print(f"  {line.what}: {line.ours} {line.goal}", flush=True)
            yield line


if __name__ == "__main__":
    command(__doc__, measure)

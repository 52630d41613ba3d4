"""What the same new work costs each asset in a small and in a large root.

    python -m smart_trader_assets_tests.benchmarks.bench_growth [--size small|full]

Five new tokens, fifty new wallets and a thousand new swaps come to a root of three thousand swaps and
to one of sixty thousand. The daily ageing of PnL, which follows the number of wallets, stands by itself.
"""

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from smart_trader_assets_tests.benchmarks.bench_pipeline import drain
from smart_trader_assets_tests.benchmarks.lines import Line, Size, command
from smart_trader_assets_tests.benchmarks.sized_market import LATER, NOW, served

_TABLE = "bronze/transactions"
# The free plan takes the list of tokens once a day: nothing would be new two hours later.
_PLAN = {"plan": "premium", "trace_transfers": False}
_UNTOUCHED = {"wallet_refresh_hours": 100, "whale_refresh_hours": 100}

Seconds = dict[str, float]


def _by_asset(run: dict[str, Any]) -> Seconds:
    seconds: Seconds = {}
    for asset, _, taken, _ in run["steps"]:
        seconds[asset] = seconds.get(asset, 0.0) + taken
    return seconds


def _runs(root: Path, market: str) -> tuple[int, Seconds, Seconds]:
    """Swaps in the root; seconds by asset of a run with new work, and of one a day later without."""
    with served(market, NOW) as url:
        first = drain(root, url, NOW, **_PLAN)
    with served(market, LATER) as url:
        later = drain(root, url, LATER, **_PLAN)
    next_day = LATER + timedelta(days=1)
    with served(market, next_day) as url:
        aged = drain(root, url, next_day, **_PLAN, **_UNTOUCHED)
    return first["rows"][_TABLE], _by_asset(later), _by_asset(aged)


def measure(_: Size) -> Iterator[Line]:
    """A line an asset with new work, and the lines of the day after."""
    with tempfile.TemporaryDirectory() as place:
        few, little, day_of_few = _runs(Path(place) / "few", "small")
        many, much, day_of_many = _runs(Path(place) / "many", "large")
    for what, before, after in (
        ("The same new work", little, much),
        ("A day later, nothing new", day_of_few, day_of_many),
    ):
        for asset, seconds in before.items():
            yield Line(
                f"{what}: {asset}, {many:,} swaps in the root",
                f"{after.get(asset, 0.0):.2f} s = {after.get(asset, 0.0) / seconds:.2f} x",
                other_way=f"the same, {few:,} swaps",
                theirs=f"{seconds:.2f} s",
            )


if __name__ == "__main__":
    command(__doc__, measure)

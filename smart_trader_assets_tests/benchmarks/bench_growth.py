"""What the same new work costs each asset in a small and in a large root, as they grew and after upkeep.

    python -m smart_trader_assets_tests.benchmarks.bench_growth [--size small|full]

Five new tokens, fifty new wallets and a thousand new swaps, the same ones each time, come to a root of three
thousand swaps and to one of sixty thousand. The daily ageing of PnL, which follows the number of wallets, and
the ranking, which looks at all of them, stand by themselves.
"""

import shutil
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets_tests.benchmarks.bench_pipeline import drain
from smart_trader_assets_tests.benchmarks.lines import Line, Size, command, compared
from smart_trader_assets_tests.benchmarks.sized_market import LATER, NOW, served

_TABLE = "bronze/transactions"
_RANKING = "gold/smart_traders"
_GOAL = 1.25
# The free plan takes the list of tokens once a day: nothing would be new two hours later.
_PLAN = {"plan": "premium", "trace_transfers": False}
_UNTOUCHED = {"wallet_refresh_hours": 100, "whale_refresh_hours": 100}
# All tokens are listed anew and tracked anew, whatever of them is new; a rank is given to all.
_OF_ALL = frozenset({"bronze/tokens", "silver/tracked_tokens", _RANKING})

Seconds = Mapping[str, float]


def _run(root: Path, market: str, at: datetime, **changes: Any) -> dict[str, Any]:
    with served(market, at) as url:
        return drain(root, url, at, **_PLAN, **changes)


def _by_asset(runs: list[dict[str, Any]]) -> Seconds:
    """The median of the runs' seconds by asset."""
    seconds = defaultdict(list)
    for run in runs:
        for asset, _, taken, _ in run["steps"]:
            seconds[asset].append(taken)
    return {asset: statistics.median(taken) for asset, taken in seconds.items()}


def _due(run: dict[str, Any]) -> dict[str, int]:
    """The rows that were due, by asset, of what does not look at all there is."""
    return {asset: due for asset, due, _, _ in run["steps"] if asset not in _OF_ALL}


class _Roots:
    """A root of each market, drained once and then kept as it is: all that is measured is done to copies."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.swaps = {
            market: _run(place / market, market, NOW)["rows"][_TABLE]
            for market in ("small", "large")
        }

    def measured(self, market: str) -> dict[str, Any]:
        """A run of what is new, on a copy of the market's root."""
        copy = self._place / "copy"
        shutil.copytree(self._place / market, copy)
        try:
            return _run(copy, market, LATER)
        finally:
            shutil.rmtree(copy)

    def aged(self, market: str) -> dict[str, Any]:
        """A run of the market's root a day after what was new."""
        _run(self._place / market, market, LATER)
        return _run(self._place / market, market, LATER + timedelta(days=1), **_UNTOUCHED)

    def maintain(self) -> None:
        """Do to both what upkeep does every day."""
        for market in self.swaps:
            store = DeltaStore(str(self._place / market))
            for table in ALL_TABLES:
                maintain(store, table, retention_hours=0, stamp=CommitInfo("bench", "bench"))


def measure(size: Size) -> Iterator[Line]:
    """A line an asset with new work, before upkeep and after it, and the lines of the day after."""
    rounds = 3 if size == "full" else 1
    with tempfile.TemporaryDirectory() as place:
        roots = _Roots(Path(place))
        yield from _of_new_work("The same new work", roots, rounds)
        roots.maintain()
        yield from _of_new_work("The same after upkeep", roots, rounds)
        aged = {market: _by_asset([roots.aged(market)]) for market in roots.swaps}
    yield from _lines("A day later, nothing new", roots.swaps, aged)


def _of_new_work(what: str, roots: _Roots, rounds: int) -> Iterator[Line]:
    runs: dict[str, list[dict[str, Any]]] = {"small": [], "large": []}
    for _ in range(rounds):
        for market, done in runs.items():
            done.append(roots.measured(market))
    if _due(runs["small"][0]) != _due(runs["large"][0]):
        raise AssertionError(
            f"not the same work: {_due(runs['small'][0])}, {_due(runs['large'][0])}"
        )
    yield from _lines(what, roots.swaps, {m: _by_asset(done) for m, done in runs.items()}, _GOAL)


def _lines(
    what: str, swaps: Mapping[str, int], taken: Mapping[str, Seconds], goal: float | None = None
) -> Iterator[Line]:
    for asset, few in taken["small"].items():
        yield compared(
            f"{what}: {asset}, {swaps['large']:,} swaps in the root",
            taken["large"].get(asset, 0.0),
            f"the same, {swaps['small']:,} swaps",
            few,
            goal=None if asset == _RANKING else goal,
        )


if __name__ == "__main__":
    command(__doc__, measure)

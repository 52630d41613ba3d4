"""What a day's ageing costs in a shard where time changes the numbers of few of many wallets.

    python -m smart_trader_assets_tests.benchmarks.bench_ageing [--size small|full]

Two thousand wallets hold what they bought lately; beside them are twenty-three thousand that sold everything
long ago. Both shards are computed and ranked once, and maintained; then three further days are computed in
another process, and what was computed is settled after each as a ranking settles it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import numpy as np
import polars as pl

from smart_trader_assets.assets.scope import AS_OF_TAG
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.delta.schema import conform
from smart_trader_assets.pnl.cash import WRAPPED_SOL
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import TRACKED_WHALES, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.tables.transitions import pnl_ranked
from smart_trader_assets_tests.benchmarks.bench_tables import append, audit
from smart_trader_assets_tests.benchmarks.lines import Line, Size, command, compared
from smart_trader_assets_tests.benchmarks.zipf_swaps import AS_OF, addresses, dressed
from smart_trader_assets_tests.support.asset_runs import AssetRuns

MOVING, STILL = 2_000, 23_000
SWAPS_A_WALLET = 12
DAYS = 3
SHARD = "00"
PORTFOLIOS = dg.AssetKey.from_user_string(WALLET_PNL.name)
STAMP = CommitInfo("bench", "bench")
_DAY = 86_400
_SELF = "smart_trader_assets_tests.benchmarks.bench_ageing"


def _swaps(wallets: pl.Series, *, sells_all: bool, days_ago: int, first: int) -> pl.DataFrame:
    """Half buys, then sales of the same; who does not sell all keeps the last buy."""
    rng = np.random.default_rng(first + 1)
    count = len(wallets) * SWAPS_A_WALLET
    number = np.arange(count)
    place = number % SWAPS_A_WALLET
    buys = place % 2 == 0 if sells_all else (place % 2 == 0) | (place == SWAPS_A_WALLET - 1)
    mints = addresses(500, np.random.default_rng(5))
    frame = pl.DataFrame(
        {
            "transaction": number + first,
            "wallet_address": wallets.gather(number // SWAPS_A_WALLET),
            "block_unix_time": int(AS_OF.timestamp())
            - days_ago * _DAY
            + place * 3_600
            + rng.integers(0, 3_000, count),
            "ins_index": np.zeros(count, dtype=np.int64),
            "volume_usd": np.full(count, 150.0),
            "base_address": [WRAPPED_SOL] * count,
            "base_decimals": np.full(count, 9),
            "base_raw": np.where(buys, -1, 1) * 10**9,
            "base_price": np.full(count, 150.0),
            "quote_address": mints.gather((number // 2 * 7) % len(mints)),
            "quote_decimals": np.full(count, 6),
            "quote_raw": np.where(buys, 1, -1) * 10**9,
            "quote_price": np.full(count, 0.15),
        }
    )
    return dressed(frame, rng)


def _runs(root: str) -> AssetRuns:
    given = {"source": "sandbox", "root": root, "wallet_shards": 1, "sandbox_anchor": AS_OF}
    return AssetRuns(load_settings(given))


def _compute(runs: AssetRuns, day: int) -> float:
    moment = AS_OF + timedelta(days=day)
    begun = time.perf_counter()
    result = runs.run([PORTFOLIOS], tags={AS_OF_TAG: moment.isoformat()}, partition=SHARD)
    seconds = time.perf_counter() - begun
    (event,) = result.get_asset_materialization_events()
    told = event.materialization.metadata["wallets_computed"].value
    if day and told != MOVING:
        raise SystemExit(f"on day {day} {told} wallets were computed instead of {MOVING}")
    return seconds


def _rank(runs: AssetRuns) -> None:
    """Settle what was computed, as a ranking does."""
    due = runs.store.scan(WALLET_PNL).filter(~pl.col("processed_for_gold")).collect()
    runs.store.settle(pnl_ranked(due, at=AS_OF, rules="bench"), STAMP)


def make(root: str, still: int) -> None:
    """A shard whose wallets are computed, ranked, and maintained."""
    runs = _runs(root)
    store, rng = runs.store, np.random.default_rng(1)
    moving = addresses(MOVING, rng)
    parts = [_swaps(moving, sells_all=False, days_ago=2, first=0)]
    if still:
        others = addresses(still, rng)
        parts.append(_swaps(others, sells_all=True, days_ago=300, first=10_000_000))
    for part in parts:
        rows = part.with_columns(
            wallet_shard=pl.lit(SHARD),
            processed_for_pnl=pl.lit(value=False),
            fetched_at=pl.lit(AS_OF).dt.cast_time_unit("us"),
        )
        append(store, TRANSACTIONS, conform(rows.with_columns(audit()), TRANSACTIONS))
    _compute(runs, 0)
    _rank(runs)
    for contract in (TRANSACTIONS, WALLET_PNL, TRACKED_WHALES):
        maintain(store, contract, retention_hours=168, stamp=STAMP)


def age(root: str) -> list[float]:
    """Seconds of each further day."""
    runs = _runs(root)
    seconds = []
    for day in range(1, DAYS + 1):
        seconds.append(_compute(runs, day))
        _rank(runs)
    return seconds


def _elsewhere(*arguments: str) -> str:
    told = subprocess.run(
        [sys.executable, "-m", _SELF, *arguments], check=True, capture_output=True, text=True
    )
    return told.stdout


def measure(_: Size) -> Iterator[Line]:
    """One line."""
    seconds = {}
    with tempfile.TemporaryDirectory(prefix="bench-ageing-") as folder:
        for still in (0, STILL):
            root = f"{folder}/{still}"
            _elsewhere("make", root, str(still))
            told = _elsewhere("age", root).splitlines()[-1]
            seconds[still] = sorted(map(float, told.split()))[DAYS // 2]
    alone, among = seconds[0], seconds[STILL]
    yield compared(
        f"A day's ageing of {MOVING:,} wallets in a shard of {MOVING + STILL:,}",
        among,
        "in a shard of their own",
        alone,
        goal=1.3,
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", root, still]:
            make(root, int(still))
        case ["age", root]:
            print(*age(root))
        case _:
            command(__doc__, measure)

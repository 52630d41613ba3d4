"""How long the ranking takes, and what it holds, by the number of wallets.

    python -m smart_trader_assets_tests.benchmarks.bench_ranking [--size small|full]

Small is ten thousand wallets of invented results, full sixty thousand with 1.2 million bets. The ranking runs
in a process of its own, so that its peak memory is its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from solders.pubkey import Pubkey

from smart_trader_assets.pnl.columns import ALL_TOKENS, WALLET_PNL_SCHEMA, WINDOWS
from smart_trader_assets.ranking import rank_wallets
from smart_trader_assets_tests.benchmarks.lines import Line, Size, at_most, command
from smart_trader_assets_tests.benchmarks.zipf_swaps import AS_OF
from smart_trader_assets_tests.support.defaults import RANKING

_MODULE: Final = "smart_trader_assets_tests.benchmarks.bench_ranking"
WALLETS: Final[dict[Size, int]] = {"small": 10_000, "full": 60_000}
_TOKENS_A_WALLET: Final = 20
_MOST_SECONDS, _MOST_GB = 20.0, 1.0
_GOALS_FROM: Final = 60_000


def write_wallet_pnl(file: Path, wallets: int, seed: int = 7) -> None:
    """Numbers of so many wallets, most of which pass every rule of exclusion: their portfolios in all
    windows, and some twenty tokens each, with the columns of silver/wallet_pnl."""
    rng = np.random.default_rng(seed)
    address = np.array([str(Pubkey(rng.bytes(32))) for _ in range(wallets)])
    count = np.minimum(rng.geometric(1 / _TOKENS_A_WALLET, wallets), 400)
    trader = np.repeat(np.arange(wallets), count)
    size = len(trader)
    cost = np.exp(rng.normal(5.5, 1.5, size))
    skill = rng.normal(0.1, 0.3, wallets)[trader]
    pnl = cost * np.clip(rng.normal(skill, rng.choice([0.3, 1.0], size)), -1, 20)
    bought = AS_OF - timedelta(days=40)
    tokens = pl.DataFrame(
        {
            "wallet_address": address[trader],
            "token_address": pl.Series(rng.integers(0, 5_000, size)).cast(pl.String),
            "realized_pnl": pnl,
            "conservative_pnl": pnl - 0.15,
            "total_pnl": pnl,
            "matched_cost": cost,
            "total_bought": cost,
            "total_sold": cost + pnl,
            "matched_proceeds": cost + pnl,
            "roi": 100 * pnl / cost,
            "matched_cost_sol": cost / 150,
            "realized_pnl_sol": pnl / 150,
            "sol_coverage": 100.0,
            "paid_in_sol": rng.choice([0.0, 100.0], size),
            "closing_count": 2,
            "median_holding_hours": np.exp(rng.normal(2, 1, size)),
        }
    ).unique(["wallet_address", "token_address"])
    sums = ("realized_pnl", "conservative_pnl", "total_pnl", "matched_cost", "total_bought")
    of_wallet = tokens.group_by("wallet_address").agg(
        pl.col(*sums, "total_sold", "matched_proceeds", "closing_count").sum(),
        paid_in_sol=pl.col("paid_in_sol").mean(),
    )
    portfolios = of_wallet.with_columns(
        token_address=pl.lit(ALL_TOKENS), roi=100 * pl.col("realized_pnl") / pl.col("matched_cost")
    ).join(pl.DataFrame({"window": WINDOWS}), how="cross")
    rows = pl.concat([tokens.with_columns(window=pl.lit(WINDOWS[0])), portfolios], how="diagonal")
    nothing = ("open_cost", "lost_cost", "stale_open_cost", "estimated_fees_usd")
    none = ("arbitrage_count", "conversion_count", "unpriced_count")
    rows = rows.with_columns(
        pl.lit(0.0).alias(name) for name in (*nothing, "unmatched_proceeds", "open_quantity")
    ).with_columns(
        *(pl.lit(0).alias(name) for name in none),
        coverage=pl.lit(100.0),
        active_days=pl.lit(9),
        trade_count=pl.col("closing_count") * 2,
        max_trades_per_day=pl.lit(4),
        trade_frequency_daily=pl.lit(1.0),
        same_block_share=pl.lit(0.0),
        history_complete=pl.lit(value=True),
        first_transaction=pl.lit(bought),
        last_transaction=pl.lit(AS_OF - timedelta(days=1)),
        as_of=pl.lit(AS_OF),
    )
    lacking = [name for name in WALLET_PNL_SCHEMA if name not in rows.columns]
    rows = rows.with_columns(pl.lit(None).alias(name) for name in lacking)
    rows.select(
        pl.col(name).cast(dtype) for name, dtype in WALLET_PNL_SCHEMA.items()
    ).write_parquet(file)


def _ranked(file: Path) -> dict[str, float]:
    begin = time.perf_counter()
    found = rank_wallets(pl.scan_parquet(file), rules=RANKING, as_of=AS_OF)
    return {
        "seconds": time.perf_counter() - begin,
        "traders": found.traders.height,
        "wallets": found.traders.height + found.excluded.height,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def measure(size: Size) -> Iterator[Line]:
    """Seconds and peak memory of one ranking."""
    wallets = WALLETS[size]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "wallet_pnl.parquet"
        write_wallet_pnl(file, wallets)
        output = subprocess.run(
            [sys.executable, "-m", _MODULE, "--rank", str(file)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    found = json.loads(output)
    at_goal = wallets >= _GOALS_FROM
    seconds, gigabytes = (
        at_most(found["seconds"], _MOST_SECONDS, " s"),
        at_most(found["peak_gb"], _MOST_GB, " GB"),
    )
    what = f"ranking {found['wallets']:,.0f} wallets, of which {found['traders']:,.0f} are judged by their bets"
    yield Line(what, f"{found['seconds']:.1f} s", *(seconds if at_goal else ("", None)))
    yield Line(
        "  its peak memory", f"{found['peak_gb']:.2f} GB", *(gigabytes if at_goal else ("", None))
    )


if __name__ == "__main__":
    if "--rank" in sys.argv:
        parser = argparse.ArgumentParser()
        parser.add_argument("--rank", type=Path)
        print(json.dumps(_ranked(parser.parse_args().rank)))
    else:
        command(__doc__, measure)

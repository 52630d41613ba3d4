"""What a thousand credits find, by the order in which they are spent; takes an hour.

    python -m smart_trader_assets_tests.proofs.economy [--markets N] [--seed SEED] [--wallets N] [--credits N]

Each market is searched by the real client against the stand-in, once in each order, with the same credits:
`promise` (lists of ranked traders, a page of each wallet, then by what it promises), `list` (the same lists as
they come, whole histories) and `holders` (the holders of the tokens first, then whole histories, the largest
holding first). Found are wallets that are skilled and ranked ELITE or STRONG. Exit code 1 where a page was read
twice.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, Final

import dagster as dg
import polars as pl

from smart_trader_assets.drain import Drain
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.sandbox import SKILLS, Endpoint, GeneratedMarket, SandboxServer
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import SMART_TRADERS

ANCHOR: Final = datetime(2026, 3, 1, tzinfo=UTC)
_ANY: Final = 10**9
_QUIET: Final = {
    "requests_per_second": 1000,
    "wallet_requests_per_minute": 60_000,
    "read_account": False,
    "credits_per_day": _ANY,
}
ORDERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "promise": {},
    # Without a token nobody is found by what he holds.
    "list": {"swap_pages_first": 10, "list_min_liquidity": 199_999_999},
    "holders": {"swap_pages_first": 10, "holders_per_token": 300, "candidate_lists": ()},
}


@dataclass(frozen=True)
class Found:
    """What one order found in one market."""

    seed: int
    order: str
    spent: int
    best: int
    skilled: int
    read_twice: int
    pages: int


def search(seed: int, order: str, wallets: int, credits: int) -> Found:
    """Search one market in one order."""
    market = GeneratedMarket(seed, ANCHOR, wallets=wallets)
    now = ANCHOR + timedelta(hours=1)
    skilled = {w for w, one in market.truth.characters.items() if one in SKILLS}
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxServer(market, clock=lambda: now) as server,
    ):
        settings = load_settings(
            {
                "source": "live",
                "birdeye_api_key": "key",
                "birdeye_base_url": server.base_url,
                "root": str(Path(folder) / "root"),
                "as_of": now,
                "credits_per_run": credits,
                "credits_per_month": _ANY,
                "wallet_shards": 2,
                "token_shards": 1,
                **_QUIET,
                **ORDERS[order],
            }
        )
        with dg.DagsterInstance.ephemeral() as instance:
            Drain(settings, instance).run()
        traders = make_lake(settings).store.scan(SMART_TRADERS)
        best = traders.filter(pl.col("tier").is_in(["ELITE", "STRONG"])).collect()
        pages = {
            query: count
            for query, count in server.log.by_query.items()
            if query.startswith(Endpoint.SWAPS.value)
        }
        return Found(
            seed,
            order,
            server.credits_spent,
            best.height,
            len(skilled & set(best["wallet_address"])),
            sum(count - 1 for count in pages.values()),
            sum(pages.values()),
        )


def main() -> int:
    """Search all markets in all orders; 0 where no page was paid for twice."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--markets", type=int, default=10)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--wallets", type=int, default=400)
    parser.add_argument("--credits", type=int, default=3_000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    todo = list(product(range(asked.seed, asked.seed + asked.markets), ORDERS))
    found: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    twice = 0
    with ProcessPoolExecutor(asked.workers) as pool:
        jobs = [
            pool.submit(search, seed, order, asked.wallets, asked.credits) for seed, order in todo
        ]
        for job in jobs:
            one = job.result()
            found[one.order] += one.skilled
            spent[one.order] += one.spent
            twice += one.read_twice
            print(
                f"seed {one.seed} {one.order:<8} {one.spent:>6,} credits, {one.pages:>4} pages: "
                f"{one.skilled} skilled of {one.best} in ELITE and STRONG, {one.read_twice} read twice",
                flush=True,
            )
    for order in ORDERS:
        rate = 1000 * found[order] / max(1, spent[order])
        print(f"{order:<8} {found[order]:>4} skilled, {rate:.2f} a thousand credits")
    return int(twice > 0)


if __name__ == "__main__":
    sys.exit(main())

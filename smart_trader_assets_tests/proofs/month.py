"""A month of a free account, day by day; takes half an hour.

    python -m smart_trader_assets_tests.proofs.month [--days N] [--runs N] [--seed SEED] [--wallets N]

The real client searches an invented market against the stand-in, which refuses what the free plan refuses and
counts its credits; the clock is set, and every day sees the same number of runs. After each day it is told what
was spent, who is ranked, and how old the swaps of followed wallets were, hour by hour. Exit code 1 where a day
was over its allowance, where less than 95 % of the credits were spent at the end or more than there are, or
where followed wallets were older than 26 hours for more than 5 % of the time.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg
import polars as pl

from smart_trader_assets.assets.fetch_plan import Evidence
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.drain import Drain
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.sandbox import SKILLS, GeneratedMarket, SandboxPlan, SandboxServer
from smart_trader_assets.sandbox.account import FREE_ENDPOINTS
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.tables.catalog import SMART_TRADERS, TRACKED_WHALES

ANCHOR: Final = datetime(2026, 3, 1, tzinfo=UTC)
CREDITS: Final = 30_000
OLDEST: Final = timedelta(hours=26)
# Told of these days of the month.
TOLD: Final = (1, 7, 30)


@dataclass(frozen=True)
class Day:
    """One day: its allowance and what was spent, who is ranked at its end, how many of the hours of its
    followed wallets were fresh."""

    day: int
    allowance: int
    spent: int
    best: int
    skilled: int
    followed: int
    fresh_hours: int
    hours: int
    seconds: float


def fresh_hours(store: DeltaStore, now: datetime, until: datetime) -> tuple[int, int]:
    """Of the hours to come of all followed wallets: how many see swaps at most 26 hours old, and how many
    there are."""
    ages = (
        store.scan(TRACKED_WHALES)
        .filter(pl.col("wallet_address").is_in(Evidence.read(store).followed))
        .group_by("wallet_address")
        # Of a walk that has to go on the newest swaps are read, and it is not done.
        .agg(read_to=pl.from_epoch(pl.col("fetched_to").max()).dt.replace_time_zone("UTC"))
        .drop_nulls("read_to")
        .collect()
    )
    hours = [now + timedelta(hours=h) for h in range(int((until - now) / timedelta(hours=1)))]
    fresh = sum(hour - read <= OLDEST for hour in hours for read in ages["read_to"])
    return fresh, len(hours) * ages.height


def month(seed: int, wallets: int, days: int, runs: int) -> Iterator[Day]:
    """Live `days` days of a free account."""
    market = GeneratedMarket(seed, ANCHOR, wallets=wallets, future_days=days + 1)
    skilled = {w for w, one in market.truth.characters.items() if one in SKILLS}
    plan = SandboxPlan(monthly_credits=CREDITS, endpoints=FREE_ENDPOINTS, signed_up=ANCHOR)
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxServer(market, clock=lambda: ANCHOR, plan=plan) as server,
    ):
        for day in range(days):
            began, spent, fresh, hours = time.monotonic(), server.credits_spent, 0, 0
            for run in range(runs):
                now = ANCHOR + timedelta(days=day, hours=1 + run * 24 / runs)
                server.clock.set(now)
                settings = _settings(Path(folder) / "root", server.base_url, now)
                with dg.DagsterInstance.ephemeral() as instance:
                    Drain(settings, instance).run()
                store = make_lake(settings).store
                one = fresh_hours(store, now, now + timedelta(hours=24 / runs))
                fresh, hours = fresh + one[0], hours + one[1]
            best = (
                store.scan(SMART_TRADERS)
                .filter(pl.col("tier").is_in(["ELITE", "STRONG"]))
                .collect()
            )["wallet_address"].to_list()
            yield Day(
                day=day + 1,
                # The first day's is known once the account has told its cycle.
                allowance=BirdEyeAccess(settings).budget().of_today or 0,
                spent=server.credits_spent - spent,
                best=len(best),
                skilled=len(skilled & set(best)),
                followed=hours // 24,
                fresh_hours=fresh,
                hours=hours,
                seconds=time.monotonic() - began,
            )


def _settings(root: Path, base_url: str, now: datetime) -> Settings:
    return load_settings(
        {
            "source": "live",
            "birdeye_api_key": "key",
            "birdeye_base_url": base_url,
            "requests_per_second": 1000,
            "wallet_requests_per_minute": 60_000,
            "root": str(root),
            "as_of": now,
            "wallet_shards": 2,
            "token_shards": 1,
        }
    )


def main() -> int:
    """Live the month; 0 where all of it was kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--runs", type=int, default=2, help="runs a day")
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--wallets", type=int, default=400)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    total: Counter[str] = Counter()
    told: dict[int, Day] = {}
    for day in month(asked.seed, asked.wallets, asked.days, asked.runs):
        total.update(
            spent=day.spent,
            fresh=day.fresh_hours,
            hours=day.hours,
            over=day.spent > day.allowance,
        )
        told[day.day] = day
        print(
            f"day {day.day:>2}: {day.spent:>5,} of {day.allowance:>5,} credits, {total['spent']:>6,} in all; "
            f"{day.skilled} skilled of {day.best} in ELITE and STRONG; {day.followed} followed, "
            f"fresh {100 * day.fresh_hours / max(1, day.hours):.0f} % of the time; {day.seconds:.0f} s",
            flush=True,
        )
    share = total["spent"] / (CREDITS * asked.days / 30)
    fresh = total["fresh"] / max(1, total["hours"])
    print(f"spent {100 * share:.1f} % of the credits; {total['over']} days over their allowance")
    print(f"followed wallets at most 26 hours old {100 * fresh:.1f} % of the time")
    for last in TOLD:
        if last in told:
            print(
                f"day {last}: {told[last].skilled} skilled of {told[last].best} in ELITE and STRONG"
            )
    return int(total["over"] > 0 or not 0.95 <= share <= 1 or fresh < 0.95)


if __name__ == "__main__":
    sys.exit(main())

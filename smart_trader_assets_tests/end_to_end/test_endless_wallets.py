"""Wallets whose history is without end beside small ones: nobody waits for them."""

import json
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from typer.testing import CliRunner

from smart_trader_assets.cli.app import app
from smart_trader_assets.sandbox import Endpoint, MintPrice, SwapItem
from smart_trader_assets.sandbox.wire import holder_item
from smart_trader_assets.tables.catalog import SMART_TRADERS, TRACKED_WHALES, TRANSACTIONS
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets_tests.support.made_once import MadeOnce
from smart_trader_assets_tests.support.pipeline import Pipeline, open_pipeline
from smart_trader_assets_tests.support.tiny_market import CAT, NOW, swap, wallet

SHARDS: Final = 2
SWAPS_OF_ENDLESS: Final = 450
SWAPS_OF_SMALL: Final = 8
PRICE: Final = 12
A_RUN: Final = 100 + 50 + 15 * PRICE
"""Credits: the list of tokens, the holders of one, fifteen pages of swaps."""


def _of_shard(shard: str, name: str, many: int) -> list[str]:
    named = (wallet(f"{name} {number}") for number in count())
    return list(islice((w for w in named if shard_of(w, SHARDS) == shard), many))


ENDLESS = _of_shard("00", "endless", 6)
SMALL = _of_shard("01", "small", 10)


class CrowdedMarket:
    """One token; who trades without end holds most of it."""

    wallets: Sequence[str] = (*ENDLESS, *SMALL)

    def tokens(self, now: datetime) -> list[dict[str, object]]:
        """It passes the usual filters."""
        hours = (1, 2, 4, 8, 24)
        return [
            {
                "address": CAT,
                "name": "CAT",
                "symbol": "CAT",
                "decimals": 6,
                "liquidity": 1_000_000.0,
                "last_trade_unix_time": int(now.timestamp()),
                "price": 1.0,
                "holder": len(self.wallets),
                **{f"volume_{hour}h_usd": 60_000.0 * hour for hour in hours},
                **{f"price_change_{hour}h_percent": 25.0 for hour in hours},
                **{f"trade_{hour}h_count": 100 * hour for hour in hours},
            }
        ]

    def holders(self, mint: str, now: datetime) -> list[dict[str, object]]:  # noqa: ARG002
        """Each a little less than the one before."""
        held = [(w, 900_000 - 10_000 * place) for place, w in enumerate(self.wallets)]
        return [holder_item(mint, w, w, n * 10**6, 6, float(n)) for w, n in held]

    @cache  # noqa: B019 - as long as the test
    def swaps(self, wallet: str) -> list[SwapItem]:
        """Every hour one without end; the small ones every second day."""
        endless = wallet in ENDLESS
        rows = SWAPS_OF_ENDLESS if endless else SWAPS_OF_SMALL
        step = timedelta(hours=1 if endless else 48)
        times = (NOW - (1 + place) * step for place in range(rows))
        items: list[dict[str, Any]] = [
            swap(wallet, CAT, (-1) ** (place % 3) * (10 + place), 1.0, at)
            for place, at in enumerate(times)
        ]
        return [SwapItem(item["block_unix_time"], "swap", json.dumps(item)) for item in items]

    def transfers(self, wallet: str, now: datetime) -> list[dict[str, object]]:  # noqa: ARG002
        """None."""
        return []

    def price(self, mint: str, now: datetime) -> MintPrice | None:  # noqa: ARG002
        """Always one."""
        return MintPrice(1.0, int(now.timestamp()), 1e6)


OPTIONS: Final = {"swap_pages_first": 1, "credits_per_run": A_RUN, "credits_per_day": 10**9}


@pytest.fixture
def spent(made_once: MadeOnce) -> tuple[Path, int]:
    """A root after its first run, and the credits that this had cost."""

    def make(folder: Path) -> int:
        with open_pipeline(folder / "root", CrowdedMarket(), **OPTIONS) as pipeline:
            pipeline.drain()
            return pipeline.server.credits_spent

    return made_once("test_endless_wallets.spent", make)


@pytest.fixture
def crowded(tmp_path: Path, spent: tuple[Path, int]) -> Iterator[Pipeline]:
    """The same root, to go on with; what is counted begins anew."""
    shutil.copytree(spent[0] / "root", tmp_path / "root")
    with open_pipeline(tmp_path / "root", CrowdedMarket(), **OPTIONS) as pipeline:
        yield pipeline


def fetched(pipeline: Pipeline) -> set[str]:
    rows = pipeline.rows(TRACKED_WHALES).filter(pl.col("fetched_to").is_not_null())
    return set(rows["wallet_address"])


def test_small_wallets_are_whole_by_the_second_run_and_no_page_is_read_twice(crowded, spent):
    assert spent[1] <= A_RUN
    crowded.drain(NOW + timedelta(minutes=5))
    assert crowded.server.credits_spent <= A_RUN

    rows = crowded.rows(TRACKED_WHALES)
    small = rows.filter(pl.col("wallet_address").is_in(SMALL))
    assert set(small["wallet_address"]) == set(SMALL)
    assert small["history_complete"].all()
    # Those without end get their turn, too, each an equal part of it.
    assert fetched(crowded) >= set(ENDLESS)
    pages = crowded.asked_for(Endpoint.SWAPS)
    of_endless = [pages[w] for w in ENDLESS]
    assert max(of_endless) - min(of_endless) <= 1
    # No page is asked for twice.
    assert set(crowded.server.log.by_query.values()) == {1}


def test_watched_wallets_keep_within_the_budget_and_what_was_paid_for_is_computed(crowded):
    named = CliRunner().invoke(app, ["watch", "add", *ENDLESS[:2], "--data", str(crowded.root)])
    assert named.exit_code == 0, named.output
    report = crowded.drain(NOW + timedelta(days=3), credits_per_run=100 + 7 * PRICE)
    assert crowded.server.credits_spent <= 100 + 7 * PRICE
    assert set(crowded.asked_for(Endpoint.SWAPS)) >= set(ENDLESS[:2])
    # The budget's end is no failure: what came is counted and ranked.
    assert report.stuck.keys() >= {TRANSACTIONS.name}
    assert crowded.rows(TRANSACTIONS)["processed_for_pnl"].all()
    assert SMART_TRADERS.name in {step.asset for step in report.steps}

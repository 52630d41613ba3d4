"""A free account against a market of lucky wallets: what its first day spends, and on whom.

The days that follow are those of `make prove-month`.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smart_trader_assets.drain import DrainReport
from smart_trader_assets.sandbox import Endpoint, GeneratedMarket, SandboxPlan, SandboxServer
from smart_trader_assets.sandbox.account import FREE_ENDPOINTS
from smart_trader_assets.sandbox.ranked_traders import RankedTraders
from smart_trader_assets.tables.catalog import CANDIDATES, SMART_TRADERS
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.rivals import ONE_SHARD

ANCHOR = datetime(2026, 3, 1, tzinfo=UTC)
FIRST = ANCHOR + timedelta(hours=9)
A_DAY = 1_000
STANDARD: dict[str, Any] = {
    "plan": "standard",
    "swap_pages_first": 1,
    "read_account": True,
    "candidate_lists": ("1W", "30d"),
    **ONE_SHARD,
}


@pytest.fixture(scope="module")
def market() -> GeneratedMarket:
    return GeneratedMarket(5, ANCHOR, wallets=60)


@pytest.fixture
def free(tmp_path, market) -> Iterator[Pipeline]:
    plan = SandboxPlan(monthly_credits=30 * A_DAY, endpoints=FREE_ENDPOINTS, signed_up=ANCHOR)
    with SandboxServer(market, clock=lambda: FIRST, plan=plan) as server:
        yield Pipeline(tmp_path / "root", server, STANDARD)


def test_the_first_day_of_a_free_account(free, market):
    report: DrainReport = free.drain(FIRST)
    spent = free.server.credits_spent
    assert 0.9 * A_DAY <= spent <= A_DAY
    # Those whom the lists name are looked at, not whoever holds something.
    listed = {
        str(item["address"])
        for kind in ("1W", "30d")
        for item in RankedTraders(market).gained(kind, FIRST)
    }
    assert set(free.rows(CANDIDATES)["wallet_address"]) <= listed
    first = free.asked_for(Endpoint.SWAPS)
    assert set(first) <= listed
    assert free.requests(Endpoint.HOLDERS) == 0
    # Each page once.
    pages = Counter(
        {query: n for query, n in free.server.log.by_query.items() if Endpoint.SWAPS.value in query}
    )
    assert set(pages.values()) == {1}
    assert report.waits
    assert free.rows(SMART_TRADERS).height

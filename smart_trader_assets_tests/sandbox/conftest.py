"""One market and one server for all tests that only read, and a fresh server for the others."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from smart_trader_assets.sandbox import GeneratedMarket, SandboxServer

SEED = 11
ANCHOR = datetime(2026, 3, 1, 9, tzinfo=UTC)
HEADERS = {"x-chain": "solana", "accept": "application/json"}

Serving = Callable[..., AbstractContextManager[tuple[SandboxServer, httpx.Client]]]


@contextmanager
def running(source, *, clock=lambda: ANCHOR, **options):
    with (
        SandboxServer(source, clock=clock, **options) as server,
        httpx.Client(base_url=server.base_url, headers=HEADERS, timeout=10) as client,
    ):
        yield server, client


@pytest.fixture(scope="session")
def market() -> GeneratedMarket:
    return GeneratedMarket(SEED, ANCHOR)


@pytest.fixture(scope="session")
def rows(market: GeneratedMarket) -> list[dict[str, Any]]:
    """Every row of the market that lies before its anchor, wallet by wallet, newest first."""
    now = int(ANCHOR.timestamp())
    return [
        json.loads(item.text)
        for wallet in market.wallets
        for item in market.swaps(wallet)
        if item.block_unix_time <= now
    ]


@pytest.fixture(scope="session")
def api(market: GeneratedMarket) -> Iterator[httpx.Client]:
    """A client of a server that nothing disturbs."""
    with running(market) as (_, client):
        yield client


@pytest.fixture(scope="session")
def serving() -> Serving:
    """Starts a server over a source with options, for one test."""
    return running

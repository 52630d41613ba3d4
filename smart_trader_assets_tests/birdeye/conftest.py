"""A scripted server, and clients of it with a state of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from smart_trader_assets.birdeye import BirdEyeClient, CreditLedger, RateGate
from smart_trader_assets.state.database import SqliteFile
from smart_trader_assets_tests.birdeye.scripted_server import ScriptedServer

API_KEY = "k3y-that-nobody-may-ever-read-1234567890"

MakeClient = Callable[..., BirdEyeClient]


@pytest.fixture(scope="session")
def running_server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.stop()


@pytest.fixture
def server(running_server: ScriptedServer) -> ScriptedServer:
    running_server.reset()
    return running_server


@pytest.fixture
def ledger() -> Iterator[CreditLedger]:
    ledger = CreditLedger(SqliteFile(None, durable=False), month_budget=None)
    yield ledger
    ledger.close()


@pytest.fixture
def make_client(server: ScriptedServer, ledger: CreditLedger) -> MakeClient:
    """Builds a client of the server; what a test cares about is overridden."""

    def build(**overrides: Any) -> BirdEyeClient:
        settings: dict[str, Any] = {
            "base_url": server.url,
            "api_key": SecretStr(API_KEY),
            "gate": RateGate(SqliteFile(None, durable=False), requests_per_second=1000),
            "meter": ledger.meter("run", run_budget=None),
            "attempts": 2,
            "backoff_seconds": 0.001,
        }
        return BirdEyeClient(**(settings | overrides))

    return build

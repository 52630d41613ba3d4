"""An object store for the session, and a pipeline whose root lies there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from smart_trader_assets.sandbox import Recording, SandboxServer
from smart_trader_assets_tests.support.object_store import CREDENTIALS, ObjectStore
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.tiny_market import NOW

ONE_SHARD = {"token_shards": 1, "wallet_shards": 1}


@pytest.fixture(scope="session")
def running_store() -> Iterator[ObjectStore]:
    with ObjectStore() as store:
        yield store


@pytest.fixture
def s3(running_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """The object store as it should be, and credentials for it in the environment."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    running_store.behaves()
    yield running_store
    running_store.behaves()


@pytest.fixture
def remote(tmp_path: Path, s3: ObjectStore, tiny_market: Recording) -> Iterator[Pipeline]:
    """A pipeline whose root is to be made in a new bucket; in one shard, since each takes its requests."""
    with SandboxServer(tiny_market, clock=lambda: NOW) as server:
        root = {"root": f"{s3.bucket()}/lake", "state_dir": tmp_path / "state"}
        yield Pipeline(tmp_path, server, {**root, **s3.settings, **ONE_SHARD})

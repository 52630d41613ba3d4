"""A postbox, and a root whose news go there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from smart_trader_assets.assembly import make_assets, make_resources
from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.tables.catalog import NOTIFICATIONS
from smart_trader_assets_tests.notify.receiving import Postbox, open_postbox
from smart_trader_assets_tests.support.samples import NOW, STAMP, frame


@dataclass
class Told:
    """A root, and who is told of it."""

    root: Path
    box: Postbox
    urls: str

    def settings(self, as_of: datetime = NOW, **changes: Any) -> Settings:
        return load_settings(
            {
                "source": "live",
                "birdeye_api_key": "key-of-the-tests",
                "root": str(self.root),
                "as_of": as_of,
                "wallet_shards": 2,
                "token_shards": 2,
                "notify_urls": self.urls,
                "retry_base_minutes": 10,
                **changes,
            }
        )

    @property
    def store(self) -> DeltaStore:
        return make_lake(self.settings()).store

    def put(self, contract: TableContract, *rows: Any) -> None:
        self.store.write(contract, Batch(frame(contract, rows)), STAMP)

    def tell(
        self, as_of: datetime = NOW, tags: Mapping[str, str] | None = None, **changes: Any
    ) -> dg.ExecuteInProcessResult:
        settings = self.settings(as_of, **changes)
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize(
                make_assets(settings),
                selection=[dg.AssetKey.from_user_string(NOTIFICATIONS.name)],
                resources=make_resources(settings),
                instance=instance,
                tags=dict(tags or {}),
                raise_on_error=False,
            )

    @property
    def outbox(self) -> pl.DataFrame:
        rows = self.store.scan(NOTIFICATIONS).filter(pl.col("kind") != "started")
        return rows.sort("happened_at", "event_id", "receiver").collect()


@pytest.fixture
def box() -> Iterator[Postbox]:
    with open_postbox() as opened:
        yield opened


@pytest.fixture
def told(tmp_path: Path, box: Postbox) -> Told:
    return Told(tmp_path / "root", box, box.url())

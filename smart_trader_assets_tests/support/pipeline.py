"""A root and the stand-in that feeds it: drains, single materializations, what was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import dagster as dg
import polars as pl

from smart_trader_assets.assembly import make_assets, make_resources
from smart_trader_assets.assets.scope import AS_OF_TAG
from smart_trader_assets.automation.jobs import assets_of
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.drain import Drain, DrainReport
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.sandbox import Endpoint, MarketSource, Recording, SandboxServer
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets_tests.support.tiny_market import NOW

# Small and quick: few partitions, no waiting between attempts.
SMALL: Mapping[str, Any] = {
    "token_shards": 2,
    "wallet_shards": 2,
    "request_attempts": 2,
    "request_backoff_seconds": 0,
}


@dataclass
class Pipeline:
    """A root, fed by a running stand-in whose clock is the pipeline's own."""

    root: Path
    server: SandboxServer
    options: Mapping[str, Any]
    _opened: DeltaStore | None = None

    def settings(self, as_of: datetime = NOW, **changes: Any) -> Settings:
        """The settings of a run as of `as_of`; the key and the budgets are those of a live account."""
        self.server.clock.set(as_of)
        return load_settings(
            {
                "source": "live",
                "birdeye_api_key": "key-of-the-tests",
                "birdeye_base_url": self.server.base_url,
                "plan": "premium",
                "swap_pages_first": 10,
                "read_account": False,
                "candidate_lists": (),
                "trace_transfers": False,
                "requests_per_second": 1000,
                "wallet_requests_per_minute": 60_000,
                "root": str(self.root),
                "as_of": as_of,
                **SMALL,
                **self.options,
                **changes,
            }
        )

    def drain(self, as_of: datetime = NOW, **changes: Any) -> DrainReport:
        """Drain the root once; the requests counted afterwards are those of this drain."""
        settings = self.settings(as_of, **changes)
        self.server.log.clear()
        with dg.DagsterInstance.ephemeral() as instance:
            return Drain(settings, instance).run()

    def materialize(
        self,
        table: TableContract,
        partition: str | None = None,
        *,
        as_of: datetime = NOW,
        tags: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> dg.ExecuteInProcessResult:
        """Run one asset, as the UI would; the result tells of a failure instead of raising it."""
        settings = self.settings(as_of, **changes)
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize(
                make_assets(settings),
                selection=assets_of(table.name),
                resources=make_resources(settings),
                partition_key=partition,
                instance=instance,
                tags={AS_OF_TAG: as_of.isoformat(), **(tags or {})},
                raise_on_error=False,
            )

    @property
    def store(self) -> DeltaStore:
        """The tables; kept, so that its runs share what is opened, as those of a drain do."""
        self._opened = make_lake(self.settings()).store
        return self._opened

    def rows(self, table: TableContract) -> pl.DataFrame:
        """A table as it stands."""
        return self.store.scan(table).collect()

    def requests(self, endpoint: Endpoint) -> int:
        """Requests to an endpoint in the last drain."""
        return self.server.requests[endpoint.value]

    def asked_for(self, endpoint: Endpoint) -> dict[str, int]:
        """Requests by wallet or mint in the last drain."""
        return {
            entity: count
            for (path, entity), count in self.server.requests_by_entity.items()
            if path == endpoint.value
        }


@dataclass(frozen=True)
class DrainedRoot:
    """A root after a drain: to look at and to copy, never to write to."""

    root: Path
    report: DrainReport
    tables: Mapping[str, pl.DataFrame]
    requests: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, pipeline: Pipeline) -> Self:
        """Drain `pipeline`, and look at what came of it."""
        report = pipeline.drain()
        tables = {contract.name: pipeline.rows(contract) for contract in ALL_TABLES}
        return cls(pipeline.root, report, tables, pipeline.server.requests_by_entity)


@contextmanager
def open_pipeline(root: Path, source: MarketSource, **options: Any) -> Iterator[Pipeline]:
    """A pipeline over `source` for as long as the block lasts; `options` are settings of all its runs."""
    with SandboxServer(source, clock=lambda: NOW) as server:
        yield Pipeline(root, server, options)


def replay(folder: Path, root: Path | str, as_of: datetime = NOW, **changes: Any) -> Settings:
    """The settings of `smart-trader run --replay`."""
    Recording.load(folder)
    return load_settings(
        {
            "source": "replay",
            "replay_folder": folder,
            "root": str(root),
            "as_of": as_of,
            **SMALL,
            **changes,
        }
    )

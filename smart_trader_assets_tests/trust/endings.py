"""How a run under a fault may end, where it is run, and what the run after it must end in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from smart_trader_assets.delta.contract import OPERATION
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.drain import Drain
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.sandbox import Endpoint, Fault, SandboxServer
from smart_trader_assets.settings import Settings
from smart_trader_assets.sources import open_source
from smart_trader_assets.tables.catalog import TRACKED_TOKENS, TRACKED_WHALES
from smart_trader_assets_tests.support.dying import Moment, watched_writes
from smart_trader_assets_tests.support.object_store import ObjectStore
from smart_trader_assets_tests.support.pipeline import replay
from smart_trader_assets_tests.support.roots import assert_same, contents
from smart_trader_assets_tests.support.tiny_market import NOW, write_tiny_market

LONGEST_SENTENCE = 600

# After the first attempts' wait, and before anything else of the tiny_market is due again.
RETRIED = NOW + timedelta(minutes=30)

# Until when something is fetched, a score, which ages, and what last touched a row: a token whose holders
# come later finds wallets that are fetched already, and a ranking that is there.
_BY_THE_RUN = ("fetched_to", "score", OPERATION)

Request = tuple[Endpoint, str | None]


class Ending(StrEnum):
    """How a run ended."""

    RIGHT = "ended right"
    TOLD = "said what is wrong"
    DIED = "was ended by the system"


@dataclass
class Site:
    """Where runs are run: the tiny_market as recorded rows, what an undisturbed run asks, writes and makes."""

    folder: Path
    requests: Sequence[Request]
    writes: int
    wanted: Mapping[str, pl.DataFrame]
    s3: ObjectStore | None = None
    remote: dict[Path, str] = field(default_factory=dict)
    now: str = NOW.isoformat()

    def settings(self, root: Path, **changes: Any) -> Settings:
        """The settings of a run of `root`, wherever it lies."""
        if root not in self.remote:
            return replay(self.folder, root, **changes)
        assert self.s3 is not None
        place = {"state_dir": root / "state", **self.s3.settings}
        return replay(self.folder, self.remote[root], **{**place, **changes})

    def drain(self, root: Path, faults: Sequence[Fault] = (), **changes: Any) -> Ending:
        """A drain in this process while the stand-in misbehaves: how it ended."""
        with opened(self.settings(root, **changes)) as (settings, server, instance):
            server.faults.add(*faults)
            try:
                Drain(settings, instance).run()
            except SmartTraderError as error:
                told = str(error)
            else:
                return Ending.RIGHT
        assert "\n" not in told, told
        assert len(told) < LONGEST_SENTENCE, told
        return Ending.TOLD

    def assert_completed(self, root: Path) -> None:
        """The next run ends in the tables of the undisturbed one.

        A row that was in trouble is taken by a later run; then the times of the fetches differ.
        """
        assert self.drain(root) is Ending.RIGHT
        store = make_lake(self.settings(root)).store
        if not in_trouble(store):
            assert_same(contents(store), dict(self.wanted))
            return
        assert self.drain(root, as_of=RETRIED) is Ending.RIGHT
        assert not in_trouble(store)
        assert_same(undated(contents(store)), undated(self.wanted))


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Settings, SandboxServer, dg.DagsterInstance]]:
    """The stand-in over the recorded rows, and an instance of Dagster."""
    with (
        open_source(settings) as (of_run, server, _),
        dg.DagsterInstance.ephemeral() as instance,
    ):
        assert server is not None
        yield of_run, server, instance


def in_trouble(store: DeltaStore) -> bool:
    """Whether a token or a wallet waits for its next attempt."""
    return any(
        store.scan(table).filter(pl.col("attempts") > 0).collect().height
        for table in (TRACKED_TOKENS, TRACKED_WHALES)
    )


def undated(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The tables without what depends on when a run did it."""
    return {
        name: frame.drop(
            [c for c, dtype in frame.schema.items() if dtype == pl.Datetime or c in _BY_THE_RUN]
        )
        for name, frame in tables.items()
    }


def make_site(place: Path, s3: ObjectStore | None = None) -> Site:
    """A tiny_market, and what an undisturbed run of it asks, writes and makes."""
    folder = write_tiny_market(place / "rows")
    writes = 0

    def notice(now: Moment) -> None:
        nonlocal writes
        writes += now == "before"

    with (
        opened(replay(folder, place / "undisturbed")) as (settings, server, instance),
        watched_writes(notice),
    ):
        Drain(settings, instance).run()
        asked = [(Endpoint(path), entity) for path, entity in server.requests_by_entity]
    tables = contents(make_lake(settings).store)
    return Site(folder, [(Endpoint.LISTINGS, None), *sorted(asked)], writes, tables, s3)

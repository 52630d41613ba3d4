"""A store on a folder of its own, a clock that a test sets, and Dagster runs on that store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.delta import writing
from smart_trader_assets.delta.batch import Batch, CommitInfo, Settlement, WriteResult
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets_tests.support.dagster_runs import Run, lake_at, materialize
from smart_trader_assets_tests.support.samples import SAMPLES, STAMP, Row, frame

Put = Callable[..., WriteResult]
Settle = Callable[..., int]


@pytest.fixture
def store(tmp_path: Path) -> DeltaStore:
    return DeltaStore(str(tmp_path / "root"))


@pytest.fixture
def put(store: DeltaStore) -> Put:
    """Writes rows of a table as one batch; the table is made where it is not there yet."""

    def write(
        contract: TableContract,
        *rows: Row,
        partition: str | date | None = None,
        stamp: CommitInfo = STAMP,
        **batch: Any,
    ) -> WriteResult:
        store.create(contract)
        if partition is None and contract.name in SAMPLES:
            partition = SAMPLES[contract.name][1]
        return store.write(contract, Batch(frame(contract, rows), partition, **batch), stamp)

    return write


@pytest.fixture
def settle(store: DeltaStore) -> Settle:
    """Settles rows as they stand in the table, or as they were read before."""

    def move(
        contract: TableContract,
        sets: dict[str, Any],
        *,
        rows: pl.DataFrame | None = None,
        only: pl.Expr | None = None,
        stamp: CommitInfo = STAMP,
    ) -> int:
        read = store.scan(contract).collect() if rows is None else rows
        if only is not None:
            read = read.filter(only)
        return store.settle(Settlement.of(contract, read, operation="SETTLED", sets=sets), stamp)

    return move


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the machine's clock, as the store reads it."""

    def set_to(moment: datetime) -> None:
        monkeypatch.setattr(writing, "_now", lambda: moment)

    return set_to


@pytest.fixture(scope="session")
def blank_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with empty tables, to be copied."""
    root = tmp_path_factory.mktemp("blank") / "root"
    _ = lake_at(str(root)).store
    return root


@pytest.fixture
def run(store: DeltaStore, blank_root: Path) -> Run:
    """Materializes assets on a root of the test's own, that of `store`."""
    shutil.copytree(blank_root, store.root)
    return partial(materialize, lake_at(store.root))

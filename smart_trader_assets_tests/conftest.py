"""Fixtures that more than one part of the tests uses."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.delta.tables import ALL_TABLES
from smart_trader_assets.sandbox import Recording
from smart_trader_assets_tests.support.pipeline import Pipeline, open_pipeline
from smart_trader_assets_tests.support.village import write_village


@pytest.fixture(scope="session")
def village_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The village as recorded rows."""
    return write_village(tmp_path_factory.mktemp("village") / "rows")


@pytest.fixture(scope="session")
def village(village_folder: Path) -> Recording:
    """The village as a source of the stand-in."""
    return Recording.load(village_folder)


@pytest.fixture
def pipeline(tmp_path: Path, village: Recording) -> Iterator[Pipeline]:
    """A new root over the village."""
    with open_pipeline(tmp_path / "root", village) as pipeline:
        yield pipeline


@pytest.fixture(scope="session")
def drained_root(tmp_path_factory: pytest.TempPathFactory, village: Recording) -> Path:
    """A root after its first drain; to look at, never to write to."""
    root = tmp_path_factory.mktemp("drained") / "root"
    with open_pipeline(root, village) as pipeline:
        pipeline.drain()
    return root


@pytest.fixture(scope="session")
def first_run(drained_root: Path) -> dict[str, pl.DataFrame]:
    """The tables after the first drain."""
    store = DeltaStore(str(drained_root))
    return {contract.name: store.scan(contract).collect() for contract in ALL_TABLES}


@pytest.fixture
def drained(tmp_path: Path, village: Recording, drained_root: Path) -> Iterator[Pipeline]:
    """A pipeline of one's own whose first drain is behind it."""
    shutil.copytree(drained_root, tmp_path / "drained")
    with open_pipeline(tmp_path / "drained", village) as pipeline:
        yield pipeline

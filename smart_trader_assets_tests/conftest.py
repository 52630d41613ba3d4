"""Fixtures that more than one part of the tests uses."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from smart_trader_assets.sandbox import Recording
from smart_trader_assets_tests.support.pipeline import DrainedRoot, Pipeline, open_pipeline
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
def first_run(tmp_path_factory: pytest.TempPathFactory, village: Recording) -> DrainedRoot:
    """The first drain of a root over the village."""
    with open_pipeline(tmp_path_factory.mktemp("drained") / "root", village) as pipeline:
        return DrainedRoot.of(pipeline)


@pytest.fixture
def drained(tmp_path: Path, village: Recording, first_run: DrainedRoot) -> Iterator[Pipeline]:
    """A pipeline of one's own whose first drain is behind it."""
    shutil.copytree(first_run.root, tmp_path / "drained")
    with open_pipeline(tmp_path / "drained", village) as pipeline:
        yield pipeline

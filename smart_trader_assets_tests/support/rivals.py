"""Two runs of one asset that get in each other's way, at a commit that a test chooses.

The older run is held right before one of its commits, as a process that was stopped; meanwhile another run, or
a whole drain of a later market, does its work to the end. Then the older one goes on.
"""

from __future__ import annotations

import functools
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import pytest

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import OvertakenError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.sandbox import Recording
from smart_trader_assets.tables.catalog import (
    SMART_TRADERS,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.tables.ops import RUNS
from smart_trader_assets_tests.support.pipeline import Pipeline, open_pipeline
from smart_trader_assets_tests.support.tiny_market import NOW

ONE_SHARD = {"token_shards": 1, "wallet_shards": 1}

STEPS: Sequence[TableContract] = (
    TOKENS,
    TRACKED_TOKENS,
    WHALES,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    SMART_TRADERS,
)


class DiedError(Exception):
    """Stands for the death of a process: nothing of the run happens after it."""


def elsewhere(work: Callable[[], Any]) -> None:
    """Do `work` in a thread of its own, and wait for it; its error is raised here."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work).result()


@contextmanager
def before_commits(notice: Callable[[int], None]) -> Iterator[None]:
    """Call `notice` right before each commit to the medallion of this thread, with its number from 1."""
    here, seen, commit = threading.get_ident(), 0, DeltaStore.commit

    @functools.wraps(commit)
    def noticed(store: DeltaStore, what: str, operation: Callable[[], Any]) -> Any:
        nonlocal seen
        if threading.get_ident() == here and not what.startswith(RUNS.name):
            seen += 1
            notice(seen)
        return commit(store, what, operation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeltaStore, "commit", noticed)
        yield


@dataclass(frozen=True, eq=False)
class Contest:
    """A root in which everything before `asset` is done, so that all of the asset's work is due."""

    market: Recording
    asset: TableContract

    @contextmanager
    def opened(self, root: Path) -> Iterator[Pipeline]:
        """A new root, prepared."""
        if steps := STEPS.index(self.asset):
            shutil.copytree(_prepared(self.market, steps).name, root)
        with open_pipeline(root, self.market, **ONE_SHARD) as pipeline:
            yield pipeline

    def run(self, pipeline: Pipeline, **tags: str) -> dg.ExecuteInProcessResult:
        """The asset's run at NOW."""
        return pipeline.materialize(self.asset, partition(self.asset), tags=tags)

    def commits(self, root: Path) -> int:
        """How many commits an undisturbed run of the asset makes."""
        numbers: list[int] = []
        with self.opened(root) as pipeline, before_commits(numbers.append):
            assert self.run(pipeline).success
        return len(numbers)


@lru_cache
def _prepared(market: Recording, steps: int) -> TemporaryDirectory[str]:
    """A root in which so many steps are done, to be copied."""
    root = TemporaryDirectory()
    if steps > 1:
        shutil.copytree(_prepared(market, steps - 1).name, root.name, dirs_exist_ok=True)
    with open_pipeline(Path(root.name), market, **ONE_SHARD) as pipeline:
        step = STEPS[steps - 1]
        assert pipeline.materialize(step, partition(step)).success
    return root


def partition(step: TableContract) -> str | None:
    """The partition in which all rows of the tiny_market lie."""
    if step is TOKENS:
        return NOW.date().isoformat()
    return None if step is SMART_TRADERS else "00"


def failure(result: dg.ExecuteInProcessResult) -> str | None:
    """What the run's step failed with, without Dagster's wrapping; None where it succeeded."""
    for event in result.get_step_failure_events():
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        return None if error is None else error.message
    return None


def overtaken(result: dg.ExecuteInProcessResult) -> bool:
    """Whether the run ended because another one was faster."""
    return OvertakenError.__name__ in (failure(result) or "")

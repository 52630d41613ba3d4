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

from smart_trader_assets.automation.live_runs import RANGE_END_TAG, RANGE_START_TAG
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
    """A root in which everything before `asset` is done, so that all of the asset's work is due, in so many
    shards."""

    market: Recording
    asset: TableContract
    shards: int = 1

    @contextmanager
    def opened(self, root: Path) -> Iterator[Pipeline]:
        """A new root, prepared."""
        if steps := STEPS.index(self.asset):
            shutil.copytree(_prepared(self.market, steps, self.shards).name, root)
        with open_pipeline(root, self.market, **_in_shards(self.shards)) as pipeline:
            # Made beforehand: whoever makes a root is waited for.
            _ = pipeline.store
            yield pipeline

    def run(
        self, pipeline: Pipeline, *, shards: str | None = None, **tags: str
    ) -> dg.ExecuteInProcessResult:
        """The asset's run at NOW, in all shards or, where it has any, in one of them."""
        return _run(pipeline, self.asset, self.shards, only=shards, **tags)

    def commits(self, root: Path) -> int:
        """How many commits an undisturbed run of the asset makes."""
        numbers: list[int] = []
        with self.opened(root) as pipeline, before_commits(numbers.append):
            assert self.run(pipeline).success
        return len(numbers)


@lru_cache
def _prepared(market: Recording, steps: int, shards: int) -> TemporaryDirectory[str]:
    """A root in which so many steps are done, to be copied."""
    root = TemporaryDirectory()
    if steps > 1:
        before = _prepared(market, steps - 1, shards)
        shutil.copytree(before.name, root.name, dirs_exist_ok=True)
    with open_pipeline(Path(root.name), market, **_in_shards(shards)) as pipeline:
        assert _run(pipeline, STEPS[steps - 1], shards).success
    return root


def _in_shards(number: int) -> dict[str, int]:
    return dict.fromkeys(ONE_SHARD, number)


def _run(
    pipeline: Pipeline, step: TableContract, shards: int, *, only: str | None = None, **tags: str
) -> dg.ExecuteInProcessResult:
    """A run of `step` in all partitions that it has, or in the shard `only`."""
    if step is TOKENS or step is SMART_TRADERS:
        day = NOW.date().isoformat() if step is TOKENS else None
        return pipeline.materialize(step, day, tags=tags)
    ends = {
        RANGE_START_TAG: only or "00",
        RANGE_END_TAG: only or f"{shards - 1:02}",
    }
    return pipeline.materialize(step, tags={**ends, **tags})


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

"""A run that is killed at some point, and the run after it, against a run that nobody disturbed."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import polars as pl

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.drain import Drain
from smart_trader_assets.sources import open_source
from smart_trader_assets_tests.support.command import installed, python, started
from smart_trader_assets_tests.support.dying import Moment, watched_writes
from smart_trader_assets_tests.support.pipeline import SMALL, replay
from smart_trader_assets_tests.support.roots import assert_same, contents
from smart_trader_assets_tests.support.tiny_market import NOW

SHARDS = {f"SMART_TRADER_{name.upper()}": str(value) for name, value in SMALL.items()}


def drain_here(folder: Path, root: Path) -> None:
    """What `smart-trader run --replay` does, in this process."""
    with (
        open_source(replay(folder, root)) as (settings, _, _),
        dg.DagsterInstance.ephemeral() as instance,
    ):
        Drain(settings, instance).run()


class Undisturbed:
    """A root that was drained in one go: what it holds, and how many writes that took."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.writes = 0

        def notice(now: Moment) -> None:
            self.writes += now == "before"

        with watched_writes(notice):
            drain_here(folder, root)
        self.tables: Mapping[str, pl.DataFrame] = contents(DeltaStore(str(root)))

    def seconds_of_a_command(self) -> float:
        """How long `smart-trader run` takes from its start to its end, on a root of its own."""
        begun = time.monotonic()
        with TemporaryDirectory() as root:
            ran = installed("smart-trader", *_run(self.folder, Path(root)), variables=SHARDS)
        assert ran.returncode == 0, ran.stderr
        return time.monotonic() - begun

    def assert_survives(self, root: Path, moment: Moment, number: int) -> bool:
        """A run killed at its `number`-th write and the run after it end in the same tables."""
        died = python(
            "-m",
            "smart_trader_assets_tests.support.dying",
            moment,
            str(number),
            *_run(self.folder, root),
            variables=SHARDS,
        )
        assert died.returncode == -signal.SIGKILL, died.stderr
        self.assert_recovers(root)
        return True

    def assert_survives_after(self, root: Path, seconds: float) -> bool:
        """The same for a run killed after some time; whether it was still at work by then."""
        with started("smart-trader", *_run(self.folder, root), variables=SHARDS) as process:
            try:
                process.wait(seconds)
                caught = False
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                caught = True
        self.assert_recovers(root)
        return caught

    def assert_recovers(self, root: Path) -> None:
        """The next run ends in the tables of the undisturbed one."""
        drain_here(self.folder, root)
        assert_same(contents(DeltaStore(str(root))), dict(self.tables))


def _run(folder: Path, root: Path) -> list[str]:
    return ["run", "--replay", str(folder), "--data", str(root), "--as-of", NOW.isoformat()]

"""Kills `smart-trader upgrade --yes` before and after every write, and at random times; takes minutes.

    python -m smart_trader_assets_tests.proofs.kill_upgrades [--times N] [--seed SEED]

The upgrade after a kill must end in the tables of one that nobody disturbed, and until then the root must not
be taken for whole. Exit code 1 where one does not. There is no API to ask: nothing listens.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random, SystemRandom

import polars as pl

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.errors import RootOutgrownError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.tables.layouts import carry_out_root_upgrade, plan_root_upgrade
from smart_trader_assets.tables.root import read_identity
from smart_trader_assets_tests.released_roots.unpacked import RELEASED, unpack
from smart_trader_assets_tests.support.command import python, started
from smart_trader_assets_tests.support.dying import Moment, watched_writes
from smart_trader_assets_tests.support.roots import assert_same, contents

MOMENTS: tuple[Moment, ...] = ("before", "after")
NOBODY = {"SMART_TRADER_BIRDEYE_BASE_URL": "http://127.0.0.1:9"}

Kill = tuple[str, Callable[[Path], None]]


def upgraded(root: Path) -> Mapping[str, pl.DataFrame]:
    """The tables after an upgrade in this process."""
    store = DeltaStore(str(root))
    carry_out_root_upgrade(store, plan_root_upgrade(store), CommitInfo("upgrade", "upgrade"))
    return contents(store)


def command(root: Path) -> list[str]:
    """What is killed."""
    return ["upgrade", "--yes", "--data", str(root)]


@dataclass(frozen=True)
class Undisturbed:
    """A released root, and what an upgrade makes of it."""

    released: Path
    writes: int
    seconds: float
    tables: Mapping[str, pl.DataFrame]

    @classmethod
    def of(cls, release: str, folder: Path) -> Undisturbed:
        """Unpack and upgrade it, once here and once as a command."""
        released = unpack(release, folder) / "root"
        writes: list[Moment] = []
        shutil.copytree(released, folder / "here")
        with watched_writes(writes.append):
            tables = upgraded(folder / "here")
        shutil.copytree(released, folder / "command")
        begun = time.monotonic()
        with started("smart-trader", *command(folder / "command"), variables=NOBODY) as process:
            assert process.wait() == 0
        seconds = time.monotonic() - begun
        return cls(released, writes.count("before"), seconds, tables)

    def kills(self, times: int, random: Random) -> Iterator[Kill]:
        """Every kill, by name, as a function of a copy of the root."""
        for number in range(1, self.writes + 1):
            for moment in MOMENTS:
                yield f"{moment} write {number} of {self.writes}", partial(kill_at, moment, number)
        for _ in range(times):
            seconds = random.uniform(0.5, 1.0) * self.seconds
            yield f"after {seconds:.2f} s of {self.seconds:.2f}", partial(kill_after, seconds)

    def survives(self, root: Path, kill: Callable[[Path], None]) -> None:
        """AssertionError where the upgrade after the kill does not end as it should."""
        shutil.copytree(self.released, root)
        kill(root)
        if plan_root_upgrade(DeltaStore(str(root))).is_needed:
            try:
                read_identity(DeltaStore(str(root)))
            except RootOutgrownError:
                pass
            else:
                raise AssertionError("a root half upgraded is taken for whole")
        assert_same(dict(upgraded(root)), dict(self.tables))


def kill_at(moment: Moment, number: int, root: Path) -> None:
    """The command dies at that write."""
    died = python(
        "-m",
        "smart_trader_assets_tests.support.dying",
        moment,
        str(number),
        *command(root),
        variables=NOBODY,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr


def kill_after(seconds: float, root: Path) -> None:
    """The command dies after some time, wherever it is."""
    with started("smart-trader", *command(root), variables=NOBODY) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()


def main() -> int:
    """Kill the upgrade of every released root; 0 where each went on."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=30, help="Kills at random times")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    failed = killed = 0
    with tempfile.TemporaryDirectory() as folder:
        for release in RELEASED:
            place = Path(folder) / release
            place.mkdir()
            undisturbed = Undisturbed.of(release, place)
            for name, kill in undisturbed.kills(asked.times, Random(asked.seed)):
                begun, killed, root = time.monotonic(), killed + 1, place / "root of a kill"
                try:
                    undisturbed.survives(root, kill)
                    outcome = f"ok      {release} killed {name}"
                except (AssertionError, SmartTraderError) as trouble:
                    failed += 1
                    outcome = f"FAILED  {release} {name}: {type(trouble).__name__}: {trouble}"
                print(f"{outcome} ({time.monotonic() - begun:.1f} s)", flush=True)
                shutil.rmtree(root, ignore_errors=True)
    print(f"{killed} kills of upgrades; {failed} were not survived")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Kills `smart-trader run` at every write, before and after it, and at random times; takes minutes.

    python -m smart_trader_assets_tests.proofs.kill_all [--times N] [--seed SEED]

Prints each kill with its outcome, and the seed by which the random times can be had again. Exit code 1
where the run after a kill does not end like an undisturbed run.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random, SystemRandom

import dagster as dg

from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets_tests.support.dying import Moment
from smart_trader_assets_tests.support.killing import Undisturbed
from smart_trader_assets_tests.support.tiny_market import write_tiny_market

MOMENTS: tuple[Moment, ...] = ("before", "after")

# A kill that comes after the end of its run proves nothing: it is told, and another is drawn.
MOST_DRAWS_A_KILL = 3

Kill = tuple[str, Callable[[Path], bool]]


def kills(undisturbed: Undisturbed, times: int, seed: int) -> Iterator[Kill]:
    """Every kill, by name, as a function of a new root that tells whether the run was still at work."""
    for number in range(1, undisturbed.writes + 1):
        for moment in MOMENTS:
            survives = partial(undisturbed.assert_survives, moment=moment, number=number)
            yield f"{moment} write {number} of {undisturbed.writes}", survives
    random = Random(seed)
    longest = undisturbed.seconds_of_a_command() if times else 0.0
    for _ in range(times * MOST_DRAWS_A_KILL):
        seconds = random.uniform(0.2, 1.0) * longest
        yield (
            f"after {seconds:.3f} s of {longest:.1f}",
            partial(undisturbed.assert_survives_after, seconds=seconds),
        )


def main() -> int:
    """Run all kills; 0 where every one of them was survived."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=20, help="Kills at random times")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    failed = killed = 0
    with tempfile.TemporaryDirectory() as place:
        folder = write_tiny_market(Path(place) / "rows")
        undisturbed = Undisturbed(folder, Path(place) / "undisturbed")
        most = len(MOMENTS) * undisturbed.writes + asked.times
        for count, (name, survives) in enumerate(kills(undisturbed, asked.times, asked.seed)):
            if killed == most:
                break
            started = time.monotonic()
            try:
                at_work = survives(Path(place) / f"root {count}")
            except (AssertionError, SmartTraderError, dg.DagsterError) as trouble:
                failed, at_work = failed + 1, True
                outcome = f"FAILED  killed {name}: {type(trouble).__name__}: {trouble}"
            else:
                outcome = f"{'ok' if at_work else 'late':<8}killed {name}"
            killed += at_work
            print(f"{outcome} ({time.monotonic() - started:.1f} s)", flush=True)
            shutil.rmtree(Path(place) / f"root {count}", ignore_errors=True)
    print(f"{killed} kills of runs at work; {failed} were not survived")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Older runs that go on beside newer ones, at every commit of every asset; takes a quarter of an hour.

    python -m smart_trader_assets_tests.proofs.fencing [--times N] [--seed SEED]

`stalled`: a run is stopped before a commit, a later drain does everything, the run goes on. The root must end
as if the run had died where it stopped. `by hand`: the same with another run of the very asset in the drain's
place, which is told to process everything anew, in all shards or in the last one alone. `doubled`: two runs of
one asset at once, in turns that are drawn at each commit. Wherever a run is overtaken, the next drain must
leave nothing undone, and all must end like an undisturbed root. Exit code 1 where one does not.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import dagster as dg
import pytest

from smart_trader_assets.assets.scope import REPROCESS_TAG
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.sandbox import Recording
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.rivals import (
    STEPS,
    Contest,
    DiedError,
    before_commits,
    elsewhere,
    failure,
    overtaken,
)
from smart_trader_assets_tests.support.roots import assert_same, contents
from smart_trader_assets_tests.support.tiny_market import LATER, write_tiny_market

SHARDS = 2
LAST = "01"


def drained(pipeline: Pipeline) -> dict[str, Any]:
    """The tables after a drain of the later market, which goes on until nothing is due."""
    assert not pipeline.drain(LATER).stuck
    return contents(pipeline.store)


@lru_cache
def undisturbed(contest: Contest) -> dict[str, Any]:
    """The tables where nobody else was at work."""
    with tempfile.TemporaryDirectory() as root, contest.opened(Path(root) / "root") as pipeline:
        assert contest.run(pipeline).success
        return drained(pipeline)


def stalled(contest: Contest, number: int, place: Path) -> bool:
    """A run is stopped before its commit, a later drain does everything; whether the run was overtaken."""

    def die(seen: int) -> None:
        if seen == number:
            raise DiedError

    with contest.opened(place / "died") as pipeline:
        with before_commits(die):
            assert not contest.run(pipeline).success
        wanted = drained(pipeline)

    with contest.opened(place / "stalled") as pipeline:

        def stop(seen: int) -> None:
            if seen == number:
                elsewhere(lambda: pipeline.drain(LATER))

        with before_commits(stop):
            result = contest.run(pipeline)
        assert result.success or overtaken(result), failure(result)
        assert_same(drained(pipeline), wanted)
    return overtaken(result)


def by_hand(contest: Contest, shards: str | None, number: int, place: Path) -> bool:
    """The same, with a run of the asset by somebody else in the drain's place."""
    with contest.opened(place / "by hand") as pipeline:

        def stop(seen: int) -> None:
            if seen == number:
                anew = {REPROCESS_TAG: "true"}
                elsewhere(lambda: contest.run(pipeline, shards=shards, **anew))

        with before_commits(stop):
            result = contest.run(pipeline)
        assert result.success or overtaken(result), failure(result)
        # What neither of them has done is done at the same time, as it would have been.
        assert contest.run(pipeline).success
        assert_same(drained(pipeline), undisturbed(contest))
    return overtaken(result)


class _Turns:
    """Lets one of two threads work at a time; who goes on is drawn at each of their commits."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._changed = threading.Condition()
        self._alive: list[int] = []
        self._turn: int | None = None

    def run(self, *works: Callable[[], Any]) -> None:
        """Do all of `works`, in turns."""
        threads = [threading.Thread(target=self._take_part, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        with self._changed:
            self._changed.wait_for(lambda: len(self._alive) == len(works))
            self._pass_on()
        for thread in threads:
            thread.join()

    def hand_over(self) -> None:
        """Called before each commit: somebody goes on, perhaps another one."""
        me = threading.get_ident()
        with self._changed:
            if me in self._alive:
                self._pass_on()
                self._changed.wait_for(lambda: self._turn == me)

    def _pass_on(self) -> None:
        self._turn = self._random.choice(self._alive) if self._alive else None
        self._changed.notify_all()

    def _take_part(self, work: Callable[[], Any]) -> None:
        me = threading.get_ident()
        with self._changed:
            self._alive.append(me)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._turn == me)
        try:
            work()
        finally:
            with self._changed:
                self._alive.remove(me)
                self._pass_on()


def doubled(contest: Contest, number: int, place: Path) -> bool:
    """Two runs of the asset at once, in turns by the seed `number`; whether one of them was overtaken."""
    results: list[dg.ExecuteInProcessResult] = []
    turns, commit = _Turns(Random(number)), DeltaStore.commit

    def in_turn(*args: Any, **kwargs: Any) -> Any:
        turns.hand_over()
        return commit(*args, **kwargs)

    with contest.opened(place / "doubled") as pipeline:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DeltaStore, "commit", in_turn)
            turns.run(*[lambda: results.append(contest.run(pipeline))] * 2)
        assert len(results) == 2
        assert any(result.success for result in results)
        assert all(result.success or overtaken(result) for result in results)
        assert_same(drained(pipeline), undisturbed(contest))
    return any(overtaken(result) for result in results)


Case = tuple[str, Callable[[Path], bool]]


def cases(market: Recording, place: Path, times: int, random: Random) -> Iterator[Case]:
    """Every case, by name, as a function of a new folder that tells whether a run was overtaken."""
    contests = [Contest(market, asset, SHARDS) for asset in STEPS]
    for contest in contests:
        name = contest.asset.name
        for number in range(1, contest.commits(place / name) + 1):
            yield f"{name} stalled before commit {number}", partial(stalled, contest, number)
            for where, shard in (("", None), (f" in {LAST}", LAST)):
                told = f"{name} by hand{where} before commit {number}"
                yield told, partial(by_hand, contest, shard, number)
    for _ in range(times):
        contest, seed = random.choice(contests), random.randrange(10**9)
        yield f"{contest.asset.name} doubled, turns {seed}", partial(doubled, contest, seed)


def main() -> int:
    """Run all cases; 0 where all of them ended right."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=70, help="Doubled runs")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    failed = overtook = count = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        market = Recording.load(write_tiny_market(place / "rows"))
        for name, ends_right in cases(market, place / "counted", asked.times, Random(asked.seed)):
            count, started = count + 1, time.monotonic()
            try:
                was_overtaken = ends_right(place / str(count))
            except (AssertionError, SmartTraderError, dg.DagsterError) as trouble:
                failed += 1
                outcome = f"FAILED     {name}: {type(trouble).__name__}: {trouble}"
            else:
                overtook += was_overtaken
                outcome = f"{'overtaken' if was_overtaken else 'both ended':<11}{name}"
            print(f"{outcome} ({time.monotonic() - started:.1f} s)", flush=True)
            shutil.rmtree(place / str(count), ignore_errors=True)
    print(f"{count} contests, {overtook} with a run that was overtaken; {failed} ended wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

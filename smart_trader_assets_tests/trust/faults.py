"""Everything that goes wrong around a run, one table: the run ends right or says why, the next completes it.

    python -m smart_trader_assets_tests.trust.faults [--points N] [--only TEXT] [--seed SEED]

Walks the table with every request and, on S3, with so many of the storage calls hit, and prints how each
run ended. Exit code 1 where one ended otherwise than it may, or the next did not end in the tables of an
undisturbed run.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random, SystemRandom

import pytest

from smart_trader_assets.delta import writing
from smart_trader_assets.sandbox import Fault, FaultKind
from smart_trader_assets_tests.support.object_store import CREDENTIALS, Misbehaviour, ObjectStore
from smart_trader_assets_tests.support.tiny_market import NOW
from smart_trader_assets_tests.trust import machine
from smart_trader_assets_tests.trust.endings import Ending, Site, make_site

# How long an answer is waited for that never comes, on a machine that may be busy.
HANG_SECONDS = 2.0
RIGHT = frozenset({Ending.RIGHT})
RIGHT_OR_TOLD = RIGHT | {Ending.TOLD}
ANY = frozenset(Ending)


@dataclass(frozen=True)
class Trouble:
    """A line of the table: what goes wrong, how a run under it may end, and whether that costs minutes."""

    name: str
    run: Callable[[Site, Path], Ending]
    may: frozenset[Ending]
    long: bool = False


PASSING: tuple[Fault, ...] = (
    Fault(FaultKind.RATE_LIMITED),
    Fault(FaultKind.RATE_LIMITED, retry_after=0.1),
    Fault(FaultKind.SERVER_ERROR),
    Fault(FaultKind.HANG),
    Fault(FaultKind.RESET),
)
"""What may pass: the request is sent again."""

PAID: tuple[Fault, ...] = (
    Fault(FaultKind.CUT_BODY),
    Fault(FaultKind.INVALID_JSON),
    Fault(FaultKind.UNSUCCESSFUL),
)
"""What may pass and is paid for: the request is sent once more, and no more than once."""

LASTING: tuple[Fault, ...] = (
    Fault(FaultKind.CREDITS_SPENT),
    Fault(FaultKind.BAD_KEY),
    Fault(FaultKind.FORBIDDEN),
    Fault(FaultKind.REDIRECT),
)
"""What stops the run: no row is to blame."""


def each_request_once(site: Site, root: Path, *, faults: tuple[Fault, ...]) -> Ending:
    """Each request of the run is answered with each of the faults, one after the other."""
    rules = [
        replace(fault, endpoint=endpoint, entity=entity)
        for endpoint, entity in site.requests
        for fault in faults
    ]
    return site.drain(
        root,
        rules,
        request_attempts=len(faults) + 1,
        **_patience(*faults),
    )


def one_request(site: Site, root: Path, *, fault: Fault, number: int) -> Ending:
    """One request is answered so, and what may pass is given no second attempt."""
    return site.drain(
        root,
        [replace(fault, after=number)],
        request_attempts=1,
        request_concurrency=1,
        **_patience(fault),
    )


def _patience(*faults: Fault) -> dict[str, float]:
    hangs = any(fault.kind is FaultKind.HANG for fault in faults)
    return {"request_timeout_seconds": HANG_SECONDS} if hangs else {}


def in_the_bucket(site: Site, root: Path, *, how: Misbehaviour) -> Ending:
    """A run whose root lies on S3, which misbehaves."""
    assert site.s3 is not None
    site.remote[root] = f"{site.s3.bucket()}/lake"
    site.s3.misbehaves(how)
    try:
        return site.drain(root)
    finally:
        site.s3.behaves()


@contextmanager
def moved_clock(by: timedelta, after: int) -> Iterator[None]:
    """The machine's clock jumps after so many looks of the store at it."""
    looks = 0

    def now() -> datetime:
        nonlocal looks
        looks += 1
        return datetime.now(UTC) + (by if looks > after else timedelta())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_now", now)
        yield


def clock_jumps(site: Site, root: Path, *, by: timedelta) -> Ending:
    """The machine's clock jumps in the middle of a run."""
    with moved_clock(by, after=site.writes // 3):
        return site.drain(root)


def earlier_clock(site: Site, root: Path) -> Ending:
    """A run by a clock that stands an hour before that of the run before it."""
    site.drain(root)
    return site.drain(root, as_of=NOW - timedelta(hours=1))


def table(site: Site, *, points: int, seed: int) -> list[Trouble]:
    """Every trouble that a run is put through; of many requests, calls and writes so many `points` each."""
    random = Random(seed)
    found = [
        Trouble(
            "every request answered with every passing fault, one after the other",
            partial(each_request_once, faults=(*PASSING, PAID[0])),
            RIGHT,
        ),
        *(
            Trouble(
                f"every request answered with {_named(fault)}",
                partial(each_request_once, faults=(fault,)),
                RIGHT,
                long=True,
            )
            for fault in (*PASSING, *PAID)
        ),
        *(
            Trouble(
                f"request {number + 1} of {len(site.requests)} answered with {_named(fault)}",
                partial(one_request, fault=fault, number=number),
                RIGHT_OR_TOLD if fault not in LASTING else frozenset({Ending.TOLD}),
                long=True,
            )
            # Runs do without what a plan lacks, swaps excepted.
            for fault in (*PASSING, *PAID, *LASTING, Fault(FaultKind.NOT_IN_PLAN))
            for number in sorted(random.sample(range(len(site.requests)), points))
        ),
        *(
            Trouble(
                f"the clock jumps by {by}",
                partial(clock_jumps, by=by),
                RIGHT,
                long=True,
            )
            for by in (timedelta(days=-1), timedelta(days=30))
        ),
        Trouble(
            "the clock stands an hour earlier than in the last run", earlier_clock, RIGHT, long=True
        ),
        *(
            Trouble(
                f"stopped before write {write} of {site.writes} and continued",
                partial(machine.stopped_and_continued, write=write),
                RIGHT,
                long=True,
            )
            for write in _spread(site.writes, points)
        ),
        *(
            Trouble(
                f"{megabytes} MB of memory",
                partial(machine.little_memory, megabytes=megabytes),
                ANY,
                long=True,
            )
            for megabytes in (1000, 2500, 3000, 3250, 3500, 4000)
        ),
    ]
    if machine.small_disks():
        found += [
            Trouble(
                f"a disk of {kilobytes} kB",
                partial(machine.full_disk, kilobytes=kilobytes),
                RIGHT_OR_TOLD,
                long=kilobytes != 200,
            )
            for kilobytes in (4, 64, 200, 600, 1000, 1400)
        ]
    return found + (_of_storage(points, random) if site.s3 else [])


def _of_storage(points: int, random: Random) -> list[Trouble]:
    def sample() -> list[int]:
        return sorted(random.sample(range(3500), points))

    once = (
        ("answered with 500", Misbehaviour(500, "InternalError", times=1), RIGHT),
        ("cut off", Misbehaviour(times=1), RIGHT),
        ("done, and its answer lost", Misbehaviour(times=1, done=True), RIGHT),
        ("answered with 403", Misbehaviour(403, "AccessDenied", times=1), RIGHT_OR_TOLD),
        (
            "the last before the credentials expire",
            Misbehaviour(400, "ExpiredToken"),
            RIGHT_OR_TOLD,
        ),
    )
    return [
        Trouble(
            f"storage call {after + 1} {what}",
            partial(in_the_bucket, how=replace(how, after=after)),
            may,
            long=True,
        )
        for what, how, may in once
        for after in sample()
    ]


def _named(fault: Fault) -> str:
    return fault.kind.value + (" and Retry-After" if fault.retry_after else "")


def _spread(writes: int, points: int) -> list[int]:
    return sorted({writes // 2, *(1 + (writes - 1) * n // max(1, points) for n in range(points))})


def walk(site: Site, trouble: Trouble, root: Path) -> Ending:
    """A run under the trouble, and the one after it; AssertionError where they end as they must not."""
    ending = trouble.run(site, root)
    assert ending in trouble.may, f"the run {ending}"
    site.assert_completed(root)
    return ending


def main() -> int:
    """Walk the whole table; 0 where every run ended as it may, and every next one completed it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, default=4, help="Requests and calls hit by each")
    parser.add_argument("--only", default="", help="A part of the names of those to walk")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    failed = 0
    endings: Counter[Ending] = Counter()
    os.environ.update(CREDENTIALS)
    with tempfile.TemporaryDirectory() as place, ObjectStore() as s3:
        site = make_site(Path(place), s3)
        if not machine.small_disks():
            print("left out: full disks, since this user may mount none")
        troubles = table(site, points=asked.points, seed=asked.seed)
        for number, trouble in enumerate(t for t in troubles if asked.only in t.name):
            began = time.monotonic()
            try:
                ending = walk(site, trouble, Path(place) / f"root {number}")
            except Exception as error:  # noqa: BLE001 - whatever a run raises is what is looked for
                failed += 1
                print(f"FAILED  {trouble.name}: {type(error).__name__}: {error}", flush=True)
            else:
                endings[ending] += 1
                print(
                    f"ok      {trouble.name}: {ending} ({time.monotonic() - began:.1f} s)",
                    flush=True,
                )
    print("; ".join(f"{count} runs {ending}" for ending, count in endings.items()))
    print(
        f"{failed} were not completed by the next" if failed else "the next run completed every one"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

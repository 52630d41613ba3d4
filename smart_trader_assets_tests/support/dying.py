"""`smart-trader` in a process that kills itself at a chosen point of its writing.

    python -m smart_trader_assets_tests.support.dying before 3 run --replay DIR --data ROOT

dies by SIGKILL right before its third write, `after` right after it; writes are the making of a table
and every commit, in the order in which they come.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest

from smart_trader_assets.cli import main
from smart_trader_assets.delta.store import DeltaStore

Moment = Literal["before", "after"]

WRITES = ("create", "commit")


@contextmanager
def watched_writes(notice: Callable[[Moment], None]) -> Iterator[None]:
    """Calls `notice` before and after each write of any store."""

    def watched(write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def noticed(*args: Any, **kwargs: Any) -> Any:
            notice("before")
            result = write(*args, **kwargs)
            notice("after")
            return result

        return noticed

    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(DeltaStore, name, watched(getattr(DeltaStore, name)))
        yield


def die_at(moment: Moment, number: int) -> Callable[[Moment], None]:
    """Kills this process at the `number`-th such moment; no handler runs, nothing is flushed."""
    seen = 0

    def notice(now: Moment) -> None:
        nonlocal seen
        seen += now == moment
        if now == moment and seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return notice


if __name__ == "__main__":
    which, count, *arguments = sys.argv[1:]
    sys.argv = ["smart-trader", *arguments]
    with watched_writes(die_at("before" if which == "before" else "after", int(count))):
        main()

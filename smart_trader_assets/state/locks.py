"""Work that one process of a root does at a time; a lock is released when its process ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from smart_trader_assets.errors import SmartTraderError


@contextmanager
def locked(path: Path, *, wait: float, otherwise: SmartTraderError) -> Iterator[Callable[[], bool]]:
    """Hold the lock of that file; `otherwise` is raised where another process of this machine does not let go
    of it within `wait` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        raise otherwise from None
    try:
        yield lambda: True
    finally:
        lock.release()

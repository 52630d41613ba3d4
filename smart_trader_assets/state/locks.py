"""Work that one process of a root does at a time; a lock is released when its process ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from smart_trader_assets.errors import SmartTraderError


@contextmanager
def alone(folder: Path, name: str, *, wait: float, otherwise: SmartTraderError) -> Iterator[None]:
    """Hold the lock of that name; `otherwise` is raised where another process does not let go of it within
    `wait` seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / name)
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        raise otherwise from None
    try:
        yield
    finally:
        lock.release()

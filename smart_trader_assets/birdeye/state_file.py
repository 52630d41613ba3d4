"""SQLite files through which processes on one machine share the rate limit and the credits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from smart_trader_assets.birdeye.errors import StateFileError

BUSY_SECONDS = 30.0


def open_state_file(path: Path | None, *, durable: bool) -> sqlite3.Connection:
    """Open (and make) the SQLite file at `path`; None keeps the state in this process alone.

    The connection is in autocommit mode: transactions are begun explicitly. `durable` says whether
    a commit must survive a power cut. Raises `StateFileError` where the file cannot be used.
    """
    with readable_errors(path):
        if path is None:
            return _connect(":memory:", durable=durable)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Switching a fresh file to WAL needs it for itself and does not wait for others.
        with FileLock(f"{path}.lock", timeout=BUSY_SECONDS):
            return _connect(str(path), durable=durable)


def _connect(database: str, *, durable: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        database, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={'NORMAL' if durable else 'OFF'}")
    return connection


@contextmanager
def exclusive(connection: sqlite3.Connection, path: Path | None) -> Iterator[None]:
    """One writer at a time, across processes: what is read inside stays true until the end.

    Commits at the end and rolls back on an exception. Raises `StateFileError` for SQLite's own errors.
    """
    with readable_errors(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            _end(connection, "ROLLBACK")
            raise
        _end(connection, "COMMIT")


def _end(connection: sqlite3.Connection, verb: Literal["COMMIT", "ROLLBACK"]) -> None:
    if connection.in_transaction:
        connection.execute(verb)


@contextmanager
def readable_errors(path: Path | None) -> Iterator[None]:
    """Raise SQLite's and the file system's errors as `StateFileError` naming the file."""
    try:
        yield
    except (sqlite3.Error, OSError, Timeout) as error:
        raise StateFileError(
            f"The state file {path or 'in memory'} cannot be used ({error}): check that its folder "
            "exists, is writable and is on a local disk; a damaged file can be removed, which "
            "forgets the credits that it counted."
        ) from error

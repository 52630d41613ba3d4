"""Databases through which runs share numbers: each change is one transaction, and one writer is at work at a
time.

By default each is a SQLite file beside the tables; `state/postgres.py` has those of a root that several
machines work on. Both speak the SQL that is common to them, with `?` for a value.
"""

from __future__ import annotations

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from time import time_ns
from typing import Any, ParamSpec, Protocol, TypeVar

from filelock import FileLock, Timeout

from smart_trader_assets.state.errors import StateError

BUSY_SECONDS = 30.0

T = TypeVar("T")
P = ParamSpec("P")


class Cursor(Protocol):
    """The rows of an answer."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""


class Transaction(Protocol):
    """What is read in it stays true until its end, where it writes."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Cursor:
        """Run one statement."""


class Database(ABC):
    """Tables that processes share. Its methods may be called from several threads.

    Raise StateError where it cannot be used.
    """

    is_remote: bool = False
    """Whether an answer may take as long as a network does."""

    @abstractmethod
    def create(self, *statements: str) -> None:
        """Make tables and indices that are not there; `{rowid}` stands for the column that numbers the rows,
        where the database does not have one by itself."""

    @abstractmethod
    def bring_along(self, table: str, column: str, kind: str) -> None:
        """Add a column that a table of an earlier version lacks."""

    @abstractmethod
    def read(self, work: Callable[[Transaction], T]) -> T:
        """What `work` reads."""

    @abstractmethod
    def write(self, work: Callable[[Transaction], T], *, repeatable: bool = True) -> T:
        """What `work` returns; what it changed is kept, or nothing of it where it raises.

        It may be called again where the connection is lost. Where that happens while the change is being kept,
        and it must not be made twice (not `repeatable`), StateUncertainError.
        """

    @abstractmethod
    def now_ms(self, transaction: Transaction) -> int:
        """The time of the one clock that all who share the database go by, in milliseconds since 1970."""

    @abstractmethod
    def close(self) -> None:
        """Release it."""

    async def aside(self, work: Callable[P, T], /, *arguments: P.args, **keywords: P.kwargs) -> T:
        """`work`, which uses this database, from a loop that must not stand still while a network answers."""
        if self.is_remote:
            return await asyncio.to_thread(work, *arguments, **keywords)
        return work(*arguments, **keywords)


class SqliteFile(Database):
    """A SQLite file that the processes of one machine share; without a path it is this process's alone.

    `durable` says whether what is kept must survive a power cut.
    """

    def __init__(self, path: Path | None, *, durable: bool) -> None:
        self.path = path
        self._guard = RLock()
        with self._readable_errors():
            if path is None:
                self._connection = _connect(":memory:", durable=durable)
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            # Switching a fresh file to WAL needs it for itself and does not wait for others.
            with FileLock(f"{path}.lock", timeout=BUSY_SECONDS):
                self._connection = _connect(str(path), durable=durable)

    def create(self, *statements: str) -> None:
        def made(transaction: Transaction) -> None:
            for statement in statements:
                transaction.execute(statement.format(rowid=""))

        self.write(made)

    def bring_along(self, table: str, column: str, kind: str) -> None:
        def added(transaction: Transaction) -> None:
            held = transaction.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
            if (column,) not in held:
                transaction.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")

        self.write(added)

    def read(self, work: Callable[[Transaction], T]) -> T:
        with self._guard, self._readable_errors():
            return work(self._connection)

    def write(self, work: Callable[[Transaction], T], *, repeatable: bool = True) -> T:  # noqa: ARG002
        with self._guard, self._readable_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(self._connection)
            except BaseException:
                self._end("ROLLBACK")
                raise
            self._end("COMMIT")
            return result

    def now_ms(self, transaction: Transaction) -> int:  # noqa: ARG002
        return time_ns() // 1_000_000

    def close(self) -> None:
        self._connection.close()

    def _end(self, verb: str) -> None:
        if self._connection.in_transaction:
            self._connection.execute(verb)

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        """Raise SQLite's and the file system's errors as StateError naming the file."""
        try:
            yield
        except (sqlite3.Error, OSError, Timeout) as error:
            raise StateError(
                f"The state file {self.path or 'in memory'} cannot be used ({error}): check that its folder "
                "exists, is writable and is on a local disk; a damaged file can be removed, which "
                "forgets the credits that it counted."
            ) from error


def _connect(database: str, *, durable: bool) -> sqlite3.Connection:
    # In autocommit mode: transactions are begun explicitly.
    connection = sqlite3.connect(
        database, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode=WAL")
    # NORMAL may lose the last commits with the power, OFF the whole file.
    connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    return connection

"""The shared state of a root that several machines work on, in PostgreSQL.

One database keeps the state of one root, in a schema of its own (`smart_trader`), so that it can be the one
that Dagster keeps its history in. The server's clock is everybody's, however far those of the machines are
apart.

A connection that is lost is made again, and what it was at is done again, for as long as a restart takes. A
lock is a row that its holder renews: it outlives a restart of the server, and is free a minute after its
holder's death.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import Event, Lock, Thread
from typing import Any, Final, TypeVar, cast

import sqlalchemy
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.state.database import Cursor, Database, Transaction
from smart_trader_assets.state.errors import StateError, StateUncertainError
from smart_trader_assets.state.journal import Journal
from smart_trader_assets.state.notes import Note
from smart_trader_assets.state.shared_state import SharedState
from smart_trader_assets.text import without

T = TypeVar("T")

SCHEMA: Final = "smart_trader"
VERSION: Final = 1
"""Rises where the tables of the shared state change; older software refuses a higher one."""

PATIENCE_SECONDS: Final = 60.0
"""How long a server that has answered before is waited for."""

LOCK_LEASE: Final = timedelta(seconds=60)
_RENEWALS: Final = 4
_POLL_SECONDS: Final = 0.5
_CONNECT_SECONDS: Final = 5

# A server notices a machine that is gone, and a transaction that a stopped process holds open.
_SESSION: Final = (
    f"-csearch_path={SCHEMA} -cidle_in_transaction_session_timeout=30s -clock_timeout=30s "
    "-ctcp_keepalives_idle=10 -ctcp_keepalives_interval=5 -ctcp_keepalives_count=3"
)
_TABLES: Final = (
    "CREATE TABLE deployment (version INTEGER NOT NULL, root TEXT, id TEXT NOT NULL)",
    "CREATE TABLE notes (name TEXT PRIMARY KEY, content TEXT NOT NULL)",
    "CREATE TABLE journals (rowid BIGSERIAL, name TEXT NOT NULL, line TEXT NOT NULL)",
    "CREATE INDEX journals_by_name ON journals (name)",
    "CREATE TABLE locks (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until TIMESTAMPTZ NOT NULL)",
)
# While the server was away nobody could renew: what has run out since then is not over yet. Who took it and was
# not told so, since the connection broke, asks again.
_TAKE: Final = """
INSERT INTO locks VALUES (?, ?, clock_timestamp() + ?)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE locks.holder = excluded.holder
   OR (locks.until < clock_timestamp() AND pg_postmaster_start_time() < clock_timestamp() - ?)
RETURNING holder
"""
_RENEW: Final = """
UPDATE locks SET until = clock_timestamp() + ? WHERE name = ? AND holder = ? RETURNING holder
"""
_NO_RIGHT: Final = "42501"
_LOST: Final = (OperationalError, InterfaceError)

_log = logging.getLogger(__name__)


class PostgresState(SharedState):
    """The state in the database at `url`, which belongs to `root`. Made once a process, by `of`."""

    has_many_clocks = True

    def __init__(self, url: str, root: str) -> None:
        self._root = root.rstrip("/")
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            raise StateError("SMART_TRADER_STATE_URL is not a database's address.") from None
        self._secrets = (
            str(parsed.password or ""),
            str(parsed.query.get("password", "")),
            url.rpartition("@")[0].rpartition(":")[2],
            url,
        )
        server = f"{parsed.host or 'localhost'}:{parsed.port or 5432}/{parsed.database or ''}"
        self.place = f"PostgreSQL at {server}"
        self._prepared = Lock()
        self._id: str | None = None
        try:
            self._engine = _engine(parsed)
        except ImportError:
            raise StateError(
                "SMART_TRADER_STATE_URL needs a driver for PostgreSQL that is not installed: "
                "pip install 'smart-trader-assets[cluster]'."
            ) from None

    @staticmethod
    def of(url: str, root: str) -> PostgresState:
        """The one of this process: its connections are shared by all who use it."""
        return _state(url, root, os.getpid())

    @property
    def deployment(self) -> str:  # type: ignore[override]
        """What tells this database from any other."""
        self._prepare()
        assert self._id is not None  # noqa: S101
        return self._id

    def database(self, name: str, *, durable: bool) -> Database:
        self._prepare()
        return PostgresTables(self, name, durable=durable)

    def database_if_any(self, name: str) -> Database:
        return self.database(name, durable=True)

    def note(self, name: str, kind: Any) -> Note[Any]:
        return Note(_NoteRow(self.database("notes", durable=True), name), kind)

    def journal(self, name: str) -> Journal:
        return _JournalRows(self.database("journals", durable=True), name)

    @contextmanager
    def alone(
        self, name: str, *, wait: float, otherwise: SmartTraderError
    ) -> Iterator[Callable[[], bool]]:
        lock = _HeldLock(self.database("locks", durable=True), name)
        until = time.monotonic() + wait
        while not lock.take():
            left = until - time.monotonic()
            if left <= 0:
                raise type(otherwise)(f"{otherwise} {lock.holder()}") from None
            time.sleep(min(_POLL_SECONDS, left))
        with lock.kept() as is_held:
            yield is_held

    def now(self) -> datetime:
        clock = self.database("clock", durable=True)
        return datetime.fromtimestamp(clock.read(clock.now_ms) / 1000, UTC)

    def could_renew_since(self) -> datetime | None:
        sql = "SELECT pg_postmaster_start_time()"
        clock = self.database("clock", durable=True)
        since: datetime = clock.read(lambda reading: reading.execute(sql).fetchone()[0])
        return since.astimezone(UTC)

    def claim(self) -> None:
        self._prepare()
        sql = "UPDATE deployment SET root = ? WHERE root IS NULL"
        self.database("deployment", durable=True).write(
            lambda writing: writing.execute(sql, (self._root,))
        )
        with self._prepared:
            self._id = None
        self._prepare()

    def check(self) -> str:
        self._prepare()
        return self.place

    def connect(self) -> Connection:
        """A connection out of the pool."""
        return self._engine.connect()

    def failure(self, error: Exception) -> StateError:
        """What a driver's error says, in one sentence and without the password."""
        said = error.orig if isinstance(error, DBAPIError) and error.orig else error
        remedy = "check that it runs and can be reached from here, and SMART_TRADER_STATE_URL"
        if getattr(said, "pgcode", None) == _NO_RIGHT:
            remedy = "the role in SMART_TRADER_STATE_URL must own the database"
        text = re.sub(r"\s+", " ", without(self._secrets, str(said))).strip().rstrip(".")
        return StateError(f"The shared state in {self.place} cannot be used ({text}): {remedy}.")

    def _prepare(self) -> None:
        """Make or compare the tables, once a process; a server that does not answer is not waited for."""
        with self._prepared:
            if self._id is not None:
                return
            try:
                with self._engine.begin() as connection:
                    self._id = self._open(PostgresTransaction(connection))
            except (DBAPIError, sqlalchemy.exc.TimeoutError) as error:
                raise self.failure(error) from None

    def _open(self, transaction: Transaction) -> str:
        transaction.execute("SELECT pg_advisory_xact_lock(hashtext(?))", (SCHEMA,))
        # Asked for first: making a schema "if it is not there" needs the right to make one.
        if not transaction.execute(
            "SELECT 1 FROM pg_namespace WHERE nspname = ?", (SCHEMA,)
        ).fetchone():
            transaction.execute(f"CREATE SCHEMA {SCHEMA}")
        if not transaction.execute("SELECT to_regclass('deployment')").fetchone()[0]:
            for table in _TABLES:
                transaction.execute(table)
            made = str(uuid.uuid4())
            transaction.execute("INSERT INTO deployment VALUES (?, NULL, ?)", (VERSION, made))
            return made
        version, root, identity = transaction.execute("SELECT * FROM deployment").fetchone()
        if version > VERSION:
            raise StateError(
                f"The shared state in {self.place} was made by a later version of this software (its tables "
                f"are of version {version}, these know {VERSION}): install that version here."
            )
        if root not in (None, self._root):
            raise StateError(
                f"{self.place} keeps the state of {root}, not of {self._root}: each root needs "
                "a database of its own. Name another one in SMART_TRADER_STATE_URL, or the other root in "
                f"SMART_TRADER_ROOT; where that one is gone for good, DROP SCHEMA {SCHEMA} CASCADE forgets it."
            )
        return cast(str, identity)


@lru_cache(maxsize=8)
def _state(url: str, root: str, process: int) -> PostgresState:  # noqa: ARG001 - connections do not survive a fork
    return PostgresState(url, root)


def _engine(url: sqlalchemy.URL) -> Engine:
    arguments: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS,
        "options": f"{url.query.get('options', '')} {_SESSION}".strip(),
        "application_name": "smart-trader",
        "tcp_user_timeout": 15_000,
    }
    if url.drivername == "postgresql":
        # The driver that dagster-postgres brings along, whatever SQLAlchemy takes by itself.
        url = url.set(drivername="postgresql+psycopg2")
    return sqlalchemy.create_engine(
        url,
        connect_args=arguments,
        # So that who has waited for a lock sees what the one before has written.
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=8,
        pool_recycle=600,
    )


class PostgresTransaction:
    """Statements with `?` for a value, as `Transaction` has them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""
        return cast(Cursor, self._connection.exec_driver_sql(sql.replace("?", "%s"), tuple(values)))


class PostgresTables(Database):
    """The tables of one name; who writes to them waits for whoever else does."""

    is_remote = True

    def __init__(self, state: PostgresState, name: str, *, durable: bool) -> None:
        self._state = state
        self._name = name
        self._durable = durable

    def create(self, *statements: str) -> None:
        def made(transaction: Transaction) -> None:
            for statement in statements:
                transaction.execute(statement.format(rowid="rowid BIGSERIAL, "))

        self.write(made)

    def bring_along(self, table: str, column: str, kind: str) -> None:
        """Nothing: its tables have a version of their own."""

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self._patiently(lambda: self._once(work, kept=False, repeatable=True))

    def write(self, work: Callable[[Transaction], T], *, repeatable: bool = True) -> T:
        return self._patiently(lambda: self._once(work, kept=True, repeatable=repeatable))

    def now_ms(self, transaction: Transaction) -> int:
        sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        return int(transaction.execute(sql).fetchone()[0])

    def close(self) -> None:
        """The connections are the process's."""

    def _patiently(self, attempt: Callable[[], T]) -> T:
        retrying = Retrying(
            retry=retry_if_exception_type(_LOST),
            wait=wait_exponential_jitter(multiplier=0.1, max=2.0, jitter=0.2),
            stop=stop_after_delay(PATIENCE_SECONDS),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except (DBAPIError, sqlalchemy.exc.TimeoutError) as error:
            raise self._state.failure(error) from None

    def _once(self, work: Callable[[Transaction], T], *, kept: bool, repeatable: bool) -> T:
        with self._state.connect() as connection:
            begun = connection.begin()
            transaction = PostgresTransaction(connection)
            if kept:
                key = f"{SCHEMA}.{self._name}"
                transaction.execute("SELECT pg_advisory_xact_lock(hashtext(?))", (key,))
                if not self._durable:
                    transaction.execute("SET LOCAL synchronous_commit = off")
            result = work(transaction)
            try:
                begun.commit()
            except _LOST as error:
                if repeatable:
                    raise
                raise StateUncertainError(str(self._state.failure(error))) from None
            return result


class _NoteRow:
    def __init__(self, tables: Database, name: str) -> None:
        self._tables = tables
        self._name = name

    def read(self) -> str | None:
        return self._tables.read(self._text)

    def write(self, text: str) -> None:
        self._tables.write(lambda writing: self._keep(writing, text))

    def remove(self) -> None:
        self._tables.write(self._forget)

    def change(self, change: Callable[[str | bytes | None], str | None]) -> None:
        def changed(writing: Transaction) -> None:
            text = change(self._text(writing))
            if text is None:
                self._forget(writing)
            else:
                self._keep(writing, text)

        self._tables.write(changed)

    def _text(self, notes: Transaction) -> str | None:
        row = notes.execute("SELECT content FROM notes WHERE name = ?", (self._name,)).fetchone()
        return None if row is None else cast(str, row[0])

    def _keep(self, notes: Transaction, text: str) -> None:
        notes.execute(
            "INSERT INTO notes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET content = excluded.content",
            (self._name, text),
        )

    def _forget(self, notes: Transaction) -> None:
        notes.execute("DELETE FROM notes WHERE name = ?", (self._name,))


class _JournalRows:
    def __init__(self, tables: Database, name: str) -> None:
        self._tables = tables
        self._name = name

    def add(self, line: str) -> None:
        sql = "INSERT INTO journals (name, line) VALUES (?, ?)"
        self._tables.write(lambda writing: writing.execute(sql, (self._name, line)))

    def lines(self) -> Sequence[str]:
        sql = "SELECT line FROM journals WHERE name = ? ORDER BY rowid"
        rows = self._tables.read(lambda reading: reading.execute(sql, (self._name,)).fetchall())
        return [row[0] for row in rows]

    def clear(self) -> None:
        sql = "DELETE FROM journals WHERE name = ?"
        self._tables.write(lambda writing: writing.execute(sql, (self._name,)))


class _HeldLock:
    """One attempt at a lock, and its renewal."""

    def __init__(self, tables: Database, name: str) -> None:
        self._tables = tables
        self._name = name
        self._me = f"process {os.getpid()} on {socket.gethostname()} ({uuid.uuid4().hex[:8]})"

    def take(self) -> bool:
        """Take it; whether it is held now."""
        values = (self._name, self._me, LOCK_LEASE, LOCK_LEASE)
        taken = self._tables.write(lambda writing: writing.execute(_TAKE, values).fetchone())
        return taken is not None

    def renew(self) -> bool:
        """Keep it; whether it is still held."""
        values = (LOCK_LEASE, self._name, self._me)
        kept = self._tables.write(lambda writing: writing.execute(_RENEW, values).fetchone())
        return kept is not None

    def holder(self) -> str:
        """Who holds it, and until when if that one should have died."""
        sql = "SELECT holder, until FROM locks WHERE name = ?"
        row = self._tables.read(lambda reading: reading.execute(sql, (self._name,)).fetchone())
        if row is None:
            return "It was released just now."
        holder, until = row
        return (
            f"It is {holder.partition(' (')[0]}; should that have died, it is free at "
            f"{until.astimezone(UTC):%H:%M:%S} UTC, by the database's clock."
        )

    @contextmanager
    def kept(self) -> Iterator[Callable[[], bool]]:
        """Renew it until the block is left, then release it; gives what tells whether it is still held."""
        done, lost = Event(), Event()

        def renew() -> None:
            while not done.wait(LOCK_LEASE.total_seconds() / _RENEWALS):
                try:
                    if not self.renew():
                        # The tables' own fences refuse what a holder that was too slow goes on to write.
                        lost.set()
                        _log.warning(
                            "The lock %s was lost: it was not renewed in time.", self._name
                        )
                        return
                except StateError as error:
                    _log.warning("The lock %s could not be renewed: %s", self._name, error)

        keeper = Thread(target=renew, name=f"lock {self._name}", daemon=True)
        keeper.start()
        try:
            yield lambda: not lost.is_set() and self.renew()
        finally:
            done.set()
            keeper.join()
            sql = "DELETE FROM locks WHERE name = ? AND holder = ?"
            try:
                self._tables.write(lambda writing: writing.execute(sql, (self._name, self._me)))
            except StateError as error:
                _log.warning("The lock %s could not be released: %s", self._name, error)

"""What the runs of a root share beside its tables: numbers, notes, locks, and a clock.

On one machine these are files in a folder beside the tables. Where several machines work on one root they are
in PostgreSQL (`SMART_TRADER_STATE_URL`): two folders would be two ledgers of the same credits, two rates on
the same account, and two locks of which each lets somebody in.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smart_trader_assets.delta.location import is_remote, place
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.settings import Settings, SettingsError
from smart_trader_assets.state import clock
from smart_trader_assets.state.database import Database, SqliteFile
from smart_trader_assets.state.journal import Journal, JournalFile
from smart_trader_assets.state.locks import locked
from smart_trader_assets.state.notes import Note, NoteFile


class SharedState(ABC):
    """The shared state of one root. All methods raise StateError, or OSError, where it cannot be used."""

    place: str
    """Where it is, for people."""

    deployment: str | None = None
    """What tells a database from any other that keeps a root's state; None for files."""

    has_many_clocks: bool = False
    """Whether those who share it may go by clocks that are minutes apart."""

    @abstractmethod
    def database(self, name: str, *, durable: bool) -> Database:
        """The tables of that name. `durable`: whether what is kept must survive a power cut."""

    @abstractmethod
    def database_if_any(self, name: str) -> Database:
        """The same for who only looks: where there is none yet, an empty one that leaves no trace."""

    @abstractmethod
    def note(self, name: str, kind: Any) -> Note[Any]:
        """The note of that name, whose content is a `kind`."""

    @abstractmethod
    def journal(self, name: str) -> Journal:
        """The journal of that name."""

    @abstractmethod
    def alone(
        self, name: str, *, wait: float, otherwise: SmartTraderError
    ) -> AbstractContextManager[Callable[[], bool]]:
        """Hold the lock of that name; raises `otherwise` where another process does not let go of it within
        `wait` seconds. Gives what tells whether it is still held: a process may have been asleep."""

    @abstractmethod
    def now(self) -> datetime:
        """The time, by the one clock that all who share the state go by."""

    def could_renew_since(self) -> datetime | None:
        """Since when leases could be renewed without a break; None where nothing stands in between."""
        return None

    @abstractmethod
    def claim(self) -> None:
        """Take it for the root, whose it stays; StateError where it is another root's."""

    @abstractmethod
    def check(self) -> str:
        """Where it is, in words, once it was found to be usable; StateError where it is not."""


class LocalState(SharedState):
    """Files in a folder of one machine; they are made when something is kept in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = f"files in {folder}"

    def database(self, name: str, *, durable: bool) -> Database:
        return SqliteFile(self._database_file(name), durable=durable)

    def database_if_any(self, name: str) -> Database:
        file = self._database_file(name)
        return SqliteFile(file if file.exists() else None, durable=True)

    def note(self, name: str, kind: Any) -> Note[Any]:
        return Note(NoteFile(self.folder / f"{name}.json"), kind)

    def journal(self, name: str) -> Journal:
        return JournalFile(self.folder / name)

    def alone(
        self, name: str, *, wait: float, otherwise: SmartTraderError
    ) -> AbstractContextManager[Callable[[], bool]]:
        return locked(self.folder / f"{name}.lock", wait=wait, otherwise=otherwise)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def could_renew_since(self) -> datetime | None:
        return clock.OF_THIS_MACHINE.leapt_at()

    def claim(self) -> None:
        """Nothing: files beside the tables are nobody else's."""

    def check(self) -> str:
        return self.place

    def _database_file(self, name: str) -> Path:
        return self.folder / f"{name}.sqlite"


def state_of(settings: Settings) -> SharedState:
    """The shared state of the root that the settings name.

    SettingsError for a root in an object store without a database: the next machine would know nothing of it.
    """
    if settings.state_url is not None:
        return _postgres(settings)
    if is_remote(settings.resolved_root) and settings.state_dir is None:
        raise SettingsError(
            f"The root {settings.resolved_root} can be reached from several machines, which would each count "
            "credits and requests by themselves: set SMART_TRADER_STATE_URL to a PostgreSQL database that they "
            "share (postgresql://user:password@host/database), or, where only this machine works on the root, "
            "SMART_TRADER_STATE_DIR to a folder of it (earlier versions took data/state)."
        )
    return LocalState(settings.resolved_state_dir)


def _postgres(settings: Settings) -> SharedState:
    # Imported here: most machines have no driver, and need none.
    from smart_trader_assets.state.postgres import PostgresState  # noqa: PLC0415

    assert settings.state_url is not None  # noqa: S101
    return PostgresState.of(settings.state_url.get_secret_value(), place(settings.resolved_root))

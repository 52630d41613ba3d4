"""Notes: small values that one run leaves for the next, each typed and read as a whole.

A note is a hint and never the only copy of anything: whoever reads it goes on without it. So one that is
missing, garbled or of another type reads as None, and a crash leaves the note before it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from smart_trader_assets.delta.atomic_write import write_whole

T = TypeVar("T")


class Sheet(Protocol):
    """Where one note is written."""

    def read(self) -> str | bytes | None:
        """What is written there; None where nothing is."""

    def write(self, text: str) -> None:
        """Put `text` in the place of what was written."""

    def remove(self) -> None:
        """Leave nothing there."""

    def change(self, change: Callable[[str | bytes | None], str | None]) -> None:
        """Put what `change` makes of what is written there in its place (None: leave nothing), while nobody
        else writes."""


class NoteFile:
    """A JSON file beside the tables."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes | None:
        """Raises OSError."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, text: str) -> None:
        """Raises OSError."""
        self.change(lambda _: text)

    def remove(self) -> None:
        """Raises OSError."""
        if self._path.exists():
            self.change(lambda _: None)

    def change(self, change: Callable[[str | bytes | None], str | None]) -> None:
        """Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._path.with_suffix(".lock")):
            text = change(self.read())
            if text is None:
                self._path.unlink(missing_ok=True)
            else:
                write_whole(self._path, text)


class Note(Generic[T]):
    """What is written on a sheet, as JSON of a `kind`. Its methods raise what the sheet's raise."""

    def __init__(self, sheet: Sheet, kind: Any) -> None:
        self._sheet = sheet
        self._type: TypeAdapter[T] = TypeAdapter(kind)

    def read(self) -> T | None:
        """The value, or None where there is none that can be understood."""
        return self._understood(self._sheet.read())

    def write(self, value: T) -> None:
        """Keep `value` instead of the one before."""
        self._sheet.write(self._type.dump_json(value).decode())

    def remove(self) -> None:
        """Forget the value."""
        self._sheet.remove()

    def change(self, change: Callable[[T | None], T | None]) -> None:
        """Keep what `change` makes of the value (None: forget it); nobody else changes it meanwhile."""

        def changed(text: str | bytes | None) -> str | None:
            value = change(self._understood(text))
            return None if value is None else self._type.dump_json(value).decode()

        self._sheet.change(changed)

    def _understood(self, text: str | bytes | None) -> T | None:
        try:
            return None if text is None else self._type.validate_json(text)
        except ValidationError:
            return None

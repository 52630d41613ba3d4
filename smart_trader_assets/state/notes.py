"""Notes: small values that one run leaves for the next, each typed and read as a whole.

A note is a hint and never the only copy of anything: whoever reads it goes on without it. So one that is
missing, garbled or of another type reads as None, and a crash leaves the note before it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from smart_trader_assets.delta.atomic_write import write_whole

T = TypeVar("T")


class Note(Generic[T]):
    """The note `name` in `folder`: a JSON file beside the credit ledger, whose content is a `kind`."""

    def __init__(self, folder: Path, name: str, kind: Any) -> None:
        self.path = folder / f"{name}.json"
        self._type: TypeAdapter[T] = TypeAdapter(kind)

    def read(self) -> T | None:
        """The value, or None where there is none that can be understood."""
        try:
            return self._type.validate_json(self.path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def write(self, value: T) -> None:
        """Keep `value` instead of the one before. Raises OSError."""
        write_whole(self.path, self._type.dump_json(value).decode())

    def remove(self) -> None:
        """Forget the value."""
        self.path.unlink(missing_ok=True)

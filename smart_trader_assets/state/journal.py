"""Lines that outlive the death of who writes them: the shortest way to remember something before a commit
does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Journal(Protocol):
    """Lines in their order. Only one process at a time writes to it."""

    def add(self, line: str) -> None:
        """Remember one line; it is kept when this returns."""

    def lines(self) -> Sequence[str]:
        """All lines since they were last cleared; the last one may have been cut by a death."""

    def clear(self) -> None:
        """Forget them all."""


class JournalFile:
    """A text file beside the tables. Its methods raise OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, line: str) -> None:
        """One line, on the disk when this returns."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def lines(self) -> Sequence[str]:
        """What the file holds."""
        if not self._path.exists():
            return ()
        return self._path.read_text(encoding="utf-8").splitlines()

    def clear(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)

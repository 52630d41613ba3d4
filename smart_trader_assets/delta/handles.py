"""Opened tables, kept and brought forward: opening reads the whole log, a step forward only what is new.

A kept table is used again only while the log entry of its version is the very object that it was, so that a
table which was deleted, restored or made anew is opened from the start. Whether it is the newest is asked of
the log each time.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import obstore
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from smart_trader_assets.delta.commit_log import entry_path, entry_version, log_folder
from smart_trader_assets.delta.contract import TableContract

_LOCAL = "file://"
_Mark = tuple[object, ...]


class ReadableTable(DeltaTable):
    """delta-rs spells a local root as a URL (a blank is %20), and Polars takes that for the path."""

    def file_uris(self, *which: Any, **how: Any) -> list[str]:
        """Where the files lie; the part below the table is a path already, and is left as it is."""
        files = super().file_uris(*which, **how)
        if not self.table_uri.startswith(_LOCAL):
            return files
        root = self.table_uri.removeprefix(_LOCAL)
        return [unquote(root) + file.removeprefix(_LOCAL).removeprefix(root) for file in files]


class Snapshot(ReadableTable):
    """A table as it stands at one version, for reading: it stays so while the table kept moves on."""

    def __init__(self, kept: DeltaTable, answers: _Answers) -> None:
        self._storage_options = kept._storage_options
        self._table: Any = answers


class _Answers:
    """What delta-rs tells of a table, asked at most once."""

    # All that Polars asks when it resolves a scan.
    _OF_A_SCAN = (
        "version",
        "metadata",
        "protocol_versions",
        "table_uri",
        "get_add_file_sizes",
    )

    def __init__(self, raw: Any, lock: threading.RLock) -> None:
        self._raw = raw
        self._lock = lock
        self._known: dict[tuple[Any, ...], Any] = {}

    @property
    def schema(self) -> Any:
        """The table's columns."""
        return self._ask("schema", lambda: self._raw.schema)

    def file_uris(self, pruned_by: Any = None) -> list[str]:
        """Where the files lie."""
        found: list[str] = self._ask(
            ("file_uris", repr(pruned_by)), lambda: self._raw.file_uris(pruned_by)
        )
        return found

    def get_add_actions(self, flatten: bool = False) -> Any:
        """What the log says of each file."""
        return self._ask(("get_add_actions", flatten), lambda: self._raw.get_add_actions(flatten))

    def __getattr__(self, name: str) -> Callable[[], Any]:
        if name not in self._OF_A_SCAN:
            raise AttributeError(f"a snapshot is only read from, and does not know {name}")

        def answer() -> Any:
            return getattr(self._raw, name)()

        return lambda: self._ask(name, answer)

    def learn(self) -> None:
        """Ask for all that a reader may still ask, and let go of the table, which is about to move on."""
        for name in self._OF_A_SCAN:
            getattr(self, name)()
        _ = self.schema
        self.file_uris()
        for flatten in (False, True):
            self.get_add_actions(flatten)
        self._raw = None

    def _ask(self, what: Any, answer: Callable[[], Any]) -> Any:
        if what not in self._known:
            with self._lock:
                if what not in self._known:
                    self._known[what] = answer()
        return self._known[what]


@dataclass
class _Kept:
    """A table, and what its newest log entry was when it was opened or moved on."""

    table: DeltaTable
    mark: _Mark | None
    read: weakref.WeakSet[_Answers] = field(default_factory=weakref.WeakSet)

    def let_go(self) -> None:
        """Have those who read from it learn what they may still ask, before it moves on."""
        for answers in list(self.read):
            answers.learn()
        self.read.clear()


class Handles:
    """The tables of one store, each opened once.

    `open_table` opens a table from the start, and raises what there is to raise; `objects` are the files below
    the root. Safe between threads: a table is used by one at a time.
    """

    def __init__(
        self,
        open_table: Callable[[TableContract], DeltaTable],
        objects: Callable[[], ObjectStore],
    ) -> None:
        self._open = open_table
        self._objects = objects
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, threading.RLock] = {}

    def snapshot(self, contract: TableContract) -> Snapshot:
        """The table at its newest version, for reading."""
        lock = self._lock(contract)
        with lock:
            kept = self._newest(contract)
            answers = _Answers(kept.table._table, lock)
            kept.read.add(answers)
            return Snapshot(kept.table, answers)

    @contextmanager
    def reading(self, contract: TableContract) -> Iterator[DeltaTable]:
        """The same, with all that delta-rs can read of it, for as long as the block lasts."""
        with self._lock(contract):
            yield self._newest(contract).table

    @contextmanager
    def writing(self, contract: TableContract) -> Iterator[DeltaTable]:
        """The table at its newest version, to commit to within the block; after a failure it is opened anew."""
        with self._lock(contract):
            kept = self._newest(contract)
            kept.let_go()
            try:
                yield kept.table
            except BaseException:
                self._kept.pop(contract.name, None)
                raise
            version = kept.table.version()
            try:
                kept.mark = self._marks_from(contract, version).get(version)
            except (OSError, BaseError):
                # What was committed stands, and the next look opens the table anew.
                kept.mark = None

    def _lock(self, contract: TableContract) -> threading.RLock:
        return self._locks.setdefault(contract.name, threading.RLock())

    def _newest(self, contract: TableContract) -> _Kept:
        kept = self._kept.get(contract.name)
        if kept is None or not self._moved_on(kept, contract):
            table = self._open(contract)
            version = table.version()
            kept = _Kept(table, self._marks_from(contract, version).get(version))
            self._kept[contract.name] = kept
        return kept

    def _moved_on(self, kept: _Kept, contract: TableContract) -> bool:
        """Bring the table to its newest version; False where it has to be opened from the start."""
        version = kept.table.version()
        marks = self._marks_from(contract, version)
        if kept.mark is None or marks.get(version) != kept.mark:
            return False
        if len(marks) == 1:
            return True
        kept.let_go()
        try:
            kept.table.update_incremental()
        except (OSError, DeltaError):
            return False
        kept.mark = marks.get(kept.table.version())
        return True

    def _marks_from(self, contract: TableContract, version: int) -> dict[int, _Mark]:
        """Of each log entry from `version` on what tells it from any other object; a single request."""
        before = entry_path(contract.name, version).removesuffix("son")
        pages = obstore.list(self._objects(), log_folder(contract.name), offset=before)
        return {
            at: (found["e_tag"], found["last_modified"], found["size"])
            for page in pages
            for found in page
            if (at := entry_version(found["path"])) is not None
        }

"""Entries of a table's log, as they are stored.

delta-rs's own history is not asked: it finds no entry where a folder's name has letters beyond ASCII.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import unquote

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import ObjectStore

Entry = Mapping[str, Any]

CHANGE_FILES: Final = "_change_files"

_ENTRY = re.compile(r"(\d{20})\.json")

# Entries of a remote store are read in parallel, or a year of them would take minutes.
READERS = 16


class UnreadableEntryError(Exception):
    """A log entry that is there and cannot be understood; says why."""


def stored_files(objects: ObjectStore, table: str) -> set[str]:
    """All that lies below the table's folder, by the paths within it.

    delta-rs writes a partition's value into the path escaped, and some stores keep it so: both spellings are
    there.
    """
    listed = (item["path"] for page in obstore.list(objects, table) for item in page)
    there = {path.removeprefix(f"{table}/") for path in listed}
    return there | set(map(unquote, there))


def log_folder(table: str) -> str:
    """Where the log of a table lies, below the root."""
    return f"{table}/_delta_log"


def entry_version(path: str) -> int | None:
    """The version whose log entry lies at this path; None for what is no entry."""
    found = _ENTRY.fullmatch(path.rpartition("/")[2])
    return int(found[1]) if found else None


def entry_path(table: str, version: int) -> str:
    """Where the log entry of a version lies, below the root."""
    return f"{log_folder(table)}/{version:020}.json"


def read_entry(objects: ObjectStore, path: str) -> Entry:
    """The commit's own description of itself, `commitInfo`, and as `CHANGE_FILES` the files of its change data.

    FileNotFoundError where there is no entry, obstore's BaseError where it cannot be read,
    UnreadableEntryError where it is not one.
    """
    raw = bytes(obstore.get(objects, path).bytes())
    try:
        # Not splitlines: a text in the statistics may hold other characters that end a line.
        actions = [json.loads(line) for line in raw.split(b"\n") if line.strip()]
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UnreadableEntryError(f"{type(error).__name__}: {error}") from error
    if not actions or not all(isinstance(action, dict) for action in actions):
        raise UnreadableEntryError("it holds no actions")
    info: Entry = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    return {**info, CHANGE_FILES: _change_files(actions)}


def _change_files(actions: list[dict[str, Any]]) -> list[str]:
    """Where the change data of a commit lies: in files of its own, or else in what it added and removed."""
    own = [action["cdc"] for action in actions if "cdc" in action]
    other = [
        file
        for action in actions
        for file in (action.get("add"), action.get("remove"))
        if file is not None and file.get("dataChange")
    ]
    return [unquote(file["path"]) for file in own or other]


def read_entries(objects: ObjectStore, table: str, versions: Iterable[int]) -> dict[int, Entry]:
    """The descriptions of the commits of these versions; those that are gone are absent.

    BaseError or UnreadableEntryError for one that is there and cannot be read.
    """

    def read(version: int) -> tuple[int, Entry | None]:
        try:
            return version, read_entry(objects, entry_path(table, version))
        except (FileNotFoundError, NotFoundError):
            return version, None

    wanted = list(versions)
    if len(wanted) == 1:
        found = [read(wanted[0])]
    else:
        with ThreadPoolExecutor(READERS) as readers:
            found = list(readers.map(read, wanted))
    return {version: entry for version, entry in found if entry is not None}

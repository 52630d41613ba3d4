"""A table's log, read entry by entry: what delta-rs skips, or stumbles on, without saying which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import unquote

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from smart_trader_assets.delta.commit_log import (
    READERS,
    Entry,
    UnreadableEntryError,
    entry_path,
    entry_version,
    log_folder,
    read_entry,
    stored_files,
)
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.storage_errors import reason
from smart_trader_assets.delta.store import DeltaStore

_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.(?:.*\.)?parquet")

# Operations that write rows; this package records in which run it did.
_WRITES = frozenset({"WRITE", "MERGE", "UPDATE", "DELETE"})


@dataclass(frozen=True)
class TableLog:
    """What lies in a table's log.

    `versions` are the commits that are there, `checkpoint` the newest version that can be read without
    the commits before it; `unreadable` says by version what is wrong with an entry; `foreign` are the
    versions in which something other than this package wrote rows.
    """

    versions: tuple[int, ...]
    checkpoint: int | None
    unreadable: Mapping[int, str]
    foreign: tuple[int, ...]

    @property
    def missing(self) -> list[int]:
        """Versions that a reader needs and that are not there: since the checkpoint, or all."""
        newest = max(self.versions, default=-1)
        return sorted(set(range(self._base + 1, newest + 1)) - set(self.versions))

    @property
    def since_checkpoint(self) -> int:
        """Commits that each opening of the table reads one by one."""
        return sum(version > self._base for version in self.versions)

    @property
    def _base(self) -> int:
        return -1 if self.checkpoint is None else self.checkpoint


def read_log(store: DeltaStore, contract: TableContract) -> TableLog:
    """The log of the table as it is stored; nothing is skipped and nothing is repaired."""
    names = [path.rpartition("/")[2] for path in _sizes(store.objects, log_folder(contract.name))]
    versions = sorted(at for name in names if (at := entry_version(name)) is not None)
    checkpoints = [int(found[1]) for name in names if (found := _CHECKPOINT.fullmatch(name))]
    with ThreadPoolExecutor(READERS) as readers:
        entries = list(
            readers.map(lambda v: _entry(store.objects, entry_path(contract.name, v)), versions)
        )
    by_version = dict(zip(versions, entries, strict=True))
    return TableLog(
        versions=tuple(versions),
        checkpoint=max(checkpoints, default=None),
        unreadable={v: entry for v, entry in by_version.items() if isinstance(entry, str)},
        foreign=tuple(v for v, e in by_version.items() if not isinstance(e, str) and _foreign(e)),
    )


def lost_files(store: DeltaStore, contract: TableContract) -> list[str]:
    """Data files that the table's newest version names and that are not there."""
    there = stored_files(store.objects, contract.name)
    return sorted(path for path in map(unquote, store.files(contract)["path"]) if path not in there)


def changed_files(store: DeltaStore, contract: TableContract) -> list[str]:
    """Data files that are not as large as the log says: they were overwritten or cut, since none ever
    changes."""
    sizes = _sizes(store.objects, contract.name)
    there = {path.removeprefix(f"{contract.name}/"): size for path, size in sizes.items()}
    there |= {unquote(path): size for path, size in there.items()}
    named = store.files(contract).select("path", "size_bytes").iter_rows()
    return sorted(
        path
        for path, size in ((unquote(path), size) for path, size in named)
        if there.get(path, size) != size
    )


def _sizes(objects: ObjectStore, folder: str) -> dict[str, int]:
    return {item["path"]: item["size"] for page in obstore.list(objects, folder) for item in page}


def _entry(objects: ObjectStore, path: str) -> Entry | str:
    """The commit's own description of itself, or what is wrong with the entry."""
    try:
        return read_entry(objects, path)
    except UnreadableEntryError as error:
        return str(error)
    except (OSError, BaseError) as error:
        return f"{type(error).__name__}: {reason(error)}"


def _foreign(commit_info: Entry) -> bool:
    return commit_info.get("operation") in _WRITES and "run_id" not in commit_info

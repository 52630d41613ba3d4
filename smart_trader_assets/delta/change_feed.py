"""The change data feed of a table's latest commits, as far back as upkeep has left it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import polars as pl
from deltalake import DeltaTable

from smart_trader_assets.delta.commit_log import CHANGE_FILES, Entry

# Less than that, no setting allows.
_LEAST_RETENTION = timedelta(hours=1)

ReadEntries = Callable[[Iterable[int]], Mapping[int, Entry]]
StoredFiles = Callable[[], set[str]]


def changes_since(
    table: DeltaTable, since: datetime, read_entries: ReadEntries, stored_files: StoredFiles
) -> pl.DataFrame:
    """Which rows the commits since `since` have touched, and how.

    read_entries: what commits say of themselves, by version; stored_files: the files that are there.
    """
    entries = _entries_since(table.version(), since, read_entries)
    versions = list(entries)
    if since < datetime.now(UTC) - _LEAST_RETENTION:
        versions = _with_change_data(entries, stored_files())
    # Where nothing was committed since, the newest commit gives the columns, and none of its rows.
    first = min(versions, default=table.version())
    feed = pl.DataFrame(table.load_cdf(starting_version=first))
    return feed if versions else feed.head(0)


def _entries_since(newest: int, since: datetime, read_entries: ReadEntries) -> Mapping[int, Entry]:
    """The commits since then, by version.

    No older log entry than needed is read: there may be years of them.
    """
    began, most = since.timestamp() * 1000, 1
    while True:
        wanted = range(max(0, newest - most + 1), newest + 1)
        entries = read_entries(wanted)
        # A commit that does not say when it was made may be recent.
        recent = {v: e for v, e in entries.items() if e.get("timestamp", began) >= began}
        if len(recent) < len(wanted) or wanted.start == 0:
            return recent
        most *= 4


def _with_change_data(entries: Mapping[int, Entry], there: set[str]) -> list[int]:
    """Those from which on every commit's change data is there: upkeep deletes it after the retention."""
    kept = []
    for version in sorted(entries, reverse=True):
        if not there.issuperset(entries[version][CHANGE_FILES]):
            break
        kept.append(version)
    return kept

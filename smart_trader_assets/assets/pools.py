"""Which addresses are pools: every address that a swap row went through.

Data files never change, so what was found in one is remembered, and each ranking reads the files that were
added since the one before: the rows that were fetched, settled or compacted meanwhile. Where nothing is
remembered, or the note is from another root or garbled, all files are read; the result is the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from smart_trader_assets.delta.atomic_write import write_whole
from smart_trader_assets.delta.store import DeltaStore, data_files, scan_files
from smart_trader_assets.tables.catalog import TRANSACTIONS
from smart_trader_assets.transforms.whale_screening import may_be_a_trader

NOTE_FILE = "pools.json"


def pool_addresses(store: DeltaStore, folder: Path) -> set[str]:
    """The pools of all swap rows, without those that are certainly not a trader's address.

    What each data file holds is noted in `folder`.
    """
    files = data_files(store, TRANSACTIONS)
    noted = _noted(folder)
    new = [file for file in files if file not in noted]
    found = {file: noted[file] for file in files if file in noted} | _read(store, new)
    if new or len(found) < len(noted):
        write_whole(folder / NOTE_FILE, json.dumps(found))
    return {pool for pools in found.values() for pool in pools}


def _read(store: DeltaStore, files: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {file: [] for file in files}
    if not files:
        return found
    pairs = scan_files(store, TRANSACTIONS, files, ["address"]).drop_nulls().unique().collect()
    of_traders = {pool for pool in pairs["address"].unique() if may_be_a_trader(pool)}
    for file, pool in pairs.filter(pl.col("address").is_in(of_traders)).sort("address").iter_rows():
        found[file].append(pool)
    return found


def _noted(folder: Path) -> dict[str, list[str]]:
    try:
        noted = json.loads((folder / NOTE_FILE).read_text())
        return {str(file): [str(pool) for pool in pools] for file, pools in noted.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}

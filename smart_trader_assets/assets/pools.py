"""Which addresses are pools: every address that a swap row went through.

Data files never change, so what was found in one is remembered, and each ranking reads the files that were
added since the one before: the rows that were fetched, settled or compacted meanwhile. Where nothing is
remembered, or the note is from another root or garbled, all files are read; the result is the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.state.notes import Note
from smart_trader_assets.state.shared_state import SharedState
from smart_trader_assets.tables.catalog import TRANSACTIONS
from smart_trader_assets.transforms.whale_screening import may_be_a_trader

POOLS_NOTE = "pools"


def pool_addresses(store: DeltaStore, state: SharedState) -> set[str]:
    """The pools of all swap rows, without those that are certainly not a trader's address.

    What each data file holds is noted in `state`.
    """
    files = store.files(TRANSACTIONS)["path"].to_list()
    note: Note[dict[str, list[str]]] = state.note(POOLS_NOTE, dict[str, list[str]])
    noted = note.read() or {}
    new = [file for file in files if file not in noted]
    found = {file: noted[file] for file in files if file in noted} | _read(store, new)
    if new or len(found) < len(noted):
        note.write(found)
    return {pool for pools in found.values() for pool in pools}


def _read(store: DeltaStore, files: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {file: [] for file in files}
    if not files:
        return found
    pairs = store.scan_files(TRANSACTIONS, files, ["address"]).drop_nulls().unique().collect()
    of_traders = {pool for pool in pairs["address"].unique() if may_be_a_trader(pool)}
    for file, pool in pairs.filter(pl.col("address").is_in(of_traders)).sort("address").iter_rows():
        found[file].append(pool)
    return found

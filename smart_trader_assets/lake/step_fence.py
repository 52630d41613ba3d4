"""The fence of a step: made when the step first reads or begins, used by every commit that it makes."""

from __future__ import annotations

from collections.abc import Iterable

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.fence import Fence
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    SMART_TRADERS,
    TOKENS,
    TRACKED_WHALES,
    WHALES,
)
from smart_trader_assets.tables.cursors import cursors_of

MAKES = "smart_trader/makes"
"""Metadata of an asset's input: the tables that the step writes, separated by commas."""

# Steps of one process share what they noted, whichever copy of a resource Dagster gives them.
_FENCES: dict[tuple[str, str, str], Fence] = {}

# A drain's runs follow each other in one process: the fences of those that have ended need not be kept.
_MOST_KEPT = 1_000


# Mirrors of a state, and states that other rules undo.
_ALSO_MOVED = {WHALES.name: (TOKENS,), SMART_TRADERS.name: (TRACKED_WHALES,)}


def written_with(contract: TableContract) -> list[TableContract]:
    """The tables that a step which makes `contract` may commit to: its own, and those whose states it moves."""
    settled = [cursor.contract for cursor in cursors_of(contract.name)]
    return [contract, *settled, *_ALSO_MOVED.get(contract.name, ())]


def step_fence(store: DeltaStore, run_id: str, step: str, makes: Iterable[TableContract]) -> Fence:
    """The fence of a step of a run, which writes the tables that it `makes`; made by the first call."""
    key = (store.root, run_id, step)
    if key not in _FENCES:
        tables = {table.name: table for made in makes for table in written_with(made)}
        while len(_FENCES) >= _MOST_KEPT:
            _FENCES.pop(next(iter(_FENCES)))
        _FENCES[key] = store.fence(run_id, tables.values())
    return _FENCES[key]


def contracts_named(names: str) -> list[TableContract]:
    """The contracts of tables given as in `MAKES`."""
    return [contract for contract in ALL_TABLES if contract.name in names.split(",")]

"""Roots compared: what lies in the tables, and what a run committed."""

from __future__ import annotations

import polars as pl
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.contract import BATCH, VERSION, TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import ALL_TABLES


def versions(store: DeltaStore) -> dict[str, int]:
    """The version of every table: equal before and after means that nothing was committed."""
    return {
        contract.name: store.version(contract) for contract in ALL_TABLES if store.exists(contract)
    }


def content(store: DeltaStore, contract: TableContract) -> pl.DataFrame:
    """A table in the order of its key, without the time of writing and the run's id."""
    return store.scan(contract).drop(VERSION, BATCH).sort(contract.key).collect()


def contents(store: DeltaStore) -> dict[str, pl.DataFrame]:
    """Every table so."""
    return {
        contract.name: content(store, contract) for contract in ALL_TABLES if store.exists(contract)
    }


def assert_same(found: dict[str, pl.DataFrame], wanted: dict[str, pl.DataFrame]) -> None:
    """Both roots hold the same rows in the same states, table by table."""
    assert found.keys() == wanted.keys()
    for name, frame in wanted.items():
        try:
            assert_frame_equal(found[name], frame)
        except AssertionError as difference:
            raise AssertionError(f"{name} differs: {difference}") from None

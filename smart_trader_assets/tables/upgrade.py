"""Upgrade: gives the tables of an older root the columns and properties that their contracts have gained.

Existing rows stay as they are: a new column is null in them until they are written again. Where a column has
come to allow nulls, which no table learns in place, the table is written once more, in one commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import TableOutgrownError
from smart_trader_assets.delta.file_format import writer_properties
from smart_trader_assets.delta.schema import delta_schema
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.delta.verify import compare, stale_properties, verify_table
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets.tables.ops import RUNS


@dataclass(frozen=True)
class Upgrade:
    """What one table lacks: columns, all of which may be null, and table properties; `strict` columns refuse
    nulls and no longer should."""

    contract: TableContract
    columns: tuple[str, ...]
    properties: dict[str, str]
    strict: tuple[str, ...] = ()

    def __str__(self) -> str:
        gains = [f"the column {name}" for name in self.columns]
        gains += [f"nulls in the column {name}" for name in self.strict]
        gains += [f"the property {name}" for name in self.properties]
        return f"{self.contract.name}: {', '.join(gains)}"


def plan_upgrade(
    store: DeltaStore, contracts: Sequence[TableContract] = (*ALL_TABLES, RUNS)
) -> list[Upgrade]:
    """What the tables lack; TableMismatchError for one that differs in more than that.

    A missing table is left alone: the next run makes it, or refuses the root.
    """
    plans = []
    for contract in contracts:
        if not store.exists(contract):
            continue
        table = store.open(contract)
        with suppress(TableOutgrownError):
            verify_table(table, contract)
        found = compare(table, contract)
        columns = tuple(column.name for column in found.lacking)
        properties = stale_properties(table, contract)
        if columns or properties or found.strict:
            plans.append(Upgrade(contract, columns, properties, found.strict))
    return plans


def carry_out_upgrade(store: DeltaStore, plan: Upgrade, stamp: CommitInfo) -> None:
    """Add the columns, allow the nulls, then set the properties; doing it again changes nothing more."""
    contract = plan.contract

    def add_columns() -> dict[str, Any]:
        table = store.open(contract)
        names = {column.name for column in compare(table, contract).lacking}
        fields = [field for field in delta_schema(contract).fields if field.name in names]
        if fields:
            table.alter.add_columns(fields, commit_properties=stamp.properties("add columns"))
        return {}

    def allow_nulls() -> dict[str, Any]:
        table = store.open(contract)
        if compare(table, contract).strict:
            wanted = pa.schema(delta_schema(contract).to_arrow())
            rows = store.scan(contract).select(wanted.names).collect()
            write_deltalake(
                table,
                rows.to_arrow().cast(wanted),
                mode="overwrite",
                schema_mode="overwrite",
                partition_by=list(contract.partition_by),
                writer_properties=writer_properties(contract),
                commit_properties=stamp.properties("allow nulls"),
            )
        return {}

    def set_properties() -> dict[str, Any]:
        table = store.open(contract)
        if stale := stale_properties(table, contract):
            table.alter.set_table_properties(
                stale, commit_properties=stamp.properties("set properties")
            )
        return {}

    store.commit(f"{contract.name}: columns", add_columns)
    store.commit(f"{contract.name}: nulls", allow_nulls)
    store.commit(f"{contract.name}: properties", set_properties)

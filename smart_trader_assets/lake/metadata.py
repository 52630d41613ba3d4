"""What the UI shows of a table: its columns with their meaning, and what each is made of."""

from __future__ import annotations

from functools import cache
from typing import Any

import dagster as dg
import polars as pl

from smart_trader_assets.delta.contract import Column, TableContract
from smart_trader_assets.tables.lineage import LINEAGE

_DELTA_NAMES = {
    pl.String: "string",
    pl.Int64: "long",
    pl.Float64: "double",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Datetime: "timestamp",
    pl.List: "array<string>",
}


def delta_type(column: Column) -> str:
    """The column's type by Delta's name."""
    return _DELTA_NAMES[column.dtype.base_type()]


@cache
def table_schema(contract: TableContract) -> dg.TableSchema:
    """The contract's columns for the UI."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=delta_type(column),
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=not column.required, unique=contract.key == (column.name,)
                ),
            )
            for column in contract.all_columns
        ]
    )


@cache
def column_lineage(contract: TableContract) -> dg.TableColumnLineage | None:
    """The lineage of the table's columns for the UI; None for a table that comes from outside."""
    made_of = LINEAGE.get(contract.name)
    if made_of is None:
        return None
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(
                    asset_key=dg.AssetKey.from_user_string(table.name), column_name=name
                )
                for table, name in sources
            ]
            for column, sources in made_of.items()
        }
    )


def lineage_metadata(contract: TableContract) -> dict[str, Any]:
    """What each column is made of: the UI looks for it in an asset's latest materialization alone."""
    lineage = column_lineage(contract)
    return {} if lineage is None else {"dagster/column_lineage": lineage}


def columns_metadata(contract: TableContract) -> dict[str, Any]:
    """The columns, and what each is made of, for an asset's definition."""
    return {"dagster/column_schema": table_schema(contract), **lineage_metadata(contract)}

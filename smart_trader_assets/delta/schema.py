"""Contracts as Delta schemas, and the check that a frame keeps its contract before it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache

import polars as pl
from deltalake import Field, Schema
from deltalake.schema import ArrayType, PrimitiveType

from smart_trader_assets.delta.contract import VERSION, State, TableContract
from smart_trader_assets.delta.errors import FrameError
from smart_trader_assets.delta.sql import literal

_PRIMITIVES: Mapping[type[pl.DataType], str] = {
    pl.String: "string",
    pl.Int64: "long",
    pl.Float64: "double",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Datetime: "timestamp",
}


def _delta_type(dtype: pl.DataType | type[pl.DataType]) -> PrimitiveType | ArrayType:
    if isinstance(dtype, pl.List):
        return ArrayType(PrimitiveType("string"), contains_null=True)
    return PrimitiveType(_PRIMITIVES[dtype.base_type()])


@cache
def delta_schema(contract: TableContract) -> Schema:
    """The contract as a Delta schema; every field carries its description as its comment."""
    return Schema(
        [
            Field(
                column.name,
                _delta_type(column.dtype),
                nullable=not column.required,
                metadata={"comment": column.description},
            )
            for column in contract.all_columns
        ]
    )


def constraints(contract: TableContract) -> dict[str, str]:
    """One CHECK a text state: the column holds nothing but its allowed values."""
    return {
        f"{state.column}_allowed": " OR ".join(
            f"{state.column} = {literal(value)}" for value in state.values
        )
        for state in contract.states
        if all(isinstance(value, str) for value in state.values)
    }


def configuration(contract: TableContract) -> dict[str, str]:
    """Table properties from creation on: the change data feed, and which columns have statistics."""
    return {
        "delta.enableChangeDataFeed": "true",
        "delta.dataSkippingStatsColumns": ",".join(measured_columns(contract)),
    }


def measured_columns(contract: TableContract) -> list[str]:
    """The columns whose least and greatest value of each file are known, by which files are left unopened."""
    bound = (contract.time_bound,) if contract.time_bound else ()
    wanted = dict.fromkeys((*contract.key, *bound, *contract.statistics, VERSION))
    return [name for name in wanted if name not in contract.partition_by]


def conform(frame: pl.DataFrame, contract: TableContract) -> pl.DataFrame:
    """`frame` in the contract's columns and order, or FrameError; what may be null and is absent, is null.

    New rows get their states' initial values where the frame does not say otherwise.
    """
    unknown = [name for name in frame.columns if name not in contract.schema]
    if unknown:
        raise FrameError(f"{contract.name} has no column {', '.join(unknown)}")
    born = {
        name: value
        for name, value in contract.initial_values().items()
        if name not in frame.columns
    }
    frame = frame.with_columns(
        pl.lit(value, dtype=contract.schema[name]).alias(name) for name, value in born.items()
    )
    missing = [c.name for c in contract.all_columns if c.required and c.name not in frame.columns]
    if missing:
        raise FrameError(f"rows for {contract.name} lack the required {', '.join(missing)}")
    given = frame.schema
    frame = frame.select(
        pl.col(name)
        if given.get(name, pl.Null) != pl.Null
        else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in contract.schema.items()
    )
    _check_types(frame, contract)
    _check_values(frame, contract)
    return frame


def _check_types(frame: pl.DataFrame, contract: TableContract) -> None:
    given = frame.schema
    wrong = [
        f"{name} is {given[name]} and should be {dtype}"
        for name, dtype in contract.schema.items()
        if given[name] != dtype
    ]
    if wrong:
        raise FrameError(f"rows for {contract.name} have wrong types: {'; '.join(wrong)}")


def _check_values(frame: pl.DataFrame, contract: TableContract) -> None:
    required = [column.name for column in contract.all_columns if column.required]
    nulls = frame.select(pl.col(required).null_count()).row(0, named=True)
    empty = [f"{name} ({count} rows)" for name, count in nulls.items() if count]
    if empty:
        raise FrameError(f"rows for {contract.name} have no value in {', '.join(empty)}")
    floats = [name for name, dtype in contract.schema.items() if dtype == pl.Float64]
    if floats:
        odd = frame.select((~pl.col(floats).is_finite()).sum()).row(0, named=True)
        infinite = [f"{name} ({count} rows)" for name, count in odd.items() if count]
        if infinite:
            raise FrameError(
                f"rows for {contract.name} hold NaN or infinity in {', '.join(infinite)}"
            )
    check_unique(frame, contract.key, contract.name)
    for state in contract.states:
        check_state(frame[state.column], state, contract.name)


def check_partition(
    frame: pl.DataFrame, contract: TableContract, partition: str | date | None
) -> None:
    """FrameError where a row lies outside of the Dagster partition that its batch names.

    A merge looks for a row in its batch's partition only: a stray would be inserted again each time.
    """
    column = contract.dagster_partition
    if column is None or not frame.height:
        return
    if partition is None:
        raise FrameError(f"a batch for {contract.name} must name the {column} of its rows")
    strays = frame[column].filter(frame[column] != partition).unique().to_list()
    if strays:
        raise FrameError(
            f"a batch for the partition {partition} of {contract.name} has rows of "
            f"{', '.join(map(str, strays[:5]))}: make one batch for each partition"
        )


def check_unique(frame: pl.DataFrame, key: Iterable[str], table: str) -> None:
    """FrameError where two rows share a key: naming how many and one of them."""
    key = list(key)
    doubled = frame.filter(frame.select(key).is_duplicated())
    if doubled.height:
        example = doubled.select(key).row(0, named=True)
        raise FrameError(f"{doubled.height} rows for {table} share a key, for example {example}")


def check_state(values: pl.Series, state: State, table: str) -> None:
    """FrameError where a state column holds a value that the contract does not allow."""
    allowed = values.is_in(list(state.values)).fill_null(False)
    strange = values.filter(~allowed).unique().to_list()
    if strange:
        raise FrameError(
            f"{table}.{state.column} cannot be {strange}: allowed are {', '.join(map(str, state.values))}"
        )

"""What a table promises: its columns, its key, its partitions, its states.

A contract is the one place that states a column's name, type, meaning and unit. The store creates
tables from it and checks frames against it, the UI shows it, the documentation is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl

TIME = pl.Datetime("us", "UTC")
"""The type of every column of times."""

TEXTS = pl.List(pl.String)

OPERATION = "_delta_operation"
VERSION = "_delta_timestamp"
BATCH = "batch_id"

CREATED = "CREATE"
UPDATED = "UPDATE"


Merge = Literal["replace", "known", "least", "greatest"]


@dataclass(frozen=True)
class Column:
    """One column: name, Polars type, meaning for people, unit where it has one.

    `merge` says what a merge of rows does to it: take the new value, the new one where it is `known`, or the
    lesser or greater of both;
    `initial` is what a new row gets where it does not say otherwise; `preview` shows the column among the
    first rows of a materialization.
    """

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    unit: str | None = None
    required: bool = False
    merge: Merge = "replace"
    initial: int | None = None
    preview: bool = False

    @property
    def description(self) -> str:
        """The meaning with its unit, as the UI and the table's own schema show it."""
        return f"{self.meaning} [{self.unit}]" if self.unit else self.meaning


@dataclass(frozen=True)
class State:
    """A column that records how far a row has come.

    `initial` is what a new row gets; `values` is all that the column may ever hold (kept by a CHECK
    constraint on the Delta table); `companions` are the columns that move with the state and are, like
    it, never touched by a merge of rows; `moves` are the transitions that may be seen (a reset apart).
    """

    column: str
    values: tuple[str | bool, ...]
    initial: str | bool
    companions: tuple[str, ...] = ()
    moves: tuple[tuple[str | bool, str | bool], ...] = ()


@dataclass(frozen=True)
class SendBack:
    """A change of a row that makes it due again: where `changed` columns differ, `column` becomes `to`.

    With `only_from` the row is sent back only out of that value. `changed` empty means any change;
    `clears` are the companions that describe the value that the row leaves.
    """

    column: str
    to: str | bool
    changed: tuple[str, ...] = ()
    only_from: str | bool | None = None
    clears: tuple[str, ...] = ()


AUDIT = (
    Column(OPERATION, pl.String, "What last touched the row", required=True),
    Column(VERSION, TIME, "When the row was last touched: its version", required=True),
    Column(BATCH, pl.String, "The run that last touched the row", required=True),
)


@dataclass(frozen=True)
class TableContract:
    """A Delta table: `name` is its asset key, its folder and its table, all in one.

    `dagster_partition` is the column whose values are the Dagster partitions (None: unpartitioned);
    `time_bound` is a column that grows with time and changes for a key by no more than
    `time_bound_slack`, by which a merge can leave older files unopened; `newest_by` is a column by which older
    news never overwrites newer;
    `insert_only` says that a key's content never changes once written; `ignored_changes` are columns
    whose difference alone does not make a row changed; `statistics` are the columns, beside the key and the
    time bound, whose least and greatest value a file's log entry carries, for reads that are due by
    time; `cluster_by` is what upkeep sorts files by, so that reading one wallet opens few of them;
    `renewed_by` names the interval by which the table has to be materialized again.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition_by: tuple[str, ...] = ()
    dagster_partition: str | None = None
    states: tuple[State, ...] = ()
    send_backs: tuple[SendBack, ...] = ()
    time_bound: str | None = None
    time_bound_slack: int = 0
    newest_by: str | None = None
    insert_only: bool = False
    ignored_changes: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    renewed_by: str = "day"

    @cached_property
    def all_columns(self) -> tuple[Column, ...]:
        """The columns with the audit trail behind them."""
        return (*self.columns, *AUDIT)

    @cached_property
    def schema(self) -> dict[str, pl.DataType | type[pl.DataType]]:
        """Column name to Polars type, in the table's order."""
        return {column.name: column.dtype for column in self.all_columns}

    @cached_property
    def state_columns(self) -> frozenset[str]:
        """State columns and their companions: set at birth and by settlement, never by a merge."""
        return frozenset(
            name for state in self.states for name in (state.column, *state.companions)
        )

    @cached_property
    def content_columns(self) -> tuple[str, ...]:
        """What a merge of rows may change: neither key, nor partition, nor state, nor audit."""
        fixed = {*self.key, *self.partition_by, *self.state_columns, *(c.name for c in AUDIT)}
        return tuple(name for name in self.schema if name not in fixed)

    @cached_property
    def compared_columns(self) -> tuple[str, ...]:
        """The content whose difference makes a row changed."""
        return tuple(name for name in self.content_columns if name not in self.ignored_changes)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where the contract has none."""
        return {column.name: column for column in self.all_columns}[name]

    def state(self, column: str) -> State:
        """The state that lives in `column`; KeyError where that column is not a state."""
        return {state.column: state for state in self.states}[column]

    def initial_values(self) -> dict[str, str | bool | int]:
        """What a new row gets where it does not say otherwise: its states and their counters."""
        counters = {c.name: c.initial for c in self.columns if c.initial is not None}
        return {**counters, **{state.column: state.initial for state in self.states}}

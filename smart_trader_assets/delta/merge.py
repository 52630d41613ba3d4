"""The statements of the write protocol, made from a contract: pure text, no table is touched here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import polars as pl

from smart_trader_assets.delta.batch import NEW, Partition, Settlement
from smart_trader_assets.delta.contract import BATCH, OPERATION, UPDATED, VERSION, TableContract
from smart_trader_assets.delta.sql import all_of, any_of, differs, literal, one_of, within

TOMBSTONE = "_tombstone"

MOST_NAMED = 100
"""Naming more values than this costs more than it saves."""

# A version always grows, also where the clock has jumped back or two writes share a microsecond.
_NEXT_VERSION = (
    f"CASE WHEN t.{VERSION} >= s.{VERSION} "
    f"THEN t.{VERSION} + INTERVAL '1 microsecond' ELSE s.{VERSION} END"
)


@dataclass(frozen=True)
class RowMerge:
    """A keyed merge of rows: what joins, what becomes of a row that changes, and of a new one."""

    on: str
    updates: dict[str, str]
    inserts: dict[str, str]


Span = tuple[Any, Any]
"""The earliest and the latest time, as the column of the table's time bound holds them."""


def time_span(contract: TableContract, rows: pl.DataFrame) -> Span | None:
    """Between which times, both included, what `rows` can meet lies; None where the table has no time bound."""
    if contract.time_bound is None or not rows.height:
        return None
    times = rows[contract.time_bound]
    least, greatest = times.min(), times.max()
    if contract.time_bound_slack:
        return least - contract.time_bound_slack, greatest + contract.time_bound_slack  # type: ignore[operator]
    return least, greatest


Place = Mapping[str, Sequence[str | date]]
"""Values by column: where rows of one Dagster partition can lie."""


def places(
    contract: TableContract, rows: pl.DataFrame, partitions: Collection[Partition]
) -> list[Place]:
    """Where `rows` and what they can meet lie: for each partition that they are in, its value and those of the
    columns that the table is clustered by, where these are few.

    Apart by partition: a file of one may well hold what the rows of another name.
    """
    column = contract.dagster_partition
    if column is None or None in partitions:
        return [dict(_named_values(contract, rows))]
    if len(partitions) == 1:
        by_partition = dict.fromkeys(cast("Collection[str | date]", partitions), rows)
    else:
        parts = rows.partition_by(column, maintain_order=True)
        by_partition = {part[column][0]: part for part in parts}
    return [
        {column: [partition], **dict(_named_values(contract, part))}
        for partition, part in by_partition.items()
    ]


def _named_values(contract: TableContract, rows: pl.DataFrame) -> Iterator[tuple[str, list[str]]]:
    for name in contract.cluster_by:
        values = rows[name].unique().to_list()
        if 0 < len(values) <= MOST_NAMED:
            yield name, values


def row_merge(
    contract: TableContract,
    rows: pl.DataFrame,
    *,
    partitions: Collection[Partition],
    written: tuple[datetime, datetime] | None,
    span: Span | None,
) -> RowMerge:
    """The merge of `rows` into the Dagster partitions `partitions`.

    These are literals, so that writers of different partitions never conflict; the state is
    never named, since a row whose state has moved on must still be found. Files are left unopened whose times
    lie outside of the `span` of the rows and of what they meet, that hold none of the values by which the table
    is clustered, or that were written at other times than the rows that they meet, where these are known.
    Whatever it meets counts as changed: `differences.changes_of` leaves out the others.
    """
    on = [f"t.{name} = s.{name}" for name in contract.key]
    if contract.dagster_partition is not None and None not in partitions:
        listed = cast("Collection[str | date]", partitions)
        on.insert(0, one_of(f"t.{contract.dagster_partition}", listed))
    if span is not None:
        least, greatest = span
        on.append(f"t.{contract.time_bound} >= {literal(least)}")
        on.append(f"t.{contract.time_bound} <= {literal(greatest)}")
    lies_in = [
        all_of(one_of(f"t.{name}", values) for name, values in place.items())
        for place in places(contract, rows, partitions)
        if place
    ]
    if lies_in:
        on.append("(" + any_of(f"({place})" for place in lies_in) + ")")
    if written is not None:
        on.append(within(f"t.{VERSION}", *written))
    news = {name: _merged(contract, name) for name in contract.content_columns}
    return RowMerge(
        on=all_of(on),
        updates={
            **news,
            **_send_backs(contract, news),
            OPERATION: literal(UPDATED),
            VERSION: _NEXT_VERSION,
            BATCH: f"s.{BATCH}",
        },
        inserts={name: f"s.{name}" for name in contract.schema},
    )


def _merged(contract: TableContract, name: str) -> str:
    match contract.column(name).merge:
        case "least":
            return f"LEAST(t.{name}, s.{name})"
        case "greatest":
            return f"GREATEST(t.{name}, s.{name})"
        case "known":
            return f"COALESCE(s.{name}, t.{name})"
        case _ if contract.newest_by is not None:
            newest = contract.newest_by
            return f"CASE WHEN s.{newest} >= t.{newest} THEN s.{name} ELSE t.{name} END"
        case _:
            return f"s.{name}"


def _send_backs(contract: TableContract, news: dict[str, str]) -> dict[str, str]:
    sets: dict[str, str] = {}
    for rule in contract.send_backs:
        conditions = []
        if rule.only_from is not None:
            conditions.append(f"t.{rule.column} = {literal(rule.only_from)}")
        # Whatever changed: only rows of which something did are updated at all.
        if rule.changed:
            conditions.append(
                "(" + any_of(differs(f"t.{name}", news[name]) for name in rule.changed) + ")"
            )
        sent_back = {rule.column: literal(rule.to), **dict.fromkeys(rule.clears, "NULL")}
        for name, value in sent_back.items():
            sets[name] = (
                f"CASE WHEN {all_of(conditions)} THEN {value} ELSE t.{name} END"
                if conditions
                else value
            )
    return sets


@dataclass(frozen=True)
class StateMerge:
    """A merge that only moves state."""

    on: str
    changed: str
    updates: dict[str, str]


def state_merge(settlement: Settlement) -> StateMerge:
    """The merge that settles exactly the rows read.

    All partition columns, the state that is left among them, are literals: only the files of what is
    due are opened, and by the time no others than were written when those were. The version makes sure that
    a row that changed after it was read stays due.
    """
    contract, rows = settlement.contract, settlement.rows
    on = [one_of(f"t.{name}", rows[name].unique().to_list()) for name in contract.partition_by]
    on += [f"t.{name} = s.{name}" for name in contract.key if name not in contract.partition_by]
    on += [f"t.{name} = s.{name}" for name in contract.key if name in contract.partition_by]
    on.append(f"t.{VERSION} = s.read_version")
    read = cast("tuple[datetime, datetime]", (rows[VERSION].min(), rows[VERSION].max()))
    on.append(within(f"t.{VERSION}", *read))
    moved: Sequence[str] = [
        name for name in settlement.sets if name != OPERATION or settlement.is_told
    ]
    return StateMerge(
        on=all_of(on),
        changed=any_of(differs(f"t.{name}", f"s.{NEW}{name}") for name in moved),
        updates={
            **{name: f"s.{NEW}{name}" for name in settlement.sets},
            VERSION: _NEXT_VERSION,
            BATCH: f"s.{BATCH}",
        },
    )

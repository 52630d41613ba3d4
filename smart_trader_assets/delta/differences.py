"""What batches of rows change in a table as it stands.

A merge takes time with the square of the rows that it finds and leaves as they are: fifty thousand of them half
a minute, and none half a second. So it is given only what differs, and nothing is committed where nothing does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import polars as pl

from smart_trader_assets.delta.batch import Partition, WriteResult
from smart_trader_assets.delta.batch_group import BatchGroup
from smart_trader_assets.delta.contract import VERSION, TableContract
from smart_trader_assets.delta.merge import TOMBSTONE, Span, places, time_span

_HELD = "_held"
_IN_SCOPE = "_in_scope"


@dataclass(frozen=True)
class Changes:
    """`rows`: those of the batches that can change the table; where a scope is replaced also, marked by
    `TOMBSTONE`, the keys that leave the table.

    `are_new`: whether none of `rows` meets any, and none leaves the table; what they meet differs.
    `written`: when the rows that they meet were written, from the first to the last; None where one of `rows`
    meets none: it may meet one that another writer is just adding.
    `span`: between which times, by the table's time bound, they and what they meet lie.
    `counts`: how many rows are inserted, updated and deleted in each partition.
    """

    rows: pl.DataFrame
    are_new: bool
    written: tuple[datetime, datetime] | None
    span: Span | None
    counts: Mapping[Partition, WriteResult]


def changes_of(
    table: pl.LazyFrame, contract: TableContract, rows: pl.DataFrame, group: BatchGroup
) -> Changes:
    """What `rows`, those of `group`, change in `table`."""
    key = list(contract.key)
    # With their times, by which the merge leaves files unopened, and their partitions, by which it is counted.
    extra = filter(None, (contract.time_bound, contract.dagster_partition))
    named = list(dict.fromkeys((*key, *extra)))
    read = list(dict.fromkeys((*named, *_decisive(contract), VERSION)))
    # Of a key that is there twice, which should not be, both.
    known = pl.concat(
        part.select(*read, pl.lit(in_scope).alias(_IN_SCOPE)).collect()
        for part, in_scope in _that_can_be_met(table, contract, rows, group)
    ).unique([*key, VERSION], keep="first")
    gone = known.filter(_IN_SCOPE).join(rows, on=key, how="anti")
    unchanged = _unchanged(rows, known, contract)
    rows = rows.join(unchanged, on=key, how="anti", maintain_order="left")
    updated = known.join(rows, on=key, how="semi")
    counts = counted(
        contract,
        group.partitions,
        inserted=rows.join(known, on=key, how="anti"),
        updated=updated,
        deleted=gone,
    )
    met = pl.concat([updated, gone])
    gone = gone.unique(key)
    written = None
    if met.height and met.select(key).n_unique() == rows.height + gone.height:
        written = cast("tuple[datetime, datetime]", (met[VERSION].min(), met[VERSION].max()))
    span = time_span(contract, pl.concat([rows.select(named), met.select(named)]))
    if group.replaces:
        rows = pl.concat(
            [
                rows.with_columns(pl.lit(value=False).alias(TOMBSTONE)),
                gone.select(*named, pl.lit(value=True).alias(TOMBSTONE)),
            ],
            how="diagonal",
        )
    return Changes(rows, met.is_empty(), written, span, counts)


def counted(
    contract: TableContract, partitions: Sequence[Partition], **changed: pl.DataFrame
) -> dict[Partition, WriteResult]:
    """How many of `changed` lie in each of `partitions`, by the name under which a result has them."""
    counts = {partition: WriteResult() for partition in partitions}
    for name, rows in changed.items():
        if len(partitions) == 1:
            setattr(counts[partitions[0]], name, rows.height)
        elif rows.height:
            for partition, number in (
                rows[str(contract.dagster_partition)].value_counts().iter_rows()
            ):
                setattr(counts[partition], name, number)
    return counts


def _decisive(contract: TableContract) -> tuple[str, ...]:
    """The columns by which a known row is told to stay as it is."""
    if contract.insert_only:
        return ()
    return (*contract.compared_columns, *([contract.newest_by] if contract.newest_by else []))


def _that_can_be_met(
    table: pl.LazyFrame, contract: TableContract, rows: pl.DataFrame, group: BatchGroup
) -> Iterator[tuple[pl.LazyFrame, bool]]:
    """The rows of the scope, and those with the keys of `rows` that lie outside of it; whether it is the scope.

    Files that hold none of them stay unopened.
    """
    key, partitions = list(contract.key), group.partitions
    if contract.dagster_partition is not None and None not in partitions:
        table = table.filter(pl.col(contract.dagster_partition).is_in(partitions))
    if group.replaces:
        yield group.scope(contract, table), True
        if group.replaces_by in (None, *key):
            # By its other columns a row that is there may lie outside, and the one that is brought inside.
            inside = group.scope(contract, rows.lazy()).select(key).collect()
            rows = rows.join(inside, on=key, how="anti")
        if not rows.height:
            return
    if (span := time_span(contract, rows)) is not None:
        table = table.filter(pl.col(str(contract.time_bound)).is_between(*span))
    lies_in = [
        pl.all_horizontal(pl.col(name).is_in(values) for name, values in place.items())
        for place in places(contract, rows, partitions)
        if place
    ]
    if lies_in:
        table = table.filter(pl.any_horizontal(lies_in))
    yield table.join(rows.lazy().select(key), on=key, how="semi"), False


def _unchanged(rows: pl.DataFrame, known: pl.DataFrame, contract: TableContract) -> pl.DataFrame:
    """The keys of those of `rows` whose merge would leave the known row as it is."""
    key = list(contract.key)
    if contract.insert_only:
        return known.select(key)
    held = known.select(*key, pl.exclude(key).name.suffix(_HELD))
    both = rows.join(held, on=key, how="inner")
    changed = [
        _merged(contract, name).ne_missing(pl.col(name + _HELD))
        for name in contract.compared_columns
    ]
    return both.join(both.filter(pl.any_horizontal(changed)), on=key, how="anti").select(key)


def _merged(contract: TableContract, name: str) -> pl.Expr:
    """What a merge makes of a column: as `merge.row_merge` has it in the table's own language."""
    new, held = pl.col(name), pl.col(name + _HELD)
    match contract.column(name).merge:
        case "least":
            return pl.min_horizontal(held, new)
        case "greatest":
            return pl.max_horizontal(held, new)
        case "known":
            return pl.coalesce(new, held)
        case _ if contract.newest_by is not None:
            newest = contract.newest_by
            is_newer = pl.col(newest) >= pl.col(newest + _HELD)
            return pl.when(is_newer).then(new).otherwise(held)
        case _:
            return new

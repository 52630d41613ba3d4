"""What a single commit does to a table.

Whether it may be made, and that it is made again after a conflict, is the store's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake

from smart_trader_assets.delta.batch import Settlement
from smart_trader_assets.delta.batch_group import BatchGroup
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.differences import Changes
from smart_trader_assets.delta.file_format import writer_properties
from smart_trader_assets.delta.merge import TOMBSTONE, row_merge, state_merge

Metrics = Mapping[str, Any]
"""What delta-rs counts in a merge, by its names; absent where nothing was done."""


def add_rows(
    table: DeltaTable, contract: TableContract, rows: pl.DataFrame, properties: CommitProperties
) -> Metrics:
    """Add rows that meet none, without opening a file."""
    write_deltalake(
        table,
        rows.to_arrow(),
        mode="append",
        writer_properties=writer_properties(contract),
        commit_properties=properties,
    )
    return {"num_target_rows_inserted": rows.height}


def merge_rows(
    table: DeltaTable,
    contract: TableContract,
    changes: Changes,
    group: BatchGroup,
    properties: CommitProperties,
) -> Metrics:
    """Merge what the batches of `group` change: rows that are updated or new, and keys that leave the table."""
    parts = row_merge(
        contract,
        changes.rows,
        partitions=group.partitions,
        written=changes.written,
        span=changes.span,
    )
    merger = table.merge(
        changes.rows.to_arrow(),
        predicate=parts.on,
        source_alias="s",
        target_alias="t",
        writer_properties=writer_properties(contract),
        commit_properties=properties,
    )
    if group.replaces:
        merger = merger.when_matched_delete(predicate=f"s.{TOMBSTONE}")
    if not contract.insert_only:
        merger = merger.when_matched_update(parts.updates)
    return merger.when_not_matched_insert(
        parts.inserts, predicate=f"NOT s.{TOMBSTONE}" if group.replaces else None
    ).execute()


def move_states(
    table: DeltaTable, settlement: Settlement, source: pl.DataFrame, properties: CommitProperties
) -> Metrics:
    """Move the states of the rows of `source` that are as they were read: `state_merge` names its columns."""
    parts = state_merge(settlement)
    merger = table.merge(
        source.to_arrow(),
        predicate=parts.on,
        source_alias="s",
        target_alias="t",
        writer_properties=writer_properties(settlement.contract),
        commit_properties=properties,
    )
    return merger.when_matched_update(parts.updates, predicate=parts.changed).execute()


def leave_mark(table: DeltaTable, contract: TableContract, properties: CommitProperties) -> Metrics:
    """Commit nothing but `properties`."""
    table.create_write_transaction(
        actions=[],
        mode="append",
        schema=table.schema(),
        partition_by=list(contract.partition_by),
        commit_properties=properties,
    )
    return {}

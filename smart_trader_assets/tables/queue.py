"""The queue at a glance: rows by state, what is due, the oldest of it, and what is failing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from smart_trader_assets.delta.contract import VERSION, TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import ALL_TABLES, TOKENS, TRACKED_WHALES
from smart_trader_assets.tables.cursor import Cursor, DuePolicy
from smart_trader_assets.tables.cursors import CURSORS
from smart_trader_assets.tables.ops import RUNS
from smart_trader_assets.tables.root import promised_tables

REJECTED_WITHIN: Final = timedelta(days=7)


@dataclass(frozen=True)
class Trouble:
    """An entity whose work has failed: what, how often, why, and when it is tried again (None: never)."""

    table: str
    entity: str
    state: str
    attempts: int
    last_error: str
    next_attempt_at: datetime | None


@dataclass(frozen=True)
class Queue:
    """The state of a root.

    counts: table, column, state, partition, rows
    due: cursor, consumer, partition, rows
    oldest: by cursor, when the due row that has waited longest was last touched
    excluded: table, reason, rows: those that are not worked on, the most frequent reason first
    rejected: by asset, items of the last week's answers that could not be read; none where all could
    """

    as_of: datetime
    counts: pl.DataFrame
    due: pl.DataFrame
    oldest: Mapping[str, datetime]
    troubles: tuple[Trouble, ...]
    incomplete_histories: int
    rejected: Mapping[str, int]
    excluded: pl.DataFrame

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "as_of": self.as_of.isoformat(),
            "counts": self.counts.to_dicts(),
            "due": self.due.to_dicts(),
            "oldest": {cursor: since.isoformat() for cursor, since in self.oldest.items()},
            "troubles": [
                {
                    **vars(trouble),
                    "next_attempt_at": trouble.next_attempt_at
                    and trouble.next_attempt_at.isoformat(),
                }
                for trouble in self.troubles
            ],
            "incomplete_histories": self.incomplete_histories,
            "items_rejected": dict(self.rejected),
            "excluded": self.excluded.to_dicts(),
        }


_COUNTS_SCHEMA = {
    "table": pl.String,
    "column": pl.String,
    "state": pl.String,
    "partition": pl.String,
    "rows": pl.Int64,
}
_DUE_SCHEMA = {
    "cursor": pl.String,
    "consumer": pl.String,
    "partition": pl.String,
    "rows": pl.Int64,
}


def read_queue(store: DeltaStore, *, as_of: datetime, policy: DuePolicy) -> Queue:
    """Read all tables of the root: counts from the logs, rows only where work is failing.

    A table that is newer than the root comes with the next run.
    """
    promised = promised_tables(store) or frozenset()
    tables = [contract for contract in ALL_TABLES if contract.name in promised]
    cursors = [cursor for cursor in CURSORS if cursor.contract in tables]
    counts = [frame for contract in tables for frame in _counts(store, contract)]
    due = [
        (cursor.name, cursor.consumer, shard, rows)
        for cursor in cursors
        for shard, rows in sorted(
            cursor.due_counts(store, as_of=as_of, policy=policy).items(), key=str
        )
    ]
    return Queue(
        as_of=as_of,
        counts=pl.concat(counts) if counts else pl.DataFrame(schema=_COUNTS_SCHEMA),
        due=pl.DataFrame(due, schema=_DUE_SCHEMA, orient="row"),
        oldest={
            cursor.name: _oldest(store, cursor, as_of, policy)
            for cursor in cursors
            if any(name == cursor.name for name, *_ in due)
        },
        troubles=tuple(
            trouble
            for cursor in cursors
            if cursor.retry is not None
            for trouble in _troubles(store, cursor)
        ),
        incomplete_histories=_incomplete(store),
        rejected=_rejected(store),
        excluded=_excluded(store),
    )


def _oldest(store: DeltaStore, cursor: Cursor, as_of: datetime, policy: DuePolicy) -> datetime:
    """When the due row that has waited longest was last touched; only due rows are read."""
    due = cursor.due_rows(store.scan(cursor.contract), shards=None, as_of=as_of, policy=policy)
    oldest: datetime = due.select(pl.col(VERSION).min()).collect().item()
    return oldest


def _counts(store: DeltaStore, contract: TableContract) -> list[pl.DataFrame]:
    states = [s.column for s in contract.states if s.column in contract.partition_by]
    partition = contract.dagster_partition
    frames = []
    for column in states:
        by = [column] if partition is None else [column, partition]
        frames.append(
            store.row_counts(contract, *by).select(
                pl.lit(contract.name).alias("table"),
                pl.lit(column).alias("column"),
                pl.col(column).cast(pl.String).alias("state"),
                (pl.col(partition).cast(pl.String) if partition else pl.lit(None, pl.String)).alias(
                    "partition"
                ),
                pl.col("rows").cast(pl.Int64),
            )
        )
    return frames


def _troubles(store: DeltaStore, cursor: Cursor) -> list[Trouble]:
    """The rows of a cursor that wait for another attempt, or have had their last one."""
    contract, state = cursor.contract, cursor.state_column
    rows = (
        store.scan(contract)
        .filter(pl.col(state).is_in([cursor.retry, cursor.failed]))
        .select(contract.key[0], state, "attempts", "last_error", "next_attempt_at")
        .sort(contract.key[0])
        .collect()
    )
    return [Trouble(contract.name, *row) for row in rows.iter_rows()]


def _excluded(store: DeltaStore) -> pl.DataFrame:
    """Only rows that were left out are read; figures and names in a reason do not make it another one."""
    left_out = (
        (TOKENS, "tracking_status", "rejected", "reject_reason"),
        (TRACKED_WHALES, "processing_status", "excluded", "exclude_reason"),
    )
    return pl.concat(
        store.scan(contract)
        .filter(pl.col(state) == value)
        .group_by(reason=pl.col(reason).str.replace_all(r"\b\d[\d,.]*|: .*", "…"))
        .agg(rows=pl.len().cast(pl.Int64))
        .sort("rows", "reason", descending=[True, False])
        .select(pl.lit(contract.name).alias("table"), "reason", "rows")
        .collect()
        for contract, state, value, reason in left_out
    )


def _rejected(store: DeltaStore) -> dict[str, int]:
    """By asset; the days of runs are the machine's."""
    if not store.exists(RUNS):
        return {}
    runs = store.scan(RUNS)
    if "items_rejected" not in runs.collect_schema():  # until the root is upgraded
        return {}
    since = datetime.now(UTC).date() - REJECTED_WITHIN
    found = (
        runs.filter((pl.col("started_on") >= since) & (pl.col("items_rejected") > 0))
        .group_by("asset")
        .agg(pl.col("items_rejected").sum())
        .sort("asset")
        .collect()
    )
    return dict(found.iter_rows())


def _incomplete(store: DeltaStore) -> int:
    return int(
        store.scan(TRACKED_WHALES)
        .filter(
            (pl.col("history_complete") == pl.lit(False))
            & (pl.col("processing_status") != "excluded")
        )
        .select(pl.col("wallet_address").n_unique())
        .collect()
        .item()
    )

"""Rows that have had their time: measurements of runs, and messages that were sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

import polars as pl

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.file_format import writer_properties
from smart_trader_assets.delta.sql import all_of, literal, one_of
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.ops import NOTIFICATIONS, RUNS, STARTED


class Retention(NamedTuple):
    """Rows go when `day` is longer ago than the setting, and than `least`; `only` those that it is true of."""

    day: str
    only: str = ""
    least: timedelta = timedelta()


RETENTIONS: Final[Mapping[str, Retention]] = {
    RUNS.name: Retention("started_on"),
    # What is forgotten must be too old to be found, and sent, again.
    NOTIFICATIONS.name: Retention(
        "created_on",
        all_of([one_of("delivery_status", ("sent", "failed")), f"kind <> {literal(STARTED)}"]),
        least=timedelta(days=30),
    ),
}


def forget(
    store: DeltaStore, contract: TableContract, *, today: date, days: int, stamp: CommitInfo
) -> int:
    """Delete the rows of `contract` that have had their time; returns how many. Since when a receiver is told
    is never forgotten."""
    rule = RETENTIONS[contract.name]
    before = today - max(timedelta(days=days), rule.least)
    old = store.row_counts(contract, rule.day).filter(pl.col(rule.day) < before)
    if not old.height:
        return 0
    conditions = [f"{rule.day} < {literal(before)}", *filter(None, [rule.only])]
    done = store.commit(
        f"{contract.name}: retention",
        lambda: store.open(contract).delete(
            all_of(conditions),
            writer_properties=writer_properties(contract),
            commit_properties=stamp.properties("retention"),
        ),
    )
    # Whole files that go are not counted, but the log knew their rows.
    return int(done.get("num_deleted_rows") or (0 if rule.only else old["rows"].sum()))

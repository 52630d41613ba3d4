"""A row whose work failed is tried again, later each time, until it has failed for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.delta.contract import OPERATION, VERSION
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.cursor import Cursor
from smart_trader_assets.tables.cursors import (
    CURSORS,
    PNL_TO_AGE,
    TOKENS_TO_FETCH,
    TOKENS_TO_TRACK,
    WHALES_TO_FETCH,
)
from smart_trader_assets_tests.support.defaults import POLICY as DEFAULT_POLICY
from smart_trader_assets_tests.support.samples import (
    NOW,
    SAMPLES,
    STAMP,
    frame,
    tracked_token,
    tracked_whale,
)
from smart_trader_assets_tests.support.stores import Put

POLICY = replace(
    DEFAULT_POLICY,
    max_attempts=4,
    retry_base=timedelta(minutes=10),
    retry_limit=timedelta(minutes=30),
)
TROUBLED = [cursor for cursor in CURSORS if cursor.retry is not None]
troubled = pytest.mark.parametrize("cursor", TROUBLED, ids=lambda c: c.name)


def due(store: DeltaStore, cursor: Cursor, as_of: datetime) -> pl.DataFrame:
    table = store.scan(cursor.contract)
    return cursor.due_rows(table, shards=["00"], as_of=as_of, policy=POLICY).collect()


def fail(store: DeltaStore, cursor: Cursor, rows: pl.DataFrame, at: datetime, error: str) -> int:
    settlement = cursor.settle_trouble(rows, error=pl.lit(error), at=at, policy=POLICY)
    return store.settle(settlement, STAMP)


def the_row(store: DeltaStore, cursor: Cursor) -> dict[str, Any]:
    return store.scan(cursor.contract).collect().row(0, named=True)


@troubled
def test_a_row_waits_longer_after_each_failure_and_then_has_failed(
    store: DeltaStore, put: Put, cursor: Cursor
) -> None:
    put(cursor.contract, SAMPLES[cursor.contract.name][0]("a"))
    state, now, waits = cursor.state_column, NOW, []
    for attempt in (1, 2, 3):
        assert fail(store, cursor, due(store, cursor, now), now, f"error {attempt}") == 1
        row = the_row(store, cursor)
        assert (row[state], row["attempts"], row["last_error"]) == (
            "retry",
            attempt,
            f"error {attempt}",
        )
        assert row[OPERATION] == "FETCH_FAILED"
        waits.append((row["next_attempt_at"] - now) / timedelta(minutes=1))
        assert due(store, cursor, row["next_attempt_at"] - timedelta(microseconds=1)).height == 0
        now = row["next_attempt_at"]
        assert due(store, cursor, now).height == 1
    # The jitter is the row's own, so the waits are in the ratio of the rule: 10, 20, 30 minutes.
    assert 7.5 <= waits[0] <= 12.5
    assert waits[1] == pytest.approx(2 * waits[0], abs=1e-6)
    assert waits[2] == pytest.approx(3 * waits[0], abs=1e-6)

    assert fail(store, cursor, due(store, cursor, now), now, "the last error") == 1
    row = the_row(store, cursor)
    assert (row[state], row["attempts"], row["last_error"]) == ("failed", 4, "the last error")
    assert row["next_attempt_at"] is None
    assert due(store, cursor, now + timedelta(days=999)).height == 0
    assert cursor.due_counts(store, as_of=now + timedelta(days=999), policy=POLICY) == {}


@troubled
def test_a_success_forgets_the_trouble(store: DeltaStore, put: Put, cursor: Cursor) -> None:
    put(cursor.contract, SAMPLES[cursor.contract.name][0]("a"))
    fail(store, cursor, due(store, cursor, NOW), NOW, "once")
    later = NOW + timedelta(hours=1)
    store.settle(cursor.settle_done(due(store, cursor, later), at=later), STAMP)
    row = the_row(store, cursor)
    assert (row[cursor.state_column], row[str(cursor.done_at)]) == (cursor.done, later)
    assert (row["attempts"], row["last_error"], row["next_attempt_at"]) == (0, None, None)
    fail(store, cursor, store.scan(cursor.contract).collect(), later, "again")
    assert the_row(store, cursor)["attempts"] == 1


def test_a_failure_blocks_no_neighbour(store: DeltaStore, put: Put) -> None:
    put(TOKENS_TO_FETCH.contract, tracked_token("bad"), tracked_token("good"))
    rows = due(store, TOKENS_TO_FETCH, NOW)
    bad = pl.col("token_address") == "bad"
    assert fail(store, TOKENS_TO_FETCH, rows.filter(bad), NOW, "unknown token") == 1
    assert due(store, TOKENS_TO_FETCH, NOW)["token_address"].to_list() == ["good"]
    done = TOKENS_TO_FETCH.settle_done(rows.filter(~bad), at=NOW)
    assert store.settle(done, STAMP) == 1
    assert due(store, TOKENS_TO_FETCH, NOW).height == 0


def test_a_failed_token_keeps_the_time_of_its_last_success(store: DeltaStore, put: Put) -> None:
    before = NOW - timedelta(hours=99)
    put(
        TOKENS_TO_FETCH.contract,
        tracked_token("a", whale_fetch_status="completed", whale_fetched_at=before, whale_count=7),
    )
    fail(store, TOKENS_TO_FETCH, due(store, TOKENS_TO_FETCH, NOW), NOW, "down")
    row = the_row(store, TOKENS_TO_FETCH)
    assert (row["whale_fetched_at"], row["whale_count"]) == (before, 7)


def rows_with(attempts: list[int]) -> pl.DataFrame:
    rows = [
        tracked_whale(f"w{number}", processing_status="retry", attempts=tried)
        for number, tried in enumerate(attempts)
    ]
    return frame(WHALES_TO_FETCH.contract, rows).with_columns(
        pl.lit(NOW).dt.cast_time_unit("us").alias(VERSION)
    )


@given(attempts=st.lists(st.integers(0, 60), min_size=1, max_size=8))
def test_a_wait_doubles_up_to_its_limit_and_differs_between_rows_by_a_quarter(
    attempts: list[int],
) -> None:
    rows = rows_with(attempts)
    moved = WHALES_TO_FETCH.settle_trouble(rows, error=pl.lit("x"), at=NOW, policy=POLICY).rows
    again = WHALES_TO_FETCH.settle_trouble(rows, error=pl.lit("x"), at=NOW, policy=POLICY).rows
    assert moved.equals(again)
    for tried, row in zip(attempts, moved.iter_rows(named=True), strict=True):
        assert row["new_attempts"] == tried + 1
        if tried + 1 >= POLICY.max_attempts:
            assert (row["new_processing_status"], row["new_next_attempt_at"]) == ("failed", None)
            continue
        rule = min(POLICY.retry_base * 2**tried, POLICY.retry_limit)
        assert row["new_processing_status"] == "retry"
        assert 0.75 * rule <= row["new_next_attempt_at"] - NOW <= 1.25 * rule


def test_an_attempt_that_does_not_count_is_waited_for_and_fails_nobody() -> None:
    rows = rows_with([0, 1, POLICY.max_attempts - 1])
    moved = WHALES_TO_FETCH.settle_trouble(
        rows, error=pl.lit("an outage"), counts=pl.lit(value=False), at=NOW, policy=POLICY
    ).rows
    assert moved["new_attempts"].to_list() == rows["attempts"].to_list()
    assert set(moved["new_processing_status"]) == {"retry"}
    assert (moved["new_next_attempt_at"] > NOW).all()


def test_rows_that_failed_together_do_not_all_come_back_at_once() -> None:
    moved = WHALES_TO_FETCH.settle_trouble(
        rows_with([1] * 50), error=pl.lit("x"), at=NOW, policy=POLICY
    ).rows
    assert moved["new_next_attempt_at"].n_unique() > 40


def test_a_cursor_without_a_failure_of_its_own_clears_none() -> None:
    assert TOKENS_TO_TRACK.cleared_trouble() == {}
    with pytest.raises(TypeError, match="has no state to settle"):
        _ = PNL_TO_AGE.state_column

"""What is due, in which order, and how it is counted."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.pnl.ageing import NEVER
from smart_trader_assets.tables.cursor import Cursor, DuePolicy
from smart_trader_assets.tables.cursors import (
    CANDIDATES_TO_TRACK,
    CURSORS,
    PNL_TO_AGE,
    PNL_TO_RANK,
    SWAPS_TO_COUNT,
    TOKENS_TO_FETCH,
    TOKENS_TO_TRACK,
    WHALES_TO_FETCH,
    WHALES_TO_TRACK,
)
from smart_trader_assets_tests.support.defaults import POLICY as DEFAULT_POLICY
from smart_trader_assets_tests.support.samples import (
    DAY,
    NOW,
    SAMPLES,
    Row,
    candidate,
    frame,
    pnl,
    swap,
    token,
    tracked_token,
    tracked_whale,
    whale,
    whole,
)
from smart_trader_assets_tests.support.stores import Put


def ranked(wallet: str, gold_rules: str | None = DEFAULT_POLICY.ranking_rules) -> Row:
    """PnL that the ranking has seen."""
    return pnl(wallet, processed_for_gold=True, gold_rules=gold_rules)


POLICY = replace(DEFAULT_POLICY, screening_rules="v2")
INSTANT = timedelta(microseconds=1)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


def fetched_token(age: timedelta, **columns: Any) -> Row:
    return tracked_token("a", whale_fetch_status="completed", whale_fetched_at=NOW - age, **columns)


def retried(row: Callable[..., Row], state: str, at: datetime | None) -> Row:
    return row("a", **{state: "retry"}, next_attempt_at=at, attempts=1)


def fetched_whale(age: timedelta, idle: timedelta | None) -> Row:
    """A wallet fetched `age` ago whose newest swap was then `idle` old."""
    fetched = NOW - age
    return tracked_whale(
        "a",
        processing_status="processed",
        transactions_fetched_at=fetched,
        last_swap_at=None if idle is None else unix(fetched - idle),
    )


def excluded(rules: str) -> Row:
    return tracked_whale("a", processing_status="excluded", excluded_by_rules=rules)


TOKEN_STATE, WHALE_STATE = "whale_fetch_status", "processing_status"
LONG_AGO = NOW - timedelta(days=200)

RULES: list[tuple[Cursor, str, Row, bool]] = [
    (TOKENS_TO_TRACK, "pending", token("a"), True),
    (TOKENS_TO_TRACK, "tracked", token("a", tracking_status="tracked"), False),
    (TOKENS_TO_TRACK, "rejected", token("a", tracking_status="rejected"), False),
    (TOKENS_TO_FETCH, "pending", tracked_token("a"), True),
    (TOKENS_TO_FETCH, "failed", tracked_token("a", whale_fetch_status="failed"), False),
    (TOKENS_TO_FETCH, "retry now", retried(tracked_token, TOKEN_STATE, NOW), True),
    (TOKENS_TO_FETCH, "retry later", retried(tracked_token, TOKEN_STATE, NOW + INSTANT), False),
    (TOKENS_TO_FETCH, "just stale", fetched_token(hours(72)), True),
    (TOKENS_TO_FETCH, "still fresh", fetched_token(hours(72) - INSTANT), False),
    (
        TOKENS_TO_FETCH,
        "stale, listed yesterday",
        fetched_token(hours(99), last_listed_on=DAY - timedelta(days=1)),
        True,
    ),
    (
        TOKENS_TO_FETCH,
        "stale, listed no more",
        fetched_token(hours(99), last_listed_on=DAY - timedelta(days=2)),
        False,
    ),
    (WHALES_TO_TRACK, "pending", whale("a"), True),
    (WHALES_TO_TRACK, "tracked", whale("a", tracking_status="tracked"), False),
    (CANDIDATES_TO_TRACK, "pending", candidate("a"), True),
    (CANDIDATES_TO_TRACK, "tracked", candidate("a", tracking_status="tracked"), False),
    (WHALES_TO_FETCH, "pending", tracked_whale("a"), True),
    (WHALES_TO_FETCH, "ready", tracked_whale("a", processing_status="ready"), True),
    (WHALES_TO_FETCH, "failed", tracked_whale("a", processing_status="failed"), False),
    (WHALES_TO_FETCH, "retry now", retried(tracked_whale, WHALE_STATE, NOW), True),
    (WHALES_TO_FETCH, "retry later", retried(tracked_whale, WHALE_STATE, NOW + INSTANT), False),
    (WHALES_TO_FETCH, "excluded by these rules", excluded("v2"), False),
    (WHALES_TO_FETCH, "excluded by older rules", excluded("v1"), True),
    (WHALES_TO_FETCH, "active, a day old", fetched_whale(hours(24), hours(1)), True),
    (WHALES_TO_FETCH, "active, fresh", fetched_whale(hours(24) - INSTANT, hours(1)), False),
    (WHALES_TO_FETCH, "idle for 20 days, 48 h old", fetched_whale(hours(48), hours(480)), True),
    (WHALES_TO_FETCH, "idle for 20 days, fresh", fetched_whale(hours(47), hours(480)), False),
    (WHALES_TO_FETCH, "idle for years, a week old", fetched_whale(hours(168), hours(9999)), True),
    (WHALES_TO_FETCH, "idle for years, fresh", fetched_whale(hours(167), hours(9999)), False),
    (WHALES_TO_FETCH, "no swap known, a week old", fetched_whale(hours(168), None), True),
    (WHALES_TO_FETCH, "no swap known, fresh", fetched_whale(hours(167), None), False),
    (SWAPS_TO_COUNT, "new", swap("a"), True),
    (SWAPS_TO_COUNT, "counted", swap("a", processed_for_pnl=True), False),
    (PNL_TO_AGE, "changing now", pnl("a", ages_at=NOW), True),
    (PNL_TO_AGE, "changing later", pnl("a", ages_at=NOW + INSTANT), False),
    (PNL_TO_AGE, "of long ago, at rest", pnl("a", as_of=LONG_AGO, ages_at=NEVER), False),
    (PNL_TO_AGE, "of another edition", pnl("a", ages_at=NEVER, pnl_rules="0"), True),
    (PNL_TO_AGE, "of no edition", pnl("a", pnl_rules=None), True),
    (PNL_TO_AGE, "of an unknown ageing", pnl("a", ages_at=None), True),
    (PNL_TO_AGE, "both", pnl("a", ages_at=NOW, pnl_rules="0"), True),
    (PNL_TO_RANK, "new", pnl("a"), True),
    (PNL_TO_RANK, "ranked", ranked("a"), False),
    (PNL_TO_RANK, "ranked by other rules", ranked("a", gold_rules="old"), True),
    (PNL_TO_RANK, "ranked by unknown rules", ranked("a", gold_rules=None), True),
    (PNL_TO_RANK, "new, by other rules", pnl("a", gold_rules="old"), True),
]


@pytest.mark.parametrize(
    ("cursor", "row", "is_due"),
    [(cursor, row, is_due) for cursor, _, row, is_due in RULES],
    ids=[f"{cursor.name}: {case}" for cursor, case, _, _ in RULES],
)
def test_a_row_is_due_by_its_state_and_time(cursor: Cursor, row: Row, *, is_due: bool) -> None:
    table = whole(cursor.contract, [row])
    due = cursor.due_rows(table.lazy(), shards=None, as_of=NOW, policy=POLICY).collect()
    assert due.height == int(is_due)
    assert table.filter(cursor.due_rule(NOW, POLICY)).height == int(is_due)


@pytest.mark.parametrize("cursor", CURSORS, ids=lambda c: c.name)
def test_no_state_is_due_in_two_ways(cursor: Cursor) -> None:
    timed = [rule.state for rule in cursor.timed]
    if cursor.column is None:  # its rules exclude each other, as the rows above show
        assert set(timed) == {None}
    else:
        # Several rules of one state exclude each other, as the rows above show: none comes twice.
        assert not {*cursor.due} & {*timed}
        assert None not in timed


def test_never_fetched_comes_first_then_the_most_overdue_then_the_more_valuable(
    store: DeltaStore, put: Put
) -> None:
    old, older = NOW - hours(100), NOW - hours(200)
    done = {"whale_fetch_status": "completed"}
    put(
        TOKENS_TO_FETCH.contract,
        tracked_token("old", **done, whale_fetched_at=old, liquidity=9.0),
        tracked_token("older, poor", **done, whale_fetched_at=older, liquidity=1.0),
        tracked_token("older, rich", **done, whale_fetched_at=older, liquidity=2.0),
        tracked_token("new, poor", liquidity=1.0),
        tracked_token("new, rich", liquidity=2.0),
    )
    due = TOKENS_TO_FETCH.due_rows(
        store.scan(TOKENS_TO_FETCH.contract), shards=["00"], as_of=NOW, policy=POLICY
    ).collect()
    assert due["token_address"].to_list() == [
        "new, rich",
        "new, poor",
        "older, rich",
        "older, poor",
        "old",
    ]


def test_tokens_are_taken_in_the_order_of_their_list_the_oldest_day_first() -> None:
    earlier = DAY - timedelta(days=1)
    table = frame(
        TOKENS_TO_TRACK.contract,
        [
            token("today 1", list_rank=1, tracking_status="pending"),
            token("today 2", list_rank=2, tracking_status="pending"),
            token("before", list_rank=9, snapshot_date=earlier, tracking_status="pending"),
        ],
    )
    due = TOKENS_TO_TRACK.due_rows(table.lazy(), shards=None, as_of=NOW, policy=POLICY).collect()
    assert due["token_address"].to_list() == ["before", "today 1", "today 2"]


def test_reprocessing_takes_all_rows_of_the_shards_and_no_others(
    store: DeltaStore, put: Put
) -> None:
    contract = SWAPS_TO_COUNT.contract
    put(contract, swap("a", processed_for_pnl=True), swap("b"))
    put(contract, swap("c", wallet_shard="01"), partition="01")
    due = SWAPS_TO_COUNT.due_rows(
        store.scan(contract), shards=["00"], as_of=NOW, policy=POLICY, reprocess=True
    )
    assert sorted(due.collect()["swap_id"]) == ["a", "b"]


def data_files(store: DeltaStore, cursor: Cursor) -> Iterator[tuple[Path, dict[str, Any]]]:
    for row in store.files(cursor.contract).iter_rows(named=True):
        yield Path(store.uri(cursor.contract)) / row["path"], row


def test_only_files_that_may_hold_due_rows_are_opened(store: DeltaStore, put: Put) -> None:
    """Shown by taking away the others: who opens one of them, fails."""
    contract = WHALES_TO_FETCH.contract
    fresh, stale = NOW - hours(1), NOW - hours(200)
    processed: dict[str, Any] = {"processing_status": "processed", "last_swap_at": unix(NOW)}
    put(contract, tracked_whale("fresh", transactions_fetched_at=fresh, **processed))
    put(contract, tracked_whale("stale", transactions_fetched_at=stale, **processed))
    put(contract, tracked_whale("failed", processing_status="failed"))
    put(contract, tracked_whale("retry", processing_status="retry", next_attempt_at=NOW))
    put(contract, tracked_whale("later", processing_status="retry", next_attempt_at=NOW + hours(1)))
    put(contract, tracked_whale("out", processing_status="excluded", excluded_by_rules="v2"))
    put(contract, tracked_whale("new"))
    put(contract, tracked_whale("elsewhere", wallet_shard="01"), partition="01")
    for path, row in list(data_files(store, WHALES_TO_FETCH)):
        if row["min.wallet_address"] in {"fresh", "failed", "later", "out"}:
            path.unlink()

    counts = WHALES_TO_FETCH.due_counts(store, as_of=NOW, policy=POLICY)
    due = WHALES_TO_FETCH.due_rows(
        store.scan(contract), shards=["00"], as_of=NOW, policy=POLICY
    ).collect()

    assert counts == {"00": 3, "01": 1}
    assert sorted(due["wallet_address"]) == ["new", "retry", "stale"]


def test_what_a_state_alone_makes_due_is_counted_without_opening_a_file(
    store: DeltaStore, put: Put
) -> None:
    put(SWAPS_TO_COUNT.contract, swap("a"), swap("b"))
    put(SWAPS_TO_COUNT.contract, swap("c", wallet_shard="01"), partition="01")
    for path, _ in list(data_files(store, SWAPS_TO_COUNT)):
        path.unlink()
    assert SWAPS_TO_COUNT.due_counts(store, as_of=NOW, policy=POLICY) == {"00": 2, "01": 1}


def random_rows(cursor: Cursor, count: int) -> list[Row]:
    """Rows in all states, their times within days of NOW, some without; always the same ones."""
    rng = random.Random(cursor.name)
    sample, _, _ = SAMPLES[cursor.contract.name]
    rows: list[Row] = []
    for number in range(count):
        row = dict(sample(f"k{number}"))
        for state in cursor.contract.states:
            row[state.column] = rng.choice(state.values)
        for name, dtype in cursor.contract.schema.items():
            if name.startswith("_") or (
                rng.random() < 0.1 and not cursor.contract.column(name).required
            ):
                continue
            if dtype == pl.Date and name not in cursor.contract.partition_by:
                row[name] = DAY - timedelta(days=rng.randrange(6))
            elif isinstance(dtype, pl.Datetime):
                row[name] = NOW + timedelta(microseconds=rng.randrange(-(10**12), 10**11))
            elif name == "last_swap_at":
                row[name] = unix(NOW) - rng.randrange(100 * 24 * 3600)
            elif name == "excluded_by_rules":
                row[name] = rng.choice(["v1", "v2"])
        if cursor.shard is not None:
            row[cursor.shard] = rng.choice(["00", "01", "02"])
        rows.append(row)
    return rows


@pytest.fixture
def populated(store: DeltaStore, cursor: Cursor) -> DeltaStore:
    """The cursor's table with rows in every state, in several files a partition."""
    store.create(cursor.contract)
    rows = random_rows(cursor, 120)
    for part in (rows[:70], rows[70:]):
        write_deltalake(store.uri(cursor.contract), whole(cursor.contract, part), mode="append")
    return store


moments = st.one_of(
    st.timedeltas(timedelta(days=-12), timedelta(days=12)).map(lambda step: NOW + step),
    st.dates(date(2026, 2, 20), date(2026, 3, 5)).map(
        lambda day: datetime.combine(day, datetime.min.time(), NOW.tzinfo)
    ),
)
policies = st.builds(
    DuePolicy,
    whale_refresh=st.timedeltas(timedelta(0), timedelta(days=5)),
    wallet_refresh=st.timedeltas(timedelta(0), timedelta(days=3)),
    wallet_refresh_limit=st.timedeltas(timedelta(days=3), timedelta(days=9)),
    listed_within=st.timedeltas(timedelta(0), timedelta(days=4)),
    screening_rules=st.sampled_from(["v1", "v2", "v3"]),
)


@pytest.mark.slow
@pytest.mark.parametrize("cursor", CURSORS, ids=lambda c: c.name)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the rows stay as they are
)
@given(as_of=moments, policy=policies)
def test_due_counts_are_the_due_rows_counted(
    populated: DeltaStore, cursor: Cursor, as_of: datetime, policy: DuePolicy
) -> None:
    table = populated.scan(cursor.contract)
    due = cursor.due_rows(table, shards=None, as_of=as_of, policy=policy).collect()
    by_shard = (
        due.group_by(cursor.shard).len().iter_rows() if cursor.shard else [(None, due.height)]
    )
    counts = cursor.due_counts(populated, as_of=as_of, policy=policy)
    assert counts == {shard: rows for shard, rows in by_shard if rows}
    picked = table.collect().filter(cursor.due_rule(as_of, policy))
    assert sorted(picked.select(cursor.contract.key).iter_rows()) == sorted(
        due.select(cursor.contract.key).iter_rows()
    )
    one = cursor.due_rows(table, shards=["01"], as_of=as_of, policy=policy).collect()
    assert one.height == counts.get("01", 0) or cursor.shard is None

"""The queue at a glance: rows by state, what is due, what is in trouble, here and in the UI."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl
import pytest
from typer.testing import CliRunner

from smart_trader_assets.assembly import make_resources
from smart_trader_assets.assets.queue import queue_asset
from smart_trader_assets.cli.app import app
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_WHALES
from smart_trader_assets.tables.cursors import WHALES_TO_FETCH
from smart_trader_assets.tables.queue import Queue, read_queue
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.roots import versions
from smart_trader_assets_tests.support.tiny_market import ANN, CID, NOW


def queue_of(pipeline: Pipeline, as_of: datetime = NOW) -> Queue:
    settings = pipeline.settings(as_of)
    return read_queue(pipeline.store, as_of=settings.now(), policy=due_policy(settings))


def states(queue: Queue, table: TableContract) -> dict[str, int]:
    rows = queue.counts.filter(pl.col("table") == table.name)
    return dict(rows.group_by("state").agg(pl.col("rows").sum()).iter_rows())


def fail_wallet(pipeline: Pipeline, wallet: str, times: int) -> None:
    for _ in range(times):
        rows = pipeline.rows(TRACKED_WHALES).filter(pl.col("wallet_address") == wallet)
        trouble = WHALES_TO_FETCH.settle_trouble(
            rows,
            error=pl.lit("404: unknown wallet"),
            at=NOW,
            policy=due_policy(pipeline.settings()),
        )
        pipeline.store.settle(trouble, CommitInfo("run", "bronze/transactions"))


def test_a_new_root_has_an_empty_queue(pipeline):
    queue = queue_of(pipeline)
    assert queue.counts.is_empty()
    assert queue.due.is_empty()
    assert queue.troubles == ()
    assert queue.incomplete_histories == 0


def test_after_a_snapshot_the_tokens_are_due_for_tracking_and_nothing_else_is(pipeline):
    pipeline.materialize(TOKENS, NOW.date().isoformat())
    queue = queue_of(pipeline)
    assert states(queue, TOKENS) == {"pending": 3}
    assert set(queue.due["cursor"]) == {"tokens_to_track"}
    assert set(queue.due["consumer"]) == {"silver/tracked_tokens"}
    assert queue.due["rows"].sum() == 3


def test_after_a_drain_every_row_is_in_a_state_that_means_done_and_nothing_is_due(drained):
    queue = queue_of(drained)
    assert queue.due.is_empty()
    assert set(queue.counts["state"]) == {"tracked", "completed", "processed", "true"}
    by_table = dict(queue.counts.group_by("table").agg(pl.col("rows").sum()).iter_rows())
    for table in (TOKENS, TRACKED_WHALES):
        assert by_table[table.name] == drained.rows(table).height


def test_what_falls_due_by_time_shows_by_the_clock_that_is_asked_for(drained):
    queue = queue_of(drained, NOW + timedelta(hours=30))
    assert set(queue.due["cursor"]) == {"whales_to_fetch", "pnl_to_age"}
    whales = queue.due.filter(pl.col("cursor") == "whales_to_fetch")
    assert whales["rows"].sum() == drained.rows(TRACKED_WHALES).height


def test_trouble_is_told_with_its_error_its_attempts_and_the_next_one(drained):
    fail_wallet(drained, ANN, 5)
    fail_wallet(drained, CID, 1)
    queue = queue_of(drained)
    assert [trouble.table for trouble in queue.troubles] == [TRACKED_WHALES.name] * 3
    by_state = {trouble.state: trouble for trouble in queue.troubles}
    failed, retried = by_state["failed"], by_state["retry"]
    assert failed.entity.startswith(ANN)
    assert (failed.attempts, failed.last_error, failed.next_attempt_at) == (
        5,
        "404: unknown wallet",
        None,
    )
    assert retried.entity.startswith(CID)
    assert retried.attempts == 1
    assert retried.next_attempt_at is not None
    assert NOW < retried.next_attempt_at < NOW + timedelta(minutes=10)


def test_wallets_whose_history_is_not_complete_are_counted_once_each(drained):
    rows = drained.rows(TRACKED_WHALES).filter(pl.col("wallet_address").is_in([ANN, CID]))
    cut = WHALES_TO_FETCH.settle_done(rows, at=NOW, sets={"history_complete": False})
    drained.store.settle(cut, CommitInfo("run", "bronze/transactions"))
    assert queue_of(drained).incomplete_histories == 2


def test_what_was_left_out_is_counted_by_its_reason(drained):
    excluded = queue_of(drained).excluded
    whales = drained.rows(TRACKED_WHALES).filter(processing_status="excluded")
    counted = excluded.filter(table=TRACKED_WHALES.name)
    assert counted["rows"].sum() == whales.height
    assert not any(re.search(r"\b\d", reason) for reason in excluded["reason"])


def test_the_view_is_plain_json_and_changes_nothing(drained):
    fail_wallet(drained, CID, 1)
    before = versions(drained.store)
    told = json.loads(json.dumps(queue_of(drained).as_json()))
    assert told["as_of"] == NOW.isoformat()
    assert {trouble["state"] for trouble in told["troubles"]} == {"retry"}
    assert versions(drained.store) == before


def test_the_command_prints_the_same_as_json(drained):
    arguments = ["state", "--json", "--data", str(drained.root), "--as-of", NOW.isoformat()]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    assert told.pop("spent_this_month")["token_list"] == {"requests": 1, "credits": 100}
    assert told.pop("parked_until") is None
    assert told == queue_of(drained).as_json()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_asset_of_the_queue_shows_it_and_writes_nothing(drained):
    fail_wallet(drained, CID, 1)
    before = versions(drained.store)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [queue_asset()], resources=make_resources(drained.settings()), instance=instance
        )
        (event,) = result.get_asset_materialization_events()
    shown: dict[str, Any] = dict(event.materialization.metadata)
    assert shown["rows_due"].value == 0
    assert shown["in_trouble"].value == 2
    assert shown["troubles"].records[0].data["last_error"] == "404: unknown wallet"
    assert {record.data["state"] for record in shown["states"].records} >= {"retry", "processed"}
    assert versions(drained.store) == before

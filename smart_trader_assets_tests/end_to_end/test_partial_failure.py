"""What failed stays due, with its attempts and its error; what succeeded is completed."""

from datetime import timedelta

import polars as pl
import pytest

from smart_trader_assets.assets.economy import why_it_waits
from smart_trader_assets.birdeye import CreditsSpentError, PlanError, client
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.doctor import examine
from smart_trader_assets.sandbox import Endpoint, Fault, FaultKind
from smart_trader_assets.tables.catalog import (
    SMART_TRADERS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.tables.queue import read_queue
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.rivals import Contest
from smart_trader_assets_tests.support.roots import assert_same, content, contents
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, CAT, CID, DEE, DOG, FOX, NOW

TROUBLE = ("attempts", "last_error", "next_attempt_at")


def token_states(pipeline: Pipeline) -> dict[str, str]:
    return states(pipeline, TRACKED_TOKENS, "token_address", "whale_fetch_status")


def wallet_states(pipeline: Pipeline) -> dict[str, str]:
    return states(pipeline, TRACKED_WHALES, "wallet_address", "processing_status")


def states(pipeline: Pipeline, table: TableContract, *columns: str) -> dict[str, str]:
    return dict(pipeline.rows(table).select(columns).unique().rows())


def test_one_failing_token_and_one_failing_wallet_stop_nobody_else(pipeline):
    pipeline.server.faults.add(
        Fault(FaultKind.NOT_FOUND, entity=FOX, times=None),
        Fault(FaultKind.SERVER_ERROR, entity=BOB, status=503, times=None),
    )
    pipeline.drain()

    assert token_states(pipeline) == {CAT: "completed", DOG: "completed", FOX: "retry"}
    assert wallet_states(pipeline) == {ANN: "processed", CID: "processed", BOB: "retry"}
    assert set(pipeline.rows(TRANSACTIONS)["wallet_address"]) == {ANN, CID}
    assert set(pipeline.rows(WALLET_PNL)["wallet_address"]) == {ANN, CID}
    fox = pipeline.rows(TRACKED_TOKENS).filter(token_address=FOX).row(0, named=True)
    bob = pipeline.rows(TRACKED_WHALES).filter(wallet_address=BOB).row(0, named=True)
    for row, said, entity in ((fox, "404", FOX), (bob, "503", BOB)):
        assert row["attempts"] == 1
        assert said in row["last_error"]
        assert entity in row["last_error"]
        assert timedelta() < row["next_attempt_at"] - NOW < timedelta(hours=1)
    assert (fox["whale_fetched_at"], fox["is_newly_tracked"]) == (None, True)
    assert bob["transactions_fetched_at"] is None
    done = pipeline.rows(TRACKED_WHALES).filter(pl.col("wallet_address") != BOB)
    assert done.select(TROUBLE).unique().rows() == [(0, None, None)]

    pipeline.server.faults.clear()
    pipeline.drain(NOW + timedelta(seconds=1))
    assert pipeline.server.requests == {Endpoint.LISTINGS.value: 1}  # not before their time

    pipeline.drain(NOW + timedelta(minutes=30))
    assert pipeline.asked_for(Endpoint.HOLDERS) == {FOX: 1}
    assert pipeline.asked_for(Endpoint.SWAPS) == {BOB: 1, DEE: 1}
    assert set(token_states(pipeline).values()) == {"completed"}
    assert set(wallet_states(pipeline).values()) == {"processed"}
    assert pipeline.rows(TRACKED_WHALES).select(TROUBLE).unique().rows() == [(0, None, None)]
    assert pipeline.rows(TRACKED_TOKENS).select(TROUBLE).unique().rows() == [(0, None, None)]
    assert set(pipeline.rows(WALLET_PNL)["wallet_address"]) == {ANN, BOB, CID, DEE}


def test_short_pages_lose_no_swap(tiny_market, tmp_path):
    name = TRANSACTIONS.name
    with Contest(tiny_market, WALLET_PNL).opened(tmp_path / "whole pages") as undisturbed:
        wanted = {name: content(undisturbed.store, TRANSACTIONS)}
    contest = Contest(tiny_market, TRANSACTIONS)
    with contest.opened(tmp_path / "root") as pipeline:
        pipeline.server.faults.add(
            *(
                Fault(FaultKind.SHORT_PAGE, endpoint=Endpoint.SWAPS, entity=wallet)
                for wallet in (ANN, BOB, CID)
            )
        )
        assert contest.run(pipeline).success
        assert_same({name: content(pipeline.store, TRANSACTIONS)}, wanted)
        assert set(wallet_states(pipeline).values()) == {"processed"}


def test_items_that_can_not_be_read_are_left_out_and_counted_where_people_look(pipeline):
    pipeline.server.faults.add(
        Fault(FaultKind.UNREADABLE_ITEMS, endpoint=Endpoint.SWAPS, entity=BOB),
        Fault(FaultKind.UNREADABLE_ITEMS, endpoint=Endpoint.LISTINGS),
    )
    pipeline.drain()
    settings = pipeline.settings()
    queue = read_queue(pipeline.store, as_of=NOW, policy=due_policy(settings))
    assert queue.rejected == {"bronze/tokens": 2, "bronze/transactions": 2}
    told = {finding.found for finding in examine(settings, ask_api=False)}
    assert (
        "bronze/transactions left out 2 items of this week's answers that could not be read" in told
    )
    # What could be read of him counts, and his history is not called whole.
    bob = pipeline.rows(TRACKED_WHALES).filter(wallet_address=BOB).row(0, named=True)
    assert (bob["processing_status"], bob["history_complete"]) == ("processed", False)


def test_after_the_last_attempt_a_row_is_failed_seen_and_left_alone(pipeline):
    pipeline.server.faults.add(Fault(FaultKind.SERVER_ERROR, entity=BOB, times=None))
    pipeline.drain(max_attempts=1)
    assert wallet_states(pipeline)[BOB] == "failed"
    bob = pipeline.rows(TRACKED_WHALES).filter(wallet_address=BOB)
    assert bob.select("attempts", "next_attempt_at").rows() == [(1, None)]

    # Longer than after any first attempt that is not the last, and nobody else is due again.
    later = NOW + timedelta(minutes=59)
    pipeline.drain(later, max_attempts=1)
    assert BOB not in pipeline.asked_for(Endpoint.SWAPS)
    settings = pipeline.settings(later)
    queue = read_queue(pipeline.store, as_of=settings.now(), policy=due_policy(settings))
    assert [(t.state, t.attempts, BOB in t.last_error) for t in queue.troubles] == [
        ("failed", 1, True)
    ]


def test_spent_credits_stop_the_run_and_blame_nobody(pipeline):
    pipeline.server.faults.add(
        Fault(FaultKind.CREDITS_SPENT, endpoint=Endpoint.SWAPS, after=2, times=None)
    )
    with pytest.raises(CreditsSpentError, match="credits of this month are used up"):
        pipeline.drain(request_concurrency=1)
    rows = pipeline.rows(TRACKED_WHALES)
    assert rows.select(TROUBLE).unique().rows() == [(0, None, None)]
    fetched = set(rows.filter(processing_status="processed")["wallet_address"])
    waiting = set(rows.filter(~pl.col("processing_status").is_in(["processed"]))["wallet_address"])
    assert len(fetched) == 2  # what was paid for is kept
    assert fetched == set(pipeline.rows(TRANSACTIONS)["wallet_address"])

    pipeline.server.faults.clear()
    pipeline.server.log.clear()
    for shard in ("00", "01"):
        assert pipeline.materialize(TRANSACTIONS, shard).success
    assert pipeline.asked_for(Endpoint.SWAPS) == dict.fromkeys(waiting, 1)
    assert set(wallet_states(pipeline).values()) == {"processed"}


def test_a_plan_without_holders_does_without_them(drained):
    later = NOW + timedelta(days=8)
    drained.server.faults.add(Fault(FaultKind.NOT_IN_PLAN, endpoint=Endpoint.HOLDERS, times=None))
    report = drained.drain(later)
    # Whoever is known is read on, and ranked.
    assert set(drained.asked_for(Endpoint.SWAPS)) == {ANN, BOB, CID, DEE}
    assert report.stuck.keys() == {WHALES.name}
    assert report.waits[WHALES.name].startswith("Not asked until ")
    assert drained.rows(TRACKED_TOKENS).select(TROUBLE).unique().rows() == [(0, None, None)]
    assert set(drained.rows(SMART_TRADERS)["as_of"]) == {later}
    # Sensors ask again after a while, a run by hand at once: the plan may be another now.
    assert why_it_waits(WHALES.name, drained.store, drained.settings(later), None)
    drained.server.faults.clear()
    assert drained.materialize(WHALES, "00", as_of=later).success
    assert drained.materialize(WHALES, "01", as_of=later).success
    assert why_it_waits(WHALES.name, drained.store, drained.settings(later), None) is None


def test_a_plan_without_the_list_of_tokens_does_without_it(drained):
    drained.server.faults.add(Fault(FaultKind.NOT_IN_PLAN, endpoint=Endpoint.LISTINGS, times=None))
    later = NOW + timedelta(days=8)
    drained.drain(later)
    assert set(drained.asked_for(Endpoint.SWAPS)) >= {ANN, BOB, CID}
    assert set(drained.rows(SMART_TRADERS)["as_of"]) == {later}


def test_a_plan_without_swaps_blames_nobody_twice(drained, monkeypatch):
    drained.server.faults.add(Fault(FaultKind.NOT_FOUND, endpoint=Endpoint.SWAPS, times=None))
    monkeypatch.setattr(client, "UNKNOWN_AT_FIRST", 2)
    for days in (8, 10):
        with pytest.raises(PlanError, match="the plan of the account seems to lack this endpoint"):
            drained.drain(NOW + timedelta(days=days), request_concurrency=1)
    assert drained.rows(TRACKED_WHALES)["attempts"].max() <= 1
    drained.server.faults.clear()
    later = NOW + timedelta(days=12)
    for shard in ("00", "01"):
        assert drained.materialize(TRANSACTIONS, shard, as_of=later).success
    assert set(drained.rows(TRACKED_WHALES)["transactions_fetched_at"]) == {later}


def test_a_budget_ends_the_run_before_the_request_that_would_exceed_it(pipeline):
    any_day = 1_000_000
    report = pipeline.drain(credits_per_month=250, credits_per_day=any_day)
    assert report.stuck.keys() == {TRANSACTIONS.name}
    assert pipeline.server.credits_spent <= 250
    assert set(token_states(pipeline).values()) == {"completed"}
    assert set(wallet_states(pipeline).values()) <= {"pending", "ready"}

    pipeline.server.log.clear()
    more = {"credits_per_month": 1000, "credits_per_day": any_day}
    for shard in ("00", "01"):
        assert pipeline.materialize(TRANSACTIONS, shard, **more).success
    assert pipeline.requests(Endpoint.HOLDERS) == 0
    assert set(wallet_states(pipeline).values()) == {"processed"}


def test_an_account_in_trouble_leaves_a_drained_root_as_it_is(drained):
    before = contents(drained.store)
    drained.server.faults.add(Fault(FaultKind.CREDITS_SPENT, times=None))
    with pytest.raises(CreditsSpentError):
        drained.drain()
    after = contents(drained.store)
    assert all(after[name].equals(before[name]) for name in before)

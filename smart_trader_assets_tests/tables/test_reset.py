"""A reset puts just the chosen rows back to their first state, whole wallets at a time, and leaves a trail."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.contract import OPERATION, TableContract
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.sandbox import Endpoint
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import (
    CANDIDATES,
    NOTIFICATIONS,
    SMART_TRADERS,
    TOKENS,
    TRACED_WALLETS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.tables.cursors import WHALES_TO_FETCH
from smart_trader_assets.tables.reset import Choice, ResetError, carry_out, plan_reset, resettable
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets.transforms.candidates import watch_rows
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets.transforms.swap_history import HISTORY_COLUMNS
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.roots import versions
from smart_trader_assets_tests.support.samples import frame, notification, traced_wallet
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, CAT, CID, DEE, DOG, NOW

STAMP = CommitInfo("reset-1", "reset")


def reset(pipeline: Pipeline, table: TableContract, **choice: Any) -> pl.DataFrame:
    """Reset rows as chosen; the rows that are in the trail afterwards."""
    plan = plan_reset(pipeline.store, Choice(table.name, **choice))
    assert carry_out(pipeline.store, plan, STAMP) == plan.rows.height
    return pipeline.rows(table).filter(pl.col("batch_id") == STAMP.run_id)


def fail_wallet(pipeline: Pipeline, wallet: str, *, attempts: int = 5) -> None:
    """Let a wallet's rows run into trouble; the last attempt is the fifth."""
    policy = due_policy(pipeline.settings())
    for _ in range(attempts):
        rows = pipeline.rows(TRACKED_WHALES).filter(pl.col("wallet_address") == wallet)
        trouble = WHALES_TO_FETCH.settle_trouble(
            rows, error=pl.lit("404: unknown wallet"), at=NOW, policy=policy
        )
        pipeline.store.settle(trouble, CommitInfo("run", "bronze/transactions"))


def others(pipeline: Pipeline, table: TableContract) -> pl.DataFrame:
    """The rows that the reset has not touched, as they lie in the table."""
    rows = pipeline.rows(table).filter(pl.col("batch_id") != STAMP.run_id)
    return rows.sort(table.key)


def test_a_token_is_reset_and_no_other_row_is_touched(drained):
    before = drained.rows(TRACKED_TOKENS).filter(pl.col("token_address") != CAT)
    done = reset(drained, TRACKED_TOKENS, tokens=(CAT,))
    assert done.select("token_address", "whale_fetch_status", "_delta_operation").rows() == [
        (CAT, "pending", "RESET")
    ]
    # When its whales were last fetched stays known.
    assert done["whale_fetched_at"].to_list() == [NOW]
    assert_frame_equal(others(drained, TRACKED_TOKENS), before.sort(TRACKED_TOKENS.key))


def test_the_trail_of_a_reset_is_in_the_rows_and_in_the_commit(drained):
    done = reset(drained, TRACKED_TOKENS, tokens=(CAT,))
    assert set(done["batch_id"]) == {"reset-1"}
    (commit,) = drained.store.open(TRACKED_TOKENS).history(1)
    assert {name: commit[name] for name in ("run_id", "asset", "purpose")} == {
        "run_id": "reset-1",
        "asset": "reset",
        "purpose": "settle",
    }


def test_one_holding_of_a_wallet_takes_all_its_rows_along(drained):
    # CID holds two tokens.
    done = reset(drained, TRACKED_WHALES, wallets=(CID,), tokens=(CAT,))
    assert set(done["token_address"]) == {CAT, DOG}
    assert set(done["wallet_address"]) == {CID}
    assert set(done["processing_status"]) == {"pending"}


def test_a_reset_token_takes_the_whole_wallets_of_all_its_holders(drained):
    done = reset(drained, TRACKED_WHALES, tokens=(DOG,))
    wallets = drained.rows(TRACKED_WHALES).filter(pl.col("token_address") == DOG)["wallet_address"]
    every_row = drained.rows(TRACKED_WHALES).filter(
        pl.col("wallet_address").is_in(wallets.implode())
    )
    assert set(done["whale_id"]) == set(every_row["whale_id"])
    assert CAT in set(done["token_address"])


def test_what_is_known_of_a_history_stays_unless_it_is_to_be_fetched_again(drained):
    before = drained.rows(TRACKED_WHALES).filter(pl.col("wallet_address") == ANN)
    known = reset(drained, TRACKED_WHALES, wallets=(ANN,))
    assert_frame_equal(known.select(HISTORY_COLUMNS), before.select(HISTORY_COLUMNS))
    forgotten = reset(drained, TRACKED_WHALES, wallets=(BOB,), refetch=True).filter(
        pl.col("wallet_address") == BOB
    )
    assert forgotten.select(HISTORY_COLUMNS).unique().row(0) == (None,) * len(HISTORY_COLUMNS)


def test_a_refetched_wallet_is_read_anew_and_nobody_else_is(drained):
    content = drained.rows(TRANSACTIONS).drop("_delta_timestamp", "batch_id").sort("swap_id")
    reset(drained, TRACKED_WHALES, wallets=(BOB,), refetch=True)
    drained.drain()
    assert drained.asked_for(Endpoint.SWAPS) == {BOB: 1}
    assert drained.asked_for(Endpoint.HOLDERS) == {}
    again = drained.rows(TRANSACTIONS).drop("_delta_timestamp", "batch_id").sort("swap_id")
    assert_frame_equal(again, content)


def test_a_shard_is_reset_and_the_other_one_is_not(drained):
    shard = shard_of(ANN, 2)
    untouched = drained.rows(TRANSACTIONS).filter(pl.col("wallet_shard") != shard)
    done = reset(drained, TRANSACTIONS, shards=(shard,))
    assert set(done["wallet_shard"]) == {shard}
    assert set(done["processed_for_pnl"]) == {False}
    # They speak of a state that the rows have left.
    assert done.select("pnl_processed_at", "set_aside_reason").unique().rows() == [(None, None)]
    assert_frame_equal(others(drained, TRANSACTIONS), untouched.sort("swap_id"))


def test_a_shard_of_a_table_that_is_consumed_whole_can_be_reset_too(drained):
    shard = shard_of(ANN, 2)
    done = reset(drained, WALLET_PNL, shards=(shard,))
    assert set(done["wallet_shard"]) == {shard}
    assert set(done["processed_for_gold"]) == {False}


@pytest.mark.parametrize(("table", "column"), [(TOKENS, "snapshot_date"), (WHALES, "fetched_on")])
def test_a_day_is_reset(drained, table, column):
    done = reset(drained, table, days=(NOW.date(),))
    assert done.height == drained.rows(table).height
    assert set(done["tracking_status"]) == {"pending"}
    assert set(done["tracked_at"]) == {None}
    with pytest.raises(ResetError, match="days = 2025-06-30"):
        reset(drained, table, days=(NOW.date() - timedelta(days=1),))


def test_failed_rows_are_reset_with_their_attempts_and_errors_forgotten(drained):
    fail_wallet(drained, ANN)
    fail_wallet(drained, DEE, attempts=1)
    assert set(drained.rows(TRACKED_WHALES)["processing_status"]) == {
        "failed",
        "retry",
        "processed",
    }
    done = reset(drained, TRACKED_WHALES, failed=True)
    assert set(done["wallet_address"]) == {ANN, DEE}
    trouble = ("processing_status", "attempts", "last_error", "next_attempt_at")
    assert done.select(trouble).unique().rows() == [("pending", 0, None, None)]


def test_rows_are_chosen_by_the_state_that_they_are_in(drained):
    fail_wallet(drained, ANN)
    fail_wallet(drained, DEE, attempts=1)
    done = reset(drained, TRACKED_WHALES, states=("retry",))
    assert set(done["wallet_address"]) == {DEE}
    counted = reset(drained, TRANSACTIONS, states=("True",), wallets=(BOB,))
    assert set(counted["processed_for_pnl"]) == {False}


def test_reset_rows_are_due_at_once_and_end_where_they_were(drained):
    before = drained.rows(WALLET_PNL).drop("_delta_timestamp", "batch_id", "_delta_operation")
    reset(drained, TRANSACTIONS, wallets=(BOB,))
    report = drained.drain()
    assert "silver/wallet_pnl" in [step.asset for step in report.steps]
    assert drained.requests(Endpoint.SWAPS) == 0
    assert set(drained.rows(TRANSACTIONS)["processed_for_pnl"]) == {True}
    after = drained.rows(WALLET_PNL).drop("_delta_timestamp", "batch_id", "_delta_operation")
    assert_frame_equal(after.sort(WALLET_PNL.key), before.sort(WALLET_PNL.key))


def test_a_row_that_changes_between_plan_and_reset_is_left_as_it_is(drained):
    plan = plan_reset(drained.store, Choice(TRACKED_WHALES.name, wallets=(ANN, DEE)))
    fail_wallet(drained, DEE, attempts=1)
    assert carry_out(drained.store, plan, STAMP) < plan.rows.height
    states = drained.rows(TRACKED_WHALES).filter(pl.col("wallet_address") == DEE)
    assert set(states["processing_status"]) == {"retry"}


def test_a_row_that_somebody_else_has_put_back_is_reset_all_the_same(drained):
    """The log says who did it: a check that found the move lets it pass."""
    foreign = {
        "predicate": f"token_address = '{CAT}'",
        "updates": {"whale_fetch_status": "'pending'"},
    }
    drained.store.open(TRACKED_TOKENS).update(**foreign)
    plan = plan_reset(drained.store, Choice(table=TRACKED_TOKENS.name, tokens=(CAT,)))
    assert carry_out(drained.store, plan, CommitInfo("run", "reset")) == 1
    row = drained.rows(TRACKED_TOKENS).filter(token_address=CAT)
    assert row.select("whale_fetch_status", OPERATION).rows() == [("pending", "RESET")]


def test_a_plan_changes_nothing_and_tells_what_will_follow(drained):
    before = versions(drained.store)
    plan = plan_reset(drained.store, Choice(TRACKED_WHALES.name, wallets=(CID,), refetch=True))
    assert plan.by_state == {"processed": 2}
    assert plan.consequence == (
        "bronze/transactions will process these 2 rows again in its next run, and fetch their wallets' "
        "histories again."
    )
    assert versions(drained.store) == before


# What is asked for, and what the refusal must name.
REFUSED = [
    (
        Choice("silver/wallets"),
        "'silver/wallets' is not a table with a state to reset; those are bronze/",
    ),
    (Choice(SMART_TRADERS.name), "'gold/smart_traders' is not a table with a state to reset"),
    (Choice(TRACKED_WHALES.name, wallets=("nobody",)), "matches: wallets = nobody"),
    (
        Choice(TRACKED_WHALES.name, states=("done",)),
        "processing_status is never done: it is pending, excluded, ready, retry, failed, processed",
    ),
    (Choice(TRANSACTIONS.name, states=("failed",)), "is never failed: it is false, true"),
    (Choice(TRANSACTIONS.name, failed=True), "does not record failures"),
    (
        Choice(TRACKED_TOKENS.name, wallets=(ANN,)),
        "has no wallet_address: choose its rows by token",
    ),
    (Choice(TRACKED_TOKENS.name, days=(date(2025, 7, 1),)), "has no such partition"),
    (Choice(TRACKED_TOKENS.name, refetch=True), "Only silver/tracked_whales holds histories"),
]


# Nothing is in trouble in a drained root, and every swap is counted.
MATCHES_NOTHING = [
    (Choice(TRACKED_WHALES.name, failed=True), "No row of silver/tracked_whales is failing."),
    (
        Choice(TRACKED_WHALES.name, failed=True, refetch=True, wallets=(ANN,)),
        f"No row of silver/tracked_whales with wallets = {ANN} is failing.",
    ),
    (
        Choice(TRANSACTIONS.name, states=("false",)),
        "Nothing in bronze/transactions matches: states = false.",
    ),
    (
        Choice(TRACKED_WHALES.name, refetch=True, shards=("77",)),
        "Nothing in silver/tracked_whales matches: shards = 77.",
    ),
]


@pytest.mark.parametrize(("choice", "told"), MATCHES_NOTHING, ids=[t for _, t in MATCHES_NOTHING])
def test_a_reset_that_matches_nothing_says_what_was_looked_for(drained, choice, told):
    with pytest.raises(ResetError) as refused:
        plan_reset(drained.store, choice)
    assert str(refused.value) == f"{told} `smart-trader state` shows what is there."


@pytest.mark.parametrize("flags", [{"failed": True}, {"refetch": True}, {}])
def test_a_reset_of_a_table_without_rows_is_one_sentence(tmp_path, flags):
    store = make_lake(load_settings({"source": "live", "root": str(tmp_path / "root")})).store
    with pytest.raises(ResetError, match=r"silver/tracked_whales (is failing|has no rows)\."):
        plan_reset(store, Choice(TRACKED_WHALES.name, **flags))


@pytest.mark.parametrize(("choice", "told"), REFUSED, ids=[told for _, told in REFUSED])
def test_a_choice_that_makes_no_sense_is_refused_with_the_remedy(drained, choice, told):
    with pytest.raises(ResetError) as refused:
        plan_reset(drained.store, choice)
    assert told in str(refused.value)


def test_every_table_with_a_state_can_be_reset_whole(drained):
    assert set(resettable()) == {
        table.name
        for table in (
            TOKENS,
            TRACKED_TOKENS,
            WHALES,
            CANDIDATES,
            TRACKED_WHALES,
            TRANSACTIONS,
            WALLET_PNL,
            TRACED_WALLETS,
            NOTIFICATIONS,
        )
    }
    rows = watch_rows([ANN, BOB], watched=True, at=NOW, wallet_shards=2)
    stamp = CommitInfo("a test", CANDIDATES.name)
    tracked = rows.with_columns(tracking_status=pl.lit("tracked"))
    drained.store.write(CANDIDATES, Batch(tracked), stamp)
    traced = [traced_wallet("one", transfers_status="failed")]
    drained.store.write(TRACED_WALLETS, Batch(frame(TRACED_WALLETS, traced)), stamp)
    news = [notification("one", delivery_status="sent"), notification("begun", kind="started")]
    drained.store.write(NOTIFICATIONS, Batch(frame(NOTIFICATIONS, news)), stamp)
    for name, cursor in resettable().items():
        done = reset(drained, cursor.contract)
        first = cursor.contract.state(cursor.state_column).initial
        # Since when a receiver is told is no work.
        no_work = 1 if cursor.contract is NOTIFICATIONS else 0
        assert done.height == drained.rows(cursor.contract).height - no_work, name
        assert set(done[cursor.state_column]) == {first}, name

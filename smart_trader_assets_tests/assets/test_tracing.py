"""Transfers of ranked wallets: fetched once, one request each; a purse is known, an exchange joins nobody."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.assets.economy import why_it_waits
from smart_trader_assets.assets.scope import REPROCESS_TAG
from smart_trader_assets.automation.forecast import forecast
from smart_trader_assets.automation.live_runs import RANGE_END_TAG, RANGE_START_TAG
from smart_trader_assets.birdeye.circuit_breaker import forget_refused
from smart_trader_assets.birdeye.client import PATHS
from smart_trader_assets.cli.forecast_lines import costs_table
from smart_trader_assets.pnl.cash import NATIVE_SOL
from smart_trader_assets.report.company import company_words
from smart_trader_assets.sandbox import Endpoint, Fault, FaultKind, Recording
from smart_trader_assets.settings import load_settings
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.catalog import (
    SMART_TRADERS,
    TRACED_WALLETS,
    TRANSFERS,
    WALLET_CLUSTERS,
)
from smart_trader_assets.tables.cursors import WALLETS_TO_TRACE
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets_tests.support.made_once import MadeOnce
from smart_trader_assets_tests.support.pipeline import DrainedRoot, Pipeline, open_pipeline
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, LATER, NOW, wallet

PURSE, EXCHANGE = wallet("purse"), wallet("exchange")
SENT_AT = NOW - timedelta(days=40)
RANKED = {"min_closing_trades": 1, "min_active_days": 1, "trace_transfers": True}
"""ANN and BOB are."""


class Telling(Recording):
    """The tiny market, and who has sent SOL to whom."""

    sent: Sequence[tuple[str, str]] = ()

    def transfers(self, wallet: str, now: datetime) -> list[dict[str, object]]:
        return [
            {
                "time": SENT_AT.isoformat(),
                "unix_time": int(SENT_AT.timestamp()),
                "block_number": 1,
                "token_address": NATIVE_SOL,
                "from_address": sender,
                "to_address": receiver,
                "amounts": 10**9,
                "value": 150.5,
            }
            for sender, receiver in self.sent
            if wallet in (sender, receiver) and now > SENT_AT
        ]


@pytest.fixture(scope="module")
def market(tiny_market_folder: Path) -> Telling:
    market = Telling.load(tiny_market_folder)
    market.sent = [(PURSE, ANN), (PURSE, BOB), (EXCHANGE, ANN), (EXCHANGE, BOB)]
    market.sent += [(EXCHANGE, wallet(f"customer {n}")) for n in range(30)]
    return market


@pytest.fixture(scope="module")
def begun(made_once: MadeOnce, market: Telling) -> dict[bool, DrainedRoot]:
    """A first drain that looks at transfers, and one that does not."""

    def make(folder: Path, *, looks: bool) -> DrainedRoot:
        options = RANKED | {"trace_transfers": looks}
        with open_pipeline(folder / "root", market, **options) as pipeline:
            return DrainedRoot.of(pipeline)

    return {
        looks: made_once(f"traced-{looks}", partial(make, looks=looks))[1]
        for looks in (True, False)
    }


@pytest.fixture
def ranked(tmp_path: Path, market: Telling, begun: dict[bool, DrainedRoot]) -> Iterator[Pipeline]:
    """A root whose ranking has not asked for transfers yet."""
    shutil.copytree(begun[False].root, tmp_path / "root")
    with open_pipeline(tmp_path / "root", market, **RANKED) as pipeline:
        yield pipeline


def rank(pipeline: Pipeline, at: datetime = NOW, **changes: Any) -> None:
    assert pipeline.materialize(SMART_TRADERS, as_of=at, **changes).success


def fetch(pipeline: Pipeline, at: datetime = NOW, **changes: Any) -> dict[str, int]:
    """A run of bronze/transfers for each shard; whom it asked for, how often."""
    pipeline.server.log.clear()
    for shard in ("00", "01"):
        assert pipeline.materialize(TRANSFERS, shard, as_of=at, **changes).success
    return pipeline.asked_for(Endpoint.TRANSFERS)


def states(rows: pl.DataFrame) -> dict[str, tuple[str, str]]:
    told = rows.select("wallet_address", "role", "transfers_status")
    return {address: (role, status) for address, role, status in told.rows()}


def state_of_root(pipeline: Pipeline) -> dict[str, tuple[str, str]]:
    return states(pipeline.rows(TRACED_WALLETS))


def test_two_that_one_purse_has_funded_have_one_rank_and_one_vote(begun):
    drained = begun[True]
    assert not drained.report.stuck
    asked = {(Endpoint.TRANSFERS.value, one): 1 for one in (ANN, BOB, PURSE, EXCHANGE)}
    assert {k: n for k, n in drained.requests.items() if k[0] == Endpoint.TRANSFERS.value} == asked
    done = dict.fromkeys((ANN, BOB), ("ranked", "completed"))
    assert states(drained.tables[TRACED_WALLETS.name]) == done | dict.fromkeys(
        (PURSE, EXCHANGE), ("funder", "completed")
    )
    first, second = sorted((ANN, BOB))
    pairs = drained.tables[WALLET_CLUSTERS.name]
    assert pairs.select(
        "wallet_address",
        "other_address",
        "relation",
        "tokens_together",
        "funder_address",
        "funder_recipients",
        "funded_at",
        "cluster_id",
        "vote_id",
    ).rows() == [(first, second, "FUNDED", None, PURSE, 2, SENT_AT, first, first)]
    ranking = drained.tables[SMART_TRADERS.name].sort("overall_rank")
    assert ranking["rank_by_hand"].to_list() == [1, 1]
    assert ranking["led_by"].to_list() == [None, ranking["wallet_address"][0]]
    (told,) = company_words(pairs, ANN)
    for part in (PURSE[:4], BOB[:4], f"since {SENT_AT:%Y-%m-%d}", "2 addresses", "one vote"):
        assert part in told


def test_nothing_is_asked_twice_and_after_the_interval_once_more(begun, market, tmp_path):
    shutil.copytree(begun[True].root, tmp_path / "root")
    with open_pipeline(tmp_path / "root", market, **RANKED) as pipeline:
        rows = pipeline.rows(TRANSFERS)
        assert rows["transfer_id"].n_unique() == rows.height
        assert set(rows.filter(pl.col("wallet_address") == PURSE)["to_address"]) == {ANN, BOB}
        assert fetch(pipeline, LATER) == {}
        asked = fetch(pipeline, NOW + timedelta(days=31))
        # Whom a funder has sent cash to is told by those who got it.
        assert asked == dict.fromkeys((ANN, BOB), 1)
        assert_frame_equal(pipeline.rows(TRANSFERS), rows, check_row_order=False)
        assert state_of_root(pipeline)[ANN] == ("ranked", "fetched")
        ranking = pipeline.rows(SMART_TRADERS)
        rank(pipeline, LATER)
        # Nobody else has one purse by it: nothing is ranked anew.
        assert_frame_equal(pipeline.rows(SMART_TRADERS), ranking)
        assert {status for _, status in state_of_root(pipeline).values()} == {"completed"}


def test_a_wallet_whose_fetch_fails_stays_due_and_stops_nobody(ranked):
    fault = Fault(FaultKind.NOT_FOUND, endpoint=Endpoint.TRANSFERS, entity=BOB, times=None)
    ranked.server.faults.add(fault)
    rank(ranked)
    fetch(ranked)
    rank(ranked)
    # Of what only one is known to have been sent, nobody is asked about.
    assert state_of_root(ranked) == {ANN: ("ranked", "completed"), BOB: ("ranked", "retry")}
    row = ranked.rows(TRACED_WALLETS).filter(wallet_address=BOB).row(0, named=True)
    assert (row["attempts"], row["transfers_fetched_at"]) == (1, None)
    assert "404" in row["last_error"]
    assert fetch(ranked) == {}

    ranked.server.faults.clear()
    later = NOW + timedelta(hours=1)
    assert fetch(ranked, later) == {BOB: 1}
    rank(ranked, later)
    assert fetch(ranked, later) == dict.fromkeys((PURSE, EXCHANGE), 1)
    assert ranked.rows(WALLET_CLUSTERS).is_empty()
    rank(ranked, later)
    assert ranked.rows(WALLET_CLUSTERS)["funder_address"].to_list() == [PURSE]


def test_a_plan_without_the_endpoint_blames_no_wallet(ranked):
    refused = Fault(FaultKind.NOT_IN_PLAN, endpoint=Endpoint.TRANSFERS, times=None)
    ranked.server.faults.add(refused)
    rank(ranked)
    # The first shard is asked for; the second one no more.
    assert sum(fetch(ranked).values()) == 1
    assert set(state_of_root(ranked).values()) == {("ranked", "pending")}
    settings = ranked.settings()
    assert "Not asked" in str(why_it_waits(TRANSFERS.name, ranked.store, settings, None))
    assert fetch(ranked) == {}
    ranked.server.faults.clear()
    # The hour is that of the machine's clock.
    forget_refused(state_of(settings), {PATHS["wallet_transfers"]})
    assert fetch(ranked) == dict.fromkeys((ANN, BOB), 1)


@pytest.mark.parametrize(("plan", "asked"), [("standard", False), ("starter", True)])
def test_the_free_plan_is_asked_only_where_one_says_so(plan, asked):
    chosen: dict[str, Any] = {"source": "live", "birdeye_api_key": "k", "plan": plan}
    assert load_settings(chosen).traces_transfers is asked
    assert load_settings(chosen | {"trace_transfers": True}).traces_transfers


def test_recorded_rows_tell_of_no_transfers_unless_one_says_so(tiny_market_folder):
    chosen = {"source": "replay", "replay_folder": tiny_market_folder}
    assert not load_settings(chosen).traces_transfers
    assert load_settings(chosen | {"trace_transfers": True}).traces_transfers


def test_where_transfers_are_not_looked_at_nothing_is_due_and_no_row_is_made(begun, ranked):
    report = begun[False].report
    assert (report.stuck, TRANSFERS.name in {step.asset for step in report.steps}) == ({}, False)
    assert begun[False].tables[TRACED_WALLETS.name].is_empty()
    # What was begun waits without complaint while they are not looked at.
    rank(ranked)
    assert set(state_of_root(ranked)) == {ANN, BOB}
    assert fetch(ranked, trace_transfers=False) == {}
    off = due_policy(ranked.settings(trace_transfers=False))
    assert WALLETS_TO_TRACE.due_counts(ranked.store, as_of=NOW, policy=off) == {}
    on = due_policy(ranked.settings())
    assert sum(WALLETS_TO_TRACE.due_counts(ranked.store, as_of=NOW, policy=on).values()) == 2


def test_what_is_processed_anew_is_only_what_was_fetched(ranked):
    rank(ranked)
    rank(ranked, tags={REPROCESS_TAG: "true"})
    assert set(state_of_root(ranked).values()) == {("ranked", "pending")}


def test_with_few_credits_the_best_ranked_come_first_whatever_their_shard(ranked):
    rank(ranked)
    best = ranked.rows(SMART_TRADERS).sort("overall_rank")["wallet_address"][0]
    ranked.server.log.clear()
    ends = {RANGE_START_TAG: "00", RANGE_END_TAG: "01"}
    assert ranked.materialize(TRANSFERS, tags=ends, credits_per_run=19).success
    assert ranked.asked_for(Endpoint.TRANSFERS) == {best: 1}


def test_a_price_of_nothing_bounds_nothing(ranked):
    rank(ranked)
    free: dict[str, Any] = {"credit_prices": (("wallet_transfers", 0),)}
    assert set(fetch(ranked, credits_per_run=5, **free)) == {ANN, BOB}


def test_what_it_costs_is_forecast_and_a_spent_budget_lets_it_wait(ranked):
    rank(ranked)
    dear: dict[str, Any] = {"credit_prices": (("wallet_transfers", 9_000),)}
    settings = ranked.settings(**dear)
    known = forecast(settings, ranked.store)
    assert costs_table(known, width=80).row_count == len(known.costs) + 1
    assert {cost.endpoint: cost.run for cost in known.costs}["wallet_transfers"] == 2 * 9_000
    assert why_it_waits(TRANSFERS.name, ranked.store, settings, 8_999)
    assert why_it_waits(TRANSFERS.name, ranked.store, settings, 9_000) is None
    assert fetch(ranked, credits_per_run=8_999, **dear) == {}
    assert set(state_of_root(ranked).values()) == {("ranked", "pending")}

"""Transfers of ranked wallets: fetched once, one request each; a purse is known, an exchange joins nobody."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.assets.economy import why_it_waits
from smart_trader_assets.automation.forecast import forecast
from smart_trader_assets.birdeye.circuit_breaker import forget_refused
from smart_trader_assets.birdeye.client import PATHS
from smart_trader_assets.cli.forecast_lines import costs_table
from smart_trader_assets.pnl.cash import NATIVE_SOL
from smart_trader_assets.report.company import company_of, company_words
from smart_trader_assets.sandbox import Endpoint, Fault, FaultKind, Recording
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.catalog import (
    SMART_TRADERS,
    TRACED_WALLETS,
    TRANSFERS,
    WALLET_CLUSTERS,
)
from smart_trader_assets_tests.support.pipeline import Pipeline, open_pipeline
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


@pytest.fixture
def market(tiny_market_folder: Path) -> Telling:
    market = Telling.load(tiny_market_folder)
    market.sent = [(PURSE, ANN), (PURSE, BOB), (EXCHANGE, ANN), (EXCHANGE, BOB)]
    market.sent += [(EXCHANGE, wallet(f"customer {n}")) for n in range(30)]
    return market


@pytest.fixture
def traced(tmp_path: Path, market: Telling) -> Iterator[Pipeline]:
    with open_pipeline(tmp_path / "root", market, **RANKED) as pipeline:
        yield pipeline


def states(pipeline: Pipeline) -> dict[str, tuple[str, str]]:
    rows = pipeline.rows(TRACED_WALLETS).select("wallet_address", "role", "transfers_status")
    return {address: (role, status) for address, role, status in rows.rows()}


def test_two_that_one_purse_has_funded_have_one_rank_and_one_vote(traced):
    assert not traced.drain().stuck
    assert traced.asked_for(Endpoint.TRANSFERS) == dict.fromkeys((ANN, BOB, PURSE, EXCHANGE), 1)
    done = dict.fromkeys((ANN, BOB), ("ranked", "completed"))
    assert states(traced) == done | dict.fromkeys((PURSE, EXCHANGE), ("funder", "completed"))
    first, second = sorted((ANN, BOB))
    pairs = traced.rows(WALLET_CLUSTERS)
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
    ranked = traced.rows(SMART_TRADERS).sort("overall_rank")
    assert ranked["rank_by_hand"].to_list() == [1, 1]
    assert ranked["led_by"].to_list() == [None, ranked["wallet_address"][0]]
    (told,) = company_words(company_of(traced.store, [ANN]), ANN)
    for part in (PURSE[:4], BOB[:4], f"since {SENT_AT:%Y-%m-%d}", "2 addresses", "one vote"):
        assert part in told


def test_nothing_is_asked_twice_and_after_the_interval_once_more(traced):
    traced.drain()
    rows = traced.rows(TRANSFERS)
    assert rows["transfer_id"].n_unique() == rows.height
    assert set(rows.filter(pl.col("wallet_address") == PURSE)["to_address"]) == {ANN, BOB}
    traced.drain(LATER)
    assert traced.requests(Endpoint.TRANSFERS) == 0
    traced.drain(NOW + timedelta(days=31))
    assert set(traced.asked_for(Endpoint.TRANSFERS)) == {ANN, BOB, PURSE, EXCHANGE}
    assert traced.rows(TRANSFERS).drop("fetched_at").equals(rows.drop("fetched_at"))


def test_a_wallet_whose_fetch_fails_stays_due_and_stops_nobody(traced):
    fault = Fault(FaultKind.NOT_FOUND, endpoint=Endpoint.TRANSFERS, entity=BOB, times=None)
    traced.server.faults.add(fault)
    traced.drain()
    # Of what only one is known to have been sent, nobody is asked about.
    assert states(traced) == {ANN: ("ranked", "completed"), BOB: ("ranked", "retry")}
    row = traced.rows(TRACED_WALLETS).filter(wallet_address=BOB).row(0, named=True)
    assert (row["attempts"], row["transfers_fetched_at"]) == (1, None)
    assert "404" in row["last_error"]
    assert traced.rows(WALLET_CLUSTERS).is_empty()

    traced.server.faults.clear()
    traced.drain(NOW + timedelta(hours=1))
    assert traced.asked_for(Endpoint.TRANSFERS) == dict.fromkeys((BOB, PURSE, EXCHANGE), 1)
    assert traced.rows(WALLET_CLUSTERS)["funder_address"].to_list() == [PURSE]


def test_a_plan_without_the_endpoint_blames_no_wallet(traced):
    refused = Fault(FaultKind.NOT_IN_PLAN, endpoint=Endpoint.TRANSFERS, times=None)
    traced.server.faults.add(refused)
    report = traced.drain()
    assert report.stuck == {TRANSFERS.name: 2}
    assert "Not asked" in report.waits[TRANSFERS.name]
    assert set(states(traced).values()) == {("ranked", "pending")}
    assert traced.rows(SMART_TRADERS).height == 2
    traced.drain(NOW + timedelta(minutes=30))
    assert traced.requests(Endpoint.TRANSFERS) == 0
    traced.server.faults.clear()
    # The hour is that of the machine's clock.
    forget_refused(state_of(traced.settings()), {PATHS["wallet_transfers"]})
    traced.drain(NOW + timedelta(minutes=30))
    assert set(traced.asked_for(Endpoint.TRANSFERS)) == {ANN, BOB, PURSE, EXCHANGE}


@pytest.mark.parametrize(("plan", "asked"), [("standard", False), ("starter", True)])
def test_the_free_plan_is_asked_only_where_one_says_so(traced, plan, asked):
    chosen: dict[str, Any] = {"source": "live", "birdeye_api_key": "k", "plan": plan}
    settings = traced.settings().but(**chosen)
    fields = {name: getattr(settings, name) for name in settings.model_fields_set}
    fields.pop("trace_transfers")
    assert type(settings)(**fields).traces_transfers is asked
    assert type(settings)(**fields, trace_transfers=True).traces_transfers


def test_where_transfers_are_not_looked_at_nothing_is_due_and_no_row_is_made(traced):
    report = traced.drain(trace_transfers=False)
    assert (report.stuck, traced.requests(Endpoint.TRANSFERS)) == ({}, 0)
    assert states(traced) == {}
    # From then on: with the next ranking, whatever it is for.
    traced.drain(NOW + timedelta(days=1))
    assert set(states(traced)) == {ANN, BOB, PURSE, EXCHANGE}


def test_what_was_begun_waits_without_complaint_while_they_are_not_looked_at(traced):
    traced.server.faults.add(
        Fault(FaultKind.SERVER_ERROR, endpoint=Endpoint.TRANSFERS, status=503, times=None)
    )
    traced.drain()
    traced.server.faults.clear()
    report = traced.drain(NOW + timedelta(hours=1), trace_transfers=False)
    assert (report.stuck, traced.requests(Endpoint.TRANSFERS)) == ({}, 0)
    assert set(states(traced).values()) == {("ranked", "retry")}


def test_what_it_costs_is_forecast_and_a_spent_budget_lets_it_wait(traced):
    report = traced.drain(credits_per_run=10_000, credit_prices=(("wallet_transfers", 9_000),))
    assert report.stuck[TRANSFERS.name] in (1, 2)
    settings = traced.settings(LATER, credit_prices=(("wallet_transfers", 9_000),))
    known = forecast(settings, traced.store)
    assert costs_table(known, width=80).row_count == len(known.costs) + 1
    costs = {cost.endpoint: cost for cost in known.costs}
    waiting = report.stuck[TRANSFERS.name]
    assert costs["wallet_transfers"].run == waiting * 9_000
    assert why_it_waits(TRANSFERS.name, traced.store, settings, 8_999)
    assert why_it_waits(TRANSFERS.name, traced.store, settings, 9_000) is None

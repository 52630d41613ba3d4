"""Reprocessing: what is put back is done again, that and nothing else, and ends as it was."""

import polars as pl
import pytest

from smart_trader_assets.automation.live_runs import RANGE_END_TAG, RANGE_START_TAG
from smart_trader_assets.delta.batch import CommitInfo, Settlement
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.sandbox import Endpoint
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    SMART_TRADERS,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.roots import assert_same, contents
from smart_trader_assets_tests.support.tiny_market import BOB, CID, FIRST_MINTS, FOX, NOW

BACK = CommitInfo("put-back", "tests")


def put_back(
    pipeline: Pipeline, table: TableContract, chosen: pl.DataFrame, **states: str | bool
) -> None:
    """Set states of chosen rows by a settlement, as a reset does."""
    settlement = Settlement.of(table, chosen, operation="RESET", sets=states)
    assert pipeline.store.settle(settlement, BACK) == chosen.height


def without_operation(found: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The contents without what last touched a row: done again, it may be another step."""
    return {name: frame.drop("_delta_operation") for name, frame in found.items()}


def test_a_wallet_put_back_is_fetched_again_and_no_other(drained):
    before = contents(drained.store)
    chosen = drained.rows(TRACKED_WHALES).filter(wallet_address=CID)
    assert chosen.height == 2
    put_back(drained, TRACKED_WHALES, chosen, processing_status="pending")
    drained.drain()
    assert drained.asked_for(Endpoint.SWAPS) == {CID: 1}
    assert drained.requests(Endpoint.HOLDERS) == 0
    assert_same(contents(drained.store), before)


def test_a_token_put_back_has_its_holders_fetched_again_and_no_other(drained):
    before = contents(drained.store)
    chosen = drained.rows(TRACKED_TOKENS).filter(token_address=FOX)
    put_back(drained, TRACKED_TOKENS, chosen, whale_fetch_status="pending")
    drained.drain()
    assert drained.asked_for(Endpoint.HOLDERS) == {FOX: 1}
    assert drained.requests(Endpoint.SWAPS) == 0
    assert_same(contents(drained.store), before)


def test_swaps_put_back_are_counted_again_for_their_wallet_alone(drained):
    before = contents(drained.store)
    others = drained.rows(WALLET_PNL).filter(wallet_address=CID)
    chosen = drained.rows(TRANSACTIONS).filter(wallet_address=BOB).head(1)
    put_back(drained, TRANSACTIONS, chosen, processed_for_pnl=False)
    report = drained.drain()
    assert report.total("wallets_computed") == 1
    assert drained.requests(Endpoint.SWAPS) == 0
    assert_same(contents(drained.store), before)
    assert drained.rows(WALLET_PNL).filter(wallet_address=CID).equals(others)


def test_listings_put_back_are_judged_again_without_new_fetches(drained):
    before = contents(drained.store)
    put_back(drained, TOKENS, drained.rows(TOKENS), tracking_status="pending")
    report = drained.drain()
    assert report.total("tokens_tracked") == len(FIRST_MINTS)
    assert drained.server.requests == {Endpoint.LISTINGS.value: 1}
    assert_same(without_operation(contents(drained.store)), without_operation(before))


@pytest.mark.parametrize(
    "table",
    [TRACKED_TOKENS, WHALES, TRACKED_WHALES, TRANSACTIONS, WALLET_PNL, SMART_TRADERS],
    ids=lambda table: table.name,
)
def test_the_tag_reprocess_takes_every_row_anew_with_the_same_outcome(drained, table):
    before = contents(drained.store)
    both = {RANGE_START_TAG: "00", RANGE_END_TAG: "01"}
    shards = {} if table.dagster_partition is None else both
    assert drained.materialize(table, tags={"reprocess": "true", **shards}).success
    if table is WHALES:
        assert drained.asked_for(Endpoint.HOLDERS) == dict.fromkeys(FIRST_MINTS, 1)
    if table is TRANSACTIONS:
        assert sum(drained.asked_for(Endpoint.SWAPS).values()) == 4
    drained.drain()
    assert_same(without_operation(contents(drained.store)), without_operation(before))


def test_without_the_tag_a_run_finds_nothing_due_succeeds_and_changes_nothing(drained):
    before = {contract.name: drained.store.version(contract) for contract in ALL_TABLES}
    for table in (TRACKED_TOKENS, WHALES, TRACKED_WHALES, TRANSACTIONS, WALLET_PNL):
        assert drained.materialize(table, "00").success
    assert drained.materialize(SMART_TRADERS).success
    assert {contract.name: drained.store.version(contract) for contract in ALL_TABLES} == before
    assert drained.rows(WALLET_PNL)["as_of"].unique().to_list() == [NOW]

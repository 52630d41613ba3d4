"""A later run: only what is new is processed, and the stand-in's counts prove that the rest is skipped."""

from datetime import timedelta

import polars as pl
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.sandbox import Endpoint
from smart_trader_assets.tables.catalog import (
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.roots import versions
from smart_trader_assets_tests.support.tiny_market import CID, EVE, FIRST_WALLETS, LATER, NOW, OWL


def test_nothing_new_costs_one_request_and_makes_no_commit(drained):
    before = versions(drained.store)
    report = drained.drain()
    assert [step.asset for step in report.steps] == [TOKENS.name]
    assert drained.server.requests == {Endpoint.LISTINGS.value: 1}
    assert versions(drained.store) == before


def test_a_new_token_brings_only_itself_and_its_new_holders(drained):
    old = {table.name: known_rows(drained, table) for table in WALLET_TABLES}
    state = ("token_address", "whale_fetch_status", "whale_fetched_at", "is_newly_tracked")
    old_tokens = drained.rows(TRACKED_TOKENS).select(state)

    drained.drain(LATER)

    assert drained.requests(Endpoint.LISTINGS) == 1
    assert drained.asked_for(Endpoint.HOLDERS) == {OWL: 1}
    # CID holds the new token too, but was fetched two hours ago.
    assert drained.asked_for(Endpoint.SWAPS) == {EVE: 1}
    for table in WALLET_TABLES:
        # Their versions and run ids too: nobody touched them.
        assert_frame_equal(known_rows(drained, table), old[table.name])
    tokens = drained.rows(TRACKED_TOKENS).select(state)
    assert_frame_equal(
        tokens.filter(pl.col("token_address") != OWL), old_tokens, check_row_order=False
    )
    assert tokens.filter(pl.col("token_address") == OWL).rows() == [
        (OWL, "completed", LATER, False)
    ]
    new_whales = drained.rows(TRACKED_WHALES).filter(pl.col("token_address") == OWL)
    assert set(
        new_whales.select("wallet_address", "processing_status", "transactions_fetched_at").rows()
    ) == {(EVE, "processed", LATER), (CID, "processed", NOW)}
    assert drained.rows(TRANSACTIONS).filter(wallet_address=EVE).height == 1


WALLET_TABLES = (TRACKED_WHALES, TRANSACTIONS, WALLET_PNL)


def known_rows(pipeline: Pipeline, table: TableContract) -> pl.DataFrame:
    """The rows of the wallets of the first run, the new token's aside, as they lie in the table."""
    rows = pipeline.rows(table).filter(pl.col("wallet_address").is_in(list(FIRST_WALLETS)))
    if "token_address" in rows.columns:
        rows = rows.filter(pl.col("token_address") != OWL)
    return rows.sort(table.key)


def test_after_the_refresh_interval_a_wallet_is_asked_from_where_its_last_fetch_ended(drained):
    tomorrow = NOW + timedelta(hours=30)
    before = drained.rows(TRANSACTIONS)
    drained.drain(tomorrow)
    wallets = {*FIRST_WALLETS, EVE}
    assert drained.asked_for(Endpoint.SWAPS) == dict.fromkeys(wallets, 1)
    # The old tokens' holders are fetched every three days, the new token's for the first time.
    assert drained.asked_for(Endpoint.HOLDERS) == {OWL: 1}
    swaps = drained.rows(TRANSACTIONS)
    new = swaps.join(before, on="swap_id", how="anti")
    assert sorted(new["wallet_address"]) == sorted([CID, EVE])
    kept = swaps.join(new, on="swap_id", how="anti").sort("swap_id")
    assert_frame_equal(kept, before.sort("swap_id"))
    histories = drained.rows(TRACKED_WHALES).filter(
        pl.col("wallet_address").is_in(list(FIRST_WALLETS))
    )
    assert set(histories["fetched_to"]) == {int(tomorrow.timestamp())}
    assert set(histories["transactions_fetched_at"]) == {tomorrow}
    # A day has passed, so the windows of all wallets have moved.
    assert set(drained.rows(WALLET_PNL)["as_of"]) == {tomorrow}
    assert set(drained.rows(WALLET_PNL)["processed_for_gold"]) == {True}

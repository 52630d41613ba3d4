"""The first run: everything is pending, and is processed in the order of the graph."""

import polars as pl
import pytest

from smart_trader_assets.delta.fence import WRITER
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.sandbox import Endpoint
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    NOTIFICATIONS,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    TRANSFERS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.tables.cursors import CONSUMERS
from smart_trader_assets_tests.support.tiny_market import (
    ANN,
    BOB,
    CAT,
    CID,
    DEE,
    DOG,
    FIRST_MINTS,
    FIRST_WALLETS,
    FOX,
    NOW,
)


def test_a_snapshot_alone_leaves_every_token_pending_and_nothing_else(pipeline):
    assert pipeline.materialize(TOKENS, NOW.date().isoformat()).success
    born = pipeline.rows(TOKENS).select(
        "tracking_status", "whale_fetch_status", "whale_fetched_at", "is_newly_tracked"
    )
    assert born.unique().rows() == [("pending", "pending", None, True)]
    assert set(pipeline.rows(TOKENS)["token_address"]) == FIRST_MINTS
    for contract in ALL_TABLES:
        if contract is not TOKENS:
            assert pipeline.rows(contract).is_empty(), contract.name


def test_assets_run_once_each_in_the_order_of_the_graph(first_run):
    steps = first_run.report.steps
    # Nobody is told anything, and no transfers are looked at.
    run = [asset for asset in CONSUMERS if asset not in (TRANSFERS.name, NOTIFICATIONS.name)]
    assert [step.asset for step in steps] == [TOKENS.name, *run]
    assert [step.left for step in steps] == [0] * len(steps)
    assert first_run.report.stuck == {}


def test_each_table_is_committed_to_once_by_whom_it_is_made_for_all_shards(first_run):
    store = DeltaStore(str(first_run.root))
    for contract in (TRACKED_TOKENS, WHALES, TRACKED_WHALES, TRANSACTIONS, WALLET_PNL):
        entries = store.open(contract).history()
        made = [entry[WRITER] for entry in entries if entry.get("asset") == contract.name]
        shards = {f"{contract.name}/00", f"{contract.name}/01"}
        assert [set(writers.splitlines()) for writers in made] == [shards], contract.name


def test_every_token_and_every_wallet_is_asked_for_once(first_run):
    # CID holds two of the tokens, and is asked for once all the same.
    assert first_run.requests == {
        **{(Endpoint.HOLDERS.value, mint): 1 for mint in FIRST_MINTS},
        **{(Endpoint.SWAPS.value, wallet): 1 for wallet in FIRST_WALLETS},
    }


@pytest.mark.parametrize(
    ("table", "column", "done"),
    [
        (TOKENS, "tracking_status", "tracked"),
        (TOKENS, "whale_fetch_status", "completed"),
        (TOKENS, "is_newly_tracked", False),
        (TRACKED_TOKENS, "whale_fetch_status", "completed"),
        (TRACKED_TOKENS, "is_newly_tracked", False),
        (WHALES, "tracking_status", "tracked"),
        (TRACKED_WHALES, "processing_status", "processed"),
        (TRACKED_WHALES, "history_complete", True),
        (TRANSACTIONS, "processed_for_pnl", True),
        (TRANSACTIONS, "_delta_operation", "PNL_PROCESSED"),
        (TRANSACTIONS, "set_aside_reason", None),
        (WALLET_PNL, "processed_for_gold", True),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_every_row_ends_in_the_state_that_means_done(first_run, table, column, done):
    assert set(first_run.tables[table.name][column].unique()) == {done}


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (TOKENS, "tracked_at"),
        (TOKENS, "whale_fetched_at"),
        (TRACKED_TOKENS, "whale_fetched_at"),
        (WHALES, "tracked_at"),
        (TRACKED_WHALES, "transactions_fetched_at"),
        (TRANSACTIONS, "pnl_processed_at"),
        (WALLET_PNL, "gold_processed_at"),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_what_is_done_says_when_by_the_one_clock(first_run, table, column):
    assert set(first_run.tables[table.name][column].unique()) == {NOW}


def test_the_rows_are_those_of_the_market(first_run):
    assert set(first_run.tables[WHALES.name].select("token_address", "wallet_address").rows()) == {
        (CAT, ANN),
        (CAT, CID),
        (DOG, BOB),
        (DOG, CID),
        (FOX, DEE),
    }
    swaps = first_run.tables[TRANSACTIONS.name]["wallet_address"].value_counts()
    assert dict(swaps.rows()) == {ANN: 24, BOB: 3, CID: 2, DEE: 1}


def test_profit_is_first_in_first_out_over_the_whole_history(first_run):
    portfolios = first_run.tables[WALLET_PNL.name].filter(
        (pl.col("token_address") == "ALL_TOKENS") & (pl.col("window") == "all")
    )
    earned = dict(portfolios.select("wallet_address", "realized_pnl").rows())
    gains = sum(400 + 100 * (day % 5) for day in range(12))
    assert earned == {
        ANN: pytest.approx(gains, rel=1e-12),
        BOB: pytest.approx(30, rel=1e-12),
        CID: 0,
        DEE: 0,
    }
    assert set(portfolios["as_of"]) == {NOW}
    dogs = first_run.tables[WALLET_PNL.name].filter(
        (pl.col("wallet_address") == BOB)
        & (pl.col("token_address") == DOG)
        & (pl.col("window") == "all")
    )
    assert dogs.select("open_quantity", "open_cost", "coverage").rows() == [(10, 30, 100)]

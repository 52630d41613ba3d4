"""Recorded rows of real wallets, replayed from the token list to the ranking."""

from collections import Counter

import polars as pl
import pytest

from smart_trader_assets.sandbox import Endpoint, Recording
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_WHALES, TRANSACTIONS, WALLET_PNL
from smart_trader_assets_tests.support.command import RECORDED_ROWS
from smart_trader_assets_tests.support.pipeline import open_pipeline
from smart_trader_assets_tests.support.roots import versions

ROW_COUNT = 4_237
WALLET = "5ngDQ3vMT7GHeFvXP5GLX79t6fqG2t15kyQTtst9zFdw"

pytestmark = pytest.mark.skipif(
    not RECORDED_ROWS.is_dir(), reason=f"no recorded rows in {RECORDED_ROWS}"
)


def test_recorded_rows_are_stored_once_counted_once_and_never_fetched_again(tmp_path):
    recording = Recording.load(RECORDED_ROWS)
    now = recording.last_row_at
    with open_pipeline(tmp_path / "root", recording, credits_per_run=None) as pipeline:
        pipeline.drain(now)

        swaps = pipeline.rows(TRANSACTIONS)
        assert swaps.height == swaps["swap_id"].n_unique() == ROW_COUNT
        recorded = Counter(
            {
                file.stem: len(file.read_text().splitlines())
                for file in RECORDED_ROWS.glob("*.jsonl")
            }
        )
        assert dict(swaps["wallet_address"].value_counts().rows()) == recorded
        whales = pipeline.rows(TRACKED_WHALES)
        assert set(whales["wallet_address"]) == set(recorded)
        assert set(whales["processing_status"]) == {"processed"}
        assert set(whales["history_complete"]) == {True}
        assert set(swaps["processed_for_pnl"]) == {True}

        (portfolio,) = (
            pipeline.rows(WALLET_PNL)
            .filter(
                (pl.col("wallet_address") == WALLET)
                & (pl.col("token_address") == "ALL_TOKENS")
                & (pl.col("window") == "all")
            )
            .to_dicts()
        )
        assert (portfolio["buy_count"], portfolio["sell_count"]) == (7, 1)
        assert portfolio["matched_proceeds"] == pytest.approx(3_286.517069, abs=1e-6)
        assert portfolio["matched_cost"] == pytest.approx(5_091.877141, abs=1e-6)
        assert portfolio["realized_pnl"] == pytest.approx(-1_805.360072, abs=1e-6)
        assert portfolio["coverage"] == 100
        assert portfolio["history_complete"] is True

        before = versions(pipeline.store)
        report = pipeline.drain(now)
        assert [step.asset for step in report.steps] == [TOKENS.name]
        assert pipeline.server.requests == {Endpoint.LISTINGS.value: 1}
        assert versions(pipeline.store) == before

"""silver/wallet_pnl: what its numbers are made by, and when they are made again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.assets.scope import REPROCESS_TAG
from smart_trader_assets.delta.contract import AUDIT
from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets.pnl.assumptions import PNL_RULES
from smart_trader_assets.tables.catalog import SMART_TRADERS, TOKENS, TRACKED_TOKENS, WALLET_PNL
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.rivals import Contest
from smart_trader_assets_tests.support.tiny_market import ANN, CAT, FIRST_WALLETS, NOW


def numbers(pipeline: Pipeline) -> pl.DataFrame:
    return pipeline.store.scan(WALLET_PNL).filter(pl.col("window") == "all").collect()


def steps(pipeline: Pipeline, **changes: Any) -> list[str]:
    return [step.asset for step in pipeline.drain(**changes).steps]


def count(pipeline: Pipeline, **changes: Any) -> None:
    """Have whatever is due counted."""
    for shard in ("00", "01"):
        assert pipeline.materialize(WALLET_PNL, shard, **changes).success


def test_other_assumptions_make_every_number_due_once(drained):
    before = numbers(drained)
    assert before["pnl_rules"].unique().to_list() == [PNL_RULES]
    assert WALLET_PNL.name in steps(drained, network_fee_sol=0.005)
    after = numbers(drained)
    (edition,) = after["pnl_rules"].unique().to_list()
    assert edition.startswith(f"{PNL_RULES}+")
    was, is_now = (table["estimated_fees_usd"].sum() for table in (before, after))
    assert was > 0
    assert is_now == pytest.approx(10 * was)
    assert WALLET_PNL.name not in steps(drained, network_fee_sol=0.005)
    count(drained)
    assert numbers(drained)["pnl_rules"].unique().to_list() == [PNL_RULES]


def test_a_mint_that_is_named_cash_forms_no_position(drained):
    assert CAT in numbers(drained)["token_address"].to_list()
    count(drained, cash_mints=(CAT,))
    after = numbers(drained)
    assert CAT not in after["token_address"].to_list()
    ann = after.filter(wallet_address=ANN, token_address=ALL_TOKENS).row(0, named=True)
    assert (ann["trade_count"], ann["realized_pnl"]) == (0, 0.0)
    assert ann["conversion_count"] > 0


UNTOUCHED: dict[str, Any] = {
    "wallet_refresh_hours": 720,
    "wallet_refresh_limit_hours": 720,
    "whale_refresh_hours": 720,
}
"""Nothing of a wallet is fetched anew: only time goes by, and the list of tokens tells new prices."""


def told(pipeline: Pipeline) -> pl.DataFrame:
    """All that the numbers say, but for when they were made, and the price of what is not held."""
    marks = ("mark_price", "marked_at", "mark_source", "liquidity")
    rows = pipeline.rows(WALLET_PNL).with_columns(
        pl.when(pl.col("open_quantity") > 0).then(name).alias(name) for name in marks
    )
    return rows.drop("as_of", "ages_at", *WALLET_PNL.state_columns, *(c.name for c in AUDIT)).sort(
        WALLET_PNL.key
    )


def computed(pipeline: Pipeline, at: datetime, **tags: str) -> float:
    """How many wallets a run at that time has counted."""
    result = pipeline.materialize(WALLET_PNL, "00", as_of=at, tags=tags, **UNTOUCHED)
    assert result.success
    (event,) = result.get_asset_materialization_events()
    counted = event.materialization.metadata.get("wallets_computed")
    return 0.0 if counted is None else float(str(counted.value))


def test_what_ageing_leaves_alone_is_what_computing_everything_finds(tiny_market, tmp_path):
    counted = []
    with Contest(tiny_market, SMART_TRADERS).opened(tmp_path / "root") as pipeline:
        for days in (1, 2, 8, 40, 130, 131):
            at = NOW + timedelta(days=days)
            for table, partition in ((TOKENS, at.date().isoformat()), (TRACKED_TOKENS, "00")):
                assert pipeline.materialize(table, partition, as_of=at, **UNTOUCHED).success
            counted.append(computed(pipeline, at))
        aged, of_before = told(pipeline), pipeline.rows(WALLET_PNL).filter(pl.col("as_of") < at)
        assert counted[0] > counted[-1]
        assert of_before.height  # rows that no day has changed
        assert computed(pipeline, at, **{REPROCESS_TAG: "true"}) == len(FIRST_WALLETS)
        assert_frame_equal(aged, told(pipeline))

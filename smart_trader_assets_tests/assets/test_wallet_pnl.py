"""silver/wallet_pnl: what its numbers are made by, and when they are made again."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets.pnl.assumptions import PNL_RULES
from smart_trader_assets.tables.catalog import WALLET_PNL
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.tiny_market import ANN, CAT


def numbers(pipeline: Pipeline) -> pl.DataFrame:
    return pipeline.store.scan(WALLET_PNL).filter(pl.col("window") == "all").collect()


def steps(pipeline: Pipeline, **changes: Any) -> list[str]:
    return [step.asset for step in pipeline.drain(**changes).steps]


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
    assert WALLET_PNL.name in steps(drained)
    assert numbers(drained)["pnl_rules"].unique().to_list() == [PNL_RULES]


def test_a_mint_that_is_named_cash_forms_no_position(drained):
    assert CAT in numbers(drained)["token_address"].to_list()
    assert WALLET_PNL.name in steps(drained, cash_mints=(CAT,))
    after = numbers(drained)
    assert CAT not in after["token_address"].to_list()
    ann = after.filter(wallet_address=ANN, token_address=ALL_TOKENS).row(0, named=True)
    assert (ann["trade_count"], ann["realized_pnl"]) == (0, 0.0)
    assert ann["conversion_count"] > 0

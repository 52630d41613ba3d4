"""What the source fills in or revises later replaces what is held, and the wallet is counted again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.assets.scope import REPROCESS_TAG
from smart_trader_assets.pnl.columns import ALL_TOKENS
from smart_trader_assets.sandbox import Recording
from smart_trader_assets.tables.catalog import SMART_TRADERS, TRANSACTIONS, WALLET_PNL
from smart_trader_assets_tests.support.pipeline import Pipeline, open_pipeline
from smart_trader_assets_tests.support.rivals import ONE_SHARD, Contest
from smart_trader_assets_tests.support.tiny_market import BOB, write_tiny_market

RawRow = dict[str, Any]


def numbers(pipeline: Pipeline) -> dict[str, Any]:
    """BOB's."""
    return (
        pipeline.rows(WALLET_PNL)
        .filter(wallet_address=BOB, token_address=ALL_TOKENS, window="all")
        .select("realized_pnl", "total_bought", "buy_count", "sell_count")
        .row(0, named=True)
    )


def fetched_twice(
    folder: Path, first: Recording, revised: Callable[[RawRow], RawRow]
) -> tuple[dict[str, Any], dict[str, Any], pl.DataFrame]:
    """BOB's numbers before and after his history was fetched again from a source that has revised it."""
    with Contest(first, SMART_TRADERS).opened(folder / "root") as pipeline:
        before = numbers(pipeline)
    later = Recording.load(write_tiny_market(folder / "later", revised))
    with open_pipeline(folder / "root", later, **ONE_SHARD) as pipeline:
        assert pipeline.materialize(TRANSACTIONS, "00", tags={REPROCESS_TAG: "true"}).success
        # It finds by itself who is to be counted again.
        assert pipeline.materialize(WALLET_PNL, "00").success
        return before, numbers(pipeline), pipeline.rows(TRANSACTIONS).filter(wallet_address=BOB)


@pytest.mark.parametrize(
    "filled_in", [{"ins_index": 4, "inner_ins_index": 2}, {"owner": None}, {"ins_index": None}]
)
def test_a_row_whose_index_or_owner_comes_later_stands_once(tiny_market, tmp_path, filled_in):
    before, after, swaps = fetched_twice(tmp_path, tiny_market, lambda row: row | filled_in)
    assert (after, swaps.height) == (before, 3)
    assert swaps["processed_for_pnl"].all()


def test_an_amount_in_another_spelling_changes_nothing(tiny_market, tmp_path):
    def spelled(row: RawRow) -> RawRow:
        amount = row["base"]["change_amount"]
        return row | {"base": row["base"] | {"change_amount": f"{amount}.0"}}

    before, after, swaps = fetched_twice(tmp_path, tiny_market, spelled)
    assert (after, swaps.height) == (before, 3)


def test_a_price_that_is_revised_is_the_one_that_counts(tmp_path):
    """In SOL for each dollar coin: what the cash was worth is what the source says last."""
    sol = "So11111111111111111111111111111111111111112"

    def at(price: float) -> Callable[[RawRow], RawRow]:
        def in_sol(row: RawRow) -> RawRow:
            raw = row["quote"]["change_amount"] * 1000
            leg = {"address": sol, "decimals": 9, "price": price, "change_amount": raw}
            return row | {"quote": row["quote"] | leg | {"nearest_price": price}}

        return in_sol

    first = Recording.load(write_tiny_market(tmp_path / "first", at(1.0)))
    before, after, _ = fetched_twice(tmp_path, first, at(3.0))
    assert before["realized_pnl"] == 30.0
    assert after == before | {"realized_pnl": 90.0, "total_bought": 120.0}

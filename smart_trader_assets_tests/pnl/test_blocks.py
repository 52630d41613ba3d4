"""Wallets are computed in blocks that stand beside each other: no cut between them changes a number."""

import polars as pl
import pytest
from hypothesis import given
from polars.testing import assert_frame_equal

from smart_trader_assets.pnl import blocks, compute_wallet_pnl, engine
from smart_trader_assets.pnl.errors import ColumnsMissingError
from smart_trader_assets_tests.pnl.histories import AS_OF, A, X, buy, frame, mint, sell
from smart_trader_assets_tests.pnl.strategies import histories
from smart_trader_assets_tests.pnl.test_random_histories import sometimes


def test_a_block_holds_whole_wallets_in_the_order_of_their_addresses():
    wallets = sorted(mint(f"wallet {number}") for number in range(4))
    rows = [
        buy(f"{wallet}{number}", 1, 1, wallet=wallet)
        for number in range(3)
        for wallet in reversed(wallets)
    ]
    table = frame(rows).with_columns(block=blocks.wallet_blocks(frame(rows), 2))
    found = table.group_by("wallet_address").agg(pl.col("block").unique()).sort("wallet_address")
    assert found["block"].to_list() == [[0], [0], [1], [1]]


@pytest.mark.parametrize(
    ("rows", "count"),
    [(250_000, 1), (250_001, 2), (1_000_000, 2), (1_000_001, 4), (10_000_000, 20)],
)
def test_every_worker_has_as_many_blocks(rows, count):
    assert blocks.block_count(rows, workers=2) == count


def test_a_row_without_a_wallet_is_in_no_block():
    table = frame([buy("1", 1, 1), buy("2", 1, 1, wallet=None)])
    assert blocks.wallet_blocks(table, 2).to_list() == [0, None]


@sometimes
@given(histories())
def test_numbers_made_in_blocks_are_those_made_at_once(rows):
    whole = compute_wallet_pnl(frame(rows), as_of=AS_OF)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "block_count", lambda *_: 2)
        parted = compute_wallet_pnl(frame(rows), as_of=AS_OF)
    assert_frame_equal(parted, whole, check_exact=True)


def test_an_error_in_a_block_is_told(monkeypatch):
    monkeypatch.setattr(engine, "block_count", lambda *_: 2)
    rows = [buy("1", 1, 1), sell("2", 1, 2, A), buy("3", 1, 1, X, wallet=mint("another"))]
    with pytest.raises(ColumnsMissingError, match="marks"):
        compute_wallet_pnl(frame(rows), as_of=AS_OF, marks=pl.DataFrame({"price": [1.0]}))

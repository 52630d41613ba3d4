"""A wallet's figures are the same to the last bit, whoever is looked at beside it."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from smart_trader_assets.pnl import compute_wallet_pnl, fifo, netted_trades
from smart_trader_assets.ranking.copied_lots import lot_parts, token_trades, traded_prices
from smart_trader_assets.ranking.copied_returns import bets_to_copy, copied_returns
from smart_trader_assets_tests.pnl.histories import AS_OF, A, B, X, buy, frame, sell
from smart_trader_assets_tests.support.defaults import RANKING

Row = dict[str, Any]
WALLETS = ("ann", "bob")
amounts = st.sampled_from([1.0, 3.0, 7.0, 49.0, 0.1, 33.3])
prices = st.sampled_from([1.0, 0.3, 1.7, 4.541666, 1e-6])


ONE_LOT_EACH = [
    buy(wallet, 1.0, 1.0, A, wallet=wallet, hours_ago=hours)
    for wallet, hours in zip(WALLETS, (30.0, 29.55), strict=True)
]


@st.composite
def markets(draw: st.DrawFn) -> list[Row]:
    """Each wallet buys one to three tokens, and some of them again, or sells them."""
    rows = []
    for wallet in WALLETS:
        for token in (A, B, X)[: draw(st.integers(1, 3))]:
            for number in range(draw(st.integers(1, 3))):
                deal = draw(st.sampled_from([buy, sell])) if number else buy
                tx = f"{wallet} {token} {number}"
                rows.append(
                    deal(
                        tx,
                        draw(amounts),
                        draw(prices),
                        token,
                        wallet=wallet,
                        hours_ago=30.0 - number - draw(st.integers(0, 30)) / 60,
                    )
                )
    return rows


def trades_of(rows: list[Row], market: list[Row]) -> pl.DataFrame:
    return token_trades(netted_trades(frame(rows), as_of=AS_OF))


def bets_of(rows: list[Row], market: list[Row]) -> pl.DataFrame:
    return bets_to_copy(compute_wallet_pnl(frame(rows), as_of=AS_OF).lazy(), RANKING)


def copied_of(rows: list[Row], market: list[Row]) -> pl.DataFrame:
    """The prices are the market's, as of the table of trades."""
    traded = netted_trades(frame(rows), as_of=AS_OF)
    return copied_returns(
        lot_parts(traded, fifo(traded.trades, traded.rollovers)),
        traded_prices(trades_of(market, market).lazy()),
        bets_of(rows, market),
        RANKING,
    )


@pytest.mark.parametrize("figures", [trades_of, bets_of, copied_of])
@settings(max_examples=3, deadline=None)
@given(market=markets())
@example(market=ONE_LOT_EACH)
def test_a_wallet_is_the_same_alone_and_in_company(
    figures: Callable[[list[Row], list[Row]], pl.DataFrame], market: list[Row]
):
    together = figures(market, market)
    alone = [
        figures([row for row in market if row["wallet_address"] == wallet], market)
        for wallet in WALLETS
    ]
    assert_frame_equal(together, pl.concat(alone), check_row_order=False, check_exact=True)

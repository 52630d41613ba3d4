"""Real histories: the engine and the plain reference tell the same of every recorded wallet."""

from datetime import UTC, datetime

import polars as pl
import pytest

from smart_trader_assets.pnl import ALL_TOKENS, compute_wallet_pnl, explain_wallet, screen_swaps
from smart_trader_assets_tests.pnl.agreement import assert_agree
from smart_trader_assets_tests.pnl.conservation import assert_conserved
from smart_trader_assets_tests.pnl.histories import frame, recorded_rows
from smart_trader_assets_tests.pnl.reference import reference_pnl
from smart_trader_assets_tests.support.command import RECORDED_ROWS

pytestmark = pytest.mark.skipif(
    not RECORDED_ROWS.is_dir(), reason=f"no recorded histories at {RECORDED_ROWS}"
)
AS_OF = datetime(2025, 7, 25, tzinfo=UTC)
MASHA_BUYER = "5ngDQ3vMT7GHeFvXP5GLX79t6fqG2t15kyQTtst9zFdw"


@pytest.fixture(scope="module")
def swaps() -> pl.DataFrame:
    return frame(recorded_rows())


@pytest.fixture(scope="module")
def table(swaps: pl.DataFrame) -> pl.DataFrame:
    return compute_wallet_pnl(swaps, as_of=AS_OF)


def test_no_recorded_row_is_set_aside(swaps):
    assert screen_swaps(swaps).is_empty()


@pytest.mark.parametrize("as_of", [AS_OF, datetime(2025, 7, 8, 3, 30, tzinfo=UTC)])
def test_every_column_of_every_recorded_wallet_agrees_with_the_reference(swaps, as_of):
    table = compute_wallet_pnl(swaps, as_of=as_of)
    assert_agree(table, reference_pnl(swaps.to_dicts(), as_of=as_of))


def test_one_wallet_by_hand(swaps, table):
    own = table.filter(wallet_address=MASHA_BUYER, token_address=ALL_TOKENS, window="all")
    row = own.to_dicts()[0]
    assert swaps.filter(wallet_address=MASHA_BUYER).height == 10
    assert (row["buy_count"], row["sell_count"]) == (7, 1)
    assert row["matched_proceeds"] == pytest.approx(3286.517069, abs=1e-6)
    assert row["matched_cost"] == pytest.approx(5091.877141, abs=1e-6)
    assert row["realized_pnl"] == pytest.approx(-1805.360072, abs=1e-6)
    assert row["coverage"] == 100.0


def test_what_was_sold_is_matched_unmatched_or_of_unknown_basis(table):
    parts = pl.sum_horizontal("matched_proceeds", "unmatched_proceeds", "unknown_basis_proceeds")
    sold = pl.col("total_sold")
    assert table.select(((parts - sold).abs() <= 1e-9 * sold).all()).item()
    assert table.filter(pl.col("unmatched_proceeds") > 0).height > 10


def test_the_cautious_total_is_never_above_the_total(table):
    known = table.filter(
        (pl.col("window") == "all")
        & pl.col("total_pnl").is_not_null()
        & (pl.col("unmarked_tokens").fill_null(0) == 0)
    )
    assert known.height > 100
    gross = pl.sum_horizontal("total_bought", "total_sold", "open_cost", "estimated_fees_usd")
    assert known.select(
        (pl.col("conservative_pnl") <= pl.col("total_pnl") + 1e-9 * gross).all()
    ).item()


def test_money_and_units_of_every_recorded_wallet_are_conserved(swaps):
    assert_conserved(swaps, AS_OF)


def test_an_explanation_adds_up_to_the_metrics_of_every_recorded_wallet(swaps):
    for wallet in swaps["wallet_address"].unique():
        explained = explain_wallet(swaps, as_of=AS_OF, wallet=wallet)
        tokens = explained.metrics.filter(
            (pl.col("token_address") != ALL_TOKENS) & (pl.col("window") == "all")
        )
        for row in tokens.iter_rows(named=True):
            token = pl.col("token_address") == row["token_address"]
            matches = explained.lot_matches.filter(token)
            lots = explained.open_lots.filter(token)
            assert matches["result"].sum() == pytest.approx(row["realized_pnl"], abs=1e-6)
            rolled = float(explained.rollovers.filter(token)["received"].sum())
            proceeds = float(matches["proceeds"].sum())
            assert proceeds + rolled == pytest.approx(row["total_sold"], abs=1e-6)
            assert lots["cost"].sum() == pytest.approx(row["open_cost"], abs=1e-6)
            assert explained.trades.filter(token).height == row["trade_count"]

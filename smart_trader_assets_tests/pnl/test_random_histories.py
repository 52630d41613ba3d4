"""Promises that hold for every history."""

import random
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from smart_trader_assets.pnl import compute_wallet_pnl, fifo, netted_trades
from smart_trader_assets.pnl.cash import USDC, USDT, WRAPPED_SOL
from smart_trader_assets_tests.pnl.agreement import KEY, MONEY, assert_agree
from smart_trader_assets_tests.pnl.histories import AS_OF, A, B, X, frame, mint
from smart_trader_assets_tests.pnl.reference import reference_pnl
from smart_trader_assets_tests.pnl.strategies import WALLETS, histories

often = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
sometimes = settings(often, max_examples=15)
MARKS = pl.DataFrame(
    {"token_address": [X, A], "price": [2.5, 0.75], "marked_at": [AS_OF, AS_OF]},
    schema_overrides={"marked_at": pl.Datetime("us", "UTC")},
)


@often
@given(histories())
def test_every_column_agrees_with_the_reference(rows):
    table = compute_wallet_pnl(frame(rows), as_of=AS_OF, marks=MARKS)
    marks = {X: [(AS_OF, 2.5)], A: [(AS_OF, 0.75)]}
    assert_agree(table, reference_pnl(rows, as_of=AS_OF, marks=marks))


@sometimes
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows, randomness: random.Random):
    shuffled = randomness.sample(rows, len(rows))
    one, other = (compute_wallet_pnl(frame(each), as_of=AS_OF) for each in (rows, shuffled))
    assert_frame_equal(one, other, check_exact=True)


@sometimes
@given(histories())
def test_a_wallet_is_the_same_alone_and_in_company(rows):
    together = compute_wallet_pnl(frame(rows), as_of=AS_OF)
    alone = [
        compute_wallet_pnl(frame(rows).filter(wallet_address=wallet), as_of=AS_OF)
        for wallet in WALLETS
    ]
    assert_frame_equal(together, pl.concat(alone), check_row_order=False, check_exact=True)


@sometimes
@given(histories(), st.data())
def test_rows_that_came_late_or_twice_leave_no_trace(rows, data):
    """A history kept as it arrived, in pieces that overlap, is the history."""
    cut = data.draw(st.integers(0, len(rows)))
    overlap = data.draw(st.integers(0, cut))
    arrived = pl.concat([frame(rows[cut - overlap :]), frame(rows[:cut])])
    assert_frame_equal(
        compute_wallet_pnl(arrived, as_of=AS_OF),
        compute_wallet_pnl(frame(rows), as_of=AS_OF),
        check_exact=True,
    )


@sometimes
@given(histories(), st.integers(0, 100 * 24))
def test_what_came_after_as_of_is_not_known_at_as_of(rows, hours_back):
    as_of = AS_OF.replace(minute=30) - pl.select(pl.duration(hours=hours_back)).item()
    known = frame(rows).filter(pl.col("block_unix_time") <= int(as_of.timestamp()))
    assert_frame_equal(
        compute_wallet_pnl(frame(rows), as_of=as_of),
        compute_wallet_pnl(known, as_of=as_of),
        check_exact=True,
    )


@sometimes
@given(histories(), st.sampled_from([0.25, 3.0, 1000.0]))
def test_scaling_all_prices_scales_all_money_and_no_ratio(rows, factor):
    prices = [f"{leg}_{name}" for leg in ("base", "quote") for name in ("price", "nearest_price")]
    scaled = frame(rows).with_columns(pl.col(*prices, "volume_usd") * factor)
    pegs = {WRAPPED_SOL: None, USDC: factor, USDT: factor}
    table = compute_wallet_pnl(frame(rows), as_of=AS_OF)
    expected = table.with_columns(pl.col(*MONEY, "mark_price") * factor)
    found = compute_wallet_pnl(scaled, as_of=AS_OF, cash_mints=pegs)
    assert_agree(found, expected.to_dicts())


@sometimes
@given(histories())
def test_other_names_for_wallets_and_mints_change_nothing(rows):
    names = {one: mint(f"renamed {one}") for one in (*WALLETS, X, A, B)}

    def renamed(row: dict[str, Any]) -> dict[str, Any]:
        return {key: names.get(value, value) for key, value in row.items()}

    found = compute_wallet_pnl(frame(renamed(row) for row in rows), as_of=AS_OF)
    expected = compute_wallet_pnl(frame(rows), as_of=AS_OF).with_columns(
        pl.col("wallet_address", "token_address").replace(names)
    )
    assert_frame_equal(
        found.sort(KEY), expected.sort(KEY), check_exact=False, rel_tol=1e-12, abs_tol=0
    )


@often
@given(histories())
def test_units_and_money_are_neither_made_nor_lost(rows):
    traded = netted_trades(frame(rows), as_of=AS_OF)
    ledger = fifo(traded.trades)
    quantity, value = pl.col("quantity"), pl.col("value")
    bought = pl.when(quantity > 0).then(quantity)
    per_trade = ledger.trades.group_by("position").agg(
        bought=bought.sum(),
        sold=pl.when(quantity < 0).then(quantity.abs()).sum(),
        priced_buys=value.filter(quantity > 0).sum(),
    )
    per_sale = ledger.disposals.group_by("position").agg(
        beyond=(quantity - pl.col("matched")).sum(),
        consumed=pl.col("matched_cost").sum(),
    )
    books = (
        ledger.positions.join(per_trade, on="position")
        .join(per_sale, on="position", how="left")
        .with_columns(pl.col("beyond", "consumed").fill_null(0))
    )
    held = pl.col("open_quantity") + pl.col("open_unknown")
    units = pl.col("bought") + pl.col("beyond") == pl.col("sold") + held
    # Priced and unpriced sales together consumed what is no longer open.
    money = pl.col("priced_buys") == pl.col("consumed") + pl.col("open_cost")
    assert books.select((units & money).all()).item()
    closed = books.filter(pl.col("open_quantity") == 0)
    assert (closed["open_cost"] == 0).all()

"""Promises that hold for every history."""

import random
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from smart_trader_assets.pnl import ALL_TOKENS, DEFAULT_CASH_MINTS, compute_wallet_pnl
from smart_trader_assets.pnl.assumptions import DEFAULT_ASSUMPTIONS
from smart_trader_assets.pnl.cash import USDC, USDT, WRAPPED_SOL
from smart_trader_assets_tests.pnl import figures, strategies
from smart_trader_assets_tests.pnl.agreement import KEY, MONEY, assert_agree
from smart_trader_assets_tests.pnl.conservation import assert_conserved
from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    PYUSD,
    A,
    B,
    C,
    Leg,
    X,
    frame,
    mint,
    swap,
)
from smart_trader_assets_tests.pnl.reference import reference_pnl
from smart_trader_assets_tests.pnl.strategies import (
    STAKED,
    STEADY_SOL_PRICES,
    WALLETS,
    histories,
    rolling_histories,
)

Row = dict[str, Any]

often = settings(max_examples=settings().max_examples // 2, suppress_health_check=list(HealthCheck))
sometimes = settings(often, max_examples=often.max_examples // 3)
any_history = st.one_of(histories(), histories(), rolling_histories())
MARKS = figures.marks(
    figures.mark(2.5, hours_ago=30, liquidity=40.0),
    figures.mark(0.75, token=A, source="table_trade"),
)
ASSUMED_IN_USD = ("fallback_sol_usd", "most_left_of_a_hop_usd")


def table_of(rows: Iterable[Row], **given: Any) -> pl.DataFrame:
    return compute_wallet_pnl(frame(rows), **{"as_of": AS_OF, "marks": MARKS, **given})


def assert_agrees_with_the_reference(
    rows: list[Row], marks: pl.DataFrame, known_to: Any, assumed: Any
) -> None:
    found = table_of(
        rows,
        marks=marks,
        histories=figures.histories((WALLETS[0], known_to)),
        assumptions=assumed,
    )
    settings_of_reference = asdict(assumed)
    settings_of_reference["hop_usd"] = settings_of_reference.pop("most_left_of_a_hop_usd")
    expected = reference_pnl(
        rows,
        as_of=AS_OF,
        marks=marks.to_dicts(),
        histories={WALLETS[0]: known_to},
        **settings_of_reference,
    )
    assert_agree(found, expected)


@often
@given(histories(), strategies.marks(), strategies.known_times, strategies.assumptions)
def test_every_column_agrees_with_the_reference(rows, marks, known_to, assumed):
    assert_agrees_with_the_reference(rows, marks, known_to, assumed)


@often
@given(rolling_histories(), strategies.marks(), strategies.known_times, strategies.assumptions)
def test_every_column_of_chained_rollovers_agrees_with_the_reference(
    rows, marks, known_to, assumed
):
    assert_agrees_with_the_reference(rows, marks, known_to, assumed)


@sometimes
@given(any_history, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows, randomness: random.Random):
    shuffled = randomness.sample(rows, len(rows))
    assert_frame_equal(table_of(shuffled), table_of(rows), check_exact=True)


@sometimes
@given(any_history)
def test_a_wallet_is_the_same_alone_and_in_company(rows):
    alone = [table_of(row for row in rows if row["wallet_address"] == wallet) for wallet in WALLETS]
    assert_frame_equal(table_of(rows), pl.concat(alone), check_row_order=False, check_exact=True)


@sometimes
@given(any_history, st.data())
def test_rows_that_came_late_or_twice_leave_no_trace(rows, data):
    """A history kept as it arrived, in pieces that overlap, is the history."""
    cut = data.draw(st.integers(0, len(rows)))
    overlap = data.draw(st.integers(0, cut))
    arrived = [*rows[cut - overlap :], *rows[:cut]]
    assert_frame_equal(table_of(arrived), table_of(rows), check_exact=True)


@sometimes
@given(any_history, st.integers(0, 100 * 24))
def test_what_came_after_as_of_is_not_known_at_as_of(rows, hours_back):
    as_of = AS_OF.replace(minute=30) - pl.select(pl.duration(hours=hours_back)).item()
    known = [row for row in rows if row["block_unix_time"] <= int(as_of.timestamp())]
    assert_frame_equal(table_of(rows, as_of=as_of), table_of(known, as_of=as_of), check_exact=True)


@sometimes
@given(any_history, st.sampled_from([0.25, 4.0, 1024.0]))
def test_scaling_all_money_scales_all_money_and_no_ratio(rows, factor):
    def scaled(row: Row) -> Row:
        in_usd = [name for name in row if name.endswith("price") or name == "volume_usd"]
        return row | {name: row[name] and row[name] * factor for name in in_usd}

    assumed = {name: getattr(DEFAULT_ASSUMPTIONS, name) * factor for name in ASSUMED_IN_USD}
    found = table_of(
        map(scaled, rows),
        marks=MARKS.with_columns(pl.col("price", "liquidity") * factor),
        cash_mints={**DEFAULT_CASH_MINTS, USDC: factor, USDT: factor},
        assumptions=replace(DEFAULT_ASSUMPTIONS, **assumed),
    )
    expected = table_of(rows).with_columns(pl.col(*MONEY, "mark_price") * factor)
    assert_agree(found, expected.to_dicts())


@sometimes
@given(any_history)
def test_other_names_for_wallets_and_mints_change_nothing(rows):
    names = {one: mint(f"renamed {one}") for one in (*WALLETS, X, A, B, C)}

    def renamed(row: Row) -> Row:
        return {key: names.get(value, value) for key, value in row.items()}

    found = table_of(map(renamed, rows), marks=MARKS.with_columns(token_address=renamed_in(names)))
    expected = table_of(rows).with_columns(pl.col("wallet_address", "token_address").replace(names))
    assert_agree(found, expected.to_dicts())


def renamed_in(names: dict[str, str]) -> pl.Expr:
    return pl.col("token_address").replace(names)


@often
@given(any_history)
def test_units_and_money_are_neither_made_nor_lost(rows):
    assert_conserved(frame(rows), AS_OF)


@often
@given(any_history, strategies.marks(), strategies.assumptions)
def test_what_was_sold_splits_and_the_cautious_total_is_never_above_the_total(rows, marks, assumed):
    table = table_of(rows, marks=marks, assumptions=assumed)
    gross = pl.sum_horizontal("total_bought", "total_sold", "open_cost", "estimated_fees_usd")
    parts = pl.sum_horizontal("matched_proceeds", "unmatched_proceeds", "unknown_basis_proceeds")
    assert table.select(((parts - pl.col("total_sold")).abs() <= 1e-9 * gross).all()).item()
    whole = (pl.col("unmarked_tokens").fill_null(0) == 0) & pl.col("total_pnl").is_not_null()
    cautious = pl.col("conservative_pnl") <= pl.col("total_pnl") + 1e-9 * gross
    assert table.filter((pl.col("window") == "all") & whole).select(cautious.all()).item()


NOT_IN_SOL = ("realized_pnl", "matched_cost", "total_sold", "closing_count", "open_cost")


@sometimes
@given(histories(sol_prices=STEADY_SOL_PRICES), st.data())
def test_who_parks_money_between_trades_has_made_as_much(rows, data):
    hours = st.integers(0, 121 * 24)
    parked = [
        row
        for number in range(data.draw(st.integers(1, 6)))
        for row in parking(number, data.draw(hours), data.draw(st.sampled_from(WALLETS)))
    ]
    kept = pl.col("token_address") != ALL_TOKENS
    columns = [*KEY, *NOT_IN_SOL, "unmatched_proceeds", "win_count", "avg_holding_hours"]
    one, other = (table_of(each).filter(kept).select(columns) for each in (rows, [*rows, *parked]))
    assert_frame_equal(other, one, check_exact=True)
    portfolio = table_of([*rows, *parked]).filter(~kept, window="all")
    before = table_of(rows).filter(~kept, window="all")
    added = sum(portfolio["conversion_count"]) - sum(before["conversion_count"])
    assert added == len(parked)


def parking(number: int, hours_ago: int, wallet: str) -> list[Row]:
    """SOL into staked SOL and, an hour later, back; dollars into others."""
    dollars = swap(
        f"parked dollars {number}",
        Leg(USDC, 40, 1.0),
        Leg(PYUSD, 40, 1.01),
        hours_ago=hours_ago,
        wallet=wallet,
    )
    given, taken = Leg(STAKED, 3, 131.0), Leg(WRAPPED_SOL, 3.3, 119.0)
    there = swap(f"staked {number}", taken, given, hours_ago=hours_ago, wallet=wallet)
    back = swap(f"freed {number}", given, taken, hours_ago=max(hours_ago - 1, 0), wallet=wallet)
    return [dollars, there, back]


SPELLINGS = ("{0}.0", "{0}.000", "{0}e0", "{0}0e-1", "{0}00.0E-2")


@sometimes
@given(any_history, st.data())
def test_rows_delivered_again_in_another_spelling_change_nothing(rows, data):
    def spelled(row: Row) -> Row:
        spellings = {
            f"{leg}_change_amount": data.draw(st.sampled_from(SPELLINGS))
            for leg in ("base", "quote")
        }
        return row | {name: spelling.format(row[name]) for name, spelling in spellings.items()}

    again = [*rows, *map(spelled, rows)]
    assert_frame_equal(table_of(again), table_of(rows), check_exact=True)
    unnamed, unnamed_again = (
        compute_wallet_pnl(as_text(frame(each).drop("swap_id")), as_of=AS_OF)
        for each in (rows, again)
    )
    assert_frame_equal(unnamed_again, unnamed, check_exact=True)


def as_text(swaps: pl.DataFrame) -> pl.DataFrame:
    return swaps.with_columns(pl.col(pl.Float64, pl.Int64).cast(pl.String))

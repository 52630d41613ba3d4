"""What a mint was last traded at, by anybody: a mark for those who hold it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from smart_trader_assets.pnl.assumptions import DEFAULT_ASSUMPTIONS
from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS
from smart_trader_assets.tables.market_marks import traded_marks
from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    A,
    B,
    Leg,
    X,
    frame,
    mint,
    sol,
    swap,
    usdc,
)

FIRST, SECOND = mint("first wallet"), mint("second wallet")


def bought(tx: str, price: float, token: str = X, **more: Any) -> dict[str, Any]:
    return swap(tx, usdc(10 * price), Leg(token, 10), **more)


def marks(*rows: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Mint to price and hours ago."""
    found = traded_marks(
        frame(rows).lazy(),
        as_of=AS_OF,
        within=timedelta(days=7),
        cash_mints=DEFAULT_CASH_MINTS,
        assumptions=DEFAULT_ASSUMPTIONS,
    )
    assert found["source"].unique().to_list() in ([], ["table_trade"])
    hours = (pl.lit(AS_OF) - pl.col("marked_at")).dt.total_seconds() / 3600
    rows_found = found.select("token_address", "price", hours.alias("hours")).iter_rows()
    return {token: (price, ago) for token, price, ago in rows_found}


def test_the_newest_trade_of_any_wallet_marks_a_mint():
    older = bought("1", 2.0, hours_ago=5, wallet=FIRST)
    newer = bought("2", 3.0, hours_ago=4, wallet=SECOND)
    of_another = bought("3", 7.0, A, hours_ago=9, wallet=FIRST)
    assert marks(older, newer, of_another) == {X: (3.0, 4.0), A: (7.0, 9.0)}


def test_what_was_traded_too_long_ago_or_later_marks_nothing():
    assert marks(bought("1", 2.0, hours_ago=7 * 24 + 1), bought("2", 3.0, hours_ago=-1)) == {}


def test_cash_is_not_marked():
    assert set(marks(swap("1", usdc(3), Leg(A, 1), hours_ago=1))) == {A}


def test_a_mint_that_was_only_rolled_over_lately_is_looked_at_further_back():
    rolled = [
        swap(f"r{number}", Leg(A, 1), Leg(X, 1), hours_ago=1 + number / 10) for number in range(12)
    ]
    assert marks(bought("1", 2.0, hours_ago=30), *rolled) == {X: (2.0, 30.0)}
    assert marks(*rolled) == {}


def test_a_price_of_sol_is_held_against_the_others_of_its_wallet():
    """They are of transactions that others have followed since, and that mark nothing themselves."""
    tokens = [mint(f"t{number}") for number in range(4)]
    seen = [
        swap(f"o{n}", sol(1, 150.0), Leg(token, 10), wallet=FIRST, hours_ago=10 + n)
        for n, token in enumerate(tokens)
    ]
    later = [
        bought(f"n{n}{k}", 15.0, token, wallet=SECOND, hours_ago=1 + k / 100)
        for n, token in enumerate(tokens)
        for k in range(9)
    ]
    others = [
        swap(f"s{k}", sol(1, 150.0), Leg(B, 10), wallet=SECOND, hours_ago=2 + k) for k in range(3)
    ]
    wrong = swap("x", sol(1, 1.5), Leg(X, 100), wallet=FIRST, hours_ago=5)
    assert marks(*seen, *later, *others, wrong)[X] == (1.5, 5.0)


def test_a_transaction_is_seen_as_a_whole():
    through = (
        swap("t", usdc(100), Leg(A, 50), hours_ago=2, ordinal=0),
        swap("t", Leg(A, 50), Leg(B, 20), hours_ago=2, ordinal=1),
    )
    assert marks(*through) == {B: (5.0, 2.0)}


def test_of_trades_in_one_block_the_lowest_price_holds_whatever_their_order():
    one = bought("1", 2.0, hours_ago=3, wallet=FIRST)
    other = bought("2", 3.0, hours_ago=3, wallet=SECOND)
    assert marks(one, other) == marks(other, one) == {X: (2.0, 3.0)}

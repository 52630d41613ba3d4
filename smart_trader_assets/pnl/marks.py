"""What an open position is worth: at the newest price known, at most at cost where nobody but traders says
so, and less with every day that nobody confirms it."""

from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.cash import NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets.pnl.decoding import tokens_of
from smart_trader_assets.pnl.errors import ColumnsMissingError
from smart_trader_assets.pnl.exact import divided, quotient, to_usd
from smart_trader_assets.pnl.lots import Ledger
from smart_trader_assets.pnl.segments import ends
from smart_trader_assets.pnl.swap_rows import time_of
from smart_trader_assets.pnl.valuation import CASH

OWN_TRADE: Final = "own_trade"
TABLE_TRADE: Final = "table_trade"
LISTED: Final = "token_list"
_TRADED: Final = (OWN_TRADE, TABLE_TRADE)
_BEST_LAST: Final = (TABLE_TRADE, OWN_TRADE, LISTED)
_DAYS_A_MICROSECOND: Final = 1 / 86_400_000_000
_SALEABLE: Final = 0.5
"""No sale takes more out of a pool than its cash side: half of its liquidity."""


def position_marks(
    ledger: Ledger, mints: pl.DataFrame, marks: pl.DataFrame | None, as_of: datetime
) -> pl.DataFrame:
    """Ledger, mints (mint, token_address), marks -> position, mark_price (USD per whole token),
    marked_at, mark_source, liquidity (USD, as last listed; null where unknown); positions without any mark
    are absent.

    Candidates are the given marks at or before `as_of` and the wallet's own trades for cash. Of equally new
    ones a listed price wins, since a whole market made it, then the wallet's own trade, then the highest
    price and the lowest liquidity, so that the order of rows does not matter.
    """
    given = _given_marks(marks, as_of).join(mints, on="token_address").drop("token_address")
    believable = pl.col("mark_price").is_finite() & (pl.col("mark_price") > 0)
    newest = (
        given.drop("liquidity")
        .filter(believable)
        .sort("marked_at", _preference(), "mark_price", "mark_source", descending=True)
        .unique("mint", keep="first", maintain_order=True)
    )
    liquidity = (
        given.select("mint", "liquidity", "marked_at")
        .drop_nulls()
        .sort("marked_at", "liquidity", descending=[True, False])
        .unique("mint", keep="first", maintain_order=True)
        .drop("marked_at")
    )
    of_position = ledger.positions.select("position", "mint")
    candidates = of_position.join(newest, on="mint").drop("mint")
    own = _own_trades(ledger)
    return (
        pl.concat([candidates, own.select(candidates.columns)])
        .sort("position", "marked_at", _preference(), descending=[False, True, True])
        .unique("position", keep="first", maintain_order=True)
        .join(of_position, on="position", maintain_order="left")
        .join(liquidity, on="mint", how="left", maintain_order="left")
        .drop("mint")
    )


def _preference() -> pl.Expr:
    return pl.col("mark_source").replace_strict(
        {source: place for place, source in enumerate(_BEST_LAST)},
        default=len(_BEST_LAST),
        return_dtype=pl.UInt8,
    )


def _own_trades(ledger: Ledger) -> pl.DataFrame:
    for_cash = ledger.trades.filter(pl.col("valuation") == CASH)
    return trade_marks(for_cash.filter(ends(for_cash["position"])), OWN_TRADE)


def trade_marks(trades: pl.DataFrame, source: str) -> pl.DataFrame:
    """Trades for cash -> the same with what each says of its mint: mark_price (USD per whole token), marked_at,
    mark_source."""
    return trades.with_columns(
        mark_price=quotient(to_usd(pl.col("value")), tokens_of("quantity").abs()),
        marked_at=time_of(pl.col("block_unix_time")),
        mark_source=pl.lit(source),
    )


def _given_marks(marks: pl.DataFrame | None, as_of: datetime) -> pl.DataFrame:
    """The marks at or before `as_of`."""
    if marks is None:
        marks = pl.DataFrame(
            schema={"token_address": pl.String, "price": pl.Float64, "marked_at": TIME}
        )
    missing = [
        name for name in ("token_address", "price", "marked_at") if name not in marks.columns
    ]
    if missing:
        raise ColumnsMissingError("marks", missing)
    if "source" not in marks.columns:
        marks = marks.with_columns(source=pl.lit(None, dtype=pl.String))
    if "liquidity" not in marks.columns:
        marks = marks.with_columns(liquidity=pl.lit(None, dtype=pl.Float64))
    liquidity = pl.col("liquidity").cast(pl.Float64)
    return (
        marks.lazy()
        .select(
            pl.col("token_address").replace(NATIVE_SOL, WRAPPED_SOL),
            mark_price=pl.col("price").cast(pl.Float64),
            marked_at=pl.col("marked_at").cast(TIME),
            mark_source=pl.col("source").cast(pl.String).fill_null(LISTED),
            liquidity=pl.when(liquidity.is_finite() & (liquidity >= 0)).then(liquidity),
        )
        .filter(pl.col("marked_at") <= as_of.astimezone(UTC))
        .collect()
    )


def open_worth(
    held: pl.DataFrame, known_to: pl.Series, *, as_of: datetime, assumptions: Assumptions
) -> pl.DataFrame:
    """Adds what is open is worth: open_value, unrealized_pnl (null without a mark), conservative_value,
    stale_open_cost (never null); USD. And mark_age_days (null without a mark), `stale`: whether the mark is too
    old to count, or absent.

    In: `position_marks` beside open_quantity (tokens) and open_cost (USD); `known_to`: up to when each row's
    history is known, null where that is `as_of`. A mark by a trade is worth at most the cost: who trades with
    himself, or with a friend, makes no gain. None is worth more than half of the token's liquidity. A mark
    fades to nothing within `mark_life_days`.
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(TIME)
    age = pl.min_horizontal(now, pl.lit(known_to.cast(TIME)).fill_null(now)) - pl.col("marked_at")
    life = timedelta(days=assumptions.mark_life_days) / timedelta(microseconds=1)
    left = 1.0 - divided(age.dt.total_microseconds(), pl.lit(life))
    by_trade = pl.col("mark_source").is_in(_TRADED)
    worth = pl.min_horizontal(
        pl.col("open_quantity") * pl.col("mark_price"),
        pl.when(by_trade).then("open_cost"),
        pl.col("liquidity") * _SALEABLE,
    )
    marked = pl.col("mark_price").is_not_null()
    return held.with_columns(
        open_value=pl.when(marked).then(worth),
        mark_age_days=age.dt.total_microseconds().clip(lower_bound=0) * _DAYS_A_MICROSECOND,
        stale=~(marked & (age <= life)).fill_null(value=False),
    ).with_columns(
        unrealized_pnl=pl.col("open_value") - pl.col("open_cost"),
        conservative_value=(pl.col("open_value") * left.clip(0.0, 1.0)).fill_null(0.0),
        stale_open_cost=pl.when("stale").then("open_cost").otherwise(0.0),
    )

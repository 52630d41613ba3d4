"""What mints were last traded at, by whomever the tables know: marks for those who hold them.

Only what was traded lately is looked at: an older price is worth nothing any more (see `pnl.marks`). Of what is
older no more than the times are read, and these only where upkeep has put rows of all times into one file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from smart_trader_assets.pnl import netted_trades
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.cash import NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets.pnl.marks import TABLE_TRADE, trade_marks
from smart_trader_assets.pnl.sol_price import BELIEVED_WITHIN
from smart_trader_assets.pnl.swap_rows import LEGS
from smart_trader_assets.pnl.valuation import CASH
from smart_trader_assets.tables.pnl_inputs import MARKS

_AT_FIRST: Final = 8
"""Transactions of a mint that are looked at, newest first, before all of them are."""
_TRANSACTION: Final = ("wallet_address", "tx_hash")


def traded_marks(
    transactions: pl.LazyFrame,
    *,
    as_of: datetime,
    within: timedelta,
    cash_mints: Mapping[str, float | None],
    assumptions: Assumptions,
) -> pl.DataFrame:
    """bronze/transactions -> `MARKS`: the newest trade for cash of each mint in the time `within` before
    `as_of`.

    A mint whose newest transactions are all of another kind is looked at further back.
    """
    end = int(as_of.timestamp())
    lately = transactions.filter(
        pl.col("block_unix_time").is_between(end - int(within.total_seconds()), end)
    )
    moved = _mints_moved(lately, cash_mints)
    newest = moved.filter(pl.col("place") < _AT_FIRST)
    marks = _marks(lately, newest, as_of, cash_mints, assumptions)
    rest = moved.filter(pl.col("place") >= _AT_FIRST).join(marks, on="token_address", how="anti")
    if rest.is_empty():
        return marks
    further = _marks(lately, rest, as_of, cash_mints, assumptions)
    return pl.concat([marks, further.join(marks, on="token_address", how="anti")])


def _mints_moved(lately: pl.LazyFrame, cash_mints: Mapping[str, float | None]) -> pl.DataFrame:
    """token_address, wallet_address, tx_hash, place: the transactions that moved a mint, 0 being the newest;
    those of one second have one place."""
    legs = [
        lately.select(*_TRANSACTION, "block_unix_time", token_address=f"{leg}_address")
        for leg in LEGS
    ]
    time = pl.col("block_unix_time")
    return (
        pl.concat(legs)
        .filter(~pl.col("token_address").is_in(list(cash_mints)))
        .unique()
        .select(
            "token_address",
            *_TRANSACTION,
            place=time.rank("min", descending=True).over("token_address") - 1,
        )
        .collect()
    )


def _with_doubtful_sol(rows: pl.DataFrame) -> pl.Series:
    """The wallets to whom SOL is said to have been worth something else than to most."""
    rates = pl.concat(
        rows.filter(pl.col(f"{leg}_address").is_in([WRAPPED_SOL, NATIVE_SOL])).select(
            "wallet_address", rate=pl.coalesce(f"{leg}_price", f"{leg}_nearest_price")
        )
        for leg in LEGS
    )
    ratio = pl.col("rate") / pl.col("rate").median()
    believed = ratio.is_between(1 / BELIEVED_WITHIN, BELIEVED_WITHIN)
    return rates.filter(~believed)["wallet_address"].unique()


def _marks(
    lately: pl.LazyFrame,
    chosen: pl.DataFrame,
    as_of: datetime,
    cash_mints: Mapping[str, float | None],
    assumptions: Assumptions,
) -> pl.DataFrame:
    """By whole transactions, since one that is seen in part is worth something else."""
    rows = lately.join(
        chosen.lazy().select(_TRANSACTION).unique(), on=_TRANSACTION, how="semi"
    ).collect()
    # A wallet's price of SOL is held against its others of those days.
    if (doubted := _with_doubtful_sol(rows)).len():
        of_doubted = pl.col("wallet_address").is_in(doubted.implode())
        rows = pl.concat([rows.filter(~of_doubted), lately.filter(of_doubted).collect()])
    traded = netted_trades(rows, as_of=as_of, cash_mints=cash_mints, assumptions=assumptions)
    for_cash = traded.trades.filter(pl.col("valuation") == CASH).join(traded.mints, on="mint")
    return (
        trade_marks(for_cash, TABLE_TRADE)
        .join(chosen.select("token_address").unique(), on="token_address", how="semi")
        .rename({"mark_price": "price", "mark_source": "source"})
        .with_columns(liquidity=pl.lit(None, dtype=pl.Float64))
        # Of trades in one block the lowest price: nobody knows which came last.
        .sort("marked_at", "block_number", "price", descending=[True, True, False], nulls_last=True)
        .unique("token_address", keep="first", maintain_order=True)
        .select(pl.col(name).cast(dtype) for name, dtype in MARKS.items())
    )

"""The price at which an open position is marked: the newest one known at `as_of`."""

from datetime import UTC, datetime
from typing import Final

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.pnl.cash import NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets.pnl.errors import ColumnsMissingError
from smart_trader_assets.pnl.exact import to_tokens, to_usd
from smart_trader_assets.pnl.lots import Ledger
from smart_trader_assets.pnl.segments import ends

OWN_TRADE: Final = "own_trade"
LISTED: Final = "token_list"


def position_marks(
    ledger: Ledger, mints: pl.DataFrame, marks: pl.DataFrame | None, as_of: datetime
) -> pl.DataFrame:
    """Ledger, mints (mint, token_address), marks -> position, mark_price (USD per whole token),
    marked_at, mark_source; positions without any mark are absent.

    Candidates are the given marks at or before `as_of` and the wallet's own priced trades; where
    two are equally new, the given one wins, since a whole market made it.
    """
    own = _own_trades(ledger)
    given = _given_marks(marks, as_of).join(mints, on="token_address").drop("token_address")
    given = ledger.positions.select("position", "mint").join(given, on="mint").drop("mint")
    return (
        pl.concat([given, own.select(given.columns)])
        .sort("position", "marked_at", descending=[False, True], maintain_order=True)
        .unique("position", keep="first", maintain_order=True)
    )


def _own_trades(ledger: Ledger) -> pl.DataFrame:
    priced = ledger.trades.filter(pl.col("value").is_not_null())
    newest = priced.filter(ends(priced["position"]))
    tokens = to_tokens(pl.col("quantity").abs(), pl.col("decimals"))
    return newest.select(
        "position",
        mark_price=to_usd(pl.col("value")) / tokens,
        marked_at=(pl.col("block_unix_time") * 1_000_000).cast(TIME),
        mark_source=pl.lit(OWN_TRADE),
    )


def _given_marks(marks: pl.DataFrame | None, as_of: datetime) -> pl.DataFrame:
    """The newest believable mark of each token; of equally new ones, the highest, so that the
    order of rows does not matter."""
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
    marked_at = pl.col("marked_at").cast(TIME)
    price = pl.col("price").cast(pl.Float64)
    return (
        marks.lazy()
        .select(
            pl.col("token_address").replace(NATIVE_SOL, WRAPPED_SOL),
            mark_price=price,
            marked_at=marked_at,
            mark_source=pl.col("source").cast(pl.String).fill_null(LISTED),
        )
        .filter(
            pl.col("mark_price").is_finite()
            & (pl.col("mark_price") > 0)
            & (pl.col("marked_at") <= as_of.astimezone(UTC))
        )
        .sort("marked_at", "mark_price", "mark_source", descending=True)
        .unique("token_address", keep="first", maintain_order=True)
        .collect()
    )

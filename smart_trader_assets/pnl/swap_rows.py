"""The columns of a swap row that profit is computed from, one row per `swap_id`."""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.pnl.errors import ColumnsMissingError, NaiveAsOfError
from smart_trader_assets.pnl.exact import MAX_DECIMALS, float_power_of_ten
from smart_trader_assets.transforms.swap_identity import fold_repeats

LEGS: Final = ("base", "quote")

_ROW_COLUMNS: Final[dict[str, pl.DataType]] = {
    "swap_id": pl.String(),
    "wallet_address": pl.String(),
    "owner": pl.String(),
    "tx_hash": pl.String(),
    "tx_type": pl.String(),
    "block_unix_time": pl.Int64(),
    "block_number": pl.Int64(),
    "ins_index": pl.Int64(),
    "inner_ins_index": pl.Int64(),
    "volume_usd": pl.Float64(),
    "address": pl.String(),
}
_LEG_COLUMNS: Final[dict[str, pl.DataType]] = {
    "address": pl.String(),
    "decimals": pl.Int64(),
    "change_amount": pl.String(),
    "ui_change_amount": pl.Float64(),
    "price": pl.Float64(),
    "nearest_price": pl.Float64(),
    "is_scaled_ui_token": pl.Boolean(),
    "multiplier": pl.Float64(),
}
_REQUIRED: Final = (
    "tx_hash",
    "block_unix_time",
    *(f"{leg}_{name}" for leg in LEGS for name in ("address", "decimals", "change_amount")),
)
MILLISECONDS_FROM: Final = 10**10
"""The API counts seconds, below 1e10; anything at or above is another unit."""


def as_of_seconds(as_of: datetime) -> int:
    """The last whole second at or before `as_of`. Raises `NaiveAsOfError` without a time zone."""
    if as_of.tzinfo is None or as_of.utcoffset() is None:
        raise NaiveAsOfError(as_of)
    return (as_of - datetime.fromtimestamp(0, tz=as_of.tzinfo)) // timedelta(seconds=1)


def is_scaled(multiplier: pl.Expr, flag: pl.Expr) -> pl.Expr:
    """Whether a mint is shown with a multiplier other than 1, or with one that is not told."""
    return (multiplier != 1.0).fill_null(flag.fill_null(value=False))


def time_of(seconds: pl.Expr) -> pl.Expr:
    """Seconds since 1970 -> a time in UTC, to the microsecond."""
    return (seconds * 1_000_000).cast(pl.Int64).cast(TIME)


def swap_rows(swaps: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """`bronze/transactions` rows -> the columns that the engine reads, one row per `swap_id`; see
    `swap_columns`."""
    return one_row_a_swap(swap_columns(swaps))


def swap_columns(swaps: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """`bronze/transactions` rows -> the columns that the engine reads.

    Optional columns that are missing read as null. `wallet_address` falls back to `owner`. A row
    without `swap_id` is identified by its wallet, transaction, pool, mints and changes; without the
    ordinal that only the fetch can give, several rows of one identity are one, and the last holds,
    unless all of their indexes are known and differ.

    Raises `ColumnsMissingError` where a required column is missing.
    """
    lazy = swaps.lazy()
    schema = lazy.collect_schema()
    present = schema.names()
    missing = [name for name in _REQUIRED if name not in present]
    if "wallet_address" not in present and "owner" not in present:
        missing.append("wallet_address")
    if missing:
        raise ColumnsMissingError("swaps", missing)
    wanted = dict(_ROW_COLUMNS)
    for leg in LEGS:
        wanted |= {f"{leg}_{name}": dtype for name, dtype in _LEG_COLUMNS.items()}
    identified = "swap_id" in present
    if identified:
        # Only the key of an unidentified row reads the pool: reading it anyway costs memory.
        unidentified = lazy.select(pl.col("swap_id").is_null().any()).collect().item()
        identified = not unidentified
    if identified:
        del wanted["address"]
    rows = lazy.select(
        (pl.col(name).cast(dtype, strict=False) if name in present else pl.lit(None, dtype)).alias(
            name
        )
        for name, dtype in wanted.items()
    )
    rows = rows.with_columns(pl.coalesce("wallet_address", "owner").alias("wallet_address"))
    collected = rows.drop("owner").collect()
    return collected if identified else _identified(collected)


def _identified(rows: pl.DataFrame) -> pl.DataFrame:
    """Give rows without `swap_id` one of their own, and drop the repeats among them."""
    unnamed = fold_repeats(rows.filter(pl.col("swap_id").is_null())).with_row_index("_place")
    place = pl.concat_str(pl.lit("row "), pl.col("_place"))
    named = rows.filter(pl.col("swap_id").is_not_null())
    return pl.concat([named, unnamed.with_columns(swap_id=place).select(named.columns)]).drop(
        "address"
    )


def one_row_a_swap(rows: pl.DataFrame) -> pl.DataFrame:
    """`swap_columns` -> one row per `swap_id`: of several the last holds.

    Rows whose `swap_id` hash is alone are alone; only the others are compared as text."""
    repeated = repeated_text(rows["swap_id"])
    if not repeated.any():
        return rows
    kept = rows.filter(repeated).unique("swap_id", keep="last", maintain_order=True)
    return pl.concat([rows.filter(~repeated), kept])


def repeated_text(text: pl.Series) -> pl.Series:
    """Whether a value may occur more than once: never false for one that does.

    Equal texts have equal hashes, so comparing hashes misses nothing; a collision only sends a
    lone row down the exact path.
    """
    hashes = text.hash()
    ordered = hashes.sort()
    return hashes.is_in(ordered.filter(ordered == ordered.shift(1)).unique().implode())


def known_by(rows: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The rows up to and including `as_of`, and those whose time is not in seconds at all."""
    time = pl.col("block_unix_time")
    in_time = (time <= as_of_seconds(as_of)) | (time >= MILLISECONDS_FROM) | time.is_null()
    return rows.filter(in_time)


_EXACT_FLOAT: Final = 2.0**53
_NO_FRACTION: Final = r"(\.0*)?([eE][+-]?0+)?$"


def with_quantities(rows: pl.DataFrame, leg: str) -> pl.DataFrame:
    """Adds `<leg>_quantity`: Int128, null where no finite number can be read.

    The raw `change_amount` is exact where it is an integer. Where it has a fraction, the ui amount
    x 10^decimals is nearer to the chain's own number, and is rounded. A number written with an
    exponent but without a fraction is taken as it stands.
    """
    text = pl.col(f"{leg}_change_amount")
    name = f"{leg}_quantity"
    rows = rows.with_columns(text.cast(pl.Int128, strict=False).alias(name))
    if not rows[name].is_null().any():
        return rows
    # A whole number in another spelling is the same number: no float may come between.
    plain = text.str.replace(_NO_FRACTION, "").cast(pl.Int128, strict=False)
    rows = rows.with_columns(pl.coalesce(name, plain).alias(name))
    decimals = pl.col(f"{leg}_decimals").clip(0, MAX_DECIMALS)
    number = text.cast(pl.Float64, strict=False)
    ui_units = pl.col(f"{leg}_ui_change_amount") * float_power_of_ten(decimals)
    whole_number = (number == number.round()) | (number.abs() >= _EXACT_FLOAT)
    read = pl.when(whole_number).then(number).otherwise(pl.coalesce(ui_units.round(), number))
    finite = pl.when(number.is_finite() & read.is_finite()).then(read).cast(pl.Int128, strict=False)
    return rows.with_columns(pl.coalesce(name, finite).alias(name))

"""The time windows of the metrics, nested in one another and all ending at `as_of`."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import polars as pl

from smart_trader_assets.pnl.segments import starts
from smart_trader_assets.pnl.swap_rows import as_of_seconds

_DAY: Final = 86_400
_DAYS: Final = (90, 30, 7)
_FEW_ROWS: Final = 100_000
WINDOWS: Final = ("all", "90d", "30d", "7d")
"""From the widest to the narrowest: a trade in band n lies in the windows 0 to n."""


def with_band(frame: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Adds `band`: how many of the windows of 90, 30 and 7 days `block_unix_time` lies in.

    A window of n days is (as_of - n x 24 h, as_of].
    """
    now = as_of_seconds(as_of)
    inside = [(pl.col("block_unix_time") > now - days * _DAY).cast(pl.UInt8) for days in _DAYS]
    return frame.with_columns(band=pl.sum_horizontal(inside).cast(pl.UInt8))


def day() -> pl.Expr:
    """The UTC day of `block_unix_time`, counted from 1970."""
    return pl.col("block_unix_time") // _DAY


def in_each_window(
    frame: pl.DataFrame, key: str, figures: Callable[[pl.DataFrame], pl.DataFrame]
) -> pl.DataFrame:
    """`figures` of each key's rows inside each window.

    In: a frame with `band`, in which the rows of one key lie together. `figures` is given rows of
    windows one below the other, with `run`, which numbers the pairs (key, window) upwards; it
    answers `run` and its figures, one row a run. Out: key, `window`, the index into `WINDOWS`,
    `slot`, one number for the pair (a single integer joins several times faster than a pair), and
    the figures.
    """
    every = range(len(WINDOWS))
    # All windows in one call where calls are what costs, one after another where memory does.
    together = [every] if frame.height <= _FEW_ROWS else [[band] for band in every]
    return pl.concat(_in_windows(frame, key, figures, bands) for bands in together)


def _in_windows(
    frame: pl.DataFrame,
    key: str,
    figures: Callable[[pl.DataFrame], pl.DataFrame],
    bands: Sequence[int],
) -> pl.DataFrame:
    inside = (
        frame.lazy()
        .filter(pl.col("band") >= band if band else pl.lit(value=True))
        .with_columns(window=pl.lit(band, dtype=pl.UInt8))
        for band in bands
    )
    stacked = (
        pl.concat(inside)
        .drop("band")
        .with_columns(slot=slot(pl.col(key), pl.col("window")))
        .with_columns(run=pl.col("slot").rle_id())
        .collect()
    )
    runs = stacked.filter(starts(stacked["run"])).select(key, "window", "slot")
    found = figures(stacked.drop("window", "slot").set_sorted("run"))
    return pl.concat([runs, found.drop("run")], how="horizontal")


def slot(key: pl.Expr, window: pl.Expr) -> pl.Expr:
    return key.cast(pl.UInt64) * len(WINDOWS) + window.cast(pl.UInt64)

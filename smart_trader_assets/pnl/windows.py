"""The time windows of the metrics, nested in one another and all ending at `as_of`."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import polars as pl

from smart_trader_assets.pnl.columns import WINDOWS
from smart_trader_assets.pnl.segments import starts
from smart_trader_assets.pnl.swap_rows import as_of_seconds

_DAY: Final = 86_400
_DAYS: Final = (90, 30, 7)
_FEW_ROWS: Final = 100_000


def with_depth(frame: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Adds `depth`: how many of the windows of 90, 30 and 7 days `block_unix_time` lies in.

    A window of n days is (as_of - n x 24 h, as_of]; a trade of depth n lies in `WINDOWS` 0 to n.
    """
    now = as_of_seconds(as_of)
    inside = [(pl.col("block_unix_time") > now - days * _DAY).cast(pl.UInt8) for days in _DAYS]
    return frame.with_columns(depth=pl.sum_horizontal(inside).cast(pl.UInt8))


def day() -> pl.Expr:
    """The UTC day of `block_unix_time`, counted from 1970."""
    return pl.col("block_unix_time") // _DAY


def in_each_window(
    frame: pl.DataFrame, key: str, figures: Callable[[pl.DataFrame], pl.DataFrame]
) -> pl.DataFrame:
    """`figures`, the metrics of each key's rows inside each window.

    In: a frame with `depth`, in which the rows of one key lie together. `figures` is given rows of
    windows one below the other, with `segment`, which numbers the pairs (key, window) in ascending order; it
    returns `segment` and its metrics, one row per segment. Out: key, `window`, the index into `WINDOWS`,
    `group_id`, one number for the pair (a single integer joins several times faster than a pair), and
    the figures.
    """
    every = range(len(WINDOWS))
    # All windows in one call where calls are the cost, one after another where memory is.
    together = [every] if frame.height <= _FEW_ROWS else [[depth] for depth in every]
    return pl.concat(_in_windows(frame, key, figures, depths) for depths in together)


def _in_windows(
    frame: pl.DataFrame,
    key: str,
    figures: Callable[[pl.DataFrame], pl.DataFrame],
    depths: Sequence[int],
) -> pl.DataFrame:
    inside = (
        frame.lazy()
        .filter(pl.col("depth") >= depth if depth else pl.lit(value=True))
        .with_columns(window=pl.lit(depth, dtype=pl.UInt8))
        for depth in depths
    )
    stacked = (
        pl.concat(inside)
        .drop("depth")
        .with_columns(group_id=group_id(pl.col(key), pl.col("window")))
        .with_columns(segment=pl.col("group_id").rle_id())
        .collect()
    )
    segments = stacked.filter(starts(stacked["segment"])).select(key, "window", "group_id")
    found = figures(stacked.drop("window", "group_id").set_sorted("segment"))
    return pl.concat([segments, found.drop("segment")], how="horizontal")


def group_id(key: pl.Expr, window: pl.Expr) -> pl.Expr:
    return key.cast(pl.UInt64) * len(WINDOWS) + window.cast(pl.UInt64)

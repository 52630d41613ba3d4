"""The time windows of the metrics, nested in one another and all ending at `as_of`."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import polars as pl

from smart_trader_assets.pnl.swap_rows import as_of_seconds

_DAY: Final = 86_400
_DAYS: Final = (90, 30, 7)
WINDOWS: Final = ("all", "90d", "30d", "7d")
"""From the widest to the narrowest: a trade in band n lies in the windows 0 to n."""
WINDOW: Final = pl.Enum(WINDOWS)


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
    frame: pl.DataFrame, figures: Callable[[pl.DataFrame], pl.DataFrame]
) -> pl.DataFrame:
    """`figures` of the rows inside each window, one below the other, with `window`."""
    return pl.concat(
        figures(frame if band == 0 else frame.filter(pl.col("band") >= band)).with_columns(
            window=pl.lit(name, dtype=WINDOW)
        )
        for band, name in enumerate(WINDOWS)
    )

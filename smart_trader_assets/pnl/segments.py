"""Running sums and maxima inside groups that lie one after another in a frame, without a loop over groups.

A frame sorted by its group holds each group as one segment of rows. A running sum over the whole frame
less its value at the start of the segment is the running sum inside the group; a running maximum needs
an offset that lifts each group above the one before. Both are several times faster than windows.
"""

from collections.abc import Sequence

import polars as pl

from smart_trader_assets.pnl.exact import whole

_INT128_BITS = 127


def starts(group: pl.Series) -> pl.Series:
    """True on the first row of each segment."""
    return (group != group.shift(1)).fill_null(value=True)


def ends(group: pl.Series) -> pl.Series:
    """True on the last row of each segment."""
    return (group != group.shift(-1)).fill_null(value=True)


def running_sum(values: pl.Series, first: pl.Series) -> pl.Series:
    """The Int128 sum of the segment up to and including each row; `first` marks the segments' first rows."""
    frame = pl.DataFrame({"total": values.cum_sum(), "value": values, "first": first})
    before = pl.when("first").then(pl.col("total") - pl.col("value")).forward_fill()
    return frame.select(pl.col("total") - before).to_series()


def running_peak(values: pl.Series, segment: pl.Series) -> pl.Series:
    """The largest of 0 and the Int128 values of the segment so far; `segment` numbers them upwards."""
    values = values.clip(lower_bound=0)
    if not values.len():
        return values
    lift = int(values.max()) + 1  # type: ignore[arg-type]
    segments = int(segment.max()) + 1  # type: ignore[arg-type]
    frame = pl.DataFrame({"value": values, "segment": segment})
    if (lift * (segments + 1)).bit_length() >= _INT128_BITS:
        return frame.select(pl.col("value").cum_max().over("segment")).to_series()
    offset = pl.col("segment").cast(pl.Int128) * whole(lift)
    return frame.select((pl.col("value") + offset).cum_max() - offset).to_series()


def segment_sums(frame: pl.DataFrame, key: str, columns: Sequence[str]) -> pl.DataFrame:
    """`key` and the sums of `columns` (whole numbers or truth; null counts as 0), a row per segment of `key`.

    The differences of running sums take half the time of sums inside groups. They hold even where a running
    sum over many wallets overflows, since it wraps around and back.
    """
    last = ends(frame[key])
    found = frame.select(pl.col(key).filter(last))
    # Many columns are nothing but zeros: nothing was lost, nothing rolled over.
    counted = [name for name in columns if _any(frame[name])]
    if counted:
        upto = frame.lazy().select(
            pl.col(name).cast(_wide(frame.schema[name])).fill_null(0).cum_sum() for name in counted
        )
        sums = upto.filter(last).select(
            pl.col(name) - pl.col(name).shift(1, fill_value=0) for name in counted
        )
        found = pl.concat([found, sums.collect()], how="horizontal")
    return found.with_columns(
        pl.lit(0, dtype=_wide(frame.schema[name])).alias(name)
        for name in columns
        if name not in counted
    )


def _any(values: pl.Series) -> bool:
    """Whether any is neither null nor zero."""
    return values.any() if values.dtype == pl.Boolean else (values != 0).any()


def _wide(dtype: pl.DataType) -> pl.DataType:
    return pl.Int128() if dtype == pl.Int128 else pl.Int64()

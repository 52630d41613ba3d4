"""Metrics that depend on the order or the spread of results: drawdown, sharpe, holding, activity.

Each takes a frame with `depth` and a key, `position` or `wallet`, and returns one row per
(key, window).
"""

from typing import Final

import polars as pl

from smart_trader_assets.pnl.columns import WINDOWS
from smart_trader_assets.pnl.exact import RESULT_QUANTUM, quotient, to_usd
from smart_trader_assets.pnl.segments import (
    ends,
    running_peak,
    running_sum,
    segment_sums,
    starts,
)
from smart_trader_assets.pnl.windows import day, in_each_window

_HOURS_A_SECOND: Final = 1 / 3_600
_MAX_SECONDS: Final = 2**34
_MAX_DAY: Final = 2**18
_DEPTHS: Final = len(WINDOWS)


def drawdowns(steps: pl.DataFrame, key: str) -> pl.DataFrame:
    """Steps of the realized PnL (key, tx, step, depth) -> key, window, drawdown (Int128 money): the largest
    fall of their running sum from its peak, the start at 0 counting as one.

    What one transaction closed in several mints counts at once: it has no order inside.
    """
    steps = steps.select(key, "tx", "step", "depth")
    # By position they are in order already.
    return in_each_window(steps.sort("tx") if key == "wallet" else steps, key, _drawdown)


def _drawdown(steps: pl.DataFrame) -> pl.DataFrame:
    segment = steps["segment"]
    balance = running_sum(steps["step"], starts(segment))
    settled = steps.select("segment", balance=balance).filter(ends(steps["tx"]) | ends(segment))
    peak = running_peak(settled["balance"], settled["segment"])
    falls = settled.select("segment", drawdown=peak - settled["balance"]).set_sorted("segment")
    return falls.group_by("segment", maintain_order=True).agg(pl.col("drawdown").max())


def sharpes(closings: pl.DataFrame, key: str) -> pl.DataFrame:
    """Closing trades -> key, window, trade_sharpe: mean / sample standard deviation of the results,
    null below two results, and where all are equal."""
    usd = closings.select(key, "depth", "result", usd=to_usd(pl.col("result")))
    return in_each_window(usd, key, _sharpe)


def _sharpe(closings: pl.DataFrame) -> pl.DataFrame:
    spread = closings.group_by("segment", maintain_order=True).agg(
        mean=pl.col("usd").mean(),
        deviation=pl.col("usd").std(),
        differ=pl.col("result").min() != pl.col("result").max(),
    )
    known = pl.col("differ") & (pl.col("deviation") > 0)
    return spread.select(
        "segment", trade_sharpe=pl.when(known).then(quotient(pl.col("mean"), pl.col("deviation")))
    )


def holdings(matches: pl.DataFrame, key: str) -> pl.DataFrame:
    """Matches (key, seconds held, cost above 0, depth) -> key, window, avg_holding_hours,
    median_holding_hours, both weighted by cost; the lower weighted median."""
    return in_each_window(_by_holding(matches, key), key, _holding)


def _by_holding(matches: pl.DataFrame, key: str) -> pl.DataFrame:
    """Sorted by key and holding: one sort of integers, where the seconds are whole."""
    columns = pl.col(key, "seconds", "cost", "depth")
    if matches["seconds"].dtype.is_float():
        return matches.select(columns).sort(key, "seconds", maintain_order=True)
    order = matches.select(pl.col(key).cast(pl.Int64) * _MAX_SECONDS + pl.col("seconds"))
    return matches.select(columns.gather(order.to_series().arg_sort()))


def _holding(matches: pl.DataFrame) -> pl.DataFrame:
    """On the running sum of all costs, the median of a segment is where half of its own sum is reached:
    one search per segment finds it."""
    weight = pl.col("cost").cast(pl.Float64)
    means = matches.group_by("segment", maintain_order=True).agg(
        avg_holding_hours=quotient((weight * pl.col("seconds")).sum(), weight.sum())
        * _HOURS_A_SECOND
    )
    total = matches["cost"].cum_sum()
    before = (total - matches["cost"]).filter(starts(matches["segment"]))
    after = total.filter(ends(matches["segment"]))
    half = (pl.col("after") - pl.col("before") + 1) // 2
    # Costs are rounded: where the half is reached but for the remainder of a rounding, it is reached.
    halves = pl.DataFrame({"before": before, "after": after}).select(
        pl.col("before") + (half - RESULT_QUANTUM).clip(lower_bound=1)
    )
    median = matches["seconds"].gather(total.search_sorted(halves.to_series(), side="left"))
    return means.with_columns(median_holding_hours=median * _HOURS_A_SECOND)


def activity(trades: pl.DataFrame, key: str) -> pl.DataFrame:
    """Trades (key, block_unix_time, depth) -> key, window, active_days (UTC days with a trade),
    max_trades_per_day."""
    return in_each_window(_days(trades, key), key, _active)


def _days(trades: pl.DataFrame, key: str) -> pl.DataFrame:
    """key, day, depth, trades, ascending: a day that a window cuts has a row on either side."""
    day_of_key = pl.col(key).cast(pl.Int64) * _MAX_DAY + day()
    cells = trades.select(cell=day_of_key * _DEPTHS + pl.col("depth")).to_series()
    if key == "position":
        counts = cells.rle().struct.unnest().select(cell="value", trades="len")
    else:
        counts = cells.to_frame().group_by("cell").agg(trades=pl.len()).sort("cell")
    day_of_key = pl.col("cell") // _DEPTHS
    return counts.select(
        (day_of_key // _MAX_DAY).cast(trades.schema[key]).alias(key),
        "trades",
        day=day_of_key % _MAX_DAY,
        depth=(pl.col("cell") % _DEPTHS).cast(pl.UInt8),
    )


def _active(days: pl.DataFrame) -> pl.DataFrame:
    cells = days.select("trades", cell=pl.col("segment").cast(pl.Int64) * _MAX_DAY + pl.col("day"))
    return (
        segment_sums(cells, "cell", ["trades"])
        .select("trades", segment=pl.col("cell") // _MAX_DAY)
        .set_sorted("segment")
        .group_by("segment", maintain_order=True)
        .agg(active_days=pl.len(), max_trades_per_day=pl.col("trades").max())
    )

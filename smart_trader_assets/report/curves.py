"""The data behind the charts: cumulative realized PnL, and holding times."""

from __future__ import annotations

import polars as pl

HOLDING_BANDS: tuple[tuple[str, float], ...] = (
    ("<1 min", 1 / 60),
    ("<1 h", 1.0),
    ("<6 h", 6.0),
    ("<1 d", 24.0),
    ("<7 d", 168.0),
    ("<30 d", 720.0),
    ("≥30 d", float("inf")),
)
"""Name and upper end, in hours, of each band of holding times."""


def equity_curves(lot_matches: pl.DataFrame, rollovers: pl.DataFrame) -> pl.DataFrame:
    """`lot_matches` and `rollovers` of `LotEvidence` -> wallet_address, time, realized_pnl: one row per wallet
    and second in which it realized anything, in time order; realized_pnl is cumulative, in USD, the last one
    the wallet's realized PnL. A rollover realizes what it received beyond its cost."""
    results = lot_matches.lazy().select("wallet_address", "result", time="sold_at")
    gains = rollovers.lazy().select("wallet_address", "time", result="gain")
    return (
        pl.concat(
            [
                results.filter(pl.col("result").is_not_null()),
                gains.filter(pl.col("result") > 0).select("wallet_address", "result", "time"),
            ]
        )
        .group_by("wallet_address", "time")
        .agg(pl.col("result").sum())
        .sort("wallet_address", "time")
        .select(
            "wallet_address", "time", realized_pnl=pl.col("result").cum_sum().over("wallet_address")
        )
        .collect()
    )


def thinned(curves: pl.DataFrame, buckets: int) -> pl.DataFrame:
    """The curves with at most four points in each of `buckets` stretches: its first, lowest, highest
    and last, so that a chart keeps every peak and every fall.

    After Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014.
    """
    place = pl.int_range(pl.len()).over("wallet_address")
    row, value = pl.col("row"), pl.col("realized_pnl")
    corners = (
        curves.with_row_index("row")
        .group_by("wallet_address", bucket=place * buckets // pl.len().over("wallet_address"))
        .agg(
            first=row.first(),
            lowest=row.get(value.arg_min()),
            highest=row.get(value.arg_max()),
            last=row.last(),
        )
        .select("first", "lowest", "highest", "last")
    )
    kept = pl.concat(corners.get_columns()).unique().sort()
    return curves.select(pl.all().gather(kept))


def holding_shares(lot_matches: pl.DataFrame) -> pl.DataFrame:
    """`LotEvidence.lot_matches` -> wallet_address, band (index into `HOLDING_BANDS`), share: percent of
    the wallet's matched cost that was held that long. Bands without any are absent."""
    band = pl.lit(0, dtype=pl.Int64)
    for _, limit in HOLDING_BANDS[:-1]:
        band = band + (pl.col("holding_hours") >= limit).cast(pl.Int64)
    return (
        lot_matches.lazy()
        .filter(pl.col("result").is_not_null() & (pl.col("cost") > 0))
        .group_by("wallet_address", band=band)
        .agg(pl.col("cost").sum())
        .select(
            "wallet_address",
            "band",
            share=100 * pl.col("cost") / pl.col("cost").sum().over("wallet_address"),
        )
        .sort("wallet_address", "band")
        .collect()
    )

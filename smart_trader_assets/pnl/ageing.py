"""When a wallet's numbers change though nothing new is known: trades leave the windows, marks fade."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.pnl.columns import ALL_TOKENS, WINDOWS

NEVER: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""For numbers that time alone does not change any more."""

_WINDOW_DAYS: Final = tuple(int(window.removesuffix("d")) for window in WINDOWS[1:])
_DAY: Final = 86_400


def is_fading() -> pl.Expr:
    """Of a row of silver/wallet_pnl: whether what is held is worth less, or may be called stale, with time."""
    return (pl.col("conservative_value") > 0) | (pl.col("stale_open_cost") < pl.col("open_cost"))


def next_ageing(
    pnl: pl.DataFrame,
    swaps: pl.DataFrame,
    *,
    as_of: datetime,
    idle_days: float,
    followed_within: timedelta,
) -> pl.DataFrame:
    """wallet_address, ages_at: when the numbers as of `as_of` change next by time alone, at the earliest at the
    next UTC midnight; `NEVER` where they do not.

    pnl: what `compute_wallet_pnl` returns; swaps: block_unix_time of all that it was made from, by
    wallet_address. A swap leaves a window of so many days when it is as old as that; a mark fades with every
    day, until what is held is worth nothing; a wallet without a swap for longer than `idle_days` is idle.
    A mark fades up to when the wallet's history is known: that of a wallet which was not fetched within
    `followed_within` stands still until it is, which is looked at as often.
    """
    now = int(as_of.timestamp())
    at = pl.col("block_unix_time")
    leaving = [
        (at + days * _DAY).filter(at + days * _DAY > now).min().alias(f"in_{days}")
        for days in _WINDOW_DAYS
    ]
    idle = at.max() + int(idle_days * _DAY) + 1
    by_swaps = swaps.group_by("wallet_address").agg(
        *leaving, pl.when(idle > now).then(idle).alias("idle")
    )
    is_followed = pl.col("known_to").is_null() | (pl.col("known_to") > as_of - followed_within)
    fading = (
        pnl.filter((pl.col("token_address") != ALL_TOKENS) & is_fading())
        .group_by("wallet_address")
        .agg(
            fading=pl.when(is_followed.any())
            .then(now)
            .otherwise(now + int(followed_within.total_seconds()))
        )
    )
    seconds = pl.min_horizontal("fading", "idle", *(f"in_{days}" for days in _WINDOW_DAYS))
    tomorrow = next_midnight(as_of)
    moment = pl.from_epoch(seconds, time_unit="s").dt.replace_time_zone("UTC").cast(TIME)
    return (
        pnl.select(pl.col("wallet_address").unique())
        .join(by_swaps, on="wallet_address", how="left")
        .join(fading, on="wallet_address", how="left")
        .select(
            "wallet_address",
            ages_at=pl.when(moment.is_not_null())
            .then(pl.max_horizontal(moment, pl.lit(tomorrow)))
            .otherwise(pl.lit(NEVER))
            .cast(TIME),
        )
    )


def midnight(moment: datetime) -> datetime:
    """When the UTC day of `moment` began."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def next_midnight(moment: datetime) -> datetime:
    """When the UTC day of `moment` is over."""
    return midnight(moment) + timedelta(days=1)


def awakened(held: pl.DataFrame, marks: pl.DataFrame, *, since: datetime) -> pl.DataFrame:
    """wallet_address, wallet_shard of those who hold what has come to be priced anew.

    held: wallet_address, wallet_shard, token_address and marked_at of positions; marks: token_address,
    marked_at, price. Marks from before `since` are worth nothing.
    """
    fresh = marks.filter((pl.col("marked_at") > since) & (pl.col("price") > 0))
    newest = fresh.group_by("token_address").agg(pl.col("marked_at").max().alias("newest"))
    is_newer = pl.col("marked_at").is_null() | (pl.col("newest") > pl.col("marked_at"))
    return (
        held.join(newest, on="token_address")
        .filter(is_newer)
        .select("wallet_address", "wallet_shard")
        .unique()
    )

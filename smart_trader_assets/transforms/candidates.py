"""Candidates: wallets that a list of ranked traders or the user names, which proves nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.transforms.shards import with_shard
from smart_trader_assets.transforms.values import SourceRows, integer, number, text, utc_time

LEADERBOARD: Final = "leaderboard"
"""The origin of a wallet that was found on a list of ranked traders."""
WATCHLIST: Final = "watchlist"
"""The origin of a wallet that the user has named; and the source of its rows in bronze/candidates."""
ASKED: Final = "asked"
"""The origin of a wallet that the user has asked about once, and that nothing else had named."""

PLACES: Final[Mapping[str, str]] = {
    LEADERBOARD: "LEADERBOARD",
    WATCHLIST: "WATCHLIST",
    ASKED: "ASKED",
}
"""What stands for a token in the silver/tracked_whales row of such an origin."""

_SCHEMA: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "wallet_address": pl.String,
    "list_rank": pl.Int64,
    "pnl": pl.Float64,
    "trade_count": pl.Int64,
    "volume": pl.Float64,
    "network": pl.String,
}


def ranked_trader_rows(
    items: Sequence[Mapping[str, Any]],
    *,
    places: Sequence[int],
    source: str,
    fetched_at: datetime,
    wallet_shards: int,
) -> SourceRows:
    """Items of the list of ranked traders `source` -> rows of bronze/candidates without state and audit.

    `list_rank` is the item's of `places`; pnl and volume are USD as listed. A wallet that is listed
    twice counts once, where it stood first. Rejected: an item without an address.

    Raises NaiveTimeError for a `fetched_at` without time zone.
    """
    rows: dict[str, dict[str, Any]] = {}
    rejected = []
    for rank, item in zip(places, items, strict=True):
        address = (text(item.get("address")) or "").strip()
        if not address:
            rejected.append(f"Trader {rank} of the list {source} has no address.")
            continue
        rows.setdefault(
            address,
            {
                "wallet_address": address,
                "list_rank": rank,
                "pnl": number(item.get("pnl")),
                "trade_count": integer(item.get("trade_count")),
                "volume": number(item.get("volume")),
                "network": text(item.get("network")),
            },
        )
    frame = pl.DataFrame(list(rows.values()), schema=dict(_SCHEMA), orient="row")
    return SourceRows(_placed(frame, source, fetched_at, wallet_shards), rejected)


def watch_rows(
    wallets: Iterable[str], *, watched: bool, at: datetime, wallet_shards: int
) -> pl.DataFrame:
    """Wallets that the user names (`watched`), or does not any longer -> rows of bronze/candidates."""
    frame = pl.DataFrame({"wallet_address": list(dict.fromkeys(wallets))}, schema_overrides=_SCHEMA)
    return _placed(frame, WATCHLIST, at, wallet_shards).with_columns(
        is_watched=pl.lit(watched, dtype=pl.Boolean)
    )


def watched_wallets(candidates: pl.LazyFrame) -> pl.LazyFrame:
    """bronze/candidates -> wallet_address and listed_on of the wallets on the user's watch list now."""
    return (
        candidates.filter(pl.col("source") == WATCHLIST)
        .sort("listed_on")
        .group_by("wallet_address")
        .agg(pl.col("is_watched", "listed_on").last())
        .filter(pl.col("is_watched"))
        .select("wallet_address", "listed_on")
        .sort("wallet_address")
    )


def tracked_candidate_rows(candidates: pl.DataFrame) -> pl.DataFrame:
    """Rows of bronze/candidates -> one row per wallet and origin: those of silver/tracked_whales without state,
    history and audit. No token is held; the days are those on which the wallet was named. Whom the user took
    from the watch list again is not among them."""
    dropped = (
        candidates.filter(pl.col("source") == WATCHLIST)
        .sort("listed_on")
        .group_by("wallet_address")
        .agg(pl.col("is_watched").last())
        .filter(~pl.col("is_watched"))
        .with_columns(source=pl.lit(WATCHLIST))
    )
    named = (
        candidates.join(dropped, on=["wallet_address", "source"], how="anti")
        .with_columns(
            origin=pl.when(pl.col("source") == WATCHLIST)
            .then(pl.lit(WATCHLIST))
            .otherwise(pl.lit(LEADERBOARD))
        )
        .group_by("wallet_address", "origin", maintain_order=True)
        .agg(
            pl.col("wallet_shard").first(),
            first_seen_on=pl.col("listed_on").min(),
            last_seen_on=pl.col("listed_on").max(),
        )
    )
    return _held_by_nobody(named)


def asked_wallet_rows(wallets: Iterable[str], *, at: datetime, wallet_shards: int) -> pl.DataFrame:
    """Wallets that the user asks about -> rows of silver/tracked_whales without state, history and audit."""
    frame = pl.DataFrame({"wallet_address": list(dict.fromkeys(wallets))}, schema_overrides=_SCHEMA)
    day = utc_time(at, "at").date()
    return _held_by_nobody(
        with_shard(frame, "wallet_address", "wallet_shard", wallet_shards).with_columns(
            origin=pl.lit(ASKED), first_seen_on=pl.lit(day), last_seen_on=pl.lit(day)
        )
    )


def _held_by_nobody(named: pl.DataFrame) -> pl.DataFrame:
    """Rows with an origin that is no token, with what stands for one."""
    return named.with_columns(token_address=pl.col("origin").replace_strict(PLACES)).select(
        pl.concat_str("wallet_address", "token_address", separator="_").alias("whale_id"),
        pl.all(),
        token_symbol=pl.lit(None, dtype=pl.String),
        holder_rank=pl.lit(None, dtype=pl.Int64),
        ui_amount=pl.lit(None, dtype=pl.Float64),
        holding_share=pl.lit(None, dtype=pl.Float64),
        holding_usd=pl.lit(None, dtype=pl.Float64),
    )


def _placed(frame: pl.DataFrame, source: str, at: datetime, wallet_shards: int) -> pl.DataFrame:
    moment = utc_time(at, "at")
    return with_shard(frame, "wallet_address", "wallet_shard", wallet_shards).with_columns(
        source=pl.lit(source),
        listed_on=pl.lit(moment.date(), dtype=pl.Date),
        fetched_at=pl.lit(moment, dtype=TIME),
    )

"""The mirror of silver/tracked_tokens in bronze/tokens: whether a listed token's whales were fetched.

Two runs set it: the one that tracks a listing copies the state that the token has, and the one that fetches its
whales sets it on the listings that it sees. Where these two cross, a listing that is tracked in between keeps
saying pending. So both look once more after they have written: whichever comes last sees what the other did,
and a later run finds what one left that died in between.
"""

from __future__ import annotations

import polars as pl

from smart_trader_assets.delta.batch import Settlement
from smart_trader_assets.tables.catalog import TOKENS
from smart_trader_assets.tables.cursors import TOKENS_TO_FETCH, TOKENS_TO_TRACK

MIRRORED = "MIRRORED"


def parted_mirrors(
    tokens: pl.LazyFrame, tracked_tokens: pl.LazyFrame, *, shards: list[str] | None = None
) -> pl.DataFrame:
    """Tracked listings that still say pending though their token's whales were fetched.

    tokens: bronze/tokens; tracked_tokens: silver/tracked_tokens; shards: only these.
    Columns out: those of bronze/tokens, and `fetched_whales_at`.
    """
    if shards is not None:
        tokens = tokens.filter(pl.col("token_shard").is_in(shards))
        tracked_tokens = tracked_tokens.filter(pl.col("token_shard").is_in(shards))
    waiting = tokens.filter(
        (pl.col("tracking_status") == TOKENS_TO_TRACK.done)
        & (pl.col("whale_fetch_status") == TOKENS_TO_FETCH.due[0])
    )
    fetched = tracked_tokens.filter(pl.col("whale_fetch_status") == TOKENS_TO_FETCH.done).select(
        "token_address", fetched_whales_at="whale_fetched_at"
    )
    return waiting.join(fetched, on="token_address").collect()


def mirrors_joined(parted: pl.DataFrame) -> Settlement:
    """The listings say again what silver says."""
    return Settlement.of(
        TOKENS,
        parted,
        operation=MIRRORED,
        sets={
            "whale_fetch_status": TOKENS_TO_FETCH.done,
            "whale_fetched_at": pl.col("fetched_whales_at"),
            "is_newly_tracked": False,
        },
    )

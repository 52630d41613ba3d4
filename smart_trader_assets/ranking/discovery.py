"""What a wallet was found by: evidence of how it was chosen, and none of what it can do.

A list of holders is taken of tokens that have just risen, and a list of ranked traders of those who have just
gained: whoever is found there has a gain to show, by luck or by skill. What was looked at to choose a wallet is
therefore no proof about it.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from smart_trader_assets.transforms.candidates import ASKED, LEADERBOARD, WATCHLIST
from smart_trader_assets.transforms.holders import HOLDER

LIST_WINDOW = timedelta(days=30)
"""Over which the widest of the lists of ranked traders that are asked for by default looks back."""

WHALE_COLUMNS = (
    "wallet_address",
    "token_address",
    "origin",
    "first_seen_on",
    "last_seen_on",
    "ui_amount",
)
"""What is read of silver/tracked_whales."""


def discoveries(tracked_whales: pl.LazyFrame, *, list_window: timedelta) -> pl.LazyFrame:
    """silver/tracked_whales -> what each wallet was found by, on the first day that it was seen.

    In: wallet_address, token_address, origin, first_seen_on. Out: wallet_address, token_address (of a holding;
    null for a list), closed_from and closed_to (of a list: bets closed in between are what it ranked). Later
    holdings and lists found nobody new. A wallet that its user watched, or asked about, before the day on
    which anything had found it was chosen by him, and has no row. Whoever is watched on the very day that he
    was found may have been chosen for what was found.
    """
    first = _first_seen(tracked_whales)
    listed = pl.col("origin") == LEADERBOARD
    day = pl.col("first_seen_on").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return first.filter(~pl.col("origin").is_in([WATCHLIST, ASKED])).select(
        "wallet_address",
        pl.when(~listed).then("token_address").alias("token_address"),
        closed_from=pl.when(listed).then(day - list_window),
        closed_to=pl.when(listed).then(day + timedelta(days=1)),
    )


def found_as_holders(tracked_whales: pl.LazyFrame) -> pl.LazyFrame:
    """wallet_address of the wallets that were first seen among the holders of a token, and on no list of
    those who have gained."""
    origin = pl.col("origin")
    return (
        _first_seen(tracked_whales)
        .group_by("wallet_address")
        .agg(held=(origin == HOLDER).any(), listed=(origin == LEADERBOARD).any())
        .filter(pl.col("held") & ~pl.col("listed"))
        .select("wallet_address")
    )


def _first_seen(tracked_whales: pl.LazyFrame) -> pl.LazyFrame:
    """Each wallet's rows of the first day that it was seen: wallet_address, token_address, first_seen_on,
    origin."""
    first_day = pl.col("first_seen_on").min().over("wallet_address")
    return tracked_whales.select(
        "wallet_address",
        "token_address",
        "first_seen_on",
        origin=pl.col("origin").fill_null(HOLDER),
    ).filter(pl.col("first_seen_on") == first_day)


def bags_moved_away(tokens: pl.LazyFrame, tracked_whales: pl.LazyFrame) -> pl.LazyFrame:
    """wallet_address, moved_away: whether newer lists of holders show less than half of most of its stale
    bags, by their cost.

    In: token rows of silver/wallet_pnl, and of silver/tracked_whales ui_amount and last_seen_on.
    """
    seen = tracked_whales.select("wallet_address", "token_address", "ui_amount", "last_seen_on")
    newer = pl.col("last_seen_on") > pl.col("last_transaction").dt.date()
    gone = newer & (pl.col("ui_amount") < pl.col("open_quantity") / 2)
    return (
        tokens.filter(pl.col("stale_open_cost") > 0)
        .join(seen, on=["wallet_address", "token_address"], how="left")
        .with_columns(
            gone=pl.when(gone.fill_null(value=False)).then("stale_open_cost").otherwise(0.0)
        )
        .group_by("wallet_address")
        .agg(moved_away=pl.col("gone").sum() > pl.col("stale_open_cost").sum() / 2)
    )

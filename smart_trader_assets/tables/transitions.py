"""How each consumer moves the states that it reads: the transitions, defined once, beside the cursors.

Every function takes rows as they were read (key, partition columns, version) and gives the settlement
that the IO manager commits after the rows that the work brought.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from smart_trader_assets.delta.batch import Settlement
from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.tables.catalog import (
    NOTIFICATIONS,
    TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
)
from smart_trader_assets.tables.cursors import (
    CANDIDATES_TO_TRACK,
    NEWS_TO_SEND,
    PNL_TO_RANK,
    SWAPS_TO_COUNT,
    TOKENS_TO_FETCH,
    TOKENS_TO_TRACK,
    TRANSFERS_TO_RANK,
    WALLETS_TO_TRACE,
    WHALES_TO_FETCH,
    WHALES_TO_TRACK,
)
from smart_trader_assets.transforms.candidates import WATCHLIST
from smart_trader_assets.transforms.swap_history import HISTORY_COLUMNS

REJECTED = "rejected"
NOT_NEEDED = "not_needed"
PENDING = "pending"
READY = "ready"
EXCLUDED = "excluded"
SET_ASIDE = "SET_ASIDE"


def tokens_screened(screened: pl.DataFrame, held: pl.DataFrame, *, at: datetime) -> Settlement:
    """bronze/tokens rows become tracked, or rejected where `reject_reason` is given.

    A tracked row mirrors the state that its token already has in silver/tracked_tokens (`held`:
    token_address, whale_fetch_status, whale_fetched_at, is_newly_tracked); a token seen for the first
    time is about to be fetched.
    """
    rejected = pl.col("reject_reason").is_not_null()
    completed = pl.col("held_status") == TOKENS_TO_FETCH.done
    mirrored = screened.join(
        held.select(
            "token_address",
            held_status="whale_fetch_status",
            held_at="whale_fetched_at",
            held_new="is_newly_tracked",
        ),
        on="token_address",
        how="left",
        maintain_order="left",
    )
    return TOKENS_TO_TRACK.settle_done(
        mirrored,
        at=at,
        sets={
            "tracking_status": pl.when(rejected)
            .then(pl.lit(REJECTED))
            .otherwise(pl.lit(TOKENS_TO_TRACK.done)),
            "reject_reason": pl.col("reject_reason"),
            "whale_fetch_status": pl.when(rejected)
            .then(pl.lit(NOT_NEEDED))
            .when(completed.fill_null(False))
            .then(pl.lit(TOKENS_TO_FETCH.done))
            .otherwise(pl.lit(PENDING)),
            "whale_fetched_at": pl.when(~rejected).then(pl.col("held_at")),
            "is_newly_tracked": ~rejected & pl.col("held_new").fill_null(True),
        },
    )


def tokens_fetched(
    tokens: pl.DataFrame, listings: pl.DataFrame, *, at: datetime
) -> tuple[Settlement, ...]:
    """Tokens whose whales were fetched, `whale_count` of them: bronze first, silver last.

    `listings` are the tracked bronze/tokens rows that mirror them.
    """
    mirror = Settlement.of(
        TOKENS,
        listings,
        operation=TOKENS_TO_FETCH.operation,
        sets={
            "whale_fetch_status": TOKENS_TO_FETCH.done,
            "whale_fetched_at": at,
            "is_newly_tracked": False,
        },
    )
    silver = TOKENS_TO_FETCH.settle_done(
        tokens, at=at, sets={"is_newly_tracked": False, "whale_count": pl.col("whale_count")}
    )
    return mirror, silver


def mirrored_listings(tokens: pl.LazyFrame, fetched: pl.DataFrame, *, shard: str) -> pl.LazyFrame:
    """The tracked bronze/tokens rows that mirror the tokens of `fetched`: those listed since the last fetch."""
    since = fetched.select(
        pl.coalesce(pl.col("whale_fetched_at").dt.date(), pl.col("first_listed_on")).min()
    ).item()
    return tokens.filter(
        (pl.col("token_shard") == shard)
        & (pl.col("tracking_status") == TOKENS_TO_TRACK.done)
        & (pl.col("snapshot_date") >= since)
        & pl.col("token_address").is_in(fetched["token_address"].to_list())
    )


def whales_taken_over(whales: pl.DataFrame, *, at: datetime) -> Settlement:
    """bronze/whales rows that silver/tracked_whales has taken over."""
    return WHALES_TO_TRACK.settle_done(whales, at=at)


def candidates_taken_over(candidates: pl.DataFrame, *, at: datetime) -> Settlement:
    """bronze/candidates rows that silver/tracked_whales has taken over."""
    return CANDIDATES_TO_TRACK.settle_done(candidates, at=at)


def to_screen(whales: pl.DataFrame) -> pl.DataFrame:
    """The due whales that are yet to be screened."""
    return whales.filter(pl.col("processing_status").is_in([PENDING, EXCLUDED]))


def to_fetch(whales: pl.LazyFrame, wallets: list[str]) -> pl.LazyFrame:
    """All rows of `wallets` that move together when their wallet is fetched: all but the excluded."""
    return whales.filter(
        pl.col("wallet_address").is_in(wallets)
        & ~pl.col("processing_status").is_in([PENDING, EXCLUDED])
    )


def whales_screened(whales: pl.DataFrame, *, rules: str) -> Settlement:
    """Whales become ready, or excluded where `exclude_reason` is given, by the rules of that version."""
    out = pl.col("exclude_reason").is_not_null()
    return Settlement.of(
        TRACKED_WHALES,
        whales,
        operation="SCREENED",
        sets={
            "processing_status": pl.when(out).then(pl.lit(EXCLUDED)).otherwise(pl.lit(READY)),
            "exclude_reason": pl.col("exclude_reason"),
            "excluded_by_rules": pl.when(out).then(pl.lit(rules)),
            **WHALES_TO_FETCH.cleared_trouble(),
        },
    )


def watched_again(whales: pl.LazyFrame) -> Settlement:
    """Rows of wallets that the user names anew, and that were excluded while they were not watched."""
    return _to_screen_again(whales.filter(pl.col("origin") == WATCHLIST), "WATCHED")


def whales_judged_anew(whales: pl.LazyFrame, traders: pl.DataFrame) -> Settlement:
    """Excluded rows of wallets (wallet_address) that by the ranking's rules of now are traders: what the rules
    of before had shown them to be excluded them."""
    return _to_screen_again(
        whales.join(traders.lazy().select("wallet_address"), on="wallet_address", how="semi"),
        "JUDGED_ANEW",
    )


def _to_screen_again(whales: pl.LazyFrame, operation: str) -> Settlement:
    return Settlement.of(
        TRACKED_WHALES,
        whales.filter(pl.col("processing_status") == EXCLUDED).collect(),
        operation=operation,
        sets={
            "processing_status": PENDING,
            "exclude_reason": None,
            "excluded_by_rules": None,
            **WHALES_TO_FETCH.cleared_trouble(),
        },
    )


def wallets_fetched(whales: pl.DataFrame, *, at: datetime) -> Settlement:
    """Whales whose wallet was fetched: processed, or ready where the walk has to go on.

    `whales` carries what is known of the wallet's history now, as columns `known_<name>` for each
    history column but the time of the fetch.
    """
    going_on = pl.col("known_resume_before").is_not_null()
    known: dict[str, Any] = {
        name: pl.col(f"known_{name}")
        for name in HISTORY_COLUMNS
        if name != "transactions_fetched_at"
    }
    return WHALES_TO_FETCH.settle_done(
        whales,
        at=at,
        sets={
            **known,
            "processing_status": pl.when(going_on)
            .then(pl.lit(READY))
            .otherwise(pl.lit(WHALES_TO_FETCH.done)),
            "transactions_fetched_at": pl.when(going_on)
            .then("transactions_fetched_at")
            .otherwise(pl.lit(at, dtype=TIME)),
        },
    )


def swaps_counted(swaps: pl.DataFrame, *, at: datetime) -> Settlement:
    """Swap rows are in the PnL, or set aside where `reason` says which rule of the contract they break."""
    aside = pl.col("reason").is_not_null()
    return Settlement.of(
        TRANSACTIONS,
        swaps,
        operation=pl.when(aside)
        .then(pl.lit(SET_ASIDE))
        .otherwise(pl.lit(SWAPS_TO_COUNT.operation)),
        sets={
            "processed_for_pnl": SWAPS_TO_COUNT.done,
            "pnl_processed_at": at,
            "set_aside_reason": pl.col("reason"),
        },
    )


def pnl_ranked(rows: pl.DataFrame, *, at: datetime, rules: str) -> Settlement:
    """PnL rows that the ranking by the rules of that edition has seen."""
    return PNL_TO_RANK.settle_done(rows, at=at, sets={"gold_rules": rules})


def transfers_fetched(wallets: pl.DataFrame, *, at: datetime) -> Settlement:
    """Traced wallets whose transfers were fetched, `transfers_read` of them, all where `transfers_whole`."""
    return WALLETS_TO_TRACE.settle_done(
        wallets,
        at=at,
        sets={name: pl.col(f"now_{name}") for name in ("transfers_read", "transfers_whole")},
    )


def transfers_ranked(wallets: pl.DataFrame, *, at: datetime) -> Settlement:
    """Traced wallets whose transfers a ranking has looked at."""
    return TRANSFERS_TO_RANK.settle_done(wallets, at=at)


def news_sent(rows: pl.DataFrame, *, at: datetime, message_id: str) -> Settlement:
    """ops/notifications rows that a receiver has taken in the message of that id."""
    return NEWS_TO_SEND.settle_done(rows, at=at, sets={"message_id": message_id})


def news_held_back(rows: pl.DataFrame) -> Settlement:
    """Rows that wait until the time in the column `until`, because of what `why` says: no attempt was made."""
    return Settlement.of(
        NOTIFICATIONS,
        rows,
        operation="HELD_BACK",
        sets={
            "delivery_status": NEWS_TO_SEND.retry,
            # Why an attempt failed says more than what it waits for.
            "last_error": pl.when(pl.col("attempts") > 0).then("last_error").otherwise("why"),
            "next_attempt_at": pl.col("until"),
        },
    )


def news_without_receiver(rows: pl.DataFrame) -> Settlement:
    """Rows to a receiver that is no longer set."""
    return Settlement.of(
        NOTIFICATIONS,
        rows,
        operation="NO_RECEIVER",
        sets={
            "delivery_status": NEWS_TO_SEND.failed,
            "last_error": "its receiver is not in SMART_TRADER_NOTIFY_URLS any more",
            "next_attempt_at": None,
        },
    )

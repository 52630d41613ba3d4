"""The cursors of the pipeline, one per consumer and table, in the order in which rows flow.

Due values, refresh rules and the order of due work: never done first, then the most overdue, and the more
valuable first among equals.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from smart_trader_assets.tables.catalog import (
    CANDIDATES,
    NOTIFICATIONS,
    SMART_TRADERS,
    TOKENS,
    TRACED_WALLETS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    TRANSFERS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.tables.cursor import Cursor, DuePolicy, TimedRule

RANKED, FUNDER = "ranked", "funder"
"""Why a wallet is traced."""


def _attempt_is_due(as_of: datetime, _: DuePolicy) -> pl.Expr:
    return pl.col("next_attempt_at") <= as_of


def _whales_are_stale(as_of: datetime, policy: DuePolicy) -> pl.Expr:
    listed_since = (as_of - policy.listed_within).date()
    return (pl.col("whale_fetched_at") <= as_of - policy.whale_refresh) & (
        pl.col("last_listed_on") >= listed_since
    )


def _swaps_are_stale(as_of: datetime, policy: DuePolicy) -> pl.Expr:
    """Older than the wallet's interval, which grows with its inactivity."""
    fetched = pl.col("transactions_fetched_at")
    idle = fetched - pl.from_epoch(pl.col("last_swap_at"), time_unit="s").dt.replace_time_zone(
        "UTC"
    )
    interval = policy.wallet_intervals(idle)
    # The first comparison follows from the second, and is one that file statistics can prune by.
    return (fetched <= as_of - policy.wallet_refresh) & (fetched + interval <= as_of)


def _rules_have_changed(_: datetime, policy: DuePolicy) -> pl.Expr:
    return pl.col("excluded_by_rules") != policy.screening_rules


def _has_aged(as_of: datetime, _: DuePolicy) -> pl.Expr:
    return pl.col("ages_at") <= as_of


def _does_not_tell_its_ageing(_: datetime, __: DuePolicy) -> pl.Expr:
    """Computed before this, or the edition, was written beside the numbers."""
    return pl.col("ages_at").is_null() | pl.col("pnl_rules").is_null()


def _is_of_another_edition(as_of: datetime, policy: DuePolicy) -> pl.Expr:
    return (pl.col("pnl_rules") != policy.pnl_rules) & (pl.col("ages_at") > as_of)


def _is_ranked_by_other_rules(_: datetime, policy: DuePolicy) -> pl.Expr:
    return pl.col("gold_rules") != policy.ranking_rules


def _is_ranked_by_rules_unknown(_: datetime, __: DuePolicy) -> pl.Expr:
    """Ranked before the rules were written beside the numbers."""
    return pl.col("gold_rules").is_null()


def _is_traced(_: datetime, policy: DuePolicy) -> pl.Expr:
    return pl.lit(policy.transfers_refresh is not None)


def _attempt_to_trace_is_due(as_of: datetime, policy: DuePolicy) -> pl.Expr:
    return _is_traced(as_of, policy) & _attempt_is_due(as_of, policy)


def _transfers_are_stale(as_of: datetime, policy: DuePolicy) -> pl.Expr:
    """Whom a funder has sent cash to is told by those who got it, too."""
    if policy.transfers_refresh is None:
        return pl.lit(value=False)
    return (pl.col("role") == RANKED) & (
        pl.col("transfers_fetched_at") <= as_of - policy.transfers_refresh
    )


TOKENS_TO_TRACK = Cursor(
    name="tokens_to_track",
    contract=TOKENS,
    column="tracking_status",
    consumer=TRACKED_TOKENS.name,
    shard="token_shard",
    due=("pending",),
    done="tracked",
    done_at="tracked_at",
    operation="TRACKED",
    order=(pl.col("snapshot_date"), pl.col("list_rank")),
    descending=(False, False),
)

TOKENS_TO_FETCH = Cursor(
    name="tokens_to_fetch",
    contract=TRACKED_TOKENS,
    column="whale_fetch_status",
    consumer=WHALES.name,
    shard="token_shard",
    due=("pending",),
    timed=(
        TimedRule("retry", _attempt_is_due, "the next attempt is due"),
        TimedRule("completed", _whales_are_stale, "fetched longer ago than the refresh interval"),
    ),
    done="completed",
    done_at="whale_fetched_at",
    operation="WHALES_FETCHED",
    order=(pl.col("whale_fetched_at"), pl.col("liquidity")),
    descending=(False, True),
    retry="retry",
    failed="failed",
)

WHALES_TO_TRACK = Cursor(
    name="whales_to_track",
    contract=WHALES,
    column="tracking_status",
    consumer=TRACKED_WHALES.name,
    shard="wallet_shard",
    due=("pending",),
    done="tracked",
    done_at="tracked_at",
    operation="TRACKED",
    order=(pl.col("fetched_on"), pl.col("holding_usd")),
    descending=(False, True),
)

CANDIDATES_TO_TRACK = Cursor(
    name="candidates_to_track",
    contract=CANDIDATES,
    column="tracking_status",
    consumer=TRACKED_WHALES.name,
    shard="wallet_shard",
    due=("pending",),
    done="tracked",
    done_at="tracked_at",
    operation="TRACKED",
    order=(pl.col("listed_on"), pl.col("list_rank")),
    descending=(False, False),
)

WHALES_TO_FETCH = Cursor(
    name="whales_to_fetch",
    contract=TRACKED_WHALES,
    column="processing_status",
    consumer=TRANSACTIONS.name,
    shard="wallet_shard",
    due=("pending", "ready"),
    timed=(
        TimedRule("retry", _attempt_is_due, "the next attempt is due"),
        TimedRule("processed", _swaps_are_stale, "fetched longer ago than the wallet's interval"),
        TimedRule("excluded", _rules_have_changed, "excluded by rules that have changed"),
    ),
    done="processed",
    done_at="transactions_fetched_at",
    operation="TRANSACTIONS_FETCHED",
    order=(pl.col("transactions_fetched_at"), pl.col("holding_usd")),
    descending=(False, True),
    retry="retry",
    failed="failed",
)

SWAPS_TO_COUNT = Cursor(
    name="swaps_to_count",
    contract=TRANSACTIONS,
    column="processed_for_pnl",
    consumer=WALLET_PNL.name,
    shard="wallet_shard",
    due=(False,),
    done=True,
    done_at="pnl_processed_at",
    operation="PNL_PROCESSED",
)

PNL_TO_AGE = Cursor(
    name="pnl_to_age",
    contract=WALLET_PNL,
    column=None,
    consumer=WALLET_PNL.name,
    shard="wallet_shard",
    timed=(
        TimedRule(None, _has_aged, "its numbers change with time"),
        TimedRule(None, _is_of_another_edition, "calculated by other rules"),
        TimedRule(None, _does_not_tell_its_ageing, "calculated before ageing was told"),
    ),
)

PNL_TO_RANK = Cursor(
    name="pnl_to_rank",
    contract=WALLET_PNL,
    column="processed_for_gold",
    consumer=SMART_TRADERS.name,
    shard=None,
    due=(False,),
    timed=(
        TimedRule(True, _is_ranked_by_other_rules, "ranked by rules that have changed"),
        TimedRule(True, _is_ranked_by_rules_unknown, "ranked before rules were told apart"),
    ),
    done=True,
    done_at="gold_processed_at",
    operation="RANKED",
)

WALLETS_TO_TRACE = Cursor(
    name="wallets_to_trace",
    contract=TRACED_WALLETS,
    column="transfers_status",
    consumer=TRANSFERS.name,
    shard="wallet_shard",
    timed=(
        TimedRule("pending", _is_traced, "never fetched, and transfers are looked at"),
        TimedRule("retry", _attempt_to_trace_is_due, "the next attempt is due"),
        TimedRule(
            "completed", _transfers_are_stale, "fetched longer ago than the refresh interval"
        ),
    ),
    done="fetched",
    done_at="transfers_fetched_at",
    operation="TRANSFERS_FETCHED",
    order=(pl.col("transfers_fetched_at"), pl.col("traced_rank")),
    descending=(False, False),
    retry="retry",
    failed="failed",
)

TRANSFERS_TO_RANK = Cursor(
    name="transfers_to_rank",
    contract=TRACED_WALLETS,
    column="transfers_status",
    consumer=SMART_TRADERS.name,
    shard=None,
    due=("fetched",),
    done="completed",
    done_at="gold_processed_at",
    operation="RANKED",
)

NEWS_TO_SEND = Cursor(
    name="news_to_send",
    contract=NOTIFICATIONS,
    column="delivery_status",
    consumer=NOTIFICATIONS.name,
    shard=None,
    due=("pending",),
    timed=(
        TimedRule(
            "retry", _attempt_is_due, "the next attempt is due, or what held it back is over"
        ),
    ),
    done="sent",
    done_at="sent_at",
    operation="SENT",
    order=(pl.col("happened_at"), pl.col("event_id")),
    descending=(False, False),
    retry="retry",
    failed="failed",
)

CURSORS: tuple[Cursor, ...] = (
    TOKENS_TO_TRACK,
    TOKENS_TO_FETCH,
    WHALES_TO_TRACK,
    CANDIDATES_TO_TRACK,
    WHALES_TO_FETCH,
    SWAPS_TO_COUNT,
    PNL_TO_AGE,
    PNL_TO_RANK,
    TRANSFERS_TO_RANK,
    WALLETS_TO_TRACE,
    NEWS_TO_SEND,
)

CONSUMERS: tuple[str, ...] = tuple(dict.fromkeys(cursor.consumer for cursor in CURSORS))


def cursors_of(consumer: str) -> tuple[Cursor, ...]:
    """The cursors that the asset `consumer` reads."""
    return tuple(cursor for cursor in CURSORS if cursor.consumer == consumer)

"""The silver tables: what is derived, and the state of the entities that are followed."""

from __future__ import annotations

import polars as pl

from smart_trader_assets.delta.contract import TIME, Column, SendBack, State, TableContract
from smart_trader_assets.pnl.columns import KEY_COLUMNS, PNL_COLUMNS
from smart_trader_assets.transforms.swap_history import HISTORY, HISTORY_COLUMNS


def _trouble_columns() -> tuple[Column, ...]:
    return (
        Column(
            "attempts", pl.Int64, "Failed attempts since the last success", required=True, initial=0
        ),
        Column("last_error", pl.String, "Error of the last failed attempt"),
        Column("next_attempt_at", TIME, "When the next attempt is due"),
    )


_TROUBLE = ("attempts", "last_error", "next_attempt_at")

TRACKED_TOKENS = TableContract(
    name="silver/tracked_tokens",
    grain="One row per token worth watching, with its latest listed metrics.",
    columns=(
        Column(
            "token_address", pl.String, "Mint address of the token", required=True, preview=True
        ),
        Column("token_shard", pl.String, "Shard of the token", required=True),
        Column("symbol", pl.String, "Symbol as last listed", preview=True),
        Column("name", pl.String, "Name as last listed"),
        Column("decimals", pl.Int64, "Decimal places of a raw unit"),
        Column("price", pl.Float64, "Price as last listed", "USD", preview=True),
        Column("liquidity", pl.Float64, "Liquidity as last listed", "USD", preview=True),
        Column("market_cap", pl.Float64, "Market capitalisation as last listed", "USD"),
        Column("volume_24h_usd", pl.Float64, "24 h volume as last listed", "USD"),
        Column("price_change_24h_percent", pl.Float64, "24 h price change as last listed", "%"),
        Column("circulating_supply", pl.Float64, "Circulating supply as last listed", "tokens"),
        Column("holder", pl.Int64, "Number of holders as last listed"),
        Column(
            "is_scaled_ui_token", pl.Boolean, "Whether shown amounts are scaled by `multiplier`"
        ),
        Column("multiplier", pl.Float64, "Scale of shown amounts"),
        Column(
            "first_listed_on",
            pl.Date,
            "UTC day of the first snapshot that tracked it",
            required=True,
            merge="least",
        ),
        Column(
            "last_listed_on",
            pl.Date,
            "UTC day of the latest snapshot that tracked it",
            required=True,
            merge="greatest",
            preview=True,
        ),
        Column("metrics_at", TIME, "When the metrics were fetched", required=True),
        Column(
            "whale_fetch_status", pl.String, "pending, retry, failed or completed", required=True
        ),
        Column("whale_fetched_at", TIME, "When its whales were last fetched"),
        Column(
            "is_newly_tracked",
            pl.Boolean,
            "Whether its whales have never been fetched",
            required=True,
        ),
        Column("whale_count", pl.Int64, "Owners found by the last fetch of its whales"),
        *_trouble_columns(),
    ),
    key=("token_address",),
    newest_by="metrics_at",
    statistics=("whale_fetched_at", "next_attempt_at", "last_listed_on"),
    partition_by=("token_shard", "whale_fetch_status"),
    dagster_partition="token_shard",
    states=(
        State(
            "whale_fetch_status",
            ("pending", "retry", "failed", "completed"),
            "pending",
            companions=("whale_fetched_at", "whale_count", *_TROUBLE),
            moves=tuple(
                (before, after)
                for before in ("pending", "retry", "failed", "completed")
                for after in ("retry", "failed", "completed")
            ),
        ),
        State("is_newly_tracked", (True, False), True),
    ),
    renewed_by="snapshot",
)

TRACKED_WHALES = TableContract(
    name="silver/tracked_whales",
    grain="One row per wallet and token that it is a whale of, with what is known of its history.",
    columns=(
        Column(
            "whale_id", pl.String, "wallet_address, an underscore, token_address", required=True
        ),
        Column("wallet_address", pl.String, "The whale", required=True, preview=True),
        Column("token_address", pl.String, "The token that it holds", required=True, preview=True),
        Column("wallet_shard", pl.String, "Shard of the wallet", required=True),
        Column("token_symbol", pl.String, "Symbol of the token as listed", preview=True),
        Column("holder_rank", pl.Int64, "Latest rank among the token's holders"),
        Column("ui_amount", pl.Float64, "Latest holding", "tokens"),
        Column("holding_share", pl.Float64, "Latest share of the circulating supply", "%"),
        Column("holding_usd", pl.Float64, "Latest value of the holding", "USD", preview=True),
        Column(
            "first_seen_on",
            pl.Date,
            "UTC day it was first seen among the holders",
            required=True,
            merge="least",
        ),
        Column(
            "last_seen_on",
            pl.Date,
            "UTC day it was last seen among the holders",
            required=True,
            merge="greatest",
            preview=True,
        ),
        Column(
            "processing_status",
            pl.String,
            "pending, excluded, ready, retry, failed, processed",
            required=True,
        ),
        *HISTORY,
        Column("exclude_reason", pl.String, "Which screening rule excluded it"),
        Column("excluded_by_rules", pl.String, "Version of the rules that excluded it"),
        *_trouble_columns(),
    ),
    key=("whale_id",),
    newest_by="last_seen_on",
    statistics=(
        "wallet_address",
        "transactions_fetched_at",
        "next_attempt_at",
        "excluded_by_rules",
    ),
    partition_by=("wallet_shard", "processing_status"),
    dagster_partition="wallet_shard",
    states=(
        State(
            "processing_status",
            ("pending", "excluded", "ready", "retry", "failed", "processed"),
            "pending",
            companions=(
                *HISTORY_COLUMNS,
                "exclude_reason",
                "excluded_by_rules",
                *_TROUBLE,
            ),
            moves=(
                *(
                    (before, after)
                    for before in ("ready", "retry", "failed", "processed")
                    for after in ("ready", "retry", "failed", "processed")
                ),
                ("pending", "ready"),
                ("pending", "excluded"),
                ("excluded", "ready"),
                ("excluded", "pending"),
            ),
        ),
    ),
    send_backs=(
        # A new holding may no longer be dust.
        SendBack(
            "processing_status",
            "pending",
            changed=("ui_amount", "holding_usd"),
            only_from="excluded",
            clears=("exclude_reason", "excluded_by_rules"),
        ),
    ),
    renewed_by="holders",
)

WALLET_PNL = TableContract(
    name="silver/wallet_pnl",
    grain="One row per wallet, token (or ALL_TOKENS) and window: first in, first out PnL.",
    columns=(
        *KEY_COLUMNS,
        Column("wallet_shard", pl.String, "Shard of the wallet", required=True),
        *PNL_COLUMNS,
        Column(
            "processed_for_gold", pl.Boolean, "Whether the ranking has seen the row", required=True
        ),
        Column("gold_processed_at", TIME, "When the ranking saw the row"),
    ),
    key=("wallet_address", "token_address", "window"),
    partition_by=("wallet_shard", "processed_for_gold"),
    dagster_partition="wallet_shard",
    states=(State("processed_for_gold", (False, True), False, companions=("gold_processed_at",)),),
    send_backs=(SendBack("processed_for_gold", False, clears=("gold_processed_at",)),),
    statistics=("as_of",),
    cluster_by=("wallet_address",),
)

"""The bronze tables: every field of the source under the source's own name, and the row's state."""

from __future__ import annotations

import polars as pl

from smart_trader_assets.delta.contract import TEXTS, TIME, Column, SendBack, State, TableContract

_WINDOWS = ("1h", "2h", "4h", "8h", "24h")


def _token_window_columns() -> tuple[Column, ...]:
    return (
        *(
            Column(
                f"volume_{w}_usd",
                pl.Float64,
                f"Traded volume in the last {w}",
                "USD",
                preview=w == "24h",
            )
            for w in _WINDOWS
        ),
        *(
            Column(f"volume_{w}_change_percent", pl.Float64, f"Change of the {w} volume", "%")
            for w in _WINDOWS
        ),
        *(Column(f"trade_{w}_count", pl.Int64, f"Trades in the last {w}") for w in _WINDOWS),
        *(
            Column(
                f"price_change_{w}_percent",
                pl.Float64,
                f"Price change over {w}",
                "%",
                preview=w == "24h",
            )
            for w in _WINDOWS
        ),
    )


TOKENS = TableContract(
    name="bronze/tokens",
    grain="One row per token and snapshot day: the market as the token list showed it.",
    columns=(
        Column("snapshot_date", pl.Date, "UTC day of the snapshot", required=True),
        Column(
            "token_address", pl.String, "Mint address of the token", required=True, preview=True
        ),
        Column("token_shard", pl.String, "Shard of the token: a hash of its mint", required=True),
        Column(
            "symbol",
            pl.String,
            "Symbol as listed; not unique, the mint is the identity",
            preview=True,
        ),
        Column("name", pl.String, "Name as listed"),
        Column("decimals", pl.Int64, "Decimal places of a raw unit"),
        Column("logo_uri", pl.String, "URL of the logo"),
        Column("extensions", pl.String, "Links and ids of the project, as JSON text"),
        Column("price", pl.Float64, "Price of one token", "USD", preview=True),
        Column("liquidity", pl.Float64, "Liquidity over all pools", "USD", preview=True),
        Column("market_cap", pl.Float64, "Market capitalisation", "USD"),
        Column("fdv", pl.Float64, "Fully diluted valuation", "USD"),
        Column("total_supply", pl.Float64, "Total supply", "tokens"),
        Column("circulating_supply", pl.Float64, "Circulating supply", "tokens"),
        Column("holder", pl.Int64, "Number of holders"),
        Column("last_trade_unix_time", pl.Int64, "Time of the last trade", "unix s"),
        Column("recent_listing_time", pl.Int64, "Time of the latest listing", "unix s"),
        *_token_window_columns(),
        Column(
            "is_scaled_ui_token", pl.Boolean, "Whether shown amounts are scaled by `multiplier`"
        ),
        Column("multiplier", pl.Float64, "Scale of shown amounts"),
        Column("list_rank", pl.Int64, "Position in the list, 1 is the most liquid", preview=True),
        Column(
            "fetched_at",
            TIME,
            "When the snapshot that last changed the row was taken",
            required=True,
        ),
        Column("tracking_status", pl.String, "pending, tracked or rejected", required=True),
        Column("tracked_at", TIME, "When the row was tracked or rejected"),
        Column("reject_reason", pl.String, "Why the token was not tracked"),
        Column(
            "whale_fetch_status",
            pl.String,
            "pending, completed or not_needed: mirrors the tracked token",
            required=True,
        ),
        Column("whale_fetched_at", TIME, "When the token's whales were fetched"),
        Column(
            "is_newly_tracked",
            pl.Boolean,
            "Whether its whales have never been fetched",
            required=True,
        ),
    ),
    key=("snapshot_date", "token_address"),
    partition_by=("snapshot_date", "token_shard", "tracking_status"),
    dagster_partition="snapshot_date",
    states=(
        State(
            "tracking_status",
            ("pending", "tracked", "rejected"),
            "pending",
            companions=("tracked_at", "reject_reason"),
            moves=(
                ("pending", "tracked"),
                ("pending", "rejected"),
                ("tracked", "pending"),
                ("rejected", "pending"),
                ("tracked", "rejected"),
                ("rejected", "tracked"),
            ),
        ),
        State(
            "whale_fetch_status",
            ("pending", "completed", "not_needed"),
            "pending",
            companions=("whale_fetched_at",),
        ),
        State("is_newly_tracked", (True, False), True),
    ),
    send_backs=(SendBack("tracking_status", "pending", clears=("tracked_at", "reject_reason")),),
    # A snapshot that shows the same market again is not a change, whenever it was taken.
    ignored_changes=("fetched_at",),
    renewed_by="snapshot",
)

WHALES = TableContract(
    name="bronze/whales",
    grain="One row per token, holder and fetch day: how much the owner held when it was fetched.",
    columns=(
        Column("fetched_on", pl.Date, "UTC day of the fetch", required=True),
        Column(
            "token_address",
            pl.String,
            "Mint address of the token held",
            required=True,
            preview=True,
        ),
        Column(
            "wallet_address", pl.String, "Owner of the token accounts", required=True, preview=True
        ),
        Column("token_shard", pl.String, "Shard of the token", required=True),
        Column("wallet_shard", pl.String, "Shard of the wallet", required=True),
        Column("token_symbol", pl.String, "Symbol of the token as listed", preview=True),
        Column(
            "holder_rank",
            pl.Int64,
            "Rank among the token's holders, 1 is the largest",
            required=True,
            preview=True,
        ),
        Column(
            "amount",
            pl.String,
            "Sum of the owner's token accounts, exact",
            "raw units",
            required=True,
        ),
        Column("decimals", pl.Int64, "Decimal places of a raw unit"),
        Column("ui_amount", pl.Float64, "Sum of the owner's token accounts", "tokens"),
        Column("token_accounts", TEXTS, "The owner's token accounts, largest first"),
        Column(
            "is_scaled_ui_token", pl.Boolean, "Whether shown amounts are scaled by `multiplier`"
        ),
        Column("multiplier", pl.Float64, "Scale of shown amounts"),
        Column(
            "holding_share", pl.Float64, "Share of the circulating supply held", "%", preview=True
        ),
        Column("price", pl.Float64, "Token price used for the value", "USD"),
        Column("holding_usd", pl.Float64, "Value of the holding", "USD", preview=True),
        Column("fetched_at", TIME, "When the holders were fetched", required=True),
        Column("tracking_status", pl.String, "pending or tracked", required=True),
        Column("tracked_at", TIME, "When silver/tracked_whales took up the row"),
    ),
    key=("fetched_on", "token_address", "wallet_address"),
    partition_by=("token_shard", "wallet_shard", "tracking_status"),
    dagster_partition="token_shard",
    states=(
        State(
            "tracking_status",
            ("pending", "tracked"),
            "pending",
            companions=("tracked_at",),
            moves=(("pending", "tracked"), ("tracked", "pending")),
        ),
    ),
    send_backs=(SendBack("tracking_status", "pending", clears=("tracked_at",)),),
    time_bound="fetched_on",
    statistics=("wallet_address",),
    ignored_changes=("fetched_at",),
    renewed_by="holders",
)


def _leg_columns(leg: str) -> tuple[Column, ...]:
    return (
        Column(f"{leg}_symbol", pl.String, f"Symbol of the {leg} leg; not unique", preview=True),
        Column(f"{leg}_decimals", pl.Int64, f"Decimal places of the {leg} leg"),
        Column(f"{leg}_address", pl.String, f"Mint of the {leg} leg"),
        Column(f"{leg}_amount", pl.String, f"Amount of the {leg} leg as received", "raw units"),
        Column(f"{leg}_type", pl.String, f"Kind of movement of the {leg} leg"),
        Column(f"{leg}_type_swap", pl.String, f"Direction of the {leg} leg: from or to"),
        Column(f"{leg}_ui_amount", pl.Float64, f"Unsigned amount of the {leg} leg", "tokens"),
        Column(f"{leg}_price", pl.Float64, f"Price of the {leg} leg's mint", "USD"),
        Column(
            f"{leg}_nearest_price",
            pl.Float64,
            f"Nearest known price of the {leg} leg's mint",
            "USD",
        ),
        Column(
            f"{leg}_change_amount",
            pl.String,
            f"Signed amount of the {leg} leg as received; the sign is the direction",
            "raw units",
        ),
        Column(
            f"{leg}_ui_change_amount",
            pl.Float64,
            f"Signed amount of the {leg} leg",
            "tokens",
            preview=True,
        ),
        Column(
            f"{leg}_is_scaled_ui_token", pl.Boolean, f"Whether the {leg} leg's amounts are scaled"
        ),
        Column(f"{leg}_multiplier", pl.Float64, f"Scale of the {leg} leg's shown amounts"),
    )


TRANSACTIONS = TableContract(
    name="bronze/transactions",
    grain="One row per swap row of a wallet's history: one exchange of two legs in one pool.",
    columns=(
        Column("swap_id", pl.String, "Hash of the row's safe key", required=True),
        Column(
            "wallet_address",
            pl.String,
            "Wallet whose history was fetched",
            required=True,
            preview=True,
        ),
        Column("wallet_shard", pl.String, "Shard of the wallet", required=True),
        Column(
            "tx_hash",
            pl.String,
            "Signature of the transaction; up to 5 rows share one",
            required=True,
        ),
        Column(
            "block_unix_time", pl.Int64, "Time of the block", "unix s", required=True, preview=True
        ),
        Column("owner", pl.String, "Owner as the source names it"),
        Column("source", pl.String, "Venue of the swap", preview=True),
        Column("tx_type", pl.String, "Kind of row; only swaps make trades"),
        Column("address", pl.String, "Pool"),
        Column("block_number", pl.Int64, "Slot of the block"),
        Column("volume_usd", pl.Float64, "Value of the swap", "USD", preview=True),
        Column("volume", pl.Float64, "Volume as the source reports it", "tokens"),
        Column("ins_index", pl.Int64, "Index of the instruction in the transaction"),
        Column("inner_ins_index", pl.Int64, "Index of the inner instruction"),
        Column("signers", TEXTS, "Signers of the transaction"),
        Column("interacted_program_id", pl.String, "Program that was called"),
        *_leg_columns("base"),
        *_leg_columns("quote"),
        Column("fetched_at", TIME, "When the row was fetched", required=True),
        Column(
            "processed_for_pnl",
            pl.Boolean,
            "Whether the row is settled: in the PnL or set aside",
            required=True,
        ),
        Column("pnl_processed_at", TIME, "When the row was settled"),
        Column("set_aside_reason", pl.String, "Which rule of the contract the row breaks"),
    ),
    key=("swap_id",),
    partition_by=("wallet_shard", "processed_for_pnl"),
    dagster_partition="wallet_shard",
    states=(
        State(
            "processed_for_pnl",
            (False, True),
            False,
            companions=("pnl_processed_at", "set_aside_reason"),
            moves=((False, True),),
        ),
    ),
    time_bound="block_unix_time",
    insert_only=True,
    statistics=("wallet_address",),
    cluster_by=("wallet_address",),
    renewed_by="wallets",
)

"""Rows of every table, with no more columns than a test cares about, and two small tables of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.contract import (
    AUDIT,
    BATCH,
    OPERATION,
    VERSION,
    Column,
    SendBack,
    State,
    TableContract,
)
from smart_trader_assets.delta.schema import conform
from smart_trader_assets.pnl.ageing import NEVER, next_midnight
from smart_trader_assets.pnl.assumptions import PNL_RULES
from smart_trader_assets.pnl.columns import ALL_TOKENS
from smart_trader_assets.tables.catalog import (
    CANDIDATES,
    CLASSIFIED_WALLETS,
    COPY_RESULTS,
    NOTIFICATIONS,
    POSITIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
    TOKEN_TRADES,
    TOKENS,
    TRACED_WALLETS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    TRANSFERS,
    WALLET_CLUSTERS,
    WALLET_PNL,
    WHALES,
)

DAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
STAMP = CommitInfo("run-1", "an/asset", "a partition")
LATER_STAMP = CommitInfo("run-2", "an/asset", "a partition")

Row = Mapping[str, Any]


def frame(contract: TableContract, rows: Iterable[Row]) -> pl.DataFrame:
    """`rows` as a frame in the contract's types, with just the columns that any of them names.

    What some rows name and others do not is null in these, or the state that rows are born with.
    """
    rows = list(rows)
    names = [name for name in contract.schema if any(name in row for row in rows)]
    born = contract.initial_values()
    return pl.DataFrame(
        [{name: row.get(name, born.get(name)) for name in names} for row in rows],
        schema={name: contract.schema[name] for name in names},
    )


def token(mint: str, **columns: Any) -> Row:
    """A row of bronze/tokens."""
    return {
        "snapshot_date": DAY,
        "token_address": mint,
        "token_shard": "00",
        "price": 1.0,
        "fetched_at": NOW,
    } | columns


def tracked_token(mint: str, **columns: Any) -> Row:
    """A row of silver/tracked_tokens."""
    return {
        "token_address": mint,
        "token_shard": "00",
        "price": 1.0,
        "first_listed_on": DAY,
        "last_listed_on": DAY,
        "metrics_at": NOW,
    } | columns


def whale(wallet: str, mint: str = "mint", **columns: Any) -> Row:
    """A row of bronze/whales."""
    return {
        "fetched_on": DAY,
        "token_address": mint,
        "wallet_address": wallet,
        "token_shard": "00",
        "wallet_shard": "00",
        "holder_rank": 1,
        "amount": "1000",
        "holding_usd": 1.0,
        "fetched_at": NOW,
    } | columns


def candidate(wallet: str, **columns: Any) -> Row:
    """A row of bronze/candidates."""
    return {
        "source": "1W",
        "wallet_address": wallet,
        "listed_on": DAY,
        "wallet_shard": "00",
        "list_rank": 1,
        "pnl": 1.0,
        "fetched_at": NOW,
    } | columns


def tracked_whale(wallet: str, mint: str = "mint", **columns: Any) -> Row:
    """A row of silver/tracked_whales."""
    return {
        "whale_id": f"{wallet}_{mint}",
        "wallet_address": wallet,
        "token_address": mint,
        "wallet_shard": "00",
        "ui_amount": 10.0,
        "holding_usd": 1.0,
        "first_seen_on": DAY,
        "last_seen_on": DAY,
    } | columns


def swap(swap_id: str, **columns: Any) -> Row:
    """A row of bronze/transactions."""
    return {
        "swap_id": swap_id,
        "wallet_address": "wallet",
        "wallet_shard": "00",
        "tx_hash": f"tx of {swap_id}",
        "block_unix_time": 1_700_000_000,
        "fetched_at": NOW,
    } | columns


def pnl(wallet: str, mint: str = ALL_TOKENS, **columns: Any) -> Row:
    """A row of silver/wallet_pnl."""
    return {
        "wallet_address": wallet,
        "token_address": mint,
        "window": "all",
        "wallet_shard": "00",
        "realized_pnl": 1.0,
        "as_of": NOW,
        "ages_at": next_midnight(NOW) if mint == ALL_TOKENS else NEVER,
        "pnl_rules": PNL_RULES,
    } | columns


def token_trade(tx_hash: str, **columns: Any) -> Row:
    """A row of silver/token_trades."""
    return {
        "token_address": "mint",
        "wallet_address": "wallet",
        "tx_hash": tx_hash,
        "block_unix_time": 1_700_000_000,
        "price": 1.0,
    } | columns


def copy_result(wallet: str, **columns: Any) -> Row:
    """A row of gold/copy_results."""
    return {
        "wallet_address": wallet,
        "delay_seconds": 60,
        "bets": 3,
        "priced_bets": 2,
        "copied_return": 1.0,
        "as_of": NOW,
        "based_on": "numbers",
    } | columns


def trader(wallet: str, **columns: Any) -> Row:
    """A row of gold/smart_traders."""
    return {
        "wallet_address": wallet,
        "tier": "ELITE",
        "overall_rank": 1,
        "tier_rank": 1,
        "score": 90.0,
        "as_of": NOW,
    } | columns


def classified(wallet: str, **columns: Any) -> Row:
    """A row of gold/classified_wallets."""
    return {
        "wallet_address": wallet,
        "wallet_class": "BOT",
        "reasons": ["quick"],
        "total_pnl": 1.0,
        "as_of": NOW,
    } | columns


def tier_change(wallet: str, **columns: Any) -> Row:
    """A row of gold/tier_changes."""
    return {
        "wallet_address": wallet,
        "change_number": 1,
        "changed_at": NOW,
        "change": "ARRIVED",
        "score": 1.0,
    } | columns


def position(wallet: str, **columns: Any) -> Row:
    """A row of gold/positions."""
    return {
        "wallet_address": wallet,
        "token_address": "mint",
        "tier": "ELITE",
        "overall_rank": 1,
        "quantity": 10.0,
        "cost": 5.0,
        "as_of": NOW,
    } | columns


def wallet_pair(wallet: str, **columns: Any) -> Row:
    """A row of gold/wallet_clusters."""
    return {
        "wallet_address": wallet,
        "other_address": "other",
        "relation": "SIBLINGS",
        "cluster_id": wallet,
        "vote_id": wallet,
        "tokens_paid": 0,
        "tokens_together": 9,
        "tokens_shared": 12,
        "tokens_expected": 0.5,
        "as_of": NOW,
    } | columns


def traced_wallet(wallet: str, **columns: Any) -> Row:
    """A row of silver/traced_wallets."""
    return {
        "wallet_address": wallet,
        "wallet_shard": "00",
        "role": "ranked",
        "traced_rank": 1,
        "traced_since": NOW,
    } | columns


def transfer(transfer_id: str, **columns: Any) -> Row:
    """A row of bronze/transfers."""
    return {
        "transfer_id": transfer_id,
        "wallet_address": "wallet",
        "wallet_shard": "00",
        "unix_time": 1_700_000_000,
        "token_address": "mint",
        "from_address": "sender",
        "to_address": "wallet",
        "value": 1.0,
        "fetched_at": NOW,
    } | columns


def notification(event: str, **columns: Any) -> Row:
    """A row of ops/notifications."""
    return {
        "event_id": event,
        "receiver": "json-1",
        "kind": "trades",
        "happened_at": NOW,
        "created_at": NOW,
        "created_on": NOW.date(),
        "title": f"News {event}",
        "body": "What happened.",
    } | columns


def token_signal(mint: str, **columns: Any) -> Row:
    """A row of gold/token_signals."""
    votes = {
        name: 0
        for name in TOKEN_SIGNALS.schema
        if name.endswith(("_bought", "_sold", "_holding")) or name in {"trades", "unpriced_trades"}
    }
    return {
        "token_address": mint,
        "window": "24h",
        **votes,
        "net_flow_usd": 1.0,
        "as_of": NOW,
    } | columns


# By table: a row of it, the Dagster partition that it lies in, and a column of its content.
SAMPLES: Mapping[str, tuple[Callable[..., Row], str | date | None, str]] = {
    TOKENS.name: (token, DAY, "price"),
    TRACKED_TOKENS.name: (tracked_token, "00", "price"),
    WHALES.name: (whale, "00", "holding_usd"),
    CANDIDATES.name: (candidate, None, "pnl"),
    TRACKED_WHALES.name: (tracked_whale, "00", "holding_usd"),
    TRANSACTIONS.name: (swap, "00", "volume_usd"),
    WALLET_PNL.name: (pnl, "00", "realized_pnl"),
    TOKEN_TRADES.name: (token_trade, None, "price"),
    COPY_RESULTS.name: (copy_result, None, "copied_return"),
    SMART_TRADERS.name: (trader, None, "score"),
    CLASSIFIED_WALLETS.name: (classified, None, "total_pnl"),
    TIER_CHANGES.name: (tier_change, None, "score"),
    POSITIONS.name: (position, None, "cost"),
    WALLET_CLUSTERS.name: (wallet_pair, None, "tokens_together"),
    TOKEN_SIGNALS.name: (token_signal, None, "net_flow_usd"),
    RECENT_TRADES.name: (token_trade, None, "price"),
    TRACED_WALLETS.name: (traced_wallet, None, "role"),
    TRANSFERS.name: (transfer, "00", "value"),
    NOTIFICATIONS.name: (notification, None, "title"),
}

# Where each state of each table goes in a settlement.
DONE: Mapping[str, Mapping[str, Any]] = {
    TOKENS.name: {
        "tracking_status": "tracked",
        "tracked_at": NOW,
        "whale_fetch_status": "completed",
        "whale_fetched_at": NOW,
        "is_newly_tracked": False,
    },
    TRACKED_TOKENS.name: {
        "whale_fetch_status": "completed",
        "whale_fetched_at": NOW,
        "whale_count": 3,
        "is_newly_tracked": False,
    },
    WHALES.name: {"tracking_status": "tracked", "tracked_at": NOW},
    CANDIDATES.name: {"tracking_status": "tracked", "tracked_at": NOW},
    TRACKED_WHALES.name: {"processing_status": "processed", "transactions_fetched_at": NOW},
    TRANSACTIONS.name: {"processed_for_pnl": True, "pnl_processed_at": NOW},
    WALLET_PNL.name: {"processed_for_gold": True, "gold_processed_at": NOW},
    TRACED_WALLETS.name: {
        "transfers_status": "fetched",
        "transfers_fetched_at": NOW,
        "transfers_read": 3,
        "transfers_whole": True,
    },
    NOTIFICATIONS.name: {"delivery_status": "sent", "sent_at": NOW, "message_id": "m"},
}

# A listing and what is made of it: small enough for properties over many sequences of writes.
LISTINGS = TableContract(
    name="bronze/listings",
    grain="One row per mint: its price as listed.",
    columns=(
        Column("mint", pl.String, "Mint", required=True),
        Column("shard", pl.String, "Shard of the mint", required=True),
        Column("price", pl.Int64, "Price as listed"),
        Column("listing", pl.Int64, "Number of the listing that last changed the row"),
        Column("status", pl.String, "pending, kept or refused", required=True),
        Column("reason", pl.String, "Why it was refused"),
    ),
    key=("mint",),
    partition_by=("shard", "status"),
    dagster_partition="shard",
    states=(State("status", ("pending", "kept", "refused"), "pending", companions=("reason",)),),
    send_backs=(SendBack("status", "pending", clears=("reason",)),),
    ignored_changes=("listing",),
)

HOLDINGS = TableContract(
    name="silver/holdings",
    grain="One row per mint that was kept: its latest price.",
    columns=(
        Column("mint", pl.String, "Mint", required=True),
        Column("shard", pl.String, "Shard of the mint", required=True),
        Column("price", pl.Int64, "Latest price"),
        Column("first_listing", pl.Int64, "First listing", required=True, merge="least"),
        Column("listing", pl.Int64, "Latest listing", required=True, merge="greatest"),
        Column("status", pl.String, "pending or done", required=True),
    ),
    key=("mint",),
    partition_by=("shard", "status"),
    dagster_partition="shard",
    states=(State("status", ("pending", "done"), "pending"),),
    newest_by="listing",
)


def whole(contract: TableContract, rows: Iterable[Row]) -> pl.DataFrame:
    """`rows` as the store would write them: all columns, with an audit trail."""
    trail = {OPERATION: "CREATE", VERSION: NOW, BATCH: "run"}
    return conform(frame(contract, [{**row, **trail} for row in rows]), contract)


def content(rows: pl.DataFrame, *but: str) -> pl.DataFrame:
    """`rows` without their audit trail and the columns `but`, in an order of their own."""
    shown = rows.drop(*(column.name for column in AUDIT), *but, strict=False)
    plain = [name for name, dtype in shown.schema.items() if not isinstance(dtype, pl.List)]
    return shown.sort(plain)

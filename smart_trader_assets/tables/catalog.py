"""The medallion tables, in the order in which rows flow through them."""

from __future__ import annotations

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.tables.bronze import (
    CANDIDATES,
    TOKENS,
    TRANSACTIONS,
    TRANSFERS,
    WHALES,
)
from smart_trader_assets.tables.gold import (
    CLASSIFIED_WALLETS,
    COPY_RESULTS,
    POSITIONS,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
    WALLET_CLUSTERS,
)
from smart_trader_assets.tables.ops import NOTIFICATIONS
from smart_trader_assets.tables.silver import (
    RECENT_TRADES,
    TOKEN_TRADES,
    TRACED_WALLETS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    WALLET_PNL,
)

ALL_TABLES: tuple[TableContract, ...] = (
    TOKENS,
    TRACKED_TOKENS,
    WHALES,
    CANDIDATES,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    TOKEN_TRADES,
    RECENT_TRADES,
    COPY_RESULTS,
    SMART_TRADERS,
    CLASSIFIED_WALLETS,
    TIER_CHANGES,
    WALLET_CLUSTERS,
    POSITIONS,
    TOKEN_SIGNALS,
    TRACED_WALLETS,
    TRANSFERS,
    NOTIFICATIONS,
)

__all__ = [
    "ALL_TABLES",
    "CANDIDATES",
    "CLASSIFIED_WALLETS",
    "COPY_RESULTS",
    "NOTIFICATIONS",
    "POSITIONS",
    "RECENT_TRADES",
    "SMART_TRADERS",
    "TIER_CHANGES",
    "TOKENS",
    "TOKEN_SIGNALS",
    "TOKEN_TRADES",
    "TRACED_WALLETS",
    "TRACKED_TOKENS",
    "TRACKED_WHALES",
    "TRANSACTIONS",
    "TRANSFERS",
    "WALLET_CLUSTERS",
    "WALLET_PNL",
    "WHALES",
]

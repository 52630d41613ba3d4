"""The seven medallion tables, in the order in which rows flow through them."""

from __future__ import annotations

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.tables_bronze import TOKENS, TRANSACTIONS, WHALES
from smart_trader_assets.delta.tables_silver import (
    SMART_TRADERS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    WALLET_PNL,
)

ALL_TABLES: tuple[TableContract, ...] = (
    TOKENS,
    TRACKED_TOKENS,
    WHALES,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    SMART_TRADERS,
)

__all__ = [
    "ALL_TABLES",
    "SMART_TRADERS",
    "TOKENS",
    "TRACKED_TOKENS",
    "TRACKED_WHALES",
    "TRANSACTIONS",
    "WALLET_PNL",
    "WHALES",
]

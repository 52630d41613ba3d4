"""The jobs: one for each partitioning, so that `dagster job backfill` works on each."""

from __future__ import annotations

import dagster as dg
from dagster import AssetSelection

from smart_trader_assets.delta.tables import (
    SMART_TRADERS,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)


def _job(name: str, description: str, *tables: str) -> dg.UnresolvedAssetJobDefinition:
    selection = AssetSelection.assets(*(dg.AssetKey(table.split("/")) for table in tables))
    return dg.define_asset_job(name, selection=selection, description=description)


def make_jobs() -> list[dg.UnresolvedAssetJobDefinition]:
    """Snapshot (days), token side (token shards), wallet side (wallet shards), ranking."""
    return [
        _job("snapshot", "Takes today's token snapshot.", TOKENS.name),
        _job(
            "token_side",
            "Tracks listed tokens and fetches their whales, by token shard.",
            TRACKED_TOKENS.name,
            WHALES.name,
        ),
        _job(
            "wallet_side",
            "Tracks whales, fetches their swaps and computes their PnL, by wallet shard.",
            TRACKED_WHALES.name,
            TRANSACTIONS.name,
            WALLET_PNL.name,
        ),
        _job("ranking", "Ranks the smart traders.", SMART_TRADERS.name),
    ]

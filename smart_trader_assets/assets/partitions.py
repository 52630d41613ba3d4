"""The Dagster partitions: days of snapshots, shards of tokens and of wallets."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from smart_trader_assets.settings import Settings
from smart_trader_assets.transforms.shards import shard_keys


@dataclass(frozen=True)
class Partitions:
    """The three partitionings of the graph."""

    days: dg.PartitionsDefinition[str]
    token_shards: dg.PartitionsDefinition[str]
    wallet_shards: dg.PartitionsDefinition[str]


def make_partitions(settings: Settings) -> Partitions:
    """The partitions by the settings; the day that is under way is one of them."""
    return Partitions(
        days=dg.DailyPartitionsDefinition(start_date=settings.first_day.isoformat(), end_offset=1),
        token_shards=dg.StaticPartitionsDefinition(shard_keys(settings.token_shards)),
        wallet_shards=dg.StaticPartitionsDefinition(shard_keys(settings.wallet_shards)),
    )

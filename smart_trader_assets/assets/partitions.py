"""The Dagster partitions: days of snapshots, shards of tokens and of wallets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import dagster as dg

from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.root import first_day_of
from smart_trader_assets.transforms.shards import shard_keys


@dataclass(frozen=True)
class Partitions:
    """The three partitionings of the graph."""

    days: dg.PartitionsDefinition[str]
    token_shards: dg.PartitionsDefinition[str]
    wallet_shards: dg.PartitionsDefinition[str]


def first_day(settings: Settings) -> date:
    """The first day of snapshots: as set, else the root's, since nobody can take one of a day before; for a
    root that is yet to be made the present day."""
    if settings.first_day is not None:
        return settings.first_day
    today = settings.now().date()
    return min(today, first_day_of(make_lake(settings).unchecked_store) or today)


def make_partitions(settings: Settings) -> Partitions:
    """The partitions by the settings and the root; the day that is under way is one of them."""
    return Partitions(
        days=dg.DailyPartitionsDefinition(start_date=first_day(settings).isoformat(), end_offset=1),
        token_shards=dg.StaticPartitionsDefinition(shard_keys(settings.token_shards)),
        wallet_shards=dg.StaticPartitionsDefinition(shard_keys(settings.wallet_shards)),
    )

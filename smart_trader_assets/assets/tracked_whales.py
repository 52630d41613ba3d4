"""silver/tracked_whales: the wallets whose trading is worth knowing."""

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.partitions import Partitions
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.delta.batch import Batch, Batches
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import TRACKED_WHALES, WHALES
from smart_trader_assets.tables.cursors import WHALES_TO_TRACK
from smart_trader_assets.tables.transitions import whales_taken_over
from smart_trader_assets.transforms.holders import born_states, tracked_whale_rows
from smart_trader_assets.transforms.swap_history import known_histories


def tracked_whales_asset(declared: Settings, partitions: Partitions) -> dg.AssetsDefinition:
    """The asset of silver/tracked_whales."""

    @medallion_asset(
        TRACKED_WHALES,
        settings=declared,
        description="Adds every holder that was fetched. What is known of a wallet's swaps belongs to the "
        "wallet: a new holding of a recently fetched wallet causes no new fetch.",
        partitions=partitions.wallet_shards,
        inputs={"whales": WHALES},
        all_partitions_of=("whales",),
    )
    def tracked_whales(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        whales: pl.LazyFrame,
        settings: dg.ResourceParam[Settings],
        lake: LakeResource,
    ) -> Batches:
        scope = RunScope.of(context, settings, config)
        own = lake.store.scan(TRACKED_WHALES)
        return Batches(
            _take_over(shard, due, own, scope)
            for shard, due in scope.due_by_shard(WHALES_TO_TRACK, whales)
        )

    return tracked_whales


def _take_over(shard: str, due: pl.DataFrame, own: pl.LazyFrame, scope: RunScope) -> Batch:
    wallets = known_histories(
        own.filter(
            (pl.col("wallet_shard") == shard)
            & pl.col("wallet_address").is_in(due["wallet_address"].unique().to_list())
        )
    ).collect()
    rows = born_states(
        tracked_whale_rows(due),
        wallets,
        as_of=scope.as_of,
        refresh_interval=scope.policy.wallet_refresh,
    )
    return Batch(
        rows=rows,
        partition=shard,
        settles=(whales_taken_over(due, at=scope.as_of),),
        metrics={"whales_taken_over": rows.height},
    )

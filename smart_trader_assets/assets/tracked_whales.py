"""silver/tracked_whales: the wallets whose trading is worth knowing."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.partitions import Partitions
from smart_trader_assets.assets.scope import RunConfig, RunScope, by_shard
from smart_trader_assets.delta.batch import Batch, Batches, Settlement
from smart_trader_assets.delta.batch_group import gathered
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import CANDIDATES, TRACKED_WHALES, WHALES
from smart_trader_assets.tables.cursors import CANDIDATES_TO_TRACK, WHALES_TO_TRACK
from smart_trader_assets.tables.transitions import candidates_taken_over, whales_taken_over
from smart_trader_assets.transforms.candidates import (
    ASKED,
    asked_wallet_rows,
    tracked_candidate_rows,
)
from smart_trader_assets.transforms.holders import born_states, tracked_whale_rows
from smart_trader_assets.transforms.swap_history import known_histories


def tracked_whales_asset(declared: Settings, partitions: Partitions) -> dg.AssetsDefinition:
    """The asset of silver/tracked_whales."""

    @medallion_asset(
        TRACKED_WHALES,
        settings=declared,
        description="Adds every holder that was fetched, and every candidate that was named. What is known of "
        "a wallet's swaps belongs to the wallet: a new holding of a wallet fetched lately causes no new fetch.",
        partitions=partitions.wallet_shards,
        inputs={"whales": WHALES, "candidates": CANDIDATES},
        all_partitions_of=("whales",),
    )
    def tracked_whales(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        whales: pl.LazyFrame,
        candidates: pl.LazyFrame,
        settings: dg.ResourceParam[Settings],
        lake: LakeResource,
    ) -> Batches:
        scope = RunScope.of(context, settings, config)

        def batches() -> Iterator[tuple[Batch, ...]]:
            due = dict(scope.due_by_shard(WHALES_TO_TRACK, whales))
            new = {shard: tracked_whale_rows(rows) for shard, rows in due.items()}
            taken = {s: whales_taken_over(rows, at=scope.as_of) for s, rows in due.items()}
            yield from _take_over(new, taken, lake, scope)
            due = dict(scope.due_by_shard(CANDIDATES_TO_TRACK, candidates))
            new = {shard: tracked_candidate_rows(rows) for shard, rows in due.items()}
            taken = {s: candidates_taken_over(rows, at=scope.as_of) for s, rows in due.items()}
            yield from _take_over(new, taken, lake, scope)
            yield from _take_over(_asked_about(scope, lake), {}, lake, scope)

        return Batches(batches())

    return tracked_whales


def _asked_about(scope: RunScope, lake: LakeResource) -> dict[str, pl.DataFrame]:
    """Wallets that the run is about and that nobody has named before, by shard."""
    asked = asked_wallet_rows(scope.wallets, at=scope.as_of, wallet_shards=lake.wallet_shards)
    asked = scope.in_shards(asked)
    if asked.is_empty():
        return {}
    known = looked_at(lake.store, asked["wallet_address"].to_list())
    new = asked.filter(~pl.col("wallet_address").is_in(list(known)))
    return dict(by_shard(new, "wallet_shard"))


def looked_at(store: DeltaStore, wallets: Sequence[str]) -> set[str]:
    """Those of `wallets` whose swaps are asked for, or that somebody has asked about; not those that only the
    screening of a holding keeps out."""
    is_looked_at = (pl.col("processing_status") != "excluded") | (pl.col("origin") == ASKED)
    rows = store.scan(TRACKED_WHALES).filter(
        pl.col("wallet_address").is_in(list(wallets)) & is_looked_at
    )
    return set(rows.select("wallet_address").collect()["wallet_address"])


def _take_over(
    new: Mapping[str, pl.DataFrame],
    settled: Mapping[str, Settlement],
    lake: LakeResource,
    scope: RunScope,
) -> Iterator[tuple[Batch, ...]]:
    """The rows of each shard, with what they settle there."""
    if not new:
        return
    wallets = pl.concat(rows["wallet_address"] for rows in new.values()).unique()
    known = known_histories(
        lake.store.scan(TRACKED_WHALES).filter(
            pl.col("wallet_shard").is_in(list(new))
            & pl.col("wallet_address").is_in(wallets.implode())
        )
    ).collect()

    def batches() -> Iterator[Batch]:
        for shard, found in new.items():
            rows = born_states(
                found, known, as_of=scope.as_of, refresh_interval=scope.policy.wallet_refresh
            )
            yield Batch(
                rows=rows,
                partition=shard,
                settles=(settled[shard],) if shard in settled else (),
                metrics={"whales_taken_over": rows.height},
            )

    yield from gathered(TRACKED_WHALES, batches())

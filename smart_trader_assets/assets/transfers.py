"""bronze/transfers: who sent what to the traced wallets, and to whom they send."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.fetching import (
    FetchMeter,
    Watch,
    fetched_in_groups,
    settled_trouble,
)
from smart_trader_assets.assets.partitions import Partitions
from smart_trader_assets.assets.scope import RunConfig, RunScope, by_shard
from smart_trader_assets.birdeye import EntityFetchError
from smart_trader_assets.birdeye.session import BirdEyeAccess, FetchSession
from smart_trader_assets.delta.batch import Batch, Batches, Settlement
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import TRACED_WALLETS, TRANSFERS
from smart_trader_assets.tables.cursors import WALLETS_TO_TRACE
from smart_trader_assets.tables.transitions import transfers_fetched
from smart_trader_assets.transforms.transfer_rows import transfer_rows

WALLETS_AT_ONCE = 40


def transfers_asset(declared: Settings, partitions: Partitions) -> dg.AssetsDefinition:
    """The asset of bronze/transfers."""

    @medallion_asset(
        TRANSFERS,
        settings=declared,
        description="Fetches the newest transfers of each traced wallet, one request each, the best ranked "
        "first: they show who funds whom, and whence a wallet has what it never bought. A wallet whose fetch "
        "fails stays due. On the free plan only where `trace_transfers` is set.",
        partitions=partitions.wallet_shards,
        inputs={"traced_wallets": TRACED_WALLETS},
        all_partitions_of=("traced_wallets",),
        fetches=True,
    )
    def transfers(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        traced_wallets: pl.LazyFrame,
        settings: dg.ResourceParam[Settings],
        birdeye: dg.ResourceParam[BirdEyeAccess],
        lake: LakeResource,
    ) -> Batches:
        scope = RunScope.of(context, settings, config)

        def batches() -> Iterator[tuple[Batch, ...]]:
            watch = Watch(context.instance, scope, lake.store, TRANSFERS)
            if not settings.traces_transfers:
                scope.log.info("Transfers are not looked at: SMART_TRADER_TRACE_TRANSFERS is off.")
                return
            if refused := birdeye.refuses("wallet_transfers"):
                scope.log.warning(f"The transfers of all wallets stay due: {refused}")
                return
            with birdeye.session(scope.budget, before_request=watch) as session:
                due = scope.due(WALLETS_TO_TRACE, traced_wallets)
                chosen = _affordable(due, settings, session)
                waits = due.height - chosen.height
                waiting = f"; {waits} wait for credits" if waits else ""
                scope.log.info(f"{chosen.height} wallets to trace{waiting}.")
                with session.going_without(scope.log):
                    parts = by_shard(chosen, "wallet_shard")
                    fetch = partial(_fetch, scope=scope, settings=settings, session=session)
                    yield from fetched_in_groups(TRANSFERS, parts, WALLETS_AT_ONCE, fetch, watch)

        return Batches(batches())

    return transfers


def _affordable(due: pl.DataFrame, settings: Settings, session: FetchSession) -> pl.DataFrame:
    """The first of the due wallets of all shards, as many as there are credits for."""
    left, price = session.left, settings.prices["wallet_transfers"]
    return due if left is None or not price else due.head(left // price)


def _fetch(
    shard: str, due: pl.DataFrame, scope: RunScope, settings: Settings, session: FetchSession
) -> Iterator[Batch]:
    meter = FetchMeter(session)
    outcomes = session.fetch_all(
        [session.client.wallet_transfers(wallet) for wallet in due["wallet_address"]]
    )
    read: dict[str, list[dict[str, Any]]] = {}
    whole: dict[str, bool] = {}
    errors: dict[str, EntityFetchError] = {}
    rejected = 0
    for wallet, outcome in zip(due["wallet_address"], outcomes.results, strict=True):
        if isinstance(outcome, EntityFetchError):
            errors[wallet] = outcome
            scope.log.warning(f"The transfers of wallet {wallet} stay due: {outcome}")
        elif outcome is not None:
            read[wallet], whole[wallet] = outcome.items, outcome.is_whole
            rejected += len(outcome.rejected)
            for item in outcome.rejected:
                scope.log.warning(f"A transfer of wallet {wallet} was left out: {item}")
    rows = transfer_rows(read, fetched_at=scope.as_of, wallet_shards=settings.wallet_shards)
    yield Batch(
        rows=rows if rows.height else None,
        partition=shard,
        settles=(
            *_settlements(due, read, whole, scope),
            *settled_trouble(
                WALLETS_TO_TRACE,
                due,
                "wallet_address",
                errors,
                scope,
                is_outage=outcomes.is_outage,
            ),
        ),
        metrics={
            **meter.metrics(),
            "wallets_traced": len(read),
            "wallets_in_trouble": len(errors),
            "items_rejected": rejected,
        },
    )
    outcomes.raise_if_stopped()


def _settlements(
    due: pl.DataFrame,
    read: dict[str, list[dict[str, Any]]],
    whole: dict[str, bool],
    scope: RunScope,
) -> Iterator[Settlement]:
    if read:
        now = pl.DataFrame(
            {
                "wallet_address": list(read),
                "now_transfers_read": [len(items) for items in read.values()],
                "now_transfers_whole": list(whole.values()),
            }
        )
        yield transfers_fetched(due.join(now, on="wallet_address"), at=scope.as_of)

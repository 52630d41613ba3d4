"""bronze/candidates: who the lists of ranked traders name, and whom the user watches."""

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.fetching import FetchMeter, Watch
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.birdeye import EntityFetchError, PlanError
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import CANDIDATES
from smart_trader_assets.tables.freshness import note_empty, stale_lists
from smart_trader_assets.transforms.candidates import ranked_trader_rows


def candidates_asset(declared: Settings) -> dg.AssetsDefinition:
    """The asset of bronze/candidates."""

    @medallion_asset(
        CANDIDATES,
        settings=declared,
        description="Reads the lists of ranked traders that are due: one call, a hundred wallets that trade. "
        "They are chosen winners, so that a place on such a list is no evidence; the user's own watch list, of "
        "`smart-trader watch`, stands beside them.",
        partitions=None,
        fetches=True,
    )
    def candidates(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        settings: dg.ResourceParam[Settings],
        birdeye: dg.ResourceParam[BirdEyeAccess],
        lake: LakeResource,
    ) -> list[Batch]:
        scope = RunScope.of(context, settings, config)
        lists = (
            settings.candidate_lists
            if scope.reprocess
            else stale_lists(lake.store.scan(CANDIDATES), settings, scope.as_of)
        )
        if not lists:
            context.log.info("No list of ranked traders is due.")
            return []
        found: list[pl.DataFrame] = []
        rejected: list[str] = []
        refused = 0
        watch = Watch(context.instance, scope, lake.store, CANDIDATES)
        with birdeye.session(scope.budget, before_request=watch) as session:
            meter = FetchMeter(session)
            price = settings.prices["gainers_losers"]
            for name in lists:
                if not session.affords(price):
                    context.log.info(f"No credits are left for the list {name}: it stays due.")
                    break
                try:
                    listed = session.fetch(session.client.ranked_traders(name))
                except (EntityFetchError, PlanError) as error:
                    # What else works is done: the holders of tokens bring wallets, too.
                    refused += 1
                    context.log.warning(f"The list of ranked traders {name} was not read: {error}")
                    continue
                rows = ranked_trader_rows(
                    listed.items,
                    places=listed.places,
                    source=name,
                    fetched_at=scope.as_of,
                    wallet_shards=settings.wallet_shards,
                )
                if rows.frame.is_empty():
                    note_empty(settings, name, scope.as_of)
                found.append(rows.frame)
                rejected += [*map(str, listed.rejected), *rows.rejected]
            metrics = meter.metrics()
        for reason in rejected:
            context.log.warning(f"A ranked trader was left out: {reason}")
        counts = {"lists_refused": refused, "items_rejected": len(rejected)}
        return [Batch(pl.concat(found) if found else None, metrics={**metrics, **counts})]

    return candidates

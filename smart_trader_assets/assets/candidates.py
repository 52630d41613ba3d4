"""bronze/candidates: who the lists of ranked traders name, and whom the user watches."""

from collections.abc import Iterator

import dagster as dg

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.fetching import FetchMeter, Watch
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.birdeye import EntityFetchError, PlanError
from smart_trader_assets.birdeye.session import BirdEyeAccess, FetchSession
from smart_trader_assets.delta.batch import Batch, Batches
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
    ) -> Batches:
        scope = RunScope.of(context, settings, config)
        lists = (
            settings.candidate_lists
            if scope.reprocess
            else stale_lists(lake.store.scan(CANDIDATES), settings, scope.as_of)
        )
        if not lists:
            context.log.info("No list of ranked traders is due.")

        def batches() -> Iterator[Batch]:
            watch = Watch(context.instance, scope, lake.store, CANDIDATES)
            with birdeye.session(scope.budget, before_request=watch) as session:
                # A batch a list: what one has cost is not lost with the next.
                for name in lists:
                    if not session.affords(settings.prices["gainers_losers"]):
                        context.log.info(f"No credits are left for the list {name}: it stays due.")
                        break
                    yield _read_list(name, scope, settings, session)

        return Batches(batches() if lists else ())

    return candidates


def _read_list(name: str, scope: RunScope, settings: Settings, session: FetchSession) -> Batch:
    meter = FetchMeter(session)
    try:
        listed = session.fetch(session.client.ranked_traders(name))
    except (EntityFetchError, PlanError) as error:
        # What else works is done: the holders of tokens bring wallets, too.
        scope.log.warning(f"The list of ranked traders {name} was not read: {error}")
        return Batch(metrics={**meter.metrics(), "lists_refused": 1})
    rows = ranked_trader_rows(
        listed.items,
        places=listed.places,
        source=name,
        fetched_at=scope.as_of,
        wallet_shards=settings.wallet_shards,
    )
    if rows.frame.is_empty():
        note_empty(settings, name, scope.as_of)
    rejected = [*map(str, listed.rejected), *rows.rejected]
    for reason in rejected:
        scope.log.warning(f"A ranked trader was left out: {reason}")
    counts = {"lists_refused": 0, "items_rejected": len(rejected)}
    return Batch(rows.frame, metrics={**meter.metrics(), **counts})

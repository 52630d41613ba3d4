"""bronze/tokens: the snapshot of the market."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.economy import snapshot_cost
from smart_trader_assets.assets.fetching import FetchMeter, Watch
from smart_trader_assets.assets.partitions import Partitions
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import TOKENS
from smart_trader_assets.tables.freshness import SNAPSHOT, note_empty, snapshot_is_fresh
from smart_trader_assets.thresholds import list_filters
from smart_trader_assets.transforms.tokens import snapshot_rows


def tokens_asset(declared: Settings, partitions: Partitions) -> dg.AssetsDefinition:
    """The asset of bronze/tokens."""

    @medallion_asset(
        TOKENS,
        settings=declared,
        description="Lists the most liquid tokens that move, as BirdEye shows them now. The API knows only "
        "the present: a past day keeps the rows that it has.",
        partitions=partitions.days,
        fetches=True,
        may_skip=True,
    )
    def tokens(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        settings: dg.ResourceParam[Settings],
        birdeye: dg.ResourceParam[BirdEyeAccess],
        lake: LakeResource,
    ) -> Iterator[dg.Output[list[Batch]]]:
        scope = RunScope.of(context, settings, config)
        today = scope.as_of.date()
        days = [date.fromisoformat(key) for key in context.partition_keys]
        if _keep_the_past(days, today, lake, scope):
            yield dg.Output(
                _snapshot(context, settings, birdeye, lake, scope) if today in days else []
            )

    return tokens


def _snapshot(
    context: dg.AssetExecutionContext,
    settings: Settings,
    birdeye: BirdEyeAccess,
    lake: LakeResource,
    scope: RunScope,
) -> list[Batch]:
    """The snapshot of today, or nothing where the last one will do."""
    today = scope.as_of.date()
    if not scope.reprocess and snapshot_is_fresh(lake.store.scan(TOKENS), settings, scope.as_of):
        context.log.info(
            f"The last snapshot is younger than {settings.snapshot_hours:g} hours: it is not taken again."
        )
        return []
    watch = Watch(context.instance, scope, lake.store, TOKENS)
    with birdeye.session(scope.budget, before_request=watch) as session:
        meter = FetchMeter(session)
        price = snapshot_cost(settings)
        if not session.affords(price):
            context.log.info(f"No credits are left for a snapshot, which costs {price}.")
            return []
        listing = None
        with session.going_without(context.log):
            listing = session.fetch(
                session.client.token_list(list_filters(settings), limit=settings.list_tokens)
            )
        metrics = meter.metrics()
    if listing is None:
        return [Batch(partition=today, metrics=metrics)]
    snapshot = snapshot_rows(
        listing.items, fetched_at=scope.as_of, token_shards=settings.token_shards
    )
    rejected = [*(str(item) for item in listing.rejected), *snapshot.rejected]
    if snapshot.frame.is_empty():
        note_empty(settings, SNAPSHOT, scope.as_of)
    for reason in rejected:
        context.log.warning(f"A listed token was left out: {reason}")
    return [Batch(snapshot.frame, today, metrics={**metrics, "items_rejected": len(rejected)})]


def _keep_the_past(days: list[date], today: date, lake: LakeResource, scope: RunScope) -> bool:
    """Log what days other than today keep; False where they have nothing and never will, and are skipped.

    dg.Failure where such days come together with others, which the run would count as made.
    """
    past = [day for day in days if day != today]
    if not past:
        return True
    counts = dict(lake.store.row_counts(TOKENS, "snapshot_date").iter_rows())
    empty = [day for day in past if day not in counts]
    for day in past:
        if day in counts:
            scope.log.info(f"The snapshot of {day} is kept as it is: {counts[day]} rows.")
    if not empty:
        return True
    shown = f"{', '.join(map(str, empty[:5]))}{' and more days' if len(empty) > 5 else ''}"  # noqa: PLR2004
    told = (
        f"BirdEye knows only the present ({today}): no snapshot of {shown} was taken then, and none can be "
        "taken now. Materialize today's partition instead."
    )
    if len(empty) == len(days):
        scope.log.info(told)
        return False
    raise dg.Failure(told, allow_retries=False)

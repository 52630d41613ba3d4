"""bronze/whales: who holds the tracked tokens."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.economy import affordable, for_holders, holder_costs
from smart_trader_assets.assets.fetching import (
    FetchMeter,
    Watch,
    fetched_in_groups,
    settled_trouble,
)
from smart_trader_assets.assets.partitions import Partitions
from smart_trader_assets.assets.scope import RunConfig, RunScope, by_shard
from smart_trader_assets.assets.tracked_tokens import join_mirrors
from smart_trader_assets.birdeye import EntityFetchError, HolderList
from smart_trader_assets.birdeye.session import BirdEyeAccess, FetchSession
from smart_trader_assets.delta.batch import Batch, Batches, Settlement
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_TOKENS, WHALES
from smart_trader_assets.tables.cursors import TOKENS_TO_FETCH
from smart_trader_assets.tables.transitions import mirrored_listings, tokens_fetched
from smart_trader_assets.transforms.holders import holder_rows

TOKENS_AT_ONCE = 25


def whales_asset(declared: Settings, partitions: Partitions) -> dg.AssetsDefinition:
    """The asset of bronze/whales."""

    @medallion_asset(
        WHALES,
        settings=declared,
        description="Fetches the largest holders of each due token, token accounts summed by owner. A token "
        "whose fetch fails stays due, with its attempts and its error; the others go on.",
        partitions=partitions.token_shards,
        inputs={"tracked_tokens": TRACKED_TOKENS, "tokens": TOKENS},
        all_partitions_of=("tokens",),
        fetches=True,
    )
    def whales(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        tracked_tokens: pl.LazyFrame,
        tokens: pl.LazyFrame,
        settings: dg.ResourceParam[Settings],
        birdeye: dg.ResourceParam[BirdEyeAccess],
        lake: LakeResource,
    ) -> Batches:
        scope = RunScope.of(context, settings, config)

        def batches() -> Iterator[tuple[Batch, ...]]:
            watch = Watch(context.instance, scope, lake.store, WHALES)
            due = scope.due_or_say(TOKENS_TO_FETCH, tracked_tokens)
            with birdeye.session(scope.budget, before_request=watch) as session:
                with session.going_without(scope.log):
                    chosen = _affordable(due, lake, settings, session, scope)
                    parts = by_shard(chosen, "token_shard")
                    fetch = partial(
                        _fetch, listings=tokens, scope=scope, settings=settings, session=session
                    )
                    yield from fetched_in_groups(WHALES, parts, TOKENS_AT_ONCE, fetch, watch)
                yield from join_mirrors(lake.store, WHALES, due["token_shard"].unique().sort())

        return Batches(batches())

    return whales


def _affordable(
    due: pl.DataFrame,
    lake: LakeResource,
    settings: Settings,
    session: FetchSession,
    scope: RunScope,
) -> pl.DataFrame:
    """The due tokens that there are credits for, in their order."""
    allowed = for_holders(lake.store, settings, session.left)
    chosen = due
    if allowed is not None:
        chosen = affordable(due, settings, allowed)
        if chosen.height < due.height:
            waiting = due.height - chosen.height
            scope.log.info(f"{waiting} tokens wait: {allowed.why}")
    if due.height:
        most = holder_costs(chosen, settings).sum()
        scope.log.info(f"{chosen.height} tokens to fetch, at most {most:,} credits.")
    return chosen


def _fetch(
    shard: str,
    due: pl.DataFrame,
    listings: pl.LazyFrame,
    scope: RunScope,
    settings: Settings,
    session: FetchSession,
) -> Iterator[Batch]:
    top = settings.holders_per_token
    meter = FetchMeter(session)
    outcomes = session.fetch_all(
        [session.client.token_holders(mint, top=top) for mint in due["token_address"]]
    )
    found: list[pl.DataFrame] = []
    counts: dict[str, int] = {}
    rejected = 0
    errors: dict[str, EntityFetchError] = {}
    for token, outcome in zip(due.iter_rows(named=True), outcomes.results, strict=True):
        mint = token["token_address"]
        if isinstance(outcome, EntityFetchError):
            errors[mint] = outcome
            scope.log.warning(f"The whales of {token['symbol']!r} ({mint}) stay due: {outcome}")
        elif outcome is not None:
            rows, left_out = _holders(token, outcome, scope, settings)
            rejected += left_out
            found.append(rows)
            counts[mint] = rows.height
    fetched = due.filter(pl.col("token_address").is_in(list(counts))).with_columns(
        pl.col("token_address")
        .replace_strict(counts, default=None, return_dtype=pl.Int64)
        .alias("whale_count")
    )
    settles: list[Settlement] = []
    if fetched.height:
        mirror = mirrored_listings(listings, fetched, shard=shard).collect()
        settles += tokens_fetched(fetched, mirror, at=scope.as_of)
    settles += settled_trouble(
        TOKENS_TO_FETCH,
        due,
        "token_address",
        errors,
        scope,
        is_outage=outcomes.is_outage,
    )
    yield Batch(
        rows=pl.concat(found) if found else None,
        partition=shard,
        settles=tuple(settles),
        metrics={
            **meter.metrics(),
            "tokens_fetched": fetched.height,
            "tokens_in_trouble": len(errors),
            "items_rejected": rejected,
        },
    )
    outcomes.raise_if_stopped()


def _holders(
    token: dict[str, Any], outcome: HolderList, scope: RunScope, settings: Settings
) -> tuple[pl.DataFrame, int]:
    """The rows, and how many items were left out."""
    holders = holder_rows(
        outcome.items,
        token=token,
        fetched_at=scope.as_of,
        top=settings.holders_per_token,
        token_shards=settings.token_shards,
        wallet_shards=settings.wallet_shards,
    )
    rejected = [*map(str, outcome.rejected), *holders.rejected]
    for reason in rejected:
        scope.log.warning(f"A holder was left out: {reason}")
    return holders.frame, len(rejected)

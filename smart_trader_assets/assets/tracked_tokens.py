"""silver/tracked_tokens: the tokens whose holders are worth knowing."""

from collections.abc import Iterable, Iterator

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.partitions import Partitions
from smart_trader_assets.assets.scope import RunConfig, RunScope, by_shard
from smart_trader_assets.delta.batch import Batch, Batches
from smart_trader_assets.delta.batch_group import gathered
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_TOKENS
from smart_trader_assets.tables.cursors import TOKENS_TO_TRACK
from smart_trader_assets.tables.mirrors import mirrors_joined, parted_mirrors
from smart_trader_assets.tables.transitions import tokens_screened
from smart_trader_assets.thresholds import token_rules
from smart_trader_assets.transforms.tokens import screen_tokens, tracked_token_rows


def tracked_tokens_asset(declared: Settings, partitions: Partitions) -> dg.AssetsDefinition:
    """The asset of silver/tracked_tokens."""

    @medallion_asset(
        TRACKED_TOKENS,
        settings=declared,
        description="Adds the listed tokens that pass the thresholds; a rejected one keeps its reason in "
        "bronze/tokens. A later listing changes the metrics, never the token's state.",
        partitions=partitions.token_shards,
        inputs={"tokens": TOKENS},
        all_partitions_of=("tokens",),
    )
    def tracked_tokens(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        tokens: pl.LazyFrame,
        settings: dg.ResourceParam[Settings],
        lake: LakeResource,
    ) -> Batches:
        scope = RunScope.of(context, settings, config)
        own = lake.store.scan(TRACKED_TOKENS)

        def batches() -> Iterator[tuple[Batch, ...]]:
            due = dict(scope.due_by_shard(TOKENS_TO_TRACK, tokens))
            tracked = (_track(shard, rows, own, scope, settings) for shard, rows in due.items())
            yield from gathered(TRACKED_TOKENS, tracked)
            yield from join_mirrors(lake.store, TRACKED_TOKENS, due)

        return Batches(batches())

    return tracked_tokens


def join_mirrors(
    store: DeltaStore, made: TableContract, shards: Iterable[str]
) -> Iterator[tuple[Batch, ...]]:
    """Settle the listings of the shards that part from silver, with what is `made`; to be taken when all else
    is written."""
    shards = list(shards)
    if not shards:
        return
    parted = parted_mirrors(store.scan(TOKENS), store.scan(TRACKED_TOKENS), shards=shards)
    yield from gathered(
        made,
        (
            Batch(partition=shard, settles=(mirrors_joined(rows),))
            for shard, rows in by_shard(parted, "token_shard")
        ),
    )


def _track(
    shard: str, due: pl.DataFrame, own: pl.LazyFrame, scope: RunScope, settings: Settings
) -> Batch:
    screened = screen_tokens(due, rules=token_rules(settings))
    accepted = screened.filter(pl.col("reject_reason").is_null())
    held = own.filter(pl.col("token_shard") == shard).collect()
    return Batch(
        rows=tracked_token_rows(accepted),
        partition=shard,
        settles=(tokens_screened(screened, held, at=scope.as_of),),
        metrics={
            "tokens_tracked": accepted.height,
            "tokens_rejected": due.height - accepted.height,
        },
    )

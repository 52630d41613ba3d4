"""bronze/transactions: what the tracked whales traded."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.fetching import FetchMeter, Watch
from smart_trader_assets.assets.partitions import Partitions
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.birdeye import EntityFetchError, StopFetchingError, SwapHistory
from smart_trader_assets.birdeye.session import BirdEyeAccess, FetchSession
from smart_trader_assets.delta.batch import Batch, Batches
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import TRACKED_WHALES, TRANSACTIONS
from smart_trader_assets.tables.cursors import WHALES_TO_FETCH
from smart_trader_assets.tables.transitions import (
    to_fetch,
    to_screen,
    wallets_fetched,
    whales_screened,
)
from smart_trader_assets.thresholds import screening_rules
from smart_trader_assets.transforms.swap_history import (
    KNOWN_SCHEMA,
    History,
    Walk,
    advance,
    known_histories,
    known_row,
    next_walk,
)
from smart_trader_assets.transforms.swaps import transaction_rows
from smart_trader_assets.transforms.whale_screening import screen_whales

WALLETS_PER_BATCH = 40


def transactions_asset(declared: Settings, partitions: Partitions) -> dg.AssetsDefinition:
    """The asset of bronze/transactions."""

    @medallion_asset(
        TRANSACTIONS,
        settings=declared,
        description="Screens new whales, then fetches the swaps of each due wallet once, however many tokens "
        "it is a whale of, from where its last fetch ended.",
        partitions=partitions.wallet_shards,
        inputs={"tracked_whales": TRACKED_WHALES},
        fetches=True,
    )
    def transactions(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        tracked_whales: pl.LazyFrame,
        settings: dg.ResourceParam[Settings],
        birdeye: dg.ResourceParam[BirdEyeAccess],
        lake: LakeResource,
    ) -> Batches:
        scope = RunScope.of(context, settings, config)

        def batches() -> Iterator[Batch]:
            watch = Watch(context.instance, scope, lake.store, TRANSACTIONS)
            with birdeye.session(scope.budget, before_request=watch) as session:
                for shard, due in scope.due_by_shard(WHALES_TO_FETCH, tracked_whales):
                    watch.shard = shard
                    yield _screen(shard, to_screen(due), settings)
                    # Read again: screening has moved states, and with them the rows' versions.
                    screened = lake.store.scan(TRACKED_WHALES).filter(
                        pl.col("wallet_shard") == shard
                    )
                    wallets = due["wallet_address"].unique(maintain_order=True).to_list()
                    ready = to_fetch(screened, wallets).collect()
                    count = ready["wallet_address"].n_unique()
                    most = birdeye.estimate({"trader_txs": settings.swap_pages_per_run * count})
                    context.log.info(f"Shard {shard}: {count} wallets to fetch, {most}.")
                    yield from _fetch_shard(shard, ready, wallets, scope, settings, session)

        return Batches(batches())

    return transactions


def _screen(shard: str, pending: pl.DataFrame, settings: Settings) -> Batch:
    rules = screening_rules(settings)
    screened = screen_whales(pending, rules=rules)
    excluded = screened["exclude_reason"].count()
    return Batch(
        partition=shard,
        settles=(whales_screened(screened, rules=rules.version),),
        metrics={"whales_screened": pending.height, "whales_excluded": excluded},
    )


def _fetch_shard(
    shard: str,
    ready: pl.DataFrame,
    order: list[str],
    scope: RunScope,
    settings: Settings,
    session: FetchSession,
) -> Iterator[Batch]:
    """Fetch the wallets of `ready` in the order in which they are due."""
    known = known_histories(ready.lazy()).collect()
    histories = {row["wallet_address"]: row for row in known.iter_rows(named=True)}
    wallets = [wallet for wallet in order if wallet in histories]
    for start in range(0, len(wallets), WALLETS_PER_BATCH):
        chosen = wallets[start : start + WALLETS_PER_BATCH]
        rows = ready.filter(pl.col("wallet_address").is_in(chosen))
        yield from _fetch(shard, rows, {w: histories[w] for w in chosen}, scope, settings, session)


def _fetch(
    shard: str,
    whales: pl.DataFrame,
    known: dict[str, dict[str, Any]],
    scope: RunScope,
    settings: Settings,
    session: FetchSession,
) -> Iterator[Batch]:
    meter = FetchMeter(session)
    now = int(scope.as_of.timestamp())
    histories = {
        wallet: History() if scope.reprocess else History.of(row) for wallet, row in known.items()
    }
    walks = {wallet: next_walk(history, now) for wallet, history in histories.items()}
    outcomes = session.fetch_all(
        [
            session.client.trader_swaps(
                wallet, before=walk.before, floor=walk.floor, max_pages=settings.swap_pages_per_run
            )
            for wallet, walk in walks.items()
        ]
    )
    read: dict[str, list[dict[str, Any]]] = {}
    advanced: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    stopped: StopFetchingError | None = outcomes.stopped
    for wallet, outcome in zip(walks, outcomes.results, strict=True):
        if isinstance(outcome, EntityFetchError):
            errors[wallet] = str(outcome)
            scope.log.warning(f"Wallet {wallet} stays due: {outcome}")
        elif outcome is not None:
            read[wallet] = outcome.items
            advanced.append(
                _advanced(wallet, known[wallet], histories[wallet], walks[wallet], outcome)
            )
            for item in outcome.rejected:
                scope.log.warning(f"A row of wallet {wallet} was left out: {item}")
            if isinstance(outcome.stopped_by, StopFetchingError):
                stopped = stopped or outcome.stopped_by
    swaps = transaction_rows(read, fetched_at=scope.as_of, wallet_shards=settings.wallet_shards)
    yield Batch(
        rows=swaps.sort("wallet_address", "block_unix_time") if read else None,
        partition=shard,
        settles=_settlements(whales, advanced, errors, scope),
        metrics={
            **meter.metrics(),
            "wallets_fetched": len(advanced),
            "wallets_in_trouble": len(errors),
            "wallets_to_go_on": sum(row["known_resume_before"] is not None for row in advanced),
        },
    )
    if stopped is not None:
        raise stopped


def _advanced(
    wallet: str,
    known: dict[str, Any],
    history: History,
    walk: Walk,
    outcome: SwapHistory,
) -> dict[str, Any]:
    seconds = [item["block_unix_time"] for item in outcome.items]
    now_known = advance(
        history,
        walk,
        resume_before=outcome.resume_before,
        oldest=min(seconds, default=None),
        truncated=bool(outcome.truncated_seconds),
    )
    if known["last_swap_at"] is not None:
        seconds.append(known["last_swap_at"])
    return known_row(wallet, now_known, max(seconds, default=None))


def _settlements(
    whales: pl.DataFrame,
    advanced: list[dict[str, Any]],
    errors: dict[str, str],
    scope: RunScope,
) -> tuple[Any, ...]:
    known = pl.DataFrame(advanced, schema=KNOWN_SCHEMA)
    fetched = whales.join(known, on="wallet_address", how="inner")
    troubled = whales.filter(pl.col("wallet_address").is_in(list(errors)))
    settles = [wallets_fetched(fetched, at=scope.as_of)]
    if troubled.height:
        error = pl.col("wallet_address").replace_strict(errors, return_dtype=pl.String)
        settles.append(
            WHALES_TO_FETCH.settle_trouble(
                troubled, error=error, at=scope.as_of, policy=scope.policy
            )
        )
    return tuple(settles)

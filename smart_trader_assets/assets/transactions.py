"""bronze/transactions: what the tracked whales traded."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.fetch_plan import (
    Evidence,
    fall_due_today,
    most_followed,
    pages_of,
)
from smart_trader_assets.assets.fetching import (
    FetchMeter,
    Watch,
    fetched_in_groups,
    settled_trouble,
)
from smart_trader_assets.assets.partitions import Partitions
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.birdeye import (
    BudgetSpentError,
    EntityFetchError,
    StopFetchingError,
    SwapHistory,
)
from smart_trader_assets.birdeye.session import BirdEyeAccess, FetchSession
from smart_trader_assets.delta.batch import Batch, Batches
from smart_trader_assets.delta.batch_group import gathered
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

WALLETS_AT_ONCE = 40


def transactions_asset(declared: Settings, partitions: Partitions) -> dg.AssetsDefinition:
    """The asset of bronze/transactions."""

    @medallion_asset(
        TRANSACTIONS,
        settings=declared,
        description="Screens new whales, then fetches the swaps of each due wallet once, however many tokens "
        "it is a whale of, from where its last fetch ended. Where credits are limited, the most promising come "
        "first: a page of each, then further pages of those whose first ones promise most.",
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

        def batches() -> Iterator[tuple[Batch, ...]]:
            watch = Watch(context.instance, scope, lake.store, TRANSACTIONS)
            evidence = Evidence.read(lake.store)
            with birdeye.session(scope.budget, before_request=watch) as session:
                due = dict(scope.due_by_shard(WHALES_TO_FETCH, tracked_whales))
                screened = (
                    _screen(shard, to_screen(rows), evidence, settings)
                    for shard, rows in due.items()
                )
                yield from gathered(TRANSACTIONS, screened)
                ready = _ready(due, lake)
                yield from gathered(TRANSACTIONS, _exclude(ready, evidence, settings))
                asked, known = _asked_and_known(_traders(ready, evidence), scope)
                yield from gathered(TRANSACTIONS, _take_over(known))
                # A walk may end a page later than planned; without swaps there is nothing to do without.
                try:
                    yield from _fetch_planned(
                        asked, evidence, lake, scope, settings, session, watch
                    )
                except BudgetSpentError as error:
                    scope.log.warning(str(error))

        return Batches(batches())

    return transactions


def _screen(shard: str, pending: pl.DataFrame, evidence: Evidence, settings: Settings) -> Batch:
    rules = screening_rules(settings)
    watched = pl.col("wallet_address").is_in(evidence.watched["wallet_address"].to_list())
    shown = evidence.shown_to_be_no_traders
    screened = (
        screen_whales(pending, rules=rules)
        .join(shown.select("wallet_address", "reason"), on="wallet_address", how="left")
        .with_columns(
            exclude_reason=pl.when(~watched).then(pl.coalesce("exclude_reason", "reason"))
        )
    )
    excluded = screened["exclude_reason"].count()
    return Batch(
        partition=shard,
        settles=(whales_screened(screened, rules=rules.version),),
        metrics={"whales_screened": pending.height, "whales_excluded": excluded},
    )


def _ready(due: Mapping[str, pl.DataFrame], lake: LakeResource) -> pl.DataFrame:
    """The rows of the wallets of `due`, read again: screening has moved states, and with them the rows'
    versions."""
    screened = lake.store.scan(TRACKED_WHALES).filter(pl.col("wallet_shard").is_in(list(due)))
    wallets = {wallet for rows in due.values() for wallet in rows["wallet_address"]}
    return to_fetch(screened, list(wallets)).collect()


def _exclude(ready: pl.DataFrame, evidence: Evidence, settings: Settings) -> Iterator[Batch]:
    """Those whose swaps have shown that they are no traders: nothing more is paid for them."""
    shown = evidence.shown_to_be_no_traders.rename({"reason": "shown"})
    out = ready.join(shown, on="wallet_address").with_columns(exclude_reason=pl.col("shown"))
    for (shard,), rows in out.group_by("wallet_shard", maintain_order=True):
        yield Batch(
            partition=str(shard),
            settles=(whales_screened(rows, rules=screening_rules(settings).version),),
            metrics={"whales_excluded": rows.height},
        )


def _traders(ready: pl.DataFrame, evidence: Evidence) -> pl.DataFrame:
    return ready.join(evidence.shown_to_be_no_traders, on="wallet_address", how="anti")


def _asked_and_known(ready: pl.DataFrame, scope: RunScope) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All rows of the wallets that are to be asked for; and the due rows of those that are not.

    Those came, or were excluded, while their wallet was being fetched for another row, and that one is not due
    again: they take over what is known, and have it beside their columns as `KNOWN_SCHEMA` names it, and when
    it was fetched as `known_at`. A wallet whose only due row was screened out is in neither.
    """
    due = WHALES_TO_FETCH.due_rows(
        ready.lazy(), shards=None, as_of=scope.as_of, policy=scope.policy
    ).collect()
    at_rest = ready.join(due, on="whale_id", how="anti")
    history = known_histories(
        at_rest.lazy().filter(pl.col("processing_status") == WHALES_TO_FETCH.done)
    ).collect()
    fetched_at = pl.col("transactions_fetched_at")
    is_behind = pl.col("resume_before").is_null() & (
        fetched_at.is_null() | (fetched_at < pl.col("known_at"))
    )
    known = (
        due.join(history.rename(_as_known), on="wallet_address")
        .rename({"known_transactions_fetched_at": "known_at"})
        .filter(is_behind.all().over("wallet_address"))
    )
    if scope.reprocess:
        return ready, known.clear()
    asked = ready.join(due, on="wallet_address", how="semi").join(
        known, on="wallet_address", how="anti"
    )
    return asked, known


def _as_known(name: str) -> str:
    return name if name == "wallet_address" else f"known_{name}"


def _take_over(known: pl.DataFrame) -> Iterator[Batch]:
    """What is known of the wallet becomes known of these rows, as of when it was fetched."""
    for (at, shard), rows in known.group_by("known_at", "wallet_shard", maintain_order=True):
        yield Batch(
            partition=str(shard),
            settles=(wallets_fetched(rows, at=at),),
            metrics={"whales_known_already": rows.height},
        )


def _fetch_planned(
    ready: pl.DataFrame,
    evidence: Evidence,
    lake: LakeResource,
    scope: RunScope,
    settings: Settings,
    session: FetchSession,
    watch: Watch,
) -> Iterator[tuple[Batch, ...]]:
    """Fetch what the plan takes of the due wallets of all shards."""
    left, budget = session.left, session.budget
    if left is not None and not scope.wallets:
        early = scope.in_shards(
            fall_due_today(lake.store, evidence.followed, settings, scope.as_of)
        )
        ready = pl.concat([ready, early]).unique("whale_id", maintain_order=True)
    if ready.is_empty():
        return
    following = most_followed(settings, budget.of_cycle)
    plan = pages_of(evidence.known(ready), settings, left, following)
    pages = dict(plan.iter_rows())
    waiting = ready["wallet_address"].n_unique() - len(pages)
    price = settings.prices["trader_txs"]
    most = f"at most {sum(pages.values()):,} requests and {price * sum(pages.values()):,} credits"
    scope.log.info(f"{len(pages)} wallets to fetch, {most}; {waiting} wait for their turn.")
    known = known_histories(ready.lazy()).collect()
    histories = {row["wallet_address"]: row for row in known.iter_rows(named=True)}
    shards = dict(ready.select("wallet_address", "wallet_shard").iter_rows())
    planned: dict[str, list[str]] = {}
    for wallet in pages:
        planned.setdefault(shards[wallet], []).append(wallet)

    def fetch(shard: str, chosen: list[str]) -> Iterator[Batch]:
        rows = ready.filter(pl.col("wallet_address").is_in(chosen))
        of_chosen = {wallet: histories[wallet] for wallet in chosen}
        return _fetch(shard, rows, of_chosen, pages, scope, settings, session)

    yield from fetched_in_groups(TRANSACTIONS, planned.items(), WALLETS_AT_ONCE, fetch, watch)


def _fetch(
    shard: str,
    whales: pl.DataFrame,
    known: dict[str, dict[str, Any]],
    pages: dict[str, int],
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
                wallet, before=walk.before, floor=walk.floor, max_pages=pages[wallet]
            )
            for wallet, walk in walks.items()
        ]
    )
    read: dict[str, list[dict[str, Any]]] = {}
    advanced: list[dict[str, Any]] = []
    errors: dict[str, EntityFetchError] = {}
    rejected = 0
    stopped: StopFetchingError | None = outcomes.stopped
    for wallet, outcome in zip(walks, outcomes.results, strict=True):
        if isinstance(outcome, EntityFetchError):
            errors[wallet] = outcome
            scope.log.warning(f"Wallet {wallet} stays due: {outcome}")
        elif outcome is not None:
            read[wallet] = outcome.items
            advanced.append(
                _advanced(wallet, known[wallet], histories[wallet], walks[wallet], outcome)
            )
            rejected += len(outcome.rejected)
            for item in outcome.rejected:
                scope.log.warning(f"A row of wallet {wallet} was left out: {item}")
            if isinstance(outcome.stopped_by, StopFetchingError):
                stopped = stopped or outcome.stopped_by
            elif outcome.stopped_by is not None:
                scope.log.warning(f"Wallet {wallet} is gone on with later: {outcome.stopped_by}")
    swaps = transaction_rows(read, fetched_at=scope.as_of, wallet_shards=settings.wallet_shards)
    yield Batch(
        rows=swaps.sort("wallet_address", "block_unix_time") if read else None,
        partition=shard,
        settles=_settlements(whales, advanced, errors, scope, is_outage=outcomes.is_outage),
        metrics={
            **meter.metrics(),
            "wallets_fetched": len(advanced),
            "wallets_in_trouble": len(errors),
            "items_rejected": rejected,
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
        truncated=bool(outcome.truncated_seconds or outcome.rejected),
    )
    if known["last_swap_at"] is not None:
        seconds.append(known["last_swap_at"])
    return known_row(wallet, now_known, max(seconds, default=None))


def _settlements(
    whales: pl.DataFrame,
    advanced: list[dict[str, Any]],
    errors: dict[str, EntityFetchError],
    scope: RunScope,
    *,
    is_outage: bool,
) -> tuple[Any, ...]:
    known = pl.DataFrame(advanced, schema=KNOWN_SCHEMA)
    fetched = whales.join(known, on="wallet_address", how="inner")
    return (
        wallets_fetched(fetched, at=scope.as_of),
        *settled_trouble(
            WHALES_TO_FETCH, whales, "wallet_address", errors, scope, is_outage=is_outage
        ),
    )

"""silver/wallet_pnl: what each wallet earned."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.partitions import Partitions
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.delta.batch import Batch, Batches, ReplaceScope
from smart_trader_assets.delta.batch_group import gathered
from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.pnl import compute_wallet_pnl, screen_swaps
from smart_trader_assets.pnl.ageing import NEVER, awakened, is_fading, midnight, next_ageing
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.columns import ALL_TOKENS, WINDOWS, is_portfolio
from smart_trader_assets.pnl.swap_rows import time_of
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_WHALES, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.tables.cursors import PNL_TO_AGE, SWAPS_TO_COUNT
from smart_trader_assets.tables.market_marks import traded_marks
from smart_trader_assets.tables.pnl_inputs import listed_marks, read_pnl_inputs
from smart_trader_assets.tables.transitions import swaps_counted
from smart_trader_assets.thresholds import cash_mints, pnl_assumptions
from smart_trader_assets.transforms.swap_history import known_histories

# Enough for the engine to work on long columns, few enough that their swaps fit easily into memory.
WALLETS_AT_ONCE = 2_000


def wallet_pnl_asset(declared: Settings, partitions: Partitions) -> dg.AssetsDefinition:
    """The asset of silver/wallet_pnl."""

    @medallion_asset(
        WALLET_PNL,
        settings=declared,
        description="Nets each transaction, matches sells to the oldest lots over the wallet's whole history, "
        "and sums up by token and window. Only cash is money: a token against a token moves its cost on. "
        "Wallets with new swaps are computed, and at most once a UTC day those whose numbers time alone "
        "changes: trades leave the windows, marks fade, what they hold is priced anew. "
        "Fees are estimated; transfers are not visible in the source and not in the numbers.",
        partitions=partitions.wallet_shards,
        inputs={
            "transactions": TRANSACTIONS,
            "tracked_whales": TRACKED_WHALES,
            "tokens": TOKENS,
        },
        all_partitions_of=("tokens",),
    )
    def wallet_pnl(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        transactions: pl.LazyFrame,
        tracked_whales: pl.LazyFrame,
        tokens: pl.LazyFrame,
        settings: dg.ResourceParam[Settings],
        lake: LakeResource,
    ) -> Batches:
        scope = RunScope.of(context, settings, config)
        own = lake.store.scan(WALLET_PNL)

        def batches() -> Iterator[tuple[Batch, ...]]:
            wallets = _due_wallets(transactions, own, scope)
            # Whoever traded a mint last may be in any shard.
            everybody = lake.store.scan(TRANSACTIONS)
            market = _Market.of(
                everybody, tokens, settings, scope, recorded=lake.source == "replay"
            )
            if not scope.wallets:
                others = _touched_wallets(own, tracked_whales, market, scope)
                wallets = pl.concat([wallets, others]).unique().sort(wallets.columns)
            if not wallets.height:
                scope.log.info("No wallet has uncounted swaps, or numbers that have changed since.")
                return
            for chosen in wallets.iter_slices(WALLETS_AT_ONCE):
                computed = _compute(chosen, transactions, tracked_whales, market, scope)
                yield from gathered(WALLET_PNL, computed)

        return Batches(batches())

    return wallet_pnl


@dataclass(frozen=True)
class _Market:
    """What the numbers of all wallets of a run depend on beside their swaps."""

    tokens: pl.LazyFrame
    traded: pl.DataFrame
    cash_mints: dict[str, float | None]
    assumptions: Assumptions
    idle_days: float
    recorded: bool

    @classmethod
    def of(
        cls,
        transactions: pl.LazyFrame,
        tokens: pl.LazyFrame,
        settings: Settings,
        scope: RunScope,
        *,
        recorded: bool,
    ) -> "_Market":
        assumptions, cash = pnl_assumptions(settings), cash_mints(settings)
        # A history that has not been fetched for so long makes older marks fresh for it.
        within = timedelta(days=assumptions.mark_life_days) + scope.policy.wallet_refresh_limit
        traded = traded_marks(
            transactions,
            as_of=scope.as_of,
            within=within,
            cash_mints=cash,
            assumptions=assumptions,
        )
        return cls(tokens, traded, cash, assumptions, settings.max_idle_days, recorded)

    def marks(self, mints: pl.Series, as_of: datetime) -> pl.DataFrame:
        """What is known of the price of `mints`: `pnl_inputs.MARKS`."""
        if self.recorded:
            return self.traded
        return pl.concat([listed_marks(self.tokens, mints, as_of), self.traded])


def _due_wallets(transactions: pl.LazyFrame, own: pl.LazyFrame, scope: RunScope) -> pl.DataFrame:
    """Wallets with uncounted swaps and wallets whose numbers have aged: wallet_shard, wallet_address."""
    wallet = ("wallet_shard", "wallet_address")
    in_time = pl.col("block_unix_time") <= int(scope.as_of.timestamp())
    swaps, own = scope.of_wallets(transactions.filter(in_time)), scope.of_wallets(own)
    due = [
        cursor.due_rows(
            table,
            shards=scope.shards,
            as_of=scope.as_of,
            policy=scope.policy,
            reprocess=scope.reprocess,
        ).select(wallet)
        for cursor, table in ((SWAPS_TO_COUNT, swaps), (PNL_TO_AGE, own))
    ]
    return pl.concat(due).unique().sort(wallet).collect()


def _touched_wallets(
    own: pl.LazyFrame, tracked_whales: pl.LazyFrame, market: _Market, scope: RunScope
) -> pl.DataFrame:
    """Wallets that nothing makes due and whose numbers change all the same: wallet_shard, wallet_address.

    What they hold was priced since by others, or their history has turned out to be known to its beginning, or
    up to a later time than that to which the marks of what they hold had faded.
    They are computed with the others of their shard, at most once a UTC day.
    """
    asleep = scope.in_shards(own.filter(pl.col("as_of") < midnight(scope.as_of)))
    held = (
        asleep.filter(pl.col("open_quantity") > 0)
        .select("wallet_shard", "wallet_address", "token_address", "marked_at")
        .collect()
    )
    priced = awakened(
        held,
        market.marks(held["token_address"].unique(), scope.as_of),
        since=scope.as_of - timedelta(days=market.assumptions.mark_life_days),
    )
    known = known_histories(tracked_whales).select(
        "wallet_address", now="history_complete", now_to=time_of(pl.col("fetched_to"))
    )
    completed = ~pl.col("history_complete") & pl.col("now")
    faded = is_fading() & (pl.col("known_to") < pl.col("now_to"))
    known_better = (
        asleep.filter(is_portfolio() & (~pl.col("history_complete") | is_fading()))
        .join(known, on="wallet_address")
        .filter(completed | faded)
        .select("wallet_shard", "wallet_address")
        .collect()
    )
    return pl.concat([priced.select(known_better.columns), known_better]).unique()


def _compute(
    wallets: pl.DataFrame,
    transactions: pl.LazyFrame,
    tracked_whales: pl.LazyFrame,
    market: _Market,
    scope: RunScope,
) -> Iterator[Batch]:
    """One computation over all of `wallets`, then a batch a shard."""
    shards = tuple(wallets["wallet_shard"].unique(maintain_order=True))
    inputs = read_pnl_inputs(
        wallets["wallet_address"].to_list(),
        shards=shards,
        as_of=scope.as_of,
        transactions=transactions,
        tracked_whales=tracked_whales,
        tokens=market.tokens,
        traded=market.traded,
        recorded=market.recorded,
    )
    pnl = compute_wallet_pnl(
        inputs.swaps,
        as_of=scope.as_of,
        cash_mints=market.cash_mints,
        marks=inputs.marks,
        histories=inputs.histories,
        assumptions=market.assumptions,
    ).join(wallets, on="wallet_address", how="left")
    judged = inputs.swaps.join(
        screen_swaps(inputs.swaps).select("swap_id", reason="set_aside_reason"),
        on="swap_id",
        how="left",
    )
    unsettled = SWAPS_TO_COUNT.due_rule(scope.as_of, scope.policy) | (
        pl.col("reason").ne_missing(pl.col("set_aside_reason"))
    )
    ageing = next_ageing(
        pnl,
        inputs.swaps,
        as_of=scope.as_of,
        idle_days=market.idle_days,
        # A day more, for the fetch itself.
        followed_within=scope.policy.wallet_refresh_limit + timedelta(days=1),
    )
    pnl = pnl.join(
        _swaps_counted(judged), on=["wallet_address", "token_address", "window"], how="left"
    ).join(_of_portfolios(ageing), on=["wallet_address", "token_address", "window"], how="left")
    # Known in every row, so that a file's log entry tells whether one of its rows is due.
    pnl = pnl.with_columns(pl.col("ages_at").fill_null(pl.lit(NEVER).cast(TIME)))
    for shard in shards:
        in_shard = pl.col("wallet_shard") == shard
        chosen = wallets.filter(in_shard)["wallet_address"].to_list()
        counted = judged.filter(in_shard)
        yield Batch(
            rows=pnl.filter(in_shard).with_columns(pnl_rules=pl.lit(scope.policy.pnl_rules)),
            partition=shard,
            replaces=ReplaceScope("wallet_address", tuple(chosen)),
            settles=(swaps_counted(counted.filter(unsettled), at=scope.as_of),),
            metrics={
                "wallets_computed": len(chosen),
                "swaps_read": counted.height,
                "swaps_set_aside": counted["reason"].count(),
            },
        )


def _swaps_counted(judged: pl.DataFrame) -> pl.DataFrame:
    """How many rows each wallet's numbers are made from, for its portfolio's widest window."""
    return (
        judged.filter(pl.col("reason").is_null())
        .group_by("wallet_address")
        .agg(pl.len().cast(pl.Int64).alias("swaps_counted"))
        .pipe(_of_portfolios)
    )


def _of_portfolios(by_wallet: pl.DataFrame) -> pl.DataFrame:
    """What is told of wallets, with the key of the row that tells it."""
    return by_wallet.with_columns(token_address=pl.lit(ALL_TOKENS), window=pl.lit(WINDOWS[0]))

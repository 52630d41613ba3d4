"""silver/wallet_pnl: what each wallet earned."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.partitions import Partitions
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.delta.batch import Batch, Batches, ReplaceScope
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.pnl import compute_wallet_pnl, screen_swaps
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.columns import ALL_TOKENS, WINDOWS
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_WHALES, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.tables.cursors import PNL_TO_AGE, SWAPS_TO_COUNT
from smart_trader_assets.tables.market_marks import traded_marks
from smart_trader_assets.tables.pnl_inputs import read_pnl_inputs
from smart_trader_assets.tables.transitions import swaps_counted
from smart_trader_assets.thresholds import cash_mints, pnl_assumptions

# Enough for the engine to work on long columns, few enough that their swaps fit easily into memory.
WALLETS_AT_ONCE = 2_000


def wallet_pnl_asset(declared: Settings, partitions: Partitions) -> dg.AssetsDefinition:
    """The asset of silver/wallet_pnl."""

    @medallion_asset(
        WALLET_PNL,
        settings=declared,
        description="Nets each transaction, matches sells to the oldest lots over the wallet's whole history, "
        "and sums up by token and window. Only cash is money: a token against a token moves its cost on. "
        "Wallets with new swaps are computed, and once a UTC day the others: windows move, and marks fade. "
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

        def batches() -> Iterator[Batch]:
            wallets = _due_wallets(transactions, own, scope)
            if not wallets.height:
                scope.log.info("No wallet has uncounted swaps or numbers of an earlier day.")
                return
            # Whoever traded a mint last may be in any shard.
            everybody = lake.store.scan(TRANSACTIONS)
            market = _Market.of(
                everybody, tokens, settings, scope, recorded=lake.source == "replay"
            )
            for chosen in wallets.iter_slices(WALLETS_AT_ONCE):
                yield from _compute(chosen, transactions, tracked_whales, market, scope)

        return Batches(batches())

    return wallet_pnl


@dataclass(frozen=True)
class _Market:
    """What the numbers of all wallets of a run depend on beside their swaps."""

    tokens: pl.LazyFrame
    traded: pl.DataFrame
    cash_mints: dict[str, float | None]
    assumptions: Assumptions
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
        return cls(tokens, traded, cash, assumptions, recorded)


def _due_wallets(transactions: pl.LazyFrame, own: pl.LazyFrame, scope: RunScope) -> pl.DataFrame:
    """Wallets with uncounted swaps and wallets whose numbers have aged: wallet_shard, wallet_address."""
    wallet = ("wallet_shard", "wallet_address")
    swaps = transactions.filter(pl.col("block_unix_time") <= int(scope.as_of.timestamp()))
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
    pnl = pnl.join(
        _swaps_counted(judged), on=["wallet_address", "token_address", "window"], how="left"
    )
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
        .with_columns(token_address=pl.lit(ALL_TOKENS), window=pl.lit(WINDOWS[0]))
    )

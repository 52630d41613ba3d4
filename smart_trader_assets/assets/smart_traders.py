"""The gold tables: one classification of every wallet, written to three tables in one step."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_assets
from smart_trader_assets.assets.pools import pool_addresses
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.delta.batch import Batch, ReplaceScope
from smart_trader_assets.delta.contract import VERSION
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.pnl.swap_rows import time_of
from smart_trader_assets.ranking import QUALIFIED, rank_wallets, tier_changes
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import (
    CLASSIFIED_WALLETS,
    COPY_RESULTS,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets.tables.cursors import PNL_TO_RANK
from smart_trader_assets.tables.transitions import pnl_ranked
from smart_trader_assets.text import named_mint
from smart_trader_assets.thresholds import ranking_rules

# What a settlement names a row by, and what says why it is due.
_SETTLED = (*WALLET_PNL.key, *WALLET_PNL.partition_by, "gold_rules", VERSION)

_CLASSIFIED = "classified_wallets"
_CHANGES = "tier_changes"
_TRADERS = "smart_traders"


def smart_traders_assets(declared: Settings) -> dg.AssetsDefinition:
    """The assets of gold/smart_traders, gold/classified_wallets and gold/tier_changes.

    The ranking comes last, since its batch settles the PnL rows: whatever dies before, the rows are still
    due, the classification is made again, and what was already written of it stays as it is.
    """

    @medallion_assets(
        "classification",
        {
            _CLASSIFIED: (
                CLASSIFIED_WALLETS,
                "Separates what is not a trader (pools, arbitrageurs, bots, launch insiders, sellers of what "
                "was transferred in, ...) and what has not shown enough. Every wallet with PnL is either here "
                "or ranked.",
            ),
            _CHANGES: (
                TIER_CHANGES,
                "Compares each ranking with each wallet's last recorded tier. Rows are only ever added.",
            ),
            _TRADERS: (
                SMART_TRADERS,
                "Ranks the wallets that nothing excludes by what a copier who stakes the same on each bet "
                "could expect, at least: smart traders, and below them the unproven (QUALIFIED). A wallet that "
                "is excluded leaves with the next run.",
            ),
        },
        settings=declared,
        inputs={
            "wallet_pnl": WALLET_PNL,
            "tracked_tokens": TRACKED_TOKENS,
        },
        all_partitions_of=("wallet_pnl", "tracked_tokens"),
        beside=(TRANSACTIONS, TRACKED_WHALES, TOKENS, COPY_RESULTS),
    )
    def classification(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        wallet_pnl: pl.LazyFrame,
        tracked_tokens: pl.LazyFrame,
        settings: dg.ResourceParam[Settings],
        lake: LakeResource,
    ) -> Iterator[dg.Output[list[Batch]]]:
        batches = _classify(
            RunScope.of(context, settings, config),
            wallet_pnl,
            tracked_tokens,
            settings,
            lake,
        )
        for output in (_CLASSIFIED, _CHANGES, _TRADERS):
            if output in context.op_execution_context.selected_output_names:
                yield dg.Output(batches.get(output, []), output)

    return classification


def _classify(
    scope: RunScope,
    wallet_pnl: pl.LazyFrame,
    tracked_tokens: pl.LazyFrame,
    settings: Settings,
    lake: LakeResource,
) -> dict[str, list[Batch]]:
    """The batches by output; none where nothing is due."""
    due = scope.due(PNL_TO_RANK, wallet_pnl.select(_SETTLED))
    if not due.height:
        scope.log.info("No wallet's numbers have changed since the last ranking.")
        return {}
    rules = ranking_rules(settings)
    classified = rank_wallets(
        wallet_pnl,
        rules=rules,
        as_of=scope.as_of,
        pools=pool_addresses(lake.store, settings.resolved_state_dir),
        token_symbols=_names(tracked_tokens),
        tracked_whales=None if lake.source == "replay" else lake.store.scan(TRACKED_WHALES),
        listed=_listings(lake.store.scan(TOKENS)),
        copied=lake.store.scan(COPY_RESULTS),
    )
    changes = tier_changes(
        lake.store.scan(TIER_CHANGES)
        .select("wallet_address", "change_number", "to_tier")
        .collect(),
        classified.traders,
        classified.excluded,
        rules=rules,
        due=due,
        at=scope.as_of,
    )
    unproven = classified.traders.filter(pl.col("tier") == QUALIFIED).height
    metrics = {
        "smart_traders": classified.traders.height - unproven,
        "wallets_unproven": unproven,
        "wallets_excluded": classified.excluded.height,
        "tiers_changed": changes.height,
    }
    ranked = Batch(
        rows=classified.traders,
        replaces=ReplaceScope(),
        settles=(pnl_ranked(due, at=scope.as_of, rules=rules.edition),),
        metrics=metrics,
    )
    return {
        _CLASSIFIED: [Batch(rows=classified.excluded, replaces=ReplaceScope(), is_part=True)],
        _CHANGES: [Batch(rows=changes, is_part=True)],
        _TRADERS: [ranked],
    }


def _listings(tokens: pl.LazyFrame) -> pl.LazyFrame:
    """When tokens were listed, as far as the source says it."""
    return tokens.filter(pl.col("recent_listing_time").is_not_null()).select(
        "token_address", listed_at=time_of(pl.col("recent_listing_time"))
    )


def _names(tracked_tokens: pl.LazyFrame) -> dict[str, str]:
    """The symbols of the tracked tokens; others are named by their mint."""
    listed = tracked_tokens.select("token_address", "symbol").collect()
    return {mint: named_mint(mint, symbol) for mint, symbol in listed.iter_rows()}

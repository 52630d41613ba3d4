"""The gold tables: one classification of every wallet, written to three tables in one step."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_assets
from smart_trader_assets.assets.pools import pool_addresses
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.delta.batch import Batch, ReplaceScope
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.ranking import rank_wallets, tier_changes
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import (
    CLASSIFIED_WALLETS,
    SMART_TRADERS,
    TIER_CHANGES,
    TRACKED_TOKENS,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets.tables.cursors import PNL_TO_RANK
from smart_trader_assets.tables.transitions import pnl_ranked
from smart_trader_assets.text import named_mint
from smart_trader_assets.thresholds import ranking_rules

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
                "Separates what is not a trader (pools, arbitrageurs, bots, same-block traders, sellers of "
                "what was transferred in) and what has not shown enough. Every wallet with PnL is either here "
                "or among the smart traders.",
            ),
            _CHANGES: (
                TIER_CHANGES,
                "Compares each ranking with each wallet's last recorded tier. Rows are only ever added.",
            ),
            _TRADERS: (
                SMART_TRADERS,
                "Ranks the wallets whose profit is known well enough, by what their results prove. A wallet "
                "that no longer qualifies leaves with the next run.",
            ),
        },
        settings=declared,
        inputs={
            "wallet_pnl": WALLET_PNL,
            "tracked_tokens": TRACKED_TOKENS,
        },
        all_partitions_of=("wallet_pnl", "tracked_tokens"),
        beside=(TRANSACTIONS,),
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
    due = scope.due(PNL_TO_RANK, wallet_pnl)
    if not due.height:
        scope.log.info("No wallet's numbers have changed since the last ranking.")
        return {}
    rules = ranking_rules(settings)
    numbers = wallet_pnl.filter(pl.col("window") == "all").collect()
    classified = rank_wallets(
        numbers,
        rules=rules,
        as_of=scope.as_of,
        pools=pool_addresses(lake.store, settings.resolved_state_dir),
        token_symbols=_names(tracked_tokens, numbers),
    )
    changes = tier_changes(
        lake.store.scan(TIER_CHANGES)
        .select("wallet_address", "change_number", "to_tier")
        .collect(),
        classified.traders,
        classified.excluded,
        tiers=rules.tier_names,
        at=scope.as_of,
    )
    metrics = {
        "wallets_ranked": classified.traders.height,
        "wallets_excluded": classified.excluded.height,
        "tiers_changed": changes.height,
    }
    ranked = Batch(
        rows=classified.traders,
        replaces=ReplaceScope(),
        settles=(pnl_ranked(due, at=scope.as_of),),
        metrics=metrics,
    )
    return {
        _CLASSIFIED: [Batch(rows=classified.excluded, replaces=ReplaceScope(), is_part=True)],
        _CHANGES: [Batch(rows=changes, is_part=True)],
        _TRADERS: [ranked],
    }


def _names(tracked_tokens: pl.LazyFrame, numbers: pl.DataFrame) -> dict[str, str]:
    """The symbols of the tracked tokens among them; others are named by their mint."""
    mints = numbers["token_address"].unique().to_list()
    listed = (
        tracked_tokens.filter(pl.col("token_address").is_in(mints))
        .select("token_address", "symbol")
        .collect()
    )
    return {mint: named_mint(mint, symbol) for mint, symbol in listed.iter_rows()}

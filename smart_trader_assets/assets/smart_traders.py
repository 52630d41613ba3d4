"""gold/smart_traders: who is worth following."""

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.scope import RunScope, Take
from smart_trader_assets.delta.batch import Batch, Scope
from smart_trader_assets.delta.cursors import PNL_TO_RANK
from smart_trader_assets.delta.settlements import pnl_ranked
from smart_trader_assets.delta.tables import SMART_TRADERS, WALLET_PNL
from smart_trader_assets.ranking import rank_traders
from smart_trader_assets.settings import Settings
from smart_trader_assets.tuning import ranking_rules


def smart_traders_asset() -> dg.AssetsDefinition:
    """The asset of gold/smart_traders."""

    @medallion_asset(
        SMART_TRADERS,
        description="Ranks the wallets whose profit is known well enough. Someone who no longer qualifies "
        "leaves at the next run.",
        partitions=None,
        inputs={"wallet_pnl": WALLET_PNL},
        all_partitions_of=("wallet_pnl",),
    )
    def smart_traders(
        context: dg.AssetExecutionContext,
        config: Take,
        wallet_pnl: pl.LazyFrame,
        settings: dg.ResourceParam[Settings],
    ) -> list[Batch]:
        scope = RunScope.of(context, settings, config)
        due = scope.due(PNL_TO_RANK, wallet_pnl)
        if not due.height:
            context.log.info("No wallet's numbers have changed since the last ranking.")
            return []
        numbers = wallet_pnl.filter(pl.col("window") == "all").collect()
        ranked = rank_traders(numbers, rules=ranking_rules(settings))
        return [
            Batch(
                rows=ranked,
                replaces=Scope(),
                settles=(pnl_ranked(due, at=scope.as_of),),
                facts={"wallets_ranked": ranked.height},
            )
        ]

    return smart_traders

"""A root with PnL rows, and the runs that rank them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from smart_trader_assets.assets.scope import AS_OF_TAG
from smart_trader_assets.automation.jobs import assets_of
from smart_trader_assets.delta.batch import Batch, CommitInfo, ReplaceScope
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import (
    CLASSIFIED_WALLETS,
    SMART_TRADERS,
    TIER_CHANGES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets_tests.ranking.pnl_rows import AS_OF, pnl_frame
from smart_trader_assets_tests.support.asset_runs import AssetRuns
from smart_trader_assets_tests.support.samples import frame, swap

GOLD = (SMART_TRADERS, CLASSIFIED_WALLETS, TIER_CHANGES)
STAMP = CommitInfo("a-test", "a-test")


class Gold:
    """A root with PnL rows, and the runs that judge them."""

    def __init__(self, root: Path, **changes: Any) -> None:
        settings = {"source": "sandbox", "root": str(root), "wallet_shards": 1}
        self._runs = AssetRuns(load_settings({**settings, "sandbox_anchor": AS_OF, **changes}))
        self.store: DeltaStore = self._runs.store

    def put(self, *rows: dict[str, Any]) -> None:
        """Make these the PnL rows of the root, as silver/wallet_pnl would."""
        batch = Batch(pnl_frame(*rows).drop("processed_for_gold"), "00", replaces=ReplaceScope())
        self.store.write(WALLET_PNL, batch, STAMP)

    def trade(self, swap_id: str, *, pool: str) -> None:
        """A swap row of somebody in `pool`; it makes a data file of its own."""
        row = swap(swap_id, address=pool)
        self.store.write(TRANSACTIONS, Batch(frame(TRANSACTIONS, [row]), "00"), STAMP)

    def judge(self, *keys: dg.AssetKey, day: float = 0) -> set[dg.AssetKey | None]:
        result = self._runs.run(
            list(keys) or assets_of(SMART_TRADERS.name),
            tags={AS_OF_TAG: (AS_OF + timedelta(days=day)).isoformat()},
        )
        return {event.asset_key for event in result.get_asset_materialization_events()}

    def rows(self, contract: TableContract, *columns: str) -> list[tuple[Any, ...]]:
        return self.store.scan(contract).select(columns).collect().sort(columns).rows()

    def versions(self) -> list[int]:
        return [self.store.version(contract) for contract in (*GOLD, WALLET_PNL)]

    def due(self) -> int:
        return self.store.scan(WALLET_PNL).filter(~pl.col("processed_for_gold")).collect().height

"""Runs of chosen assets over one root: what all of them need is made once, and the root is looked at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from smart_trader_assets.assembly import make_assets, make_resources
from smart_trader_assets.assets.keys import IO_MANAGER
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.io_manager import MedallionIOManager
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import Settings


class AssetRuns:
    """The assets by `settings`, to be run one after the other, each time in a history of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        lake = make_lake(settings)
        self.store: DeltaStore = lake.store
        self._assets = make_assets(settings)
        self._resources = {
            **make_resources(settings),
            "lake": dg.ResourceDefinition.hardcoded_resource(lake),
            IO_MANAGER: dg.IOManagerDefinition.hardcoded_io_manager(MedallionIOManager(lake=lake)),
        }

    def run(
        self,
        keys: Sequence[dg.AssetKey],
        *,
        tags: Mapping[str, str],
        partition: str | None = None,
    ) -> dg.ExecuteInProcessResult:
        """One run; it raises what the run fails with."""
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize(
                self._assets,
                selection=keys,
                resources=self._resources,
                partition_key=partition,
                instance=instance,
                tags=tags,
            )

"""Runs on one Dagster instance, as the UI and the daemon start them."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from smart_trader_assets.assembly import make_assets, make_resources
from smart_trader_assets.checks.asset_checks import make_checks
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.ticking import Automation


class Ui:
    """The assets with their checks over the pipeline's root, and the sensors that ask for them."""

    def __init__(self, pipeline: Pipeline, instance: dg.DagsterInstance) -> None:
        self.settings = pipeline.settings()
        self.instance = instance
        self.automation = Automation(self.settings, instance)

    def run(
        self,
        selection: dg.AssetSelection,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """One run; the result tells of a failure instead of raising it."""
        return dg.materialize(
            [*make_assets(self.settings), *make_checks()],
            selection=selection,
            partition_key=partition,
            resources=make_resources(self.settings),
            instance=self.instance,
            tags=tags,
            raise_on_error=False,
        )

    def carry_out(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """The run that a sensor asked for."""
        checks = dg.AssetSelection.checks(*(request.asset_check_keys or ()))
        assets = dg.AssetSelection.assets(*(request.asset_selection or ()))
        return self.run(checks | assets, request.partition_key, request.tags)

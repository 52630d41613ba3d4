"""Real Dagster runs over a root of their own, and assets of some tables for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import dagster as dg
import polars as pl
import pytest

from smart_trader_assets.lake.io_manager import MedallionIOManager
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.tables.catalog import TOKENS
from smart_trader_assets_tests.support.samples import DAY, frame, token

DAYS = dg.DailyPartitionsDefinition(
    start_date=(DAY - timedelta(days=5)).isoformat(), end_date=(DAY + timedelta(days=1)).isoformat()
)
SHARDS = dg.StaticPartitionsDefinition(["00", "01", "02", "03"])
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

Run = Callable[..., dg.ExecuteInProcessResult]
Make = Callable[[], Any]


# Dagster and dagster-deltalake about themselves.
QUIETLY = [
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run is deprecated"),
    pytest.mark.filterwarnings("ignore:The `dict` method is deprecated"),
]


def lake_at(root: str) -> LakeResource:
    """The lake of a sandbox under `root`."""
    return LakeResource(
        root=root,
        source="sandbox",
        token_shards=4,
        wallet_shards=16,
        allow_http=False,
    )


def materialize(
    lake: LakeResource,
    *assets: dg.AssetsDefinition,
    partition: str | None = None,
    to: str | None = None,
) -> dg.ExecuteInProcessResult:
    """Materializes the last of the assets: a partition, or the range of partitions up to `to` in one run."""
    tags = {}
    if partition is not None and to is not None:
        tags = {
            "dagster/asset_partition_range_start": partition,
            "dagster/asset_partition_range_end": to,
        }
        partition = None
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [*assets],
            selection=[assets[-1].key],
            instance=instance,
            partition_key=partition,
            tags=tags,
            resources={"io_manager": MedallionIOManager(lake=lake), "lake": lake},
            run_config=QUIET,
        )


def tokens_asset(make: Make) -> dg.AssetsDefinition:
    """bronze/tokens by days, of whatever `make` returns."""

    @dg.asset(
        key=["bronze", "tokens"],
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def tokens() -> Any:
        return make()

    return tokens


def day_rows(mint: str, day: date) -> pl.DataFrame:
    """A token of a day's snapshot."""
    return frame(TOKENS, [token(mint, snapshot_date=day)])

"""Puts the pipeline together for given settings: one place for the Dagster code location and the command."""

from __future__ import annotations

import dagster as dg

from smart_trader_assets.assets.candidates import candidates_asset
from smart_trader_assets.assets.copying import copying_assets
from smart_trader_assets.assets.keys import IO_MANAGER, WEBHOOK_KEY
from smart_trader_assets.assets.messages import messages_asset
from smart_trader_assets.assets.partitions import Partitions, make_partitions
from smart_trader_assets.assets.queue import queue_asset
from smart_trader_assets.assets.report_page import report_page_asset
from smart_trader_assets.assets.smart_traders import smart_traders_assets
from smart_trader_assets.assets.tokens import tokens_asset
from smart_trader_assets.assets.tracked_tokens import tracked_tokens_asset
from smart_trader_assets.assets.tracked_whales import tracked_whales_asset
from smart_trader_assets.assets.transactions import transactions_asset
from smart_trader_assets.assets.transfers import transfers_asset
from smart_trader_assets.assets.wallet_pnl import wallet_pnl_asset
from smart_trader_assets.assets.webhook import helius_webhook_asset
from smart_trader_assets.assets.whales import whales_asset
from smart_trader_assets.automation.alerts import alert_sensors
from smart_trader_assets.automation.jobs import (
    ASSETS_OF_JOBS,
    CANDIDATE_LISTS,
    SNAPSHOT,
    make_jobs,
)
from smart_trader_assets.automation.json_log import run_log
from smart_trader_assets.automation.maintenance_jobs import maintenance_job, reset_job
from smart_trader_assets.automation.news_sensor import news_sensors
from smart_trader_assets.automation.recheck import recheck_sensor
from smart_trader_assets.automation.run_leases import RUN_LEASE, RUN_LOG, run_lease
from smart_trader_assets.automation.schedules import make_schedules
from smart_trader_assets.automation.sensors import make_sensors
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.checks.asset_checks import make_checks
from smart_trader_assets.checks.results import tables_read
from smart_trader_assets.lake.io_manager import MedallionIOManager
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import Settings


def make_assets(
    settings: Settings, partitions: Partitions | None = None
) -> list[dg.AssetsDefinition]:
    """The assets, in the order in which rows flow; `partitions` where the caller has looked them up already."""
    partitions = partitions or make_partitions(settings)
    return [
        tokens_asset(settings, partitions),
        tracked_tokens_asset(settings, partitions),
        whales_asset(settings, partitions),
        candidates_asset(settings),
        tracked_whales_asset(settings, partitions),
        transactions_asset(settings, partitions),
        wallet_pnl_asset(settings, partitions),
        copying_assets(settings),
        smart_traders_assets(settings),
        transfers_asset(settings, partitions),
        messages_asset(settings),
        report_page_asset(),
        helius_webhook_asset(),
    ]


def make_resources(settings: Settings) -> dict[str, object]:
    """What the assets need: settings, API, tables."""
    lake = make_lake(settings)
    return {
        "settings": dg.ResourceDefinition(
            lambda _: settings,
            required_resource_keys={RUN_LEASE},
            description="The settings of the run",
        ),
        RUN_LEASE: run_lease(settings),
        RUN_LOG: run_log(settings.log_format),
        "birdeye": dg.ResourceDefinition.hardcoded_resource(BirdEyeAccess(settings)),
        "lake": lake,
        # With the lake that the assets have: a lake of its own would look at the whole root once more.
        IO_MANAGER: dg.IOManagerDefinition(
            lambda context: MedallionIOManager(lake=context.resources.lake),
            required_resource_keys={"lake"},
            description="Writes each asset's rows into its Delta table, then moves the states of what was read",
        ),
    }


def make_definitions(settings: Settings) -> dg.Definitions:
    """Everything that Dagster serves."""
    partitions = make_partitions(settings)
    jobs = [*make_jobs(), reset_job, maintenance_job]
    lake = make_lake(settings)
    assets = make_assets(settings, partitions)
    return dg.Definitions(
        assets=[*assets, queue_asset()],
        asset_checks=make_checks(),
        jobs=jobs,
        sensors=[
            *make_sensors(settings, partitions, ASSETS_OF_JOBS, lake, tables_read(assets)),
            recheck_sensor(settings, lake),
            *alert_sensors(settings, WEBHOOK_KEY, lake),
            *news_sensors(settings, lake),
        ],
        schedules=make_schedules(
            settings,
            snapshot=SNAPSHOT,
            candidates=CANDIDATE_LISTS,
            maintenance=maintenance_job.name,
        ),
        resources=make_resources(settings),
        executor=dg.in_process_executor,
    )

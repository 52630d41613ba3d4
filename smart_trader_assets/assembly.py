"""Puts the pipeline together for given settings: one place for the Dagster code location and the command."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from smart_trader_assets.access import BirdEyeAccess
from smart_trader_assets.assets.declare import IO_MANAGER
from smart_trader_assets.assets.report_page import report_page_asset
from smart_trader_assets.assets.smart_traders import smart_traders_assets
from smart_trader_assets.assets.tokens import tokens_asset
from smart_trader_assets.assets.tracked_tokens import tracked_tokens_asset
from smart_trader_assets.assets.tracked_whales import tracked_whales_asset
from smart_trader_assets.assets.transactions import transactions_asset
from smart_trader_assets.assets.wallet_pnl import wallet_pnl_asset
from smart_trader_assets.assets.webhook import WEBHOOK_KEY, helius_webhook_asset
from smart_trader_assets.assets.whales import whales_asset
from smart_trader_assets.automation.alerts import alert_sensors
from smart_trader_assets.automation.jobs import ASSETS_OF_JOBS, SNAPSHOT, make_jobs
from smart_trader_assets.automation.leases import keep_lease
from smart_trader_assets.automation.look_again import look_again_sensor
from smart_trader_assets.automation.partitions import Partitions, make_partitions
from smart_trader_assets.automation.schedules import make_schedules
from smart_trader_assets.automation.sensors import make_sensors
from smart_trader_assets.automation.upkeep import maintenance_job, queue_asset, reset_job
from smart_trader_assets.checks.asset_checks import make_checks
from smart_trader_assets.checks.verdicts import tables_read
from smart_trader_assets.delta.io_manager import MedallionIOManager
from smart_trader_assets.delta.resource import LakeResource
from smart_trader_assets.run_log import tell_as_json
from smart_trader_assets.settings import Settings
from smart_trader_assets.storage import storage_config


def make_assets(partitions: Partitions) -> list[dg.AssetsDefinition]:
    """The assets, in the order in which rows flow."""
    return [
        tokens_asset(partitions),
        tracked_tokens_asset(partitions),
        whales_asset(partitions),
        tracked_whales_asset(partitions),
        transactions_asset(partitions),
        wallet_pnl_asset(partitions),
        smart_traders_assets(),
        report_page_asset(),
        helius_webhook_asset(),
    ]


def make_lake(settings: Settings) -> LakeResource:
    """The root of the tables, and what it must hold."""
    return LakeResource(
        root=settings.resolved_root,
        storage=storage_config(settings),
        allow_http=settings.storage_allow_http,
        source=settings.resolved_source,
        source_detail=settings.source_detail,
        token_shards=settings.token_shards,
        wallet_shards=settings.wallet_shards,
    )


def leased(settings: Settings) -> dg.ResourceDefinition:
    """The settings as a resource under which the run shows life and is told: every asset and op takes it."""

    @dg.resource(description="The settings of the run, and its lease")
    def settings_under_lease(context: dg.InitResourceContext) -> Iterator[Settings]:
        if context.instance is None or context.run is None:
            yield settings
            return
        if settings.log_format == "json":
            tell_as_json(context.instance, context.run)
        with keep_lease(context.instance, context.run.run_id):
            yield settings

    return settings_under_lease


def make_resources(settings: Settings) -> dict[str, object]:
    """What the assets need: settings, API, tables."""
    lake = make_lake(settings)
    return {
        "settings": leased(settings),
        "birdeye": dg.ResourceDefinition.hardcoded_resource(BirdEyeAccess(settings)),
        "lake": lake,
        IO_MANAGER: MedallionIOManager(lake=lake),
    }


def make_definitions(settings: Settings) -> dg.Definitions:
    """Everything that Dagster serves."""
    partitions = make_partitions(settings)
    jobs = [*make_jobs(), reset_job, maintenance_job]
    lake = make_lake(settings)
    assets = make_assets(partitions)
    return dg.Definitions(
        assets=[*assets, queue_asset()],
        asset_checks=make_checks(),
        jobs=jobs,
        sensors=[
            *make_sensors(settings, partitions, ASSETS_OF_JOBS, lake, tables_read(assets)),
            look_again_sensor(settings, lake),
            *alert_sensors(settings, WEBHOOK_KEY, lake),
        ],
        schedules=make_schedules(settings, snapshot=SNAPSHOT, maintenance=maintenance_job.name),
        resources=make_resources(settings),
        executor=dg.in_process_executor,
    )

"""The jobs and the asset beside the graph: reset, maintenance, and the queue as the UI shows it."""

from datetime import UTC, date, datetime

import dagster as dg
from pydantic import Field

from smart_trader_assets.automation.history import forget_old_runs
from smart_trader_assets.automation.live_runs import why_not_now
from smart_trader_assets.automation.run_leases import RUN_LEASE
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.errors import LakeError
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.delta.storage_errors import translate_storage_errors
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.lake.retention import RETENTIONS, forget
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets.tables.ops import RUNS
from smart_trader_assets.tables.reset import Choice, carry_out, plan_reset, resettable


class ResetChoice(dg.Config):
    """Which rows to put back to their first state."""

    table: str = Field("", description="For example silver/tracked_tokens")
    tokens: list[str] = Field([], description="Mint addresses")
    wallets: list[str] = Field([], description="Wallet addresses; a wallet's rows move together")
    shards: list[str] = Field([], description="Shards, for example 03")
    days: list[str] = Field([], description="Days, for example 2026-01-31")
    states: list[str] = Field([], description="States that the rows are in now")
    failed: bool = Field(False, description="All failing rows")
    refetch: bool = Field(False, description="Also forget what is known of the wallets' histories")
    everything: bool = Field(False, description="All rows of the table, where nothing else is set")
    yes: bool = Field(False, description="Do it; without this the run only logs what it would do")


@dg.op(
    name="reset_rows",
    description="Puts chosen rows back to their first state.",
    required_resource_keys={"lake", RUN_LEASE},
)
@translate_storage_errors("resetting rows")
def reset_rows(context: dg.OpExecutionContext, config: ResetChoice) -> None:
    """Plan and log a reset, and with `yes` carry it out."""
    store: DeltaStore = context.resources.lake.store
    if not config.table:
        raise dg.Failure(
            f"No table is named: set `table` to one of {', '.join(resettable())}.",
            allow_retries=False,
        )
    choice = Choice(
        table=config.table,
        tokens=tuple(config.tokens),
        wallets=tuple(config.wallets),
        shards=tuple(config.shards),
        days=tuple(date.fromisoformat(day) for day in config.days),
        states=tuple(config.states),
        failed=config.failed,
        refetch=config.refetch,
    )
    if not (choice.is_narrowed or config.everything):
        raise dg.Failure(
            f"All rows of {config.table} would be reset: name some, or set `everything`.",
            allow_retries=False,
        )
    plan = plan_reset(store, choice)
    context.log.info(f"{plan.rows.height} rows, by state: {plan.by_state}. {plan.consequence}")
    if not config.yes:
        context.log.info("Nothing was changed: set `yes` to do it.")
        return
    # What a run takes over from another row of a wallet would undo it.
    if config.refetch and (why := why_not_now(context.instance, "reset", but=context.run_id)):
        raise dg.Failure(why, allow_retries=False)
    done = carry_out(store, plan, CommitInfo(context.run_id, "reset"))
    context.log.info(f"{done} rows of {config.table} are back in their first state.")


@dg.op(
    name="maintain_tables",
    description="Compacts, vacuums and checkpoints every table, and deletes old runs from Dagster's history.",
)
@translate_storage_errors("maintaining the tables")
def maintain_tables(
    context: dg.OpExecutionContext, lake: LakeResource, settings: dg.ResourceParam[Settings]
) -> None:
    """Keep each table's files few and its log short; one that cannot be maintained fails the run at its end."""
    broken: list[str] = []
    stamp = CommitInfo(context.run_id, "maintenance")
    today = datetime.now(UTC).date()
    for contract in (*ALL_TABLES, RUNS):
        try:
            if contract.name in RETENTIONS:
                forgotten = forget(
                    lake.store, contract, today=today, days=settings.run_metrics_days, stamp=stamp
                )
                context.log.info(f"{contract.name}: {forgotten} old rows were deleted.")
            kept = maintain(
                lake.store, contract, retention_hours=settings.retention_hours, stamp=stamp
            )
        except LakeError as error:
            context.log.error(str(error))  # noqa: TRY400 - the message says it, the trace adds nothing
            broken.append(contract.name)
            continue
        context.log.info(
            f"{kept.table}: {kept.files_before} files became {kept.files_after}, "
            f"{kept.files_vacuumed} old files deleted, version {kept.version}."
        )
    forgotten = forget_old_runs(context.instance, days=settings.history_days)
    context.log.info(f"Dagster's history: {forgotten} old runs were deleted.")
    if broken:
        raise dg.Failure(
            f"Not maintained: {', '.join(broken)}; the log says why. The other tables were.",
            allow_retries=False,
        )


@dg.job(
    name="reset",
    description="Puts chosen rows back to their first state, so that they are done again.",
)
def reset_job() -> None:
    """The reset as a job."""
    reset_rows()


@dg.job(name="maintenance", description="Upkeep of the tables; safe beside running writers.")
def maintenance_job() -> None:
    """The upkeep as a job."""
    maintain_tables()

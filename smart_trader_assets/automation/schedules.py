"""The schedules: the token snapshot, and the upkeep of the tables."""

from datetime import UTC, datetime

import dagster as dg

from smart_trader_assets.birdeye.circuit_breaker import read_breaker
from smart_trader_assets.settings import Settings


def make_schedules(
    settings: Settings, *, snapshot: str, maintenance: str
) -> list[dg.ScheduleDefinition]:
    """The schedules of the jobs with these names."""
    status = (
        dg.DefaultScheduleStatus.RUNNING
        if settings.automation
        else dg.DefaultScheduleStatus.STOPPED
    )

    @dg.schedule(
        name="snapshot_schedule",
        job_name=snapshot,
        cron_schedule=settings.snapshot_cron,
        execution_timezone="UTC",
        default_status=status,
        description="Takes today's token snapshot.",
    )
    def snapshot_schedule(
        context: dg.ScheduleEvaluationContext,  # noqa: ARG001
    ) -> dg.RunRequest | dg.SkipReason:
        if breaker := read_breaker(settings.resolved_state_dir, now=datetime.now(UTC)):
            return dg.SkipReason(
                f"Fetching is paused until {breaker.until:%Y-%m-%d %H:%M} UTC: {breaker.reason}"
            )
        return dg.RunRequest(partition_key=settings.now().date().isoformat())

    return [
        snapshot_schedule,
        dg.ScheduleDefinition(
            name="maintenance_schedule",
            job_name=maintenance,
            cron_schedule=settings.maintenance_cron,
            execution_timezone="UTC",
            default_status=status,
            description="Compacts the tables, takes checkpoints, deletes files that nothing reads any longer.",
        ),
    ]

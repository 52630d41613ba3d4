"""The schedules: the token snapshot, and the upkeep of the tables."""

from datetime import UTC, datetime

import dagster as dg

from smart_trader_assets.birdeye.circuit_breaker import read_breaker
from smart_trader_assets.settings import Settings


def make_schedules(
    settings: Settings, *, snapshot: str, candidates: str, maintenance: str
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
        return _unless_paused(settings) or dg.RunRequest(
            partition_key=settings.now().date().isoformat()
        )

    @dg.schedule(
        name="candidates_schedule",
        job_name=candidates,
        cron_schedule=settings.snapshot_cron,
        execution_timezone="UTC",
        default_status=status,
        description="Reads the lists of ranked traders that are due.",
    )
    def candidates_schedule(
        context: dg.ScheduleEvaluationContext,  # noqa: ARG001
    ) -> dg.RunRequest | dg.SkipReason:
        if not settings.candidate_lists:
            return dg.SkipReason("SMART_TRADER_CANDIDATE_LISTS names no list of ranked traders.")
        return _unless_paused(settings) or dg.RunRequest()

    return [
        snapshot_schedule,
        candidates_schedule,
        dg.ScheduleDefinition(
            name="maintenance_schedule",
            job_name=maintenance,
            cron_schedule=settings.maintenance_cron,
            execution_timezone="UTC",
            default_status=status,
            description="Compacts the tables, takes checkpoints, deletes files that nothing reads any longer.",
        ),
    ]


def _unless_paused(settings: Settings) -> dg.SkipReason | None:
    breaker = read_breaker(settings.resolved_state_dir, now=datetime.now(UTC))
    if breaker is None:
        return None
    return dg.SkipReason(
        f"Fetching is paused until {breaker.until:%Y-%m-%d %H:%M} UTC: {breaker.reason}"
    )

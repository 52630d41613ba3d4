"""The schedules: the token snapshot, and the upkeep of the tables."""

from collections.abc import Callable

import dagster as dg

from smart_trader_assets.birdeye.circuit_breaker import current_breaker
from smart_trader_assets.settings import Settings
from smart_trader_assets.state.shared_state import state_of


def make_schedules(
    settings: Settings, *, snapshot: str, candidates: str, maintenance: str
) -> list[dg.ScheduleDefinition]:
    """The schedules of the jobs with these names."""
    status = (
        dg.DefaultScheduleStatus.RUNNING
        if settings.automation
        else dg.DefaultScheduleStatus.STOPPED
    )

    def fetching(
        job: str, description: str, request: Callable[[], dg.RunRequest | dg.SkipReason]
    ) -> dg.ScheduleDefinition:
        """The schedule of a job that asks the API, when a snapshot is due and fetching is not paused."""

        @dg.schedule(
            name=f"{job}_schedule",
            job_name=job,
            cron_schedule=settings.snapshot_cron,
            execution_timezone="UTC",
            default_status=status,
            description=description,
        )
        def tick(
            context: dg.ScheduleEvaluationContext,  # noqa: ARG001
        ) -> dg.RunRequest | dg.SkipReason:
            if breaker := current_breaker(state_of(settings)):
                return dg.SkipReason(f"Fetching is paused {breaker.words}")
            return request()

        return tick

    def todays_snapshot() -> dg.RunRequest:
        return dg.RunRequest(partition_key=settings.now().date().isoformat())

    def due_lists() -> dg.RunRequest | dg.SkipReason:
        if not settings.candidate_lists:
            return dg.SkipReason("SMART_TRADER_CANDIDATE_LISTS names no list of ranked traders.")
        return dg.RunRequest()

    return [
        fetching(snapshot, "Takes today's token snapshot.", todays_snapshot),
        fetching(candidates, "Reads the lists of ranked traders that are due.", due_lists),
        dg.ScheduleDefinition(
            name="maintenance_schedule",
            job_name=maintenance,
            cron_schedule=settings.maintenance_cron,
            execution_timezone="UTC",
            default_status=status,
            description="Compacts the tables, takes checkpoints, deletes files that nothing reads any longer.",
        ),
    ]

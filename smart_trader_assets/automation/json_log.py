"""The run's log as JSON, one object per line on standard output, for programs that collect logs.

Every line has time, level, run_id, asset, partition and message; what a materialization counted is
in separate fields. What people read (progress, the leaderboard, Dagster's coloured lines) then goes to
standard error.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

import dagster as dg

from smart_trader_assets.automation.live_runs import (
    CONSUMER_TAG,
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
)
from smart_trader_assets.lake.run_metrics import span_of
from smart_trader_assets.tables.catalog import ALL_TABLES

# What Dagster itself reports of a run, beside what the assets log: all else is its machinery.
_LOGGED: Mapping[dg.DagsterEventType, int] = {
    dg.DagsterEventType.ASSET_MATERIALIZATION: logging.INFO,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION: logging.INFO,
    dg.DagsterEventType.STEP_FAILURE: logging.ERROR,
    dg.DagsterEventType.RUN_SUCCESS: logging.INFO,
    dg.DagsterEventType.RUN_FAILURE: logging.ERROR,
    dg.DagsterEventType.RUN_CANCELED: logging.WARNING,
}

_ASSET_OF_STEP = {name.replace("/", "__"): name for name in (c.name for c in ALL_TABLES)}

Line = dict[str, Any]


def run_log(log_format: Literal["text", "json"]) -> dg.ResourceDefinition:
    """The resource that prints the run's log as JSON, or (text) leaves it to Dagster.

    A listener and not a logger of the definitions: Dagster uses those only in runs whose configuration
    names them, and a run that a person launches has no configuration.
    """

    @dg.resource(
        description="Prints the run's log in the format that the setting log_format names."
    )
    def printed(context: dg.InitResourceContext) -> None:
        if log_format == "json" and context.instance is not None and context.run is not None:
            print_as_json(context.instance, context.run)

    return printed


def print_as_json(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Print what is logged of `run` in this process from now on, including its end."""
    lines = _Lines(run)

    def tell(entry: dg.EventLogEntry) -> None:
        for line in lines.of(entry):
            # The reader of the lines may be gone; the run goes on.
            with suppress(OSError):
                sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
                sys.stdout.flush()

    instance.add_event_listener(run.run_id, tell)


class _Lines:
    """The lines of one run."""

    def __init__(self, run: dg.DagsterRun) -> None:
        self._run_id = run.run_id
        tags = run.tags
        ends = [t for t in (tags.get(RANGE_START_TAG), tags.get(RANGE_END_TAG)) if t is not None]
        self._partitions = tags.get(PARTITION_TAG) or span_of(ends)
        self._consumer = tags.get(CONSUMER_TAG)
        self._counted: set[str | None] = set()

    def of(self, entry: dg.EventLogEntry) -> Iterator[Line]:
        """The line of an entry, or none where it is Dagster's machinery at work."""
        event = entry.dagster_event
        level = entry.level if event is None else _LOGGED.get(event.event_type, logging.NOTSET)
        if int(level) < logging.INFO:
            return
        asset = _asset(entry) or self._consumer
        more: Line = {}
        match event.event_type if event else None:
            case dg.DagsterEventType.ASSET_MATERIALIZATION if event:
                # A range of partitions is one piece of work, materialized under each partition's name.
                if asset in self._counted:
                    return
                self._counted.add(asset)
                more = _counts(event)
            case dg.DagsterEventType.ASSET_CHECK_EVALUATION if event:
                check = event.asset_check_evaluation_data
                more = {"check": check.check_name, "passed": check.passed}
                if not check.passed:
                    level = logging.getLevelName(check.severity.value)
            case dg.DagsterEventType.STEP_FAILURE if event:
                more = _cause(event)
        yield {
            "time": datetime.fromtimestamp(entry.timestamp, UTC).isoformat(),
            "level": logging.getLevelName(level).lower(),
            "run_id": self._run_id,
            "asset": asset,
            "partition": self._partitions,
            "message": entry.user_message or (event.message if event else None) or "",
            **more,
        }


def _asset(entry: dg.EventLogEntry) -> str | None:
    event = entry.dagster_event
    if event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return "/".join(event.asset_check_evaluation_data.asset_key.path)
    if event is not None and event.asset_key is not None:
        return "/".join(event.asset_key.path)
    return _ASSET_OF_STEP.get(entry.step_key or "")


def _counts(event: dg.DagsterEvent) -> Line:
    """The numbers of a materialization, under names that work as fields."""
    metadata = event.step_materialization_data.materialization.metadata
    return {
        re.sub(r"\W", "_", name.removeprefix("dagster/")): value.value
        for name, value in metadata.items()
        if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue)
    }


def _cause(event: dg.DagsterEvent) -> Line:
    """What a step failed with, below what Dagster wraps around it."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return {"error": error.message.strip()} if error is not None else {}

"""Dagster's instance: whether it is there and configured, expired runs, and tables that a check blocks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from smart_trader_assets.automation.run_leases import expired_runs
from smart_trader_assets.checks.results import failed_checks
from smart_trader_assets.doctor.findings import Finding, broken, ok, warning
from smart_trader_assets.tables.catalog import ALL_TABLES

HOME_VARIABLE = "DAGSTER_HOME"
_CONFIGURE = "Copy the project's dagster.yaml there, as `make dev` does."
_SHOWN = 5


def dagster_instance() -> Iterator[Finding]:
    """What is wrong with the instance that the environment names, or that it does not name one."""
    check = "dagster home"
    home = os.environ.get(HOME_VARIABLE)
    if not home:
        yield warning(
            check,
            f"{HOME_VARIABLE} is not set: runs leave no history for the UI to show.",
            f"Set {HOME_VARIABLE} to a dedicated folder; `make run` and `make dev` do.",
        )
        return
    if not (Path(home) / "dagster.yaml").is_file():
        yield warning(check, f"{home} has no dagster.yaml: Dagster's defaults apply.", _CONFIGURE)
        return
    with dg.DagsterInstance.get() as instance:
        if missing := _missing(instance):
            yield warning(check, f"{home}/dagster.yaml: {'; '.join(missing)}.", _CONFIGURE)
        else:
            yield ok(check, f"{home}: limits as shipped")
        yield from _dead(instance)
        yield from _held(instance)


def _missing(instance: dg.DagsterInstance) -> list[str]:
    concurrency: Mapping[str, Any] = instance.get_settings("concurrency") or {}
    pools: Mapping[str, Any] = concurrency.get("pools") or {}
    missing = []
    if pools.get("default_limit") != 1 or pools.get("granularity") != "run":
        missing.append("more than one run at a time may fetch (concurrency.pools)")
    if not (instance.get_settings("run_monitoring") or {}).get("enabled"):
        missing.append("a run that dies while starting is not noticed (run_monitoring)")
    return missing


def _dead(instance: dg.DagsterInstance) -> Iterator[Finding]:
    dead = expired_runs(instance)
    if not dead:
        return
    runs = ", ".join(record.dagster_run.run_id[:8] for record in dead[:_SHOWN])
    yield warning(
        "expired runs",
        f"{len(dead)} runs count as under way in Dagster, but their leases have expired: {runs}.",
        "Switch the sensors on (`make dev`): the next tick marks them as failed, and their rows are "
        "asked for again.",
    )


def _held(instance: dg.DagsterInstance) -> Iterator[Finding]:
    for failed in failed_checks(instance, [contract.name for contract in ALL_TABLES]):
        yield broken(failed.table, f"Nothing is made from it: {failed.fault}", failed.remedy)

"""Dagster's instance: whether it is there and configured, expired runs, and tables that a check blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from smart_trader_assets.automation.home import CONFIGURATION, home_of
from smart_trader_assets.automation.run_leases import expired_runs
from smart_trader_assets.checks.results import failed_checks
from smart_trader_assets.doctor.findings import Finding, broken, ok, warning
from smart_trader_assets.settings import Settings
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets.text import plural, without

_CONFIGURE = (
    "`smart-trader home` brings it along; one that was changed by hand has to be removed first."
)
_SHOWN = 5


def dagster_instance(settings: Settings) -> Iterator[Finding]:
    """What is wrong with Dagster's instance of the root."""
    check = "dagster home"
    home = home_of(settings)
    if not (home / CONFIGURATION).is_file():
        yield ok(check, f"{home} is made by the first run")
        return
    with dg.DagsterInstance.from_config(str(home)) as instance:
        if missing := _missing(instance, settings):
            yield warning(check, f"{home}/dagster.yaml: {'; '.join(missing)}.", _CONFIGURE)
        else:
            yield ok(check, f"{home}: limits as the settings say")
        yield from _dead(instance, settings)
        yield from _held(instance)


def _missing(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    concurrency: Mapping[str, Any] = instance.get_settings("concurrency") or {}
    pools: Mapping[str, Any] = concurrency.get("pools") or {}
    runs: Mapping[str, Any] = concurrency.get("runs") or {}
    missing = []
    if (pools.get("default_limit"), pools.get("granularity")) != (settings.fetches_at_once, "run"):
        missing.append(
            f"{plural(settings.fetches_at_once, 'run')} at a time may fetch: it says otherwise (pools)"
        )
    if runs.get("max_concurrent_runs") != settings.runs_at_once:
        missing.append(
            f"{plural(settings.runs_at_once, 'run')} at a time may be at work: it says otherwise (runs)"
        )
    if settings.launcher == "process" and not (instance.get_settings("run_monitoring") or {}).get(
        "enabled"
    ):
        missing.append("a run that dies while starting is not noticed (run_monitoring)")
    return missing


def broker(settings: Settings) -> Iterator[Finding]:
    """Whether runs can be handed out, where Celery does that."""
    if settings.launcher != "celery" or settings.broker_url is None:
        return
    # Imported here: only a cluster has it.
    from kombu import Connection  # noqa: PLC0415

    waits = {"socket_connect_timeout": 3, "socket_timeout": 3}
    connection = Connection(settings.broker_url.get_secret_value(), transport_options=waits)
    place = connection.as_uri()  # without its password
    try:
        connection.ensure_connection(max_retries=1, timeout=3)
    except Exception as error:  # noqa: BLE001 - whatever the broker's client raises
        said = without((str(connection.password or ""),), f"{type(error).__name__}: {error}")
        yield broken(
            "broker",
            f"{place} does not answer ({said}).",
            "Start it, or mend SMART_TRADER_BROKER_URL: until then no run begins, and what is due stays due.",
        )
        return
    finally:
        connection.release()
    yield ok("broker", f"{place} answers")


def _dead(instance: dg.DagsterInstance, settings: Settings) -> Iterator[Finding]:
    dead = expired_runs(instance, state_of(settings))
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

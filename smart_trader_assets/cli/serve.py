"""The subcommands that serve until they are stopped: the Dagster UI, and the stand-in for BirdEye."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.markup import escape

from smart_trader_assets.automation.home import (
    CONFIGURATION,
    HOME_VARIABLE,
    QUEUE,
    HomeError,
    is_of_cluster,
    make_home,
)
from smart_trader_assets.cli.options import AsOf, Data, Replay, chosen_settings, cli_errors
from smart_trader_assets.delta.location import place
from smart_trader_assets.sandbox import serve
from smart_trader_assets.settings import SettingsError
from smart_trader_assets.sources import make_stand_in, open_source
from smart_trader_assets.state.shared_state import state_of


def dev(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the UI on loopback.")] = 3000,
    data: Data = None,
    automation: Annotated[
        bool, typer.Option("--automation", help="Start with all sensors and schedules on.")
    ] = False,
) -> None:
    """Open the Dagster UI with its daemon; without an API key the stand-in is started beside it."""
    with cli_errors() as console, open_source(chosen_settings(data)) as (settings, server, _):
        environment = dict(os.environ)
        if server is not None:
            anchor = settings.sandbox_anchor
            environment |= {
                "SMART_TRADER_SOURCE": settings.resolved_source,
                "SMART_TRADER_BIRDEYE_BASE_URL": server.base_url,
                "SMART_TRADER_SANDBOX_ANCHOR": anchor.isoformat() if anchor else "",
            }
            console.print(f"The stand-in for BirdEye listens on {server.base_url}")
        environment["SMART_TRADER_ROOT"] = place(settings.resolved_root)
        environment[HOME_VARIABLE] = str(make_home(settings))
        # Its command is another's alias now; that is nothing that its users could change.
        environment["PYTHONWARNINGS"] = "ignore:Function `dev_command` is superseded"
        if automation:
            environment["SMART_TRADER_AUTOMATION"] = "true"
        console.print(f"Tables: {place(settings.resolved_root)}", highlight=False, soft_wrap=True)
        console.print(f"The UI opens on http://127.0.0.1:{port}")
        command = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
        workspace = ["-m", "smart_trader_assets.definitions"]
        sys.exit(run_until_stopped([*command, *workspace], environment))


def home(data: Data = None) -> None:
    """Print the folder that holds Dagster's history of the root: export DAGSTER_HOME=$(smart-trader home)."""
    with cli_errors():
        typer.echo(make_home(chosen_settings(data)))


def worker(
    slots: Annotated[
        int, typer.Option("--slots", min=1, max=100, help="Runs at work here at once.")
    ] = 2,
    data: Data = None,
) -> None:
    """Carry out what Dagster's daemon hands out by Celery, until it is stopped.

    For a root that several machines work on: it needs SMART_TRADER_LAUNCHER=celery and what that asks for.
    """
    with cli_errors() as console:
        settings = chosen_settings(data)
        if settings.launcher != "celery":
            raise SettingsError(
                "A worker waits for runs that Celery hands out: set SMART_TRADER_LAUNCHER=celery, and "
                "SMART_TRADER_STATE_URL and SMART_TRADER_BROKER_URL to what the machines share."
            )
        where = state_of(settings).check()
        home = make_home(settings)
        if not is_of_cluster((home / CONFIGURATION).read_text("utf-8")):
            raise HomeError(
                f"{home / CONFIGURATION} was changed by hand and has no CeleryRunLauncher: remove it, and the "
                "one that belongs there is written."
            )
        environment = dict(os.environ) | {
            "SMART_TRADER_ROOT": place(settings.resolved_root),
            HOME_VARIABLE: str(home),
        }
        console.print(f"Tables: {place(settings.resolved_root)}", highlight=False, soft_wrap=True)
        console.print(f"Shared state: {escape(where)}", highlight=False, soft_wrap=True)
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "smart_trader_assets.automation.celery_app",
        ]
        options = [
            "-Q",
            QUEUE,
            "-c",
            str(slots),
            "--loglevel",
            "INFO",
            "--disable-prefetch",
        ]
        # What a run has taken of memory goes with its process now and then.
        recycled = ["--max-tasks-per-child", "20", "--without-gossip", "--without-mingle"]
        name = ["-n", f"smart-trader-{os.getpid()}@%h"]
        sys.exit(run_until_stopped([*command, "worker", *name, *options, *recycled], environment))


def run_until_stopped(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs `command` to its end; returns its exit code. Stopping this process stops the command with it."""
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: process.terminate())
        while True:
            try:
                code = process.wait()
                return code if code >= 0 else 128 - code  # as a shell reports a signal
            except KeyboardInterrupt:  # the terminal has signalled the command as well
                continue


def sandbox(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on loopback; 0 picks a free one.")
    ] = 8765,
    data: Data = None,
    replay: Replay = None,
    as_of: AsOf = None,
) -> None:
    """Serve the BirdEye stand-in alone, on loopback, until it is stopped.

    Point SMART_TRADER_BIRDEYE_BASE_URL at it. GET /sandbox/requests counts requests.

    POST /sandbox/faults makes it misbehave, DELETE ends that. For example, to rate-limit three calls:

    curl localhost:8765/sandbox/faults -d '{"kind": "rate_limited", "times": 3}'

    Kinds: latency (with "seconds"), rate_limited, server_error, cut_body,
    invalid_json, unsuccessful, hang, reset, credits_spent, bad_key,
    not_in_plan, forbidden, not_found, short_page, repeated_page,
    unreadable_items, redirect, drip (with "seconds" a byte).
    "endpoint" and "entity" narrow it.
    """
    with cli_errors() as console:
        stand_in = make_stand_in(
            chosen_settings(data, sandbox=replay is None, replay=replay, as_of=as_of)
        )
        for remark in stand_in.remarks():
            console.print(f"[yellow]![/] {escape(remark)}", soft_wrap=True)
        serve(
            stand_in.source,
            clock=stand_in.settings.now,
            port=port,
            recorded=stand_in.recorded,
            on_start=lambda url: console.print(f"The stand-in for BirdEye listens on {url}"),
        )

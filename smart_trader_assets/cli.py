"""The command `smart-trader`: what Dagster has no word for."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
import typer
from rich.console import Console
from rich.markup import escape

from smart_trader_assets.assembly import make_lake
from smart_trader_assets.console import ProgressWatcher, print_outcome, queue_tables
from smart_trader_assets.delta.tables import SMART_TRADERS
from smart_trader_assets.drain import Drain
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.queue_view import read_queue
from smart_trader_assets.sandbox import serve
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.sources import make_stand_in, open_source, settings_of_root
from smart_trader_assets.tuning import due_policy

app = typer.Typer(
    name="smart-trader",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Finds smart traders on Solana: tokens, their whales, what those wallets traded, first in, "
    "first out PnL, ranking. Every step does only what is due; any command can be stopped and started again.",
    epilog="Settings are environment variables SMART_TRADER_...; BIRDEYE_API_KEY is the key of a BirdEye "
    "account. For the graph, sensors and backfills use Dagster's own UI: `make dev`.",
)

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Root of the tables; by default data/<source>."),
]
Sandbox = Annotated[
    bool,
    typer.Option("--sandbox", help="Use the built-in BirdEye stand-in with its invented market."),
]
Replay = Annotated[
    Path | None,
    typer.Option(
        "--replay", metavar="DIR", help="Serve the recorded swap rows (*.jsonl) of this folder."
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="Set the clock, ISO 8601 (2026-01-31T12:00:00Z)."),
]


@app.command()
def run(
    data: Data = None,
    sandbox: Sandbox = False,
    replay: Replay = None,
    as_of: AsOf = None,
    top: Annotated[int, typer.Option(min=1, help="Length of the leaderboard.")] = 20,
) -> None:
    """Drain the pipeline once: take a snapshot, then do whatever is due until nothing is.

    Without an API key it runs against the built-in stand-in. Running it again fetches and computes only
    what is new or due again.
    """
    with _errors_told() as console:
        settings = _settings(data, sandbox=sandbox, replay=replay, as_of=as_of)
        watcher = ProgressWatcher(console)
        with open_source(settings) as (settings, _, stand_in):
            for problem in stand_in.problems if stand_in else ():
                console.print(f"[yellow]![/] {escape(problem)}", soft_wrap=True)
            if stand_in and stand_in.problems:
                console.print(
                    f"[yellow]![/] {len(stand_in.problems)} recorded rows are not served."
                )
            console.print(_greeting(settings), highlight=False, soft_wrap=True)
            with _instance() as instance:
                try:
                    report = Drain(settings, instance, watcher).run()
                finally:
                    watcher.close()
        store = make_lake(settings).store
        traders = store.scan(SMART_TRADERS).collect()
        queue = read_queue(store, as_of=settings.now(), policy=due_policy(settings))
        print_outcome(
            console, report, traders, queue, root=str(Path(store.root).resolve()), top=top
        )


@app.command()
def state(
    data: Data = None,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show the queue: rows by state, what is due, what is in trouble. Changes nothing."""
    with _errors_told() as console:
        settings = settings_of_root(_settings(data, as_of=as_of))
        store = make_lake(settings).store
        queue = read_queue(store, as_of=settings.now(), policy=due_policy(settings))
        if as_json:
            typer.echo(json.dumps(queue.as_json(), indent=2))
            return
        for table in queue_tables(queue):
            console.print(table)
        if queue.incomplete_histories:
            console.print(f"{queue.incomplete_histories} wallets' histories are not complete yet.")


@app.command()
def sandbox(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")
    ] = 8765,
    data: Data = None,
    replay: Replay = None,
    as_of: AsOf = None,
) -> None:
    """Serve the BirdEye stand-in alone, on loopback, until it is stopped.

    Point SMART_TRADER_BIRDEYE_BASE_URL at it. GET /sandbox/requests counts requests; POST
    /sandbox/faults makes it misbehave.
    """
    with _errors_told() as console:
        stand_in = make_stand_in(
            _settings(data, sandbox=replay is None, replay=replay, as_of=as_of)
        )
        for problem in stand_in.problems:
            console.print(f"[yellow]![/] {escape(problem)}", soft_wrap=True)
        serve(
            stand_in.source,
            clock=stand_in.settings.now,
            port=port,
            on_start=lambda url: console.print(f"The stand-in for BirdEye listens on {url}"),
        )


def main() -> None:
    """The entry point of the console command."""
    app()


def _settings(
    data: Path | None,
    *,
    sandbox: bool = False,
    replay: Path | None = None,
    as_of: str | None = None,
) -> Settings:
    changes: dict[str, Any] = {"root": str(data) if data else None}
    if sandbox and replay:
        raise typer.BadParameter("--sandbox and --replay are two sources: choose one")
    if sandbox:
        changes["source"] = "sandbox"
    if replay:
        changes |= {"source": "replay", "replay_folder": replay}
    if as_of:
        try:
            moment = datetime.fromisoformat(as_of)
        except ValueError:
            raise typer.BadParameter(f"--as-of {as_of} is no ISO 8601 time") from None
        changes["as_of"] = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return load_settings(changes)


def _greeting(settings: Settings) -> str:
    what = {
        "live": f"BirdEye at {settings.birdeye_base_url}",
        "sandbox": f"an invented market (seed {settings.sandbox_seed}) served over loopback",
        "replay": f"the recorded rows of {settings.replay_folder} served over loopback",
    }[settings.resolved_source]
    return f"Source: {what}. As of {settings.now():%Y-%m-%d %H:%M:%S} UTC."


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's own instance where DAGSTER_HOME names one, so that the runs show in the UI."""
    if os.environ.get("DAGSTER_HOME"):
        with dg.DagsterInstance.get() as instance:
            yield instance
    else:
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance


@contextmanager
def _errors_told() -> Iterator[Console]:
    """A refusal of ours is one sentence and exit code 1; anything else is a defect and keeps its trace."""
    console = Console()
    try:
        yield console
    except SmartTraderError as error:
        Console(stderr=True).print(
            f"[red]✗[/] {escape(str(error))}", soft_wrap=True, highlight=False
        )
        sys.exit(1)
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped. What is done stays done; run it again to go on.")
        sys.exit(130)


if __name__ == "__main__":
    main()

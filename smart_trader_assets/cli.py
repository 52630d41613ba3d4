"""The command `smart-trader`: what Dagster has no word for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
import typer
from rich.console import Console
from rich.markup import escape

from smart_trader_assets.assembly import make_lake
from smart_trader_assets.console import (
    ProgressWatcher,
    outcomes_table,
    print_outcome,
    queue_tables,
    reset_table,
)
from smart_trader_assets.delta.location import place
from smart_trader_assets.delta.reset import Choice, carry_out, plan_reset
from smart_trader_assets.delta.store import Stamp
from smart_trader_assets.delta.tables import SMART_TRADERS
from smart_trader_assets.drain import Drain
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.out_of_sample import backtest
from smart_trader_assets.queue_view import read_queue
from smart_trader_assets.report.evidence import MOST_WALLETS
from smart_trader_assets.report.explanation import explain as explain_from_tables
from smart_trader_assets.report.explanation_views import (
    explanation_csv,
    explanation_json,
    explanation_tables,
)
from smart_trader_assets.report.exports import ranking_csv, ranking_json
from smart_trader_assets.report.page_file import page_is_current, page_path, write_page, write_text
from smart_trader_assets.sandbox import serve
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.sources import make_stand_in, open_source, settings_of_root
from smart_trader_assets.tuning import due_policy, ranking_rules

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
    str | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Root of the tables, a folder or s3://...; by default data/<source>.",
    ),
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

_WIDTH_OF_A_FILE = 160  # columns of a table that is piped somewhere


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
        lake = make_lake(settings)
        store = lake.store
        traders = store.scan(SMART_TRADERS).collect()
        queue = read_queue(store, as_of=settings.now(), policy=due_policy(settings))
        print_outcome(console, report, traders, queue, root=place(store.root), top=top)
        page = page_path(settings)
        if not page_is_current(lake, page):
            write_page(lake, page)
        console.print(f"Report: {escape(str(page.resolve()))}", highlight=False, soft_wrap=True)


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
def reset(
    table: Annotated[
        str, typer.Argument(help="Table whose rows to reset, for example silver/tracked_tokens.")
    ],
    data: Data = None,
    token: Annotated[
        list[str] | None, typer.Option(help="Mint; may be given several times.")
    ] = None,
    wallet: Annotated[
        list[str] | None, typer.Option(help="Wallet; its rows move together.")
    ] = None,
    shard: Annotated[list[str] | None, typer.Option(help="Shard, for example 03.")] = None,
    day: Annotated[list[datetime] | None, typer.Option(formats=["%Y-%m-%d"], help="Day.")] = None,
    state: Annotated[list[str] | None, typer.Option(help="State that the rows are in now.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All rows in trouble.")] = False,
    refetch: Annotated[
        bool,
        typer.Option("--refetch", help="Also forget the wallets' histories: they are read anew."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it only shows.")] = False,
) -> None:
    """Put chosen rows back to their first state, so that they are done again.

    Shows the rows and what will follow; does it with --yes. The reset shows in the rows' audit trail.
    """
    with _errors_told() as console:
        store = make_lake(settings_of_root(_settings(data))).store
        plan = plan_reset(
            store,
            Choice(
                table=table,
                tokens=tuple(token or ()),
                wallets=tuple(wallet or ()),
                shards=tuple(shard or ()),
                days=tuple(moment.date() for moment in day or ()),
                states=tuple(state or ()),
                failed=failed,
                refetch=refetch,
            ),
        )
        console.print(reset_table(plan))
        console.print(plan.consequence)
        if not yes:
            console.print("Nothing was changed: --yes does it.")
            return
        done = carry_out(store, plan, Stamp(f"reset-{uuid.uuid4()}", "reset"))
        console.print(f"{done} rows are back in their first state.")


@app.command()
def dev(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the UI on loopback.")] = 3000,
    data: Data = None,
    automation: Annotated[
        bool, typer.Option("--automation", help="Start with all sensors and schedules on.")
    ] = False,
) -> None:
    """Open the Dagster UI with its daemon; without an API key the stand-in is started beside it."""
    with _errors_told() as console, open_source(_settings(data)) as (settings, server, _):
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
        if automation:
            environment["SMART_TRADER_AUTOMATION"] = "true"
        console.print(f"The UI opens on http://127.0.0.1:{port}")
        command = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
        workspace = ["-m", "smart_trader_assets.definitions"]
        sys.exit(subprocess.call([*command, *workspace], env=environment))  # noqa: S603


@app.command(name="backtest")
def show_backtest(
    data: Data = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="DAY", help="Rank as of the start of this day; by default 30 days back."
        ),
    ] = None,
) -> None:
    """Rank the wallets as of an earlier day, and show what each tier earned afterwards. Changes nothing."""
    with _errors_told() as console:
        settings = settings_of_root(_settings(data))
        found = backtest(
            make_lake(settings).store, rules=ranking_rules(settings), at=_day(at) if at else None
        )
        console.print(outcomes_table(found))


@app.command()
def report(
    data: Data = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page; by default reports/ in the root."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the ranking as CSV too.")
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the ranking as JSON too.")
    ] = None,
    wallets: Annotated[
        int, typer.Option(min=1, help="Wallets on the page, best first.")
    ] = MOST_WALLETS,
) -> None:
    """Write the page to look at: leaderboard, and each trader's curve, tokens, reasons and lots.

    One HTML file that works without a network. CSV and JSON hold all ranked wallets, unrounded.
    """
    with _errors_told() as console:
        settings = settings_of_root(_settings(data))
        page = out or page_path(settings)
        ranking = write_page(make_lake(settings), page, most_wallets=wallets)
        written = [page]
        if csv:
            write_text(csv, ranking_csv(ranking.traders))
            written.append(csv)
        if as_json:
            write_text(
                as_json,
                ranking_json(ranking.traders, as_of=ranking.as_of, source=ranking.source),
            )
            written.append(as_json)
        for file in written:
            console.print(escape(str(file.resolve())), highlight=False, soft_wrap=True)


@app.command()
def explain(
    wallet: Annotated[str, typer.Argument(help="Address of the wallet.")],
    token: Annotated[
        str | None, typer.Option(metavar="MINT", help="Only the trades of this token.")
    ] = None,
    data: Data = None,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print trades, lot matches and open lots as CSV.")
    ] = False,
) -> None:
    """Show the trades and the lots behind a wallet's numbers, and whether they add up to the table's."""
    if as_json and csv:
        raise typer.BadParameter("--json and --csv are two forms: choose one")
    with _errors_told() as console:
        settings = settings_of_root(_settings(data, as_of=as_of))
        explained = explain_from_tables(
            make_lake(settings), wallet, as_of=settings.now(), token=token
        )
        if as_json or csv:
            typer.echo(explanation_json(explained) if as_json else explanation_csv(explained))
            return
        wide = console if console.is_terminal else Console(width=_WIDTH_OF_A_FILE)
        for table in explanation_tables(explained):
            wide.print(table)
        wide.print(explained.agreement.verdict, highlight=False, soft_wrap=True)


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
    data: str | None,
    *,
    sandbox: bool = False,
    replay: Path | None = None,
    as_of: str | None = None,
) -> Settings:
    changes: dict[str, Any] = {"root": data}
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


def _day(text: str) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--at {text} is no day: give it as 2026-01-31") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


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

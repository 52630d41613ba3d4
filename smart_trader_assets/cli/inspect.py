"""The subcommands that only read: state, explain, report, backtest."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from smart_trader_assets.automation.forecast import forecast
from smart_trader_assets.birdeye.circuit_breaker import current_breaker
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.cli.explanation import (
    explanation_csv,
    explanation_head,
    explanation_json,
)
from smart_trader_assets.cli.explanation_tables import explanation_tables
from smart_trader_assets.cli.forecast_lines import costs_table, forecast_lines
from smart_trader_assets.cli.options import (
    STANDARD_OUTPUT,
    AsOf,
    Data,
    chosen_settings,
    cli_errors,
    output_file,
    page_file,
    source_words,
)
from smart_trader_assets.cli.terminal import copied_table, outcomes_table, queue_tables
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.ranking.backtest import backtest
from smart_trader_assets.report.explanation import explain as explain_from_tables
from smart_trader_assets.report.exports import ranking_csv, ranking_json
from smart_trader_assets.report.page_file import check_folder, write_page, write_text
from smart_trader_assets.report.page_place import PageFile, page_of
from smart_trader_assets.report.report_data import MOST_WALLETS, PageRules
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.sources import settings_of_root
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.queue import read_queue
from smart_trader_assets.tables.root import read_identity
from smart_trader_assets.text import plural
from smart_trader_assets.thresholds import (
    cash_mints,
    due_policy,
    pnl_assumptions,
    ranking_rules,
)

_PRICED = (
    "A bet is priced by the first trade that anybody in the tables made after the delay; what could not be "
    "priced may have gone otherwise."
)
_HINDSIGHT = (
    "The wallets are those known today, chosen with hindsight: this compares tiers with each other and is "
    "not a forecast."
)
_NEWEST = 15  # rows of each table of an explanation
_WIDTH_OF_A_FILE = 160  # columns of a table that is piped somewhere


def state(
    data: Data = None,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show the queue: rows by state, what is due, what is failing. Changes nothing."""
    with cli_errors() as console:
        settings = settings_of_root(chosen_settings(data, as_of=as_of))
        store = make_lake(settings).store
        queue = read_queue(store, as_of=settings.now(), policy=due_policy(settings))
        access = BirdEyeAccess(settings)
        spent = access.spent_this_month()
        breaker = current_breaker(state_of(settings))
        if as_json:
            money = {
                name: {"requests": s.requests, "credits": s.credits} for name, s in spent.items()
            }
            printed = {**queue.as_json(), "spent_this_month": money}
            printed["parked_until"] = breaker.until.isoformat() if breaker else None
            typer.echo(json.dumps(printed, indent=2))
            return
        for table in queue_tables(queue, console.width):
            console.print(table)
        if queue.incomplete_histories:
            console.print(f"{queue.incomplete_histories} wallets' histories are not complete yet.")
        for asset, items in queue.rejected.items():
            console.print(
                f"[yellow]![/] {asset}: {plural(items, 'item')} of this week's answers could not be read and "
                "were left out; the runs' logs quote them.",
                highlight=False,
                soft_wrap=True,
            )
        requests = sum(spend.requests for spend in spent.values())
        console.print(
            f"This month: {access.budget().spent:,} credits, {requests:,} requests from here.",
            highlight=False,
        )
        if breaker:
            console.print(
                f"[yellow]![/] Fetching is paused {escape(breaker.words)}", soft_wrap=True
            )


def show_forecast(
    data: Data = None,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what fetching will cost, before a credit is spent: this run, a day, a month; what the plan allows.

    Without a key, what the free plan's would bring. No request is made.
    """
    with cli_errors() as console:
        settings = chosen = chosen_settings(data, as_of=as_of)
        found = read_identity(make_lake(settings).unchecked_store)
        if found is not None:
            settings = settings_of_root(settings)
        if settings.resolved_source != "live":
            if not as_json:
                held = None if found is None else source_words(settings)
                console.print(_what_instead(chosen, held), highlight=False, soft_wrap=True)
            # What others than BirdEye were asked for is no part of an account.
            root = data if found is None else "data/live"
            settings = load_settings({"source": "live", "root": root, "as_of": chosen.as_of})
        store = make_lake(settings).unchecked_store
        known = forecast(settings, store)
        if as_json:
            typer.echo(json.dumps(known.as_json(), indent=2))
            return
        for line in forecast_lines(known):
            console.print(line, highlight=False, soft_wrap=True)
        console.print(costs_table(known, console.width))
        for line in known.advice:
            console.print(f"[yellow]![/] {escape(line)}", highlight=False, soft_wrap=True)


def _what_instead(chosen: Settings, held: str | None) -> str:
    """Whose forecast is shown where the root, if there is one, is not fed by BirdEye; `held`: by what it is."""
    if chosen.birdeye_api_key is not None:
        whose = "" if held is None else f"The rows of this root come from {held} and cost nothing. "
        return f"{whose}This is what a root fed by BirdEye would cost with this key."
    return (
        "There is no BirdEye key here: this is what the free plan would bring. "
        "Set BIRDEYE_API_KEY, and SMART_TRADER_PLAN where it is not the free one."
    )


def explain(
    wallet: Annotated[str, typer.Argument(help="Address of the wallet, or its first characters.")],
    token: Annotated[
        str | None, typer.Option(metavar="MINT", help="Only this token's trades; or its symbol.")
    ] = None,
    data: Data = None,
    as_of: AsOf = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All trades, sales, rollovers and lots, not the newest.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    csv: Annotated[
        bool,
        typer.Option("--csv", help="Print trades, rollovers, lot matches and open lots as CSV."),
    ] = False,
) -> None:
    """Show the trades and the lots behind a wallet's numbers, and whether they add up to the table's."""
    if as_json and csv:
        raise typer.BadParameter("--json and --csv exclude each other: choose one")
    with cli_errors() as console:
        settings = settings_of_root(chosen_settings(data, as_of=as_of))
        rules = ranking_rules(settings)
        explained = explain_from_tables(
            make_lake(settings),
            wallet,
            as_of=settings.now(),
            token=token,
            cash_mints=cash_mints(settings),
            assumptions=pnl_assumptions(settings),
            bet_rules=rules.bets,
            list_window=rules.list_window,
        )
        if as_json:
            typer.echo(explanation_json(explained))
            return
        if csv:
            typer.echo(explanation_csv(explained), nl=False)
            return
        as_wide_as_told = console.is_terminal or "COLUMNS" in os.environ
        wide = console if as_wide_as_told else Console(width=_WIDTH_OF_A_FILE)
        for line in explanation_head(explained):
            wide.print(line, highlight=False, markup=False, soft_wrap=True)
        wide.print()
        newest = None if everything else _NEWEST
        for table in explanation_tables(explained, wide.width, newest=newest):
            wide.print(table)


def report(
    data: Data = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The page; by default reports/ in the root.",
            callback=page_file,
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the ranking as CSV too; - is standard output.",
            callback=output_file,
        ),
    ] = None,
    as_json: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write the ranking as JSON too; - is standard output.",
            callback=output_file,
        ),
    ] = None,
    wallets: Annotated[
        int, typer.Option(min=1, help="Wallets on the page, best first.")
    ] = MOST_WALLETS,
) -> None:
    """Write the HTML report: leaderboard, and each trader's curve, tokens, reasons and lots.

    One HTML file that works without a network. CSV and JSON hold all ranked wallets, unrounded.
    """
    if csv == as_json == STANDARD_OUTPUT:
        raise typer.BadParameter("--csv and --json cannot both go to standard output")
    with cli_errors() as console:
        settings = settings_of_root(chosen_settings(data))
        for file in (out, csv, as_json):
            if file:
                check_folder(file)
        lake = make_lake(settings)
        page = PageFile(out) if out else page_of(lake)
        ranking = write_page(
            lake,
            page,
            most_wallets=wallets,
            rules=PageRules.of(settings),
        )
        exports = [(csv, ranking_csv(ranking.traders))] if csv else []
        if as_json:
            printed = ranking_json(ranking.traders, as_of=ranking.as_of, source=ranking.source)
            exports.append((as_json, printed))
        # An export to standard output must be the only thing there.
        spoken = Console(stderr=True) if STANDARD_OUTPUT in (csv, as_json) else console
        written = [page.place]
        for file, text in exports:
            if file == STANDARD_OUTPUT:
                typer.echo(text, nl=False)
            else:
                write_text(file, text)
                written.append(str(file.resolve()))
        for place in written:
            spoken.print(escape(place), highlight=False, soft_wrap=True)
        if not ranking.traders.height:
            spoken.print("No traders yet: `smart-trader run` looks for some.", highlight=False)


def show_backtest(
    data: Data = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="DAY", help="Rank as of the start of this day; by default 30 days back."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Rank the wallets as of an earlier day, and show what each tier earned afterwards: itself, and for
    somebody who copied it late and at cost, beside the tops of plain leaderboards. Changes nothing."""
    with cli_errors() as console:
        settings = settings_of_root(chosen_settings(data))
        lake = make_lake(settings)
        rules = ranking_rules(settings)
        found = backtest(
            lake.store,
            rules=rules,
            at=_day(at) if at else None,
            cash_mints=cash_mints(settings),
            assumptions=pnl_assumptions(settings),
            recorded=lake.source == "replay",
        )
        if as_json:
            typer.echo(json.dumps(found.as_json(), indent=2))
            return
        console.print(outcomes_table(found, console.width))
        console.print(copied_table(found, rules, console.width))
        console.print(_PRICED, soft_wrap=True)
        console.print(_HINDSIGHT, soft_wrap=True)


def _day(text: str) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--at {text} is not a day: write it as 2026-01-31") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

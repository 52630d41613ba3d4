"""The command `smart-trader`: what Dagster has no command for."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from smart_trader_assets.cli.any_encoding import show_in_any_encoding

_SUBCOMMANDS = {
    "run": (
        "run:run",
        "Drain the pipeline once: take a snapshot, then do whatever is due until nothing is.",
    ),
    "state": (
        "inspect:state",
        "Show the queue: rows by state, what is due, what is failing. Changes nothing.",
    ),
    "explain": (
        "inspect:explain",
        "Show the trades and the lots behind a wallet's numbers, and whether they add up to the table's.",
    ),
    "wallet": (
        "look_up:wallet",
        "Is this wallet any good? Fetch what is missing of its swaps, compute and rank it, and say why.",
    ),
    "token": (
        "signals:token",
        "Show what the ranked traders buy, sell and hold now; of one token, the trades behind it.",
    ),
    "report": (
        "inspect:report",
        "Write the HTML report: leaderboard, and each trader's curve, tokens, reasons and lots.",
    ),
    "backtest": (
        "inspect:show_backtest",
        "Rank the wallets as of an earlier day, and show what each tier earned afterwards: itself, and for "
        "somebody who copied it late and at cost, beside the tops of plain leaderboards. Changes nothing.",
    ),
    "forecast": (
        "inspect:show_forecast",
        "Show what fetching will cost, before a credit is spent: this run, a day, a month; what the plan "
        "allows.",
    ),
    "notify": (
        "tell:notify",
        "Tell what is news: tier changes, signals, trades of ELITE wallets, trouble, a daily digest.",
    ),
    "watch": (
        "watch:watch",
        "Wallets of your own: fetched first, kept fresh, never dropped. Being watched proves nothing; their "
        "verdict is that of any other wallet.",
    ),
    "doctor": (
        "doctor:doctor",
        "Check settings, storage, tables, queue and API, and say what to do. Changes no table.",
    ),
    "reset": (
        "repair:reset",
        "Put chosen rows back to their first state, so that they are done again.",
    ),
    "upgrade": (
        "repair:upgrade",
        "Bring a root along that an earlier version has made: its rows, their identity, new columns.",
    ),
    "dev": (
        "serve:dev",
        "Open the Dagster UI with its daemon; without an API key the stand-in is started beside it.",
    ),
    "home": (
        "serve:home",
        "Print the folder that holds Dagster's history of the root: export DAGSTER_HOME=$(smart-trader home).",
    ),
    "sandbox": (
        "serve:sandbox",
        "Serve the BirdEye stand-in alone, on loopback, until it is stopped.",
    ),
    "worker": (
        "serve:worker",
        "Carry out what Dagster's daemon hands out by Celery, until it is stopped.",
    ),
}
"""Each subcommand by its module in this package and its name there, and as it is listed in the help, in that
order: what it says of itself at first."""


class Subcommands(TyperGroup):
    """The subcommands, each imported when it is called, and not to be listed: importing all takes seconds."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Only their names: what they are is asked of `get_command`.
        names: Any = dict.fromkeys(_SUBCOMMANDS)
        self.commands = names
        self._is_listed = False

    def get_command(self, _: Any, cmd_name: str) -> Any:
        """The subcommand of that name; None where there is none."""
        if cmd_name not in _SUBCOMMANDS:
            return None
        return _listed(cmd_name) if self._is_listed else _subcommand(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help, without importing a subcommand."""
        with self._listing():
            super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """What begins with that, without importing a subcommand."""
        with self._listing():
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _listing(self) -> Iterator[None]:
        self._is_listed = True
        try:
            yield
        finally:
            self._is_listed = False


def _listed(name: str) -> Any:
    """The subcommand as the help lists it."""
    return TyperCommand(name, help=_SUBCOMMANDS[name][1])


@cache
def _subcommand(name: str) -> Any:
    """What Typer makes of the function, or of the group, that stands for `name`."""
    module, _, attribute = _SUBCOMMANDS[name][0].partition(":")
    found = getattr(import_module(f"{__package__}.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False, rich_markup_mode="rich")
        found.command()(function)
    command = typer.main.get_command(found)
    command.name = name
    return command


app = typer.Typer(
    name="smart-trader",
    cls=Subcommands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Finds smart traders on Solana: tokens, their whales, what those wallets traded, first in, "
    "first out PnL, ranking. Every step does only what is due; any command can be stopped and started again.",
    epilog="Settings are environment variables SMART_TRADER_...; BIRDEYE_API_KEY is the key of a BirdEye "
    "account. For the graph, sensors and backfills use Dagster's own UI: `make dev`.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"smart-trader {version('smart-trader-assets')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Options that apply without a subcommand."""


def main() -> None:
    """The entry point of the console command, for terminals of any encoding."""
    show_in_any_encoding()
    app()

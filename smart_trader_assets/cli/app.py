"""The command `smart-trader`: what Dagster has no command for."""

from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from smart_trader_assets.cli.any_encoding import show_in_any_encoding

_SUBCOMMANDS = {
    "run": "run:run",
    "state": "inspect:state",
    "explain": "inspect:explain",
    "wallet": "look_up:wallet",
    "token": "signals:token",
    "report": "inspect:report",
    "backtest": "inspect:show_backtest",
    "forecast": "inspect:show_forecast",
    "notify": "tell:notify",
    "watch": "watch:watch",
    "doctor": "doctor:doctor",
    "reset": "repair:reset",
    "upgrade": "repair:upgrade",
    "dev": "serve:dev",
    "home": "serve:home",
    "sandbox": "serve:sandbox",
    "worker": "serve:worker",
}
"""Each subcommand by its module in this package and its name there, in the order of the help."""


class Subcommands(TyperGroup):
    """The subcommands, each imported when it is asked for: importing all takes seconds."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Only their names: what they are is asked of `get_command`.
        names: Any = dict.fromkeys(_SUBCOMMANDS)
        self.commands = names

    def get_command(self, _: Any, cmd_name: str) -> Any:
        """The subcommand of that name; None where there is none."""
        return _subcommand(cmd_name) if cmd_name in _SUBCOMMANDS else None


@cache
def _subcommand(name: str) -> Any:
    """What Typer makes of the function, or of the group, that stands for `name`."""
    module, _, attribute = _SUBCOMMANDS[name].partition(":")
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

"""The command `smart-trader`: what Dagster has no command for."""

from importlib.metadata import version
from typing import Annotated

import typer

from smart_trader_assets.cli.any_encoding import show_in_any_encoding
from smart_trader_assets.cli.doctor import doctor
from smart_trader_assets.cli.inspect import explain, report, show_backtest, show_forecast, state
from smart_trader_assets.cli.repair import reset, upgrade
from smart_trader_assets.cli.run import run
from smart_trader_assets.cli.serve import dev, home, sandbox
from smart_trader_assets.cli.watch import watch

app = typer.Typer(
    name="smart-trader",
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


for subcommand in (run, state, explain, report, doctor, reset, upgrade, dev, home, sandbox):
    app.command()(subcommand)
app.command(name="backtest")(show_backtest)
app.command(name="forecast")(show_forecast)
app.add_typer(watch, name="watch")


def main() -> None:
    """The entry point of the console command, for terminals of any encoding."""
    show_in_any_encoding()
    app()

"""`smart-trader run`: drains the pipeline once."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from smart_trader_assets.cli.options import (
    AsOf,
    Data,
    Replay,
    Sandbox,
    chosen_settings,
    cli_errors,
    source_words,
)


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
    with cli_errors() as output:
        settings = chosen_settings(data, sandbox=sandbox, replay=replay, as_of=as_of)
        # Where the log is JSON, standard output is the log's.
        console = Console(stderr=True) if settings.log_format == "json" else output
        console.print(f"Source: {source_words(settings)}.", highlight=False, soft_wrap=True)
        # Dagster and what is built on it take seconds to import: after the greeting.
        from smart_trader_assets.cli.draining import drain_and_tell  # noqa: PLC0415

        drain_and_tell(settings, console, top=top)

"""What the subcommands share: options, the settings that they choose, and how a refusal is reported."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from smart_trader_assets.delta.storage_errors import translate_storage_errors
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.settings import Settings, load_settings

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


STANDARD_OUTPUT = Path("-")


def output_file(file: Path | None) -> Path | None:
    """A file to write, or `-`; BadParameter where an option was given instead of its name."""
    return file if file == STANDARD_OUTPUT else page_file(file)


def page_file(file: Path | None) -> Path | None:
    """A file to write; BadParameter where an option was given instead of its name."""
    if file and str(file).startswith("-"):
        raise typer.BadParameter(
            f"{file} is not a file name (write ./{file} for a file of that name)"
        )
    return file


def chosen_settings(
    data: str | None,
    *,
    sandbox: bool = False,
    replay: Path | None = None,
    as_of: str | None = None,
) -> Settings:
    """The settings of the environment with the options on top; BadParameter for options that clash."""
    changes: dict[str, Any] = {"root": data}
    if sandbox and replay:
        raise typer.BadParameter("--sandbox and --replay exclude each other: choose one")
    if sandbox:
        changes["source"] = "sandbox"
    if replay:
        changes |= {"source": "replay", "replay_folder": replay}
    if as_of:
        try:
            moment = datetime.fromisoformat(as_of)
        except ValueError:
            raise typer.BadParameter(f"--as-of {as_of} is not an ISO 8601 time") from None
        changes["as_of"] = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return load_settings(changes)


def source_words(settings: Settings) -> str:
    """Where the rows come from."""
    return {
        "live": f"BirdEye at {settings.birdeye_base_url}",
        "sandbox": f"an invented market (seed {settings.sandbox_seed}) served over loopback",
        "replay": f"the recorded rows of {settings.replay_folder} served over loopback",
    }[settings.resolved_source]


@contextmanager
def cli_errors() -> Iterator[Console]:
    """A refusal of ours is one sentence and exit code 1; anything else is a defect and keeps its trace."""
    console = Console()
    try:
        with translate_storage_errors("running the command"):
            yield console
    except SmartTraderError as error:
        Console(stderr=True).print(
            f"[red]✗[/] {escape(str(error))}", soft_wrap=True, highlight=False
        )
        sys.exit(1)
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped. What is done stays done; run it again to continue.")
        sys.exit(130)

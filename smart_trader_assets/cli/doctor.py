"""`smart-trader doctor`: what is wrong, and what to do."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from smart_trader_assets.cli.options import Data, chosen_settings, cli_errors
from smart_trader_assets.doctor import (
    Finding,
    Verdict,
    api_cost,
    examine,
    examine_without_settings,
)
from smart_trader_assets.settings import SettingsError

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.BROKEN: "red"}


def doctor(
    data: Data = None,
    api: Annotated[
        bool,
        typer.Option("--api", help=f"Ask each endpoint of BirdEye once, for {api_cost()} credits."),
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="DIR",
            file_okay=False,
            help="Keep what the endpoints answer in this new folder, without the key; implies --api.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Check settings, storage, tables, queue and API, and say what to do. Changes no table.

    Exit code 1 where something is broken; a warning can wait.
    """
    with cli_errors() as console:
        findings = _findings(data, api or record is not None, record)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        console.print(findings_table(findings))
    if any(finding.verdict is Verdict.BROKEN for finding in findings):
        sys.exit(1)


def _findings(data: str | None, api: bool, record: Path | None) -> list[Finding]:
    try:
        settings = chosen_settings(data)
    except SettingsError as error:
        return examine_without_settings(error)
    if api:
        cost = f"Asking the API costs up to {api_cost(settings.prices)} credits."
        typer.echo(cost if record is None else f"{cost} Its answers go to {record}.", err=True)
    return examine(settings, ask_api=api, record_into=record)


def findings_table(findings: list[Finding]) -> Table:
    """A row for each check: one line where all is well."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("check", "verdict", "found, and what to do"):
        table.add_column(name, overflow="fold", no_wrap=name in {"check", "verdict"})
    for finding in findings:
        colour = _COLOURS[finding.verdict]
        table.add_row(finding.check, f"[{colour}]{finding.verdict}[/]", _format_finding(finding))
    return table


def _format_finding(finding: Finding) -> Text:
    """What was found, and below it what to do."""
    return Text("\n".join(filter(None, (finding.found, finding.remedy))))

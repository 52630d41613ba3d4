"""`smart-trader doctor`: what is wrong, and what to do."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from smart_trader_assets.cli.options import Data, chosen_settings, cli_errors
from smart_trader_assets.doctor import (
    API_COST,
    Finding,
    Verdict,
    examine,
    examine_without_settings,
)
from smart_trader_assets.settings import SettingsError

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.BROKEN: "red"}


def doctor(
    data: Data = None,
    api: Annotated[
        bool,
        typer.Option("--api", help=f"Ask each endpoint of BirdEye once, for {API_COST} credits."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Check settings, storage, tables, queue and API, and say what to do. Changes nothing.

    Exit code 1 where something is broken; a warning can wait.
    """
    with cli_errors() as console:
        findings = _findings(data, api)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        console.print(findings_table(findings))
    if any(finding.verdict is Verdict.BROKEN for finding in findings):
        sys.exit(1)


def _findings(data: str | None, api: bool) -> list[Finding]:
    try:
        settings = chosen_settings(data)
    except SettingsError as error:
        return examine_without_settings(error)
    if api:
        typer.echo(f"Asking the API costs up to {API_COST} credits.", err=True)
    return examine(settings, ask_api=api)


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
    """One line for what is well, cut to the width; everything for what is not, with the remedy below."""
    if finding.verdict is Verdict.OK:
        return Text(finding.found, no_wrap=True, overflow="ellipsis")
    return Text("\n".join(filter(None, (finding.found, finding.remedy))))

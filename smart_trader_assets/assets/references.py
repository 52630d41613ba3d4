"""Where the code and the documentation of an asset stand, for the UI's definition panel."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg

from smart_trader_assets.delta.contract import TableContract

_KEY = "dagster/code_references"
_TABLES_PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def references(
    compute: Callable[..., Any], contract: TableContract | None = None
) -> dict[str, Any]:
    """Metadata that links to `compute` and, in a checkout, to the table's section of `docs/tables.md`.

    Dagster's own helper would name the decorator that every asset here is made by.
    """
    warnings.filterwarnings("ignore", category=dg.BetaWarning, message=".*CodeReference.*")
    written = inspect.unwrap(compute).__code__
    code = dg.LocalFileCodeReference(
        file_path=written.co_filename,
        line_number=written.co_firstlineno,
        label="what computes it",
    )
    page = [] if contract is None else _section(contract)
    return {_KEY: dg.CodeReferencesMetadataValue(code_references=[code, *page])}


def _section(contract: TableContract) -> list[dg.LocalFileCodeReference]:
    lines = _page_lines()
    if not lines:
        return []
    heading = f"## {contract.name}"
    at = lines.index(heading) + 1 if heading in lines else 1
    return [
        dg.LocalFileCodeReference(
            file_path=str(_TABLES_PAGE), line_number=at, label="columns and states"
        )
    ]


@cache
def _page_lines() -> list[str]:
    """The page's lines; none where there is no page: an installed package has no such folder."""
    if not _TABLES_PAGE.is_file():
        return []
    return _TABLES_PAGE.read_text(encoding="utf-8").splitlines()

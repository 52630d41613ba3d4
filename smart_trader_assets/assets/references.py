"""Where the code and the documentation of an asset stand, for the UI's definition panel."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.storage_errors import translate_storage_errors

_KEY = "dagster/code_references"
_TABLES_PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def references(
    compute: Callable[..., Any], contract: TableContract | None = None
) -> dict[str, Any]:
    """Metadata that links to `compute` and, in a checkout, to the table's section of `docs/tables.md`.

    Dagster's own helper would name the decorator that every asset here is made by.
    """
    warnings.filterwarnings("ignore", category=dg.BetaWarning, message=".*CodeReference.*")
    found = inspect.unwrap(compute)
    code = dg.LocalFileCodeReference(
        file_path=inspect.getfile(found),
        line_number=inspect.getsourcelines(found)[1],
        label="what computes it",
    )
    page = [] if contract is None else _section(contract)
    return {_KEY: dg.CodeReferencesMetadataValue(code_references=[code, *page])}


def plain_asset(**options: Any) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """A decorator: `dg.asset` for what is no table, with the link to its code."""

    def declare(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        declared: Callable[..., dg.AssetsDefinition] = dg.asset(
            **options, metadata=references(compute)
        )
        return declared(translate_storage_errors("reading the tables")(compute))

    return declare


def _section(contract: TableContract) -> list[dg.LocalFileCodeReference]:
    if not _TABLES_PAGE.is_file():  # an installed package has no such folder
        return []
    lines = _TABLES_PAGE.read_text(encoding="utf-8").splitlines()
    heading = f"## {contract.name}"
    at = lines.index(heading) + 1 if heading in lines else 1
    return [
        dg.LocalFileCodeReference(
            file_path=str(_TABLES_PAGE), line_number=at, label="columns and states"
        )
    ]

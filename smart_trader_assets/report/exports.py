"""The ranking and a wallet's lots as CSV and JSON: numbers as they are, not rounded."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from smart_trader_assets.delta.contract import AUDIT
from smart_trader_assets.tables.catalog import SMART_TRADERS

_FORMULA = r"^[=+\-@\t\r]"
_BETWEEN_TEXTS = " | "


def ranking_csv(traders: pl.DataFrame) -> str:
    """gold/smart_traders as CSV, best first, the reasons in one cell."""
    return csv_text(_content(traders))


def ranking_json(traders: pl.DataFrame, *, as_of: datetime | None, source: str) -> str:
    """gold/smart_traders as JSON: `as_of`, `source`, and `traders`, best first."""
    return json_text({"as_of": as_of, "source": source, "traders": _content(traders).to_dicts()})


def csv_text(frame: pl.DataFrame) -> str:
    """A frame as CSV; times in ISO 8601, lists of texts joined, unknown empty.

    A text that a spreadsheet would take for a formula is prefixed with an apostrophe: symbols are chosen by
    strangers, and a file that is opened must not run what they wrote.
    """
    texts = [
        pl.col(name).list.join(_BETWEEN_TEXTS).alias(name)
        for name, dtype in frame.schema.items()
        if dtype == pl.List(pl.String)
    ]
    plain = frame.with_columns(texts)
    guarded = [
        pl.when(pl.col(name).str.contains(_FORMULA))
        .then(pl.concat_str(pl.lit("'"), name))
        .otherwise(name)
        .alias(name)
        for name, dtype in plain.schema.items()
        if dtype == pl.String
    ]
    return plain.with_columns(guarded).write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")


def json_text(value: Mapping[str, Any]) -> str:
    """JSON with times in ISO 8601; a number that is not finite is null."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def _content(traders: pl.DataFrame) -> pl.DataFrame:
    """The table's columns, without those of the page and the audit trail."""
    audit = {column.name for column in AUDIT}
    return traders.select(name for name in SMART_TRADERS.schema if name not in audit)


def _plain(value: object) -> object:
    match value:
        case Mapping():
            return {name: _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case date():  # a datetime is one too
            return value.isoformat()
        case float() if not math.isfinite(value):
            return None
        case _:
            return value

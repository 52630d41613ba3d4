"""A preview of the rows that a run wrote: the first few, in a handful of columns."""

from __future__ import annotations

from datetime import date, datetime

import dagster as dg
import polars as pl

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.text import shown_text

MOST_ROWS = 10
LONGEST_TEXT = 120
DIGITS = 6

Cell = str | float | int | bool | None


class Preview:
    """Keeps the first rows of an output as they are handed over: nothing is read again for it."""

    def __init__(self, contract: TableContract) -> None:
        self._columns = {c.name: c.dtype for c in contract.columns if c.preview}
        self._records: list[dict[str, Cell]] = []

    def take(self, rows: pl.DataFrame | None) -> None:
        """Keep the first of `rows` that fit; columns that they lack are blank."""
        if rows is None:
            return
        room = MOST_ROWS - len(self._records)
        held = [name for name in self._columns if name in rows.columns]
        for row in rows.select(held).head(room).iter_rows(named=True):
            self._records.append({name: _cell(row.get(name)) for name in self._columns})

    def as_metadata(self) -> dg.TableMetadataValue | None:
        """The rows as a table; None where no row came."""
        if not self._records:
            return None
        return dg.TableMetadataValue(
            records=[dg.TableRecord(record) for record in self._records],
            schema=dg.TableSchema(
                columns=[
                    dg.TableColumn(name, _KINDS.get(dtype.base_type(), "string"))
                    for name, dtype in self._columns.items()
                ]
            ),
        )


_KINDS = {pl.Int64: "int", pl.Float64: "float", pl.Boolean: "bool"}


def _cell(value: object) -> Cell:
    """A value for display: numbers to six digits, times in UTC, untrusted texts made harmless."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return float(f"{value:.{DIGITS}g}")
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case date():
            return value.isoformat()
        case list():
            return shown_text("; ".join(str(part) for part in value), LONGEST_TEXT)
        case _:
            return shown_text(str(value), LONGEST_TEXT)

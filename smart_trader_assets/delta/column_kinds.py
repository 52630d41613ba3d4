"""Columns by the kind of what they hold, for contracts that read like a list: `col.usd("price", "Price")`."""

from __future__ import annotations

from typing import Protocol, TypedDict, Unpack

import polars as pl

from smart_trader_assets.delta.contract import TEXTS, TIME, Column, Merge


class ColumnOptions(TypedDict, total=False):
    """What a `Column` may have beside its name, meaning and unit."""

    required: bool
    merge: Merge
    initial: int | None
    preview: bool


class ColumnOf(Protocol):
    """Makes a column of one kind; `unit` where the kind does not say it."""

    def __call__(
        self, name: str, meaning: str, unit: str | None = None, **options: Unpack[ColumnOptions]
    ) -> Column: ...


def _of(dtype: pl.DataType | type[pl.DataType], kind_unit: str | None = None) -> ColumnOf:
    def column(
        name: str, meaning: str, unit: str | None = None, **options: Unpack[ColumnOptions]
    ) -> Column:
        return Column(name, dtype, meaning, unit or kind_unit, **options)

    return column


text, texts, flag = _of(pl.String), _of(TEXTS), _of(pl.Boolean)
integer, number = _of(pl.Int64), _of(pl.Float64)
usd, percent = _of(pl.Float64, "USD"), _of(pl.Float64, "%")
seconds = _of(pl.Int64, "unix s")
day, time = _of(pl.Date), _of(TIME)

"""How a value of the source becomes a value of a column: correct or absent, never guessed.

The source writes the same field as a number in one row and as text in the next, leaves fields out,
and sends null. A value that is not what its column holds becomes null. Nothing here raises on a
value, so that one broken field never stops its row, nor one broken row its neighbours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeGuard

import polars as pl

from smart_trader_assets.errors import SmartTraderError

_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_INT64_MAX = 2**63 - 1
_INT64_DIGITS = 19


class NaiveTimeError(SmartTraderError, ValueError):
    """A time without a time zone, which could mean any of a day's hours."""


class SourceRows(NamedTuple):
    """Rows made of the source's items, and a sentence for each item that was left out."""

    frame: pl.DataFrame
    rejected: list[str]


def utc_time(moment: datetime, name: str) -> datetime:
    """The same moment in UTC; NaiveTimeError, which says its `name`, where it has no time zone."""
    if moment.tzinfo is None:
        raise NaiveTimeError(f"{name} {moment.isoformat()} has no time zone; pass a time in UTC.")
    return moment.astimezone(UTC)


def number(value: object) -> float | None:
    """A finite float, from a number or from the text of a plain number."""
    if not _is_numeric(value):
        return None
    try:
        parsed = float(value)
    except (OverflowError, ValueError):  # an int beyond a float's range, a signalling NaN
        return None
    return parsed if math.isfinite(parsed) else None


def integer(value: object) -> int | None:
    """A whole number of 64 bits, from a number without a fraction or its text."""
    if not _is_numeric(value):
        return None
    if isinstance(value, int):
        whole = value
    else:
        exact = Decimal(value)
        # The magnitude first: making an int of 1e999999 would take a million digits.
        if not exact.is_finite() or exact.adjusted() >= _INT64_DIGITS:
            return None
        if exact != exact.to_integral_value():
            return None
        whole = int(exact)
    return whole if -_INT64_MAX <= whole <= _INT64_MAX else None


def _is_numeric(value: object) -> TypeGuard[int | float | Decimal | str]:
    if isinstance(value, str):
        return _PLAIN_NUMBER.fullmatch(value) is not None
    return isinstance(value, (float, Decimal, int)) and not isinstance(value, bool)


def text(value: object) -> str | None:
    """A text as received; a lone half of a surrogate pair, which no table can hold, becomes `?`."""
    if not isinstance(value, str):
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def flag(value: object) -> bool | None:
    """True or false, where it was sent as such."""
    return value if isinstance(value, bool) else None


def exact_text(value: object) -> str | None:
    """The text of a raw amount as received, a number or text; never through a float."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else None
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def texts(value: object) -> list[str] | None:
    """A list of texts; null where it is not a list, or holds anything else."""
    if not isinstance(value, list):
        return None
    found = [text(entry) for entry in value]
    return None if None in found else found  # type: ignore[return-value]


@dataclass(frozen=True)
class Kind:
    """What a column holds: how a value of the source is read, and the column's type."""

    read: Callable[[object], Any]
    dtype: pl.DataType | type[pl.DataType]

    def column(self, name: str, values: Iterable[object]) -> pl.Series:
        """The values as a column of this very type, even where all are null or none are given."""
        return pl.Series(name, list(map(self.read, values)), dtype=self.dtype)


NUMBER = Kind(number, pl.Float64)
INTEGER = Kind(integer, pl.Int64)
TEXT = Kind(text, pl.String)
FLAG = Kind(flag, pl.Boolean)
EXACT = Kind(exact_text, pl.String)
TEXTS = Kind(texts, pl.List(pl.String))

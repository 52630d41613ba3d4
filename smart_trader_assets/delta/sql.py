"""Typed literals for predicates: a value never becomes part of the statement's grammar."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

Literal = str | bool | int | date

_SLACK = timedelta(seconds=1)


def literal(value: Literal) -> str:
    """`value` as a SQL literal of its own type; TypeError for a type that no predicate needs."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        raise TypeError("the statistics of files cut a time short: compare with it by `within`")
    if isinstance(value, date):
        return f"CAST('{value.isoformat()}' AS DATE)"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"no SQL literal for a {type(value).__name__}: {value!r}")


def one_of(column: str, values: Iterable[Literal]) -> str:
    """`column` is one of `values`, sorted for the reader.

    A list for a single value too: `x = false` is simplified to `NOT x`, by which no file is left unopened.
    """
    literals = sorted({literal(value) for value in values})
    return f"{column} IN ({', '.join(literals)})"


def within(column: str, least: datetime, greatest: datetime) -> str:
    """`column`, a time in UTC, is about between two times.

    A second more on either side: the statistics of files, by which they are left unopened, cut times short.
    """
    low, high = (
        f"CAST('{time.astimezone(UTC).isoformat()}' AS TIMESTAMP WITH TIME ZONE)"
        for time in (least - _SLACK, greatest + _SLACK)
    )
    return f"{column} >= {low} AND {column} <= {high}"


def differs(left: str, right: str) -> str:
    """Null-safe inequality, in parentheses because OR binds to its operand otherwise."""
    return f"({left} IS DISTINCT FROM {right})"


def any_of(conditions: Iterable[str]) -> str:
    """At least one of the conditions."""
    return " OR ".join(conditions)


def all_of(conditions: Iterable[str]) -> str:
    """All of the conditions."""
    return " AND ".join(conditions)

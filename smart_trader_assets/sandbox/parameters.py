"""Reading query parameters as strictly as the contract states them."""

import math
from collections.abc import Collection, Mapping

from smart_trader_assets.sandbox.wire import RefusalError

MAX_LIMIT = 100
MAX_DEPTH = 10_000
MAX_UNIX_TIME = 10_000_000_000


def refuse_unknown(parameters: Mapping[str, str], known: Collection[str]) -> None:
    """Refuses what the contract does not name: a misspelt filter must not pass for a filter."""
    for name in parameters:
        if name not in known:
            raise RefusalError(400, f"{name} is not a parameter of this endpoint")


def required(parameters: Mapping[str, str], name: str) -> str:
    """A text that must be there and not be empty."""
    value = parameters.get(name, "")
    if not value:
        raise RefusalError(400, f"{name} is required")
    return value


def choice(parameters: Mapping[str, str], name: str, allowed: Collection[str], default: str) -> str:
    """One of a set of words."""
    value = parameters.get(name, default)
    if value not in allowed:
        raise RefusalError(400, f"{name} must be one of {', '.join(sorted(allowed))}")
    return value


def number(parameters: Mapping[str, str], name: str) -> float:
    """A decimal number."""
    try:
        value = float(parameters[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RefusalError(400, f"{name} should be a number")
    return value


def integer(
    parameters: Mapping[str, str], name: str, *, least: int, most: int, default: int
) -> int:
    """A whole number within bounds."""
    text = parameters.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        raise RefusalError(400, f"{name} should be an integer") from None
    if not least <= value <= most:
        raise RefusalError(400, f"{name} should be in range {least} to {most}")
    return value


def page(parameters: Mapping[str, str]) -> tuple[int, int]:
    """``(offset, limit)`` of a page; together they may reach 10,000 items deep."""
    offset = integer(parameters, "offset", least=0, most=MAX_DEPTH, default=0)
    limit = integer(parameters, "limit", least=1, most=MAX_LIMIT, default=MAX_LIMIT)
    if offset + limit > MAX_DEPTH:
        raise RefusalError(400, f"offset + limit should be at most {MAX_DEPTH}")
    return offset, limit


def unix_time(parameters: Mapping[str, str], name: str) -> int | None:
    """Seconds since 1970, or None where the parameter is absent."""
    if name not in parameters:
        return None
    return integer(parameters, name, least=1, most=MAX_UNIX_TIME, default=1)

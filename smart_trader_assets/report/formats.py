"""How numbers read to a person: rounded for the eye, a dash where unknown."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TypeGuard

from smart_trader_assets import text

UNKNOWN = "–"
_MINUS = "−"
_WHOLE_DOLLARS_FROM = 1_000
_DIGITS = 4
_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def usd(amount: float | None) -> str:
    """`$12.34`, from a thousand on whole dollars: `−$12,345`."""
    if not _known(amount):
        return UNKNOWN
    places = 0 if abs(amount) >= _WHOLE_DOLLARS_FROM else 2
    text = f"{abs(amount):,.{places}f}"
    negative = amount < 0 and float(text.replace(",", "")) != 0
    return f"{_MINUS if negative else ''}${text}"


def usd_short(amount: float | None) -> str:
    """Four digits that count, thousands and more by letter: `$12.5k`, `−$300`."""
    if not _known(amount):
        return UNKNOWN
    return f"{_MINUS if amount < 0 else ''}${quantity(abs(amount))}"


def percent(share: float | None) -> str:
    """`62.5 %`, cut to one place: what falls short of a threshold never reads as reaching it."""
    return text.percent(share).replace("-", _MINUS) if _known(share) else UNKNOWN


def share(percent_of_all: float | None) -> str:
    """A part of a whole, in whole percent; `<1 %` and `>99 %` where that would read as none and all."""
    if not _known(percent_of_all):
        return UNKNOWN
    if 0 < percent_of_all < 1:
        return "<1 %"
    if 99 < percent_of_all < 100:  # noqa: PLR2004 - percent
        return ">99 %"
    return f"{percent_of_all:.0f} %"


def count(number: float | None) -> str:
    """Whole, with thousands: `1,234`."""
    return f"{number:,.0f}" if _known(number) else UNKNOWN


def ratio(number: float | None) -> str:
    """Two places: `1.85`."""
    return f"{number:,.2f}".replace("-", _MINUS) if _known(number) else UNKNOWN


def quantity(tokens: float | None) -> str:
    """Four digits that count, thousands and more by letter: `1.493M`, `0.004712`."""
    if not _known(tokens):
        return UNKNOWN
    for scale, letter in _SCALES:
        if abs(tokens) >= scale:
            return f"{_digits(tokens / scale)}{letter}"
    return _digits(tokens)


def price(usd_a_token: float | None) -> str:
    """Four digits that count, never in powers of ten: `$0.000004242`."""
    return f"${_digits(usd_a_token)}" if _known(usd_a_token) else UNKNOWN


def duration(hours: float | None) -> str:
    """The unit that suits: `45 s`, `12 min`, `5.2 h`, `3.4 d`."""
    if not _known(hours):
        return UNKNOWN
    for unit, length in (("d", 24.0), ("h", 1.0), ("min", 1 / 60)):
        if hours >= length:
            return f"{hours / length:,.{0 if unit == 'min' else 1}f} {unit}"
    return f"{hours * 3600:.0f} s"


def moment(time: datetime | None) -> str:
    """To the minute, UTC: `2026-01-31 12:05`."""
    return f"{time:%Y-%m-%d %H:%M}" if time is not None else UNKNOWN


def sign(number: float | None) -> str:
    """`gain`, `loss` or nothing: what colours a number."""
    if not _known(number) or number == 0:
        return ""
    return "gain" if number > 0 else "loss"


def _known(number: float | None) -> TypeGuard[float]:
    return number is not None and math.isfinite(number)


def _digits(number: float) -> str:
    """Four digits that count, without powers of ten and trailing zeros."""
    if number == 0:
        return "0"
    places = max(0, _DIGITS - 1 - math.floor(math.log10(abs(number))))
    text = f"{number:,.{places}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", _MINUS)

"""How numbers read in a sentence that a person is shown."""

from __future__ import annotations

from decimal import ROUND_DOWN, Context, Decimal

_CENT = Decimal("0.01")
_WIDE = Context(prec=400)


def usd(amount: float) -> str:
    """A finite amount of money: `12,345.67 USD`.

    Cut to cents, not rounded, so that what falls short of a threshold never reads as reaching it.
    """
    cents = Decimal(str(amount)).quantize(_CENT, rounding=ROUND_DOWN, context=_WIDE)
    return f"{cents + 0:,f} USD"  # no minus before nothing


def percent(share: float) -> str:
    """A finite percentage: `62.5 %`, cut to one place for the same reason."""
    cut = Decimal(str(share)).quantize(Decimal("0.1"), rounding=ROUND_DOWN, context=_WIDE)
    return f"{cut:,f} %"


def plural(number: int, noun: str) -> str:
    """A number of things: `1 trade`, `1,200 trades`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

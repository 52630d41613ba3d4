"""Whole-number arithmetic for quantities and money, as expressions over Int128 columns.

Quantities are raw units of a mint. Money is counted in units of 1e-21 USD: six digits below the
1e-15 USD at which a result counts as a win or a loss, so that the rounding of a division never decides
whether a trade won, while 1.7e17 USD still fit. No sum of money or of quantities ever passes through a float.

Limits, kept by the screening of rows: a leg moves at most `MAX_QUANTITY` raw units (the chain's own
counter ends at 1.8e19), and a price that would value a leg above `MAX_LEG_USD` is not a price.
"""

from typing import Final

import polars as pl

MONEY_DIGITS: Final = 21
UNITS_PER_USD: Final = 10**MONEY_DIGITS
RESULT_QUANTUM: Final = 10 ** (MONEY_DIGITS - 15)
"""A result below 1e-15 USD is the remainder of a rounding: neither a win nor a loss."""

MAX_QUANTITY: Final = 10**20
MAX_LEG_USD: Final = 1e11
MIN_PRICE: Final = 1e-30
MAX_DECIMALS: Final = 30

_SIGNIFICANT_DIGITS: Final = 15
_MAX_POWER: Final = 38
_INTEGER_POWERS: Final = pl.Series([10**n for n in range(_MAX_POWER + 1)], dtype=pl.Int128)
_FLOAT_POWER_BIAS: Final = 30
_FLOAT_POWERS: Final = pl.Series([float(f"1e{n}") for n in range(-_FLOAT_POWER_BIAS, 61)])
_HALF_LIMB: Final = 2**32
MAX_DIVISOR: Final = 2**79


def whole(value: int) -> pl.Expr:
    """An Int128 literal."""
    return pl.lit(value, dtype=pl.Int128)


def float_power_of_ten(exponent: pl.Expr) -> pl.Expr:
    """10^exponent for exponents from -30 to 60, looked up: the nearest float to the decimal number,
    which a product of powers is not."""
    return pl.lit(_FLOAT_POWERS).gather(exponent + _FLOAT_POWER_BIAS)


def to_usd(money: pl.Expr) -> pl.Expr:
    """Money units -> float64 USD, for the table. Whole dollars stay whole."""
    magnitude = money.abs()
    dollars = magnitude // whole(UNITS_PER_USD)
    rest = magnitude - dollars * whole(UNITS_PER_USD)
    # Dividing by a literal rounds differently in a frame of one row; multiplying does not.
    usd = dollars.cast(pl.Float64) + rest.cast(pl.Float64) * (1 / UNITS_PER_USD)
    return pl.when(money < 0).then(-usd).otherwise(usd)


def quotient(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """one / other, both columns, rounded alike in every frame.

    By a column that holds a single value, as that of one wallet may, Polars divides by multiplying with its
    inverse, and makes less than one of 49 of 49. A column that is shifted, if only by nothing, has its values
    one by one.
    """
    return one.cast(pl.Float64) / other.cast(pl.Float64).shift(0)


def divided(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """one / other by multiplying with the inverse in every frame: for an `other` that is a single value."""
    return one * (1.0 / other)


def to_tokens(units: pl.Expr, decimals: pl.Expr) -> pl.Expr:
    """Raw units -> float64 whole tokens, for the table."""
    return quotient(units, float_power_of_ten(decimals))


def usd_value(quantity: pl.Expr, decimals: pl.Expr, price: pl.Expr) -> pl.Expr:
    """The money of `quantity` raw units (0 or more) at `price` USD per whole token, rounded down.

    The price is taken as the decimal number of 15 digits that its float stands for, so that 0.1 is
    a tenth; the product is exact, and equal quantities at equal prices are worth the same.
    """
    digits = _SIGNIFICANT_DIGITS - 1 - price.log10().floor().cast(pl.Int64)
    significand = (price * float_power_of_ten(digits)).round().cast(pl.Int128)
    exponent = MONEY_DIGITS - decimals.cast(pl.Int64) - digits
    powers = pl.lit(_INTEGER_POWERS).gather(exponent.abs().clip(0, _MAX_POWER))
    product = quantity * significand
    return pl.when(exponent >= 0).then(product * powers).otherwise(product // powers)


def multiply_divide(value: pl.Expr, numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """value x numerator / denominator, rounded down, without a wider integer than Int128.

    For values >= 0 and 0 < denominator <= `MAX_DIVISOR`, where the result fits: a long division in
    two steps of 32 bits, whose every intermediate product stays below 2^127.
    """
    quotient = value // denominator
    rest = value - quotient * denominator
    high = numerator // whole(_HALF_LIMB)
    low = numerator - high * whole(_HALF_LIMB)
    upper = rest * high
    upper_quotient = upper // denominator
    upper_rest = upper - upper_quotient * denominator
    lower = (upper_rest * whole(_HALF_LIMB) + rest * low) // denominator
    return quotient * numerator + upper_quotient * whole(_HALF_LIMB) + lower

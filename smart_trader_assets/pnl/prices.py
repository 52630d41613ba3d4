"""Which prices of a row can be believed, and what its legs are worth by them."""

from typing import Final

import polars as pl

from smart_trader_assets.pnl.exact import (
    MAX_LEG_USD,
    MIN_PRICE,
    float_power_of_ten,
    usd_value,
    whole,
)
from smart_trader_assets.pnl.swap_rows import LEGS

_WORLDS_APART: Final = 1e6
"""Two legs of one swap are worth about the same; this far apart, one of the prices is an error."""
_WITNESS_FACTOR: Final = 1e3


def with_prices(rows: pl.DataFrame, pegs: pl.Series) -> pl.DataFrame:
    """Adds `base_rate`, `quote_rate`, the believable price of a whole token, `base_worth`,
    `quote_worth`, about what the legs are worth by it, and replaces `volume_usd` by null where it
    is not believable. All float64 USD.

    In: sound rows with codes and quantities; `pegs`: USD per whole coin by mint code, null where the
    mint has no peg. A leg's price is its peg, else `price`, else `nearest_price`; null, NaN,
    infinite and non-positive prices do not count, nor does one that would make the leg worth more than a
    hundred billion USD. Where both legs have a price and their values differ a million times, a peg
    is believed; else the leg that `volume_usd` confirms; else neither, nor `volume_usd`.
    """
    tokens = {leg: _whole_tokens(leg) for leg in LEGS}
    peg = {leg: pl.lit(pegs).gather(pl.col(f"{leg}_mint")) for leg in LEGS}
    volume = pl.col("volume_usd")
    rows = (
        rows.lazy()
        .with_columns(
            *(_believable(leg, peg[leg], tokens[leg]).alias(f"{leg}_rate") for leg in LEGS),
            volume_usd=_sound(volume, volume),
        )
        .with_columns((tokens[leg] * pl.col(f"{leg}_rate")).alias(f"{leg}_worth") for leg in LEGS)
        .drop(f"{leg}_{name}" for leg in LEGS for name in ("price", "nearest_price"))
        .collect()
    )
    return _without_contradictions(rows, peg)


def leg_value(leg: str) -> pl.Expr:
    """The money (Int128) of a leg at its believable price; null where unpriced or below a unit."""
    quantity = pl.col(f"{leg}_quantity").abs()
    return _positive(usd_value(quantity, pl.col(f"{leg}_decimals"), pl.col(f"{leg}_rate")))


def volume_value() -> pl.Expr:
    """The money (Int128) of `volume_usd`, null where it is not known."""
    return _positive(usd_value(whole(1), pl.lit(0), pl.col("volume_usd")))


def _whole_tokens(leg: str) -> pl.Expr:
    """A float: good enough to check a price by, never used as a quantity."""
    scale = float_power_of_ten(pl.col(f"{leg}_decimals"))
    return pl.col(f"{leg}_quantity").abs().cast(pl.Float64) / scale


def _sound(price: pl.Expr, worth: pl.Expr) -> pl.Expr:
    # NaN and infinity fail the comparison of the leg's value with the limit.
    return pl.when((price >= MIN_PRICE) & (worth <= MAX_LEG_USD)).then(price)


def _believable(leg: str, peg: pl.Expr, tokens: pl.Expr) -> pl.Expr:
    stated = (pl.col(f"{leg}_price"), pl.col(f"{leg}_nearest_price"))
    first_sound = pl.coalesce(*(_sound(price, tokens * price) for price in stated))
    # A peg that the limit refuses does not give way to a stated price.
    return pl.when(peg.is_null()).then(first_sound).otherwise(_sound(peg, tokens * peg))


def _without_contradictions(rows: pl.DataFrame, peg: dict[str, pl.Expr]) -> pl.DataFrame:
    worth = {leg: pl.col(f"{leg}_worth") for leg in LEGS}
    apart = (~_within(worth["base"], worth["quote"], _WORLDS_APART)).fill_null(value=False)
    if not rows.select(apart.any()).item():
        return rows
    volume = pl.col("volume_usd")
    believed = {
        leg: peg[leg].is_not_null()
        | _within(worth[leg], volume, _WITNESS_FACTOR).fill_null(value=False)
        for leg in LEGS
    }
    none_believed = apart & ~believed["base"] & ~believed["quote"]
    return rows.with_columns(
        *(
            pl.when(~(apart & ~believed[leg])).then(f"{leg}_{name}").alias(f"{leg}_{name}")
            for leg in LEGS
            for name in ("rate", "worth")
        ),
        volume_usd=pl.when(~none_believed).then(volume),
    )


def _within(one: pl.Expr, other: pl.Expr, factor: float) -> pl.Expr:
    return (one <= other * factor) & (other <= one * factor)


def _positive(value: pl.Expr) -> pl.Expr:
    return pl.when(value > 0).then(value)

"""What a whole token of each leg is worth: cash by witnesses, a position by its own word.

The price of a position's leg never makes money; it only tells how cash or cost is shared among several mints.
The price of cash does, so it needs a witness where the source contradicts itself.
"""

from typing import Final

import polars as pl

from smart_trader_assets.pnl.cash import CashTable
from smart_trader_assets.pnl.exact import (
    MAX_LEG_USD,
    MIN_PRICE,
    to_tokens,
    usd_value,
)
from smart_trader_assets.pnl.sol_price import with_believed_sol_prices
from smart_trader_assets.pnl.swap_rows import LEGS

AGREE_WITHIN: Final = 2.0
"""Two prices of one coin at one time agree where they differ by no more than this factor."""


def with_prices(rows: pl.DataFrame, cash: CashTable) -> pl.DataFrame:
    """Adds `base_rate`, `quote_rate`, USD per whole token, null where unknown, and `base_cash`, `quote_cash`.

    In: sound rows with `wallet`, `block_unix_time`, `volume_usd`, and for each leg its mint code, decimals,
    quantity, price, nearest_price and scaled (shown with a multiplier). Prices and volume are dropped.

    A position counts at `price`, else `nearest_price`; null where it is scaled, since it is not known whether
    the price is of a raw or of a shown unit. Cash counts at its peg; without one at its price, and where its
    two prices differ by more than a factor of 2 at the one that a witness confirms: the other leg, else
    `volume_usd`. A dollar coin without a price counts at a dollar (in a row of several: see `movements`); a
    price of SOL far from the wallet's others gives way to their median (see `sol_price`). Null, NaN, infinite
    and non-positive prices do not count, nor does one that would make the leg worth more than a hundred
    billion USD.
    """
    rows = rows.with_columns(
        pl.lit(cash.is_cash).gather(pl.col(f"{leg}_mint")).alias(f"{leg}_cash") for leg in LEGS
    )
    tokens = {leg: _whole_tokens(leg) for leg in LEGS}
    stated = rows.lazy().with_columns(
        _sound(pl.col(f"{leg}_{name}"), tokens[leg]).alias(f"{leg}_{name}")
        for leg in LEGS
        for name in ("price", "nearest_price")
    )
    rated = (
        stated.with_columns(
            pl.coalesce(f"{leg}_price", f"{leg}_nearest_price").alias(f"{leg}_rate") for leg in LEGS
        )
        .collect()
        .pipe(_with_witnessed_cash, cash, tokens)
        .lazy()
        .with_columns(_with_pegs(leg, cash, tokens[leg]).alias(f"{leg}_rate") for leg in LEGS)
        .drop("volume_usd")
        .drop(f"{leg}_{name}" for leg in LEGS for name in ("price", "nearest_price"))
        .collect()
    )
    return with_believed_sol_prices(rated, cash.is_sol)


def leg_value(leg: str) -> pl.Expr:
    """The money (Int128) of a leg at its rate; null where unknown or below a unit."""
    quantity = pl.col(f"{leg}_quantity").abs()
    value = usd_value(quantity, pl.col(f"{leg}_decimals"), pl.col(f"{leg}_rate"))
    return pl.when(value > 0).then(value)


def _whole_tokens(leg: str) -> pl.Expr:
    """A float: good enough to check a price by, never used as a quantity."""
    return to_tokens(pl.col(f"{leg}_quantity").abs(), pl.col(f"{leg}_decimals"))


def _sound(price: pl.Expr, tokens: pl.Expr) -> pl.Expr:
    # NaN and infinity fail the comparison of the leg's value with the limit.
    return pl.when((price >= MIN_PRICE) & (tokens * price <= MAX_LEG_USD)).then(price)


def _with_pegs(leg: str, cash: CashTable, tokens: pl.Expr) -> pl.Expr:
    mint = pl.col(f"{leg}_mint")
    peg, dollar = (pl.lit(column).gather(mint) for column in (cash.peg, cash.dollar))
    unscaled = pl.col(f"{leg}_cash") | ~pl.col(f"{leg}_scaled")
    rate = pl.when(unscaled).then(f"{leg}_rate")
    return (
        # A peg that the limit refuses does not give way to a stated price.
        pl.when(peg.is_not_null()).then(_sound(peg, tokens))
        .when(pl.col("lone") & rate.is_null() & dollar.is_not_null()).then(_sound(dollar, tokens))
        .otherwise(rate)
    )  # fmt: skip


def _with_witnessed_cash(
    rows: pl.DataFrame, cash: CashTable, tokens: dict[str, pl.Expr]
) -> pl.DataFrame:
    disputed = {
        leg: pl.col(f"{leg}_cash")
        & ~_agree(pl.col(f"{leg}_price"), pl.col(f"{leg}_nearest_price")).fill_null(value=True)
        for leg in LEGS
    }
    if not rows.select(pl.any_horizontal(disputed.values()).any()).item():
        return rows
    volume = pl.col("volume_usd")
    volume = pl.when(volume.is_finite() & (volume > 0)).then(volume)
    rates = {}
    for leg, other in (LEGS, LEGS[::-1]):
        dollar = pl.lit(cash.dollar).gather(pl.col(f"{other}_mint"))
        said = pl.coalesce(dollar, f"{other}_price", f"{other}_nearest_price")
        said = pl.when(~pl.col(f"{other}_scaled")).then(said)
        witness = pl.coalesce(said * tokens[other], volume)
        confirmed = [
            pl.when(_agree(price * tokens[leg], witness)).then(price)
            for price in (pl.col(f"{leg}_price"), pl.col(f"{leg}_nearest_price"))
        ]
        rates[f"{leg}_rate"] = (
            pl.when(disputed[leg]).then(pl.coalesce(confirmed)).otherwise(f"{leg}_rate")
        )
    return rows.with_columns(**rates)


def _agree(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    return (one <= other * AGREE_WITHIN) & (other <= one * AGREE_WITHIN)

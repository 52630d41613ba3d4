"""What a transaction moved, net, mint by mint."""

from typing import Final

import polars as pl

from smart_trader_assets.pnl.cash import CashTable
from smart_trader_assets.pnl.exact import (
    MAX_LEG_USD,
    UNITS_PER_USD,
    multiply_divide,
    quotient,
    usd_value,
    whole,
)
from smart_trader_assets.pnl.prices import leg_value
from smart_trader_assets.pnl.swap_rows import LEGS

_MINTS: Final = 1 << 32
_LEFT_OF_A_HOP: Final = 1_000
"""A token that is passed through leaves at most a thousandth of what moved."""


def net_movements(rows: pl.DataFrame, cash: CashTable, *, most_left_usd: float) -> pl.DataFrame:
    """Rows with `group` and rates (see `prices.with_prices`) -> one row per (group, mint).

    Out: group, mint, is_cash, decimals, quantity (signed Int128), own (money of the net quantity at the mean
    rate of the mint's rated legs, weighted by quantity; a dollar coin without one counts at a dollar; null
    where unknown) and hop: whether a position both entered and left and nothing worth naming stayed, at most
    a thousandth of what moved and `most_left_usd` USD by its own rate; its quantity is 0. Cash is never a
    hop: it is exact.
    """
    legs = pl.concat(
        rows.lazy()
        .select(
            # One integer groups faster than a pair.
            pair=pl.col("group").cast(pl.Int64) * _MINTS + pl.col(f"{leg}_mint"),
            decimals=f"{leg}_decimals",
            quantity=f"{leg}_quantity",
            scaled=pl.col(f"{leg}_scaled") & ~pl.col(f"{leg}_cash"),
            value=leg_value(leg),
        )
        .collect()
        for leg in LEGS
    )
    # Plain sums over columns are several times faster than filters inside the groups.
    gross = pl.col("quantity").abs()
    sums = (
        legs.lazy()
        .with_columns(gross=gross, priced_gross=pl.when(pl.col("value").is_not_null()).then(gross))
        .group_by("pair")
        .agg(
            pl.col("decimals").max(),
            pl.col("scaled").max(),
            pl.col("quantity", "gross", "priced_gross", "value").sum(),
        )
        .sort("pair")
        .collect()
    )
    mint = (sums["pair"] % _MINTS).cast(pl.UInt32)
    netted = sums.with_columns(
        mint.alias("mint"),
        (sums["pair"] // _MINTS).cast(pl.UInt32).alias("group"),
        cash.is_cash.gather(mint).alias("is_cash"),
        cash.dollar.gather(mint).alias("dollar"),
    )
    netted = _with_own_values(netted)
    net = pl.col("quantity").abs()
    worthless = pl.col("own").is_null() | (
        pl.col("own") <= whole(round(most_left_usd * UNITS_PER_USD))
    )
    little = (net * whole(_LEFT_OF_A_HOP) <= pl.col("gross")) & worthless
    hop = ~pl.col("is_cash") & (net < pl.col("gross")) & ((net == 0) | little)
    return netted.with_columns(hop=hop).select(
        "group",
        "mint",
        "is_cash",
        "decimals",
        "own",
        "hop",
        quantity=pl.when("hop").then(whole(0)).otherwise("quantity"),
    )


def _with_own_values(netted: pl.DataFrame) -> pl.DataFrame:
    """Adds `own`: mostly all of a mint moved one way at known prices, and is worth what its legs are."""
    net = pl.col("quantity").abs()
    as_moved = (net == pl.col("priced_gross")) & (net == pl.col("gross")) & (net > 0)
    netted = netted.with_columns(
        own=pl.when(~pl.col("scaled") & as_moved).then("value"),
        unclear=~pl.col("scaled") & ~as_moved & (net > 0),
    )
    unclear = netted["unclear"].arg_true()
    if not unclear.len():
        return netted
    mean = (
        netted.select(pl.all().gather(unclear))
        .lazy()
        .select(
            pl.coalesce(
                _at_mean_price(net), usd_value(net, pl.col("decimals"), pl.col("dollar"))
            ).alias("own")
        )
        .collect()
    )
    return netted.with_columns(netted["own"].scatter(unclear, mean["own"]))


def _at_mean_price(net: pl.Expr) -> pl.Expr:
    """Where one unit was priced and a billion were not, the mean price may exceed every limit."""
    gross, value = pl.col("priced_gross"), pl.col("value")
    estimate = value.cast(pl.Float64) * quotient(net, gross)
    believable = (gross > 0) & (estimate <= MAX_LEG_USD * UNITS_PER_USD)
    exact = multiply_divide(
        value,
        pl.when(believable).then(net).otherwise(whole(0)),
        pl.when(believable).then(gross).otherwise(whole(1)),
    )
    return pl.when(believable & (exact > 0)).then(exact)

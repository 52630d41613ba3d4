"""What a transaction moved, net, mint by mint."""

import polars as pl

from smart_trader_assets.pnl.exact import MAX_LEG_USD, UNITS_PER_USD, multiply_divide, whole
from smart_trader_assets.pnl.prices import leg_value, volume_value
from smart_trader_assets.pnl.swap_rows import LEGS

_DUST: int = 10**9


def net_movements(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `tx` and prices (see `prices.with_prices`) -> one row per (tx, mint).

    Out: tx, mint, decimals, quantity (signed Int128, 0 where an intermediate hop netted to at most
    1e-9 of what it moved), price_value (money of the net quantity at the mean price of its priced
    legs, weighted by quantity), volume_value (the sum of `volume_usd` of the rows that move the mint,
    where every one of them has it and moves the mint the same way); both null where unknown.
    """
    rows = rows.with_columns(volume=volume_value())
    legs = pl.concat(
        rows.lazy()
        .select(
            "tx",
            "volume",
            mint=f"{leg}_mint",
            decimals=f"{leg}_decimals",
            quantity=f"{leg}_quantity",
            value=leg_value(leg),
        )
        .collect()
        for leg in LEGS
    )
    gross = pl.col("quantity").abs()
    priced = pl.col("value").is_not_null()
    # One integer groups faster than a pair.
    pair = pl.col("tx").cast(pl.Int64) * (1 << 32) + pl.col("mint")
    netted = legs.group_by(pair=pair).agg(
        tx=pl.col("tx").first(),
        mint=pl.col("mint").first(),
        decimals=pl.col("decimals").min(),
        quantity=pl.col("quantity").sum(),
        gross=gross.sum(),
        priced_gross=gross.filter(priced).sum(),
        priced_value=pl.col("value").sum(),
        volume=pl.col("volume").sum(),
        volume_known=pl.col("volume").is_not_null().all(),
    )
    net = pl.col("quantity").abs()
    movements = netted.lazy().select(
        "tx",
        "mint",
        "decimals",
        quantity=pl.when(net * whole(_DUST) > pl.col("gross")).then("quantity").otherwise(whole(0)),
        price_value=_at_mean_price(net),
        volume_value=pl.when(pl.col("volume_known") & (net == pl.col("gross"))).then("volume"),
    )
    return movements.collect()


def _at_mean_price(net: pl.Expr) -> pl.Expr:
    """Where one unit was priced and a billion were not, the mean price may exceed every limit."""
    gross, value = pl.col("priced_gross"), pl.col("priced_value")
    estimate = value.cast(pl.Float64) * (net.cast(pl.Float64) / gross.cast(pl.Float64))
    believable = (gross > 0) & (estimate <= MAX_LEG_USD * UNITS_PER_USD)
    exact = multiply_divide(
        value,
        pl.when(believable).then(net).otherwise(whole(0)),
        pl.when(believable).then(gross).otherwise(whole(1)),
    )
    return pl.when(believable & (exact > 0)).then(exact)

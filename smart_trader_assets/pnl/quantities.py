"""The signed quantity of a leg, in whole raw units of its mint."""

from typing import Final

import polars as pl

from smart_trader_assets.pnl.exact import MAX_DECIMALS, float_power_of_ten

_EXACT_FLOAT: Final = 2.0**53


def with_quantities(rows: pl.DataFrame, leg: str) -> pl.DataFrame:
    """Adds `<leg>_quantity`: Int128, null where no finite number can be read.

    The raw `change_amount` is exact where it is an integer. Where it has a fraction, the ui amount
    x 10^decimals is nearer to the chain's own number, and is rounded. A number written with an
    exponent but without a fraction is taken as it stands.
    """
    text = pl.col(f"{leg}_change_amount")
    name = f"{leg}_quantity"
    rows = rows.with_columns(text.cast(pl.Int128, strict=False).alias(name))
    unread = rows[name].is_null()
    if not unread.any():
        return rows
    decimals = pl.col(f"{leg}_decimals").clip(0, MAX_DECIMALS)
    number = text.cast(pl.Float64, strict=False)
    ui_units = pl.col(f"{leg}_ui_change_amount") * float_power_of_ten(decimals)
    whole_number = (number == number.round()) | (number.abs() >= _EXACT_FLOAT)
    read = pl.when(whole_number).then(number).otherwise(pl.coalesce(ui_units.round(), number))
    finite = pl.when(number.is_finite() & read.is_finite()).then(read).cast(pl.Int128, strict=False)
    return rows.with_columns(pl.coalesce(name, finite).alias(name))

"""What each position that moved in a transaction was worth: what goes in equals what comes out."""

from typing import Final

import polars as pl

from smart_trader_assets.pnl.exact import multiply_divide, whole

CASH: Final = "cash"
VOLUME: Final = "volume_usd"
OTHER_SIDE: Final = "other_side"
OWN_PRICE: Final = "own_price"
UNPRICED: Final = "unpriced"
VALUATION: Final = pl.Enum([CASH, VOLUME, OTHER_SIDE, OWN_PRICE, UNPRICED])

_MAX_WEIGHT: Final = 5 * 10**23


def cash_flows(movements: pl.DataFrame) -> pl.DataFrame:
    """Movements with `is_cash` -> tx, cash (signed money received), cash_known, hop, moved.

    A net amount of SOL without a price makes the whole transaction one without cash: `cash` is 0
    and `cash_known` false. `hop`: a position moved and netted to zero; `moved`: one did not.
    """
    is_cash, quantity = pl.col("is_cash"), pl.col("quantity")
    amount = pl.when(is_cash & (quantity != 0)).then(
        pl.when(quantity > 0).then("price_value").otherwise(whole(0) - pl.col("price_value"))
    )
    flows = movements.group_by("tx").agg(
        cash=amount.sum(),
        cash_known=~(is_cash & (quantity != 0) & pl.col("price_value").is_null()).any(),
        hop=(~is_cash & (quantity == 0)).any(),
        moved=(~is_cash & (quantity != 0)).any(),
    )
    return flows.with_columns(cash=pl.when("cash_known").then("cash").otherwise(whole(0)))


def valued(movements: pl.DataFrame, flows: pl.DataFrame) -> pl.DataFrame:
    """Movements of positions -> tx, mint, decimals, quantity, value (money), valuation.

    With OUT the mints that left, IN those that came, and c the cash received: where c < 0 IN is
    worth |c| and what left, where c > 0 OUT is worth c and what came, where c = 0 IN is worth what
    left (one mint against one: `volume_usd`, where given). Mints that share a side share its value
    by their own values; a single one without own value takes what the others leave, on either side.
    Where that has no answer above zero each mint counts at its own value; without one it is
    unpriced, and `value` is null.
    """
    positions = movements.filter(~pl.col("is_cash") & (pl.col("quantity") != 0)).join(
        flows.select("tx", "cash"), on="tx"
    )
    incoming = pl.col("quantity") > 0
    positions = positions.with_columns(
        own=pl.coalesce("price_value", "volume_value"),
        own_valuation=pl.when(pl.col("price_value").is_not_null())
        .then(pl.lit(OWN_PRICE))
        .when(pl.col("volume_value").is_not_null())
        .then(pl.lit(VOLUME))
        .otherwise(pl.lit(UNPRICED)),
        # The side that takes its value from the rest: IN, unless cash was received.
        taking=incoming == (pl.col("cash") <= 0),
    )
    return _settled(positions.join(_sides(positions), on="tx"))


def _sides(positions: pl.DataFrame) -> pl.DataFrame:
    """By transaction: how many mints, of which unknown, and known value, on either side."""
    own, taking = pl.col("own"), pl.col("taking")
    volume = pl.col("volume_value")
    sides = positions.group_by("tx").agg(
        taking_mints=taking.sum(),
        taking_unknown=(taking & own.is_null()).sum(),
        taking_own=own.filter(taking).sum(),
        giving_mints=(~taking).sum(),
        giving_unknown=(~taking & own.is_null()).sum(),
        giving_own=own.filter(~taking).sum(),
        given_volume=volume.filter(~taking).first(),
        taken_volume=volume.filter(taking).first(),
    )
    # Weights small enough that a value times a weight fits: exact up to 500 USD, then to 24 digits.
    divisor = pl.col("taking_own") // whole(_MAX_WEIGHT) + whole(1)
    weights = (
        positions.filter(taking)
        .join(sides.select("tx", divisor=divisor), on="tx")
        .with_columns(weight=own.fill_null(0) // pl.col("divisor"))
    )
    total = weights.group_by("tx").agg(
        divisor=pl.col("divisor").first(), weights=pl.col("weight").sum()
    )
    return sides.join(total, on="tx", how="left")


def _settled(positions: pl.DataFrame) -> pl.DataFrame:
    own, taking, cash = pl.col("own"), pl.col("taking"), pl.col("cash")
    frame = positions.lazy().with_columns(worth=cash.abs() + pl.col("giving_own"))
    one_for_one = (cash == 0) & (pl.col("taking_mints") == 1) & (pl.col("giving_mints") == 1)
    volume = pl.coalesce("given_volume", "taken_volume")
    by_volume = one_for_one & volume.is_not_null()

    no_side = pl.col("taking_mints") == 0
    worth_known = ~no_side & (pl.col("giving_unknown") == 0) & (pl.col("worth") > 0)
    alone = worth_known & taking & (pl.col("taking_mints") == 1)
    shares = worth_known & taking & (pl.col("taking_mints") > 1) & (pl.col("taking_unknown") == 0)
    left = pl.col("worth") - pl.col("taking_own")
    leaves = worth_known & taking & (pl.col("taking_unknown") == 1) & own.is_null() & (left > 0)
    back = pl.col("taking_own") - pl.col("worth")
    turned = (
        ~no_side
        & ~taking
        & own.is_null()
        & (pl.col("giving_unknown") == 1)
        & (pl.col("taking_unknown") == 0)
        & (back > 0)
    )
    share = multiply_divide(
        pl.when(shares).then("worth").otherwise(whole(0)),
        own.fill_null(0) // pl.col("divisor").fill_null(1),
        pl.when(shares).then("weights").otherwise(whole(1)),
    )
    paid = pl.when(cash != 0).then(pl.lit(CASH)).otherwise(pl.lit(OTHER_SIDE))
    value = (
        pl.when(by_volume).then(volume)
        .when(alone).then("worth")
        .when(shares).then(share)
        .when(leaves).then(left)
        .when(turned).then(back)
        .otherwise(own)
    )  # fmt: skip
    valuation = (
        pl.when(by_volume).then(pl.lit(VOLUME))
        .when(alone | shares | leaves).then(paid)
        .when(turned).then(pl.lit(OTHER_SIDE))
        .otherwise("own_valuation")
    )  # fmt: skip
    # A share of a value may round down to zero, which does not mean that it is zero.
    known = value > 0
    return frame.select(
        "tx",
        "mint",
        "decimals",
        "quantity",
        value=pl.when(known).then(value),
        valuation=pl.when(known).then(valuation).otherwise(pl.lit(UNPRICED)).cast(VALUATION),
    ).collect()

"""What each position that moved in a transaction was worth: only cash is money.

No price of a token makes a profit. Positions against cash are worth the cash. Positions against positions roll
over: what the one cost moves on to the other (see `rollovers`). All else moves quantities, and no money.
"""

from typing import Final

import numpy as np
import polars as pl

from smart_trader_assets.pnl.cash import CashTable
from smart_trader_assets.pnl.exact import whole
from smart_trader_assets.pnl.shares import parts, shared
from smart_trader_assets.pnl.sol_price import in_sol, sol_of
from smart_trader_assets.pnl.transaction_order import BUYS, ROLLS, SELLS

CASH: Final = "cash"
ROLLOVER: Final = "rollover"
UNPRICED: Final = "unpriced"
VALUATION: Final = pl.Enum([CASH, ROLLOVER, UNPRICED])

ARBITRAGE: Final = "arbitrage"
CONVERSION: Final = "conversion"
KIND: Final = pl.Enum([CASH, ROLLOVER, UNPRICED, ARBITRAGE, CONVERSION])


def transaction_kinds(movements: pl.DataFrame, cash: CashTable) -> pl.DataFrame:
    """Movements -> one row per group: kind, rank, cash, cash_known, sol, other, in_sol.

    cash: net money received, paid below 0; 0 where some net amount of cash has no price, and `cash_known`
      false.
    sol: its part in SOL (lamports), other: its part in other cash (money); in_sol: whether more than half of it
    is SOL, staked or not. kind: cash where positions stand
    on one side and cash on the other, rollover where positions stand on both, unpriced where nothing stands
    against them; without a position that moved, arbitrage where one came and went, else conversion.
    """
    is_cash, quantity = pl.col("is_cash"), pl.col("quantity")
    is_sol, near_sol = (of.gather(movements["mint"]) for of in (cash.is_sol, cash.near_sol))
    moved = is_cash & (quantity != 0)
    money = pl.when(quantity > 0).then("own").otherwise(whole(0) - pl.col("own"))
    kinds = (
        movements.lazy()
        .select(
            "group",
            "hop",
            cash=pl.when(moved).then(money),
            sol=pl.when(moved & is_sol).then(quantity),
            other=pl.when(moved & ~is_sol).then(money),
            near_sol=pl.when(moved & near_sol).then(money),
            unknown=moved & pl.col("own").is_null(),
            out=~is_cash & (quantity < 0),
            into=~is_cash & (quantity > 0),
        )
        .set_sorted("group")
        .group_by("group", maintain_order=True)
        .agg(
            pl.col("cash", "sol", "other", "near_sol").sum(),
            pl.col("hop", "unknown", "out", "into").max(),
        )
        .collect()
        .with_columns(cash_known=~pl.col("unknown"))
    )
    kinds = kinds.with_columns(
        pl.when("cash_known").then(name).otherwise(whole(0)).alias(name)
        for name in ("cash", "sol", "other")
    )
    of_cash = pl.when(pl.col("cash") > 0).then("near_sol").otherwise(whole(0) - pl.col("near_sol"))
    out, into = pl.col("out"), pl.col("into")
    bought, sold = into & (pl.col("cash") < 0), out & (pl.col("cash") > 0)
    kind = (
        pl.when(out & into).then(pl.lit(ROLLOVER))
        .when(bought | sold).then(pl.lit(CASH))
        .when(out | into).then(pl.lit(UNPRICED))
        .when("hop").then(pl.lit(ARBITRAGE))
        .otherwise(pl.lit(CONVERSION))
    )  # fmt: skip
    rank = (
        pl.when(out & into)
        .then(pl.lit(ROLLS))
        .when(out)
        .then(pl.lit(SELLS))
        .otherwise(pl.lit(BUYS))
    )
    return kinds.with_columns(
        kind=kind.cast(KIND),
        rank=rank.cast(pl.UInt8),
        in_sol=whole(2) * of_cash > pl.col("cash").abs(),
    ).drop("out", "into", "hop", "unknown", "near_sol")


def cash_in_sol() -> pl.Expr:
    """`cash` in 1e-21 SOL: what is SOL exactly, the rest at `sol_price`; null where that is lacking."""
    rest = pl.col("other")
    changed = pl.when(rest == 0).then(whole(0)).otherwise(in_sol(rest, pl.col("sol_price")))
    return sol_of(pl.col("sol")) + changed


def valued(positions: pl.DataFrame) -> pl.DataFrame:
    """Positions that moved for cash -> group, mint, decimals, quantity, value (money), value_sol (1e-21 SOL,
    null where unknown).

    In: group (ascending), mint, decimals, quantity, own, and of the group cash and cash_sol, signed.
    """
    several = positions["group"].is_duplicated()
    worth = positions.with_columns(value=pl.col("cash").abs(), value_sol=pl.col("cash_sol").abs())
    columns = ("group", "mint", "decimals", "quantity", "value", "value_sol")
    alone = worth.filter(~several).select(columns)
    if not several.any():
        return alone
    together = worth.filter(several)
    group = together["group"].rle_id().to_numpy().astype(np.int64)
    first = together.unique("group", keep="first", maintain_order=True)
    amount = np.array(first["value"].to_list(), dtype=object)
    in_usd = shared(amount, group, np.array(together["own"].to_list(), dtype=object))
    known = first["value_sol"].is_not_null().to_numpy()
    in_coins = parts(
        np.array(first["value_sol"].fill_null(0).to_list(), dtype=object), group, in_usd, amount
    )
    parted = together.with_columns(
        value=pl.Series(in_usd.tolist(), dtype=pl.Int128),
        value_sol=pl.Series(
            [part if known[of] else None for part, of in zip(in_coins, group, strict=True)],
            dtype=pl.Int128,
        ),
    )
    return pl.concat([alone, parted.select(columns)])

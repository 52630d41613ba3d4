"""What wallets hold at the time of calculation, and what it is worth, in USD and in SOL."""

from datetime import datetime
from typing import Final

import polars as pl

from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.decoding import tokens_of
from smart_trader_assets.pnl.exact import divided, to_usd
from smart_trader_assets.pnl.lots import Ledger
from smart_trader_assets.pnl.marks import open_worth, position_marks
from smart_trader_assets.pnl.trades import Trades
from smart_trader_assets.pnl.windows import group_id

NOW: Final = 0
"""The index of the window `all`, whose rows state what is held."""
_NEVER_NULL: Final = ("open_cost", "conservative_value", "stale_open_cost")


def held_positions(
    traded: Trades,
    ledger: Ledger,
    marks: pl.DataFrame | None,
    known_to: pl.Series,
    *,
    as_of: datetime,
    assumptions: Assumptions,
) -> pl.DataFrame:
    """One row per position, of the window `all`: position, wallet, window, group_id, open_quantity (tokens),
    open_cost, the columns of `position_marks` and `open_worth`, open_cost_sol, conservative_value_sol, and
    for the portfolio open_sol and open_sol_known (Int128) and is_open. `known_to`: by wallet code."""
    positions = ledger.positions
    held = positions.select(
        "position",
        "wallet",
        window=pl.lit(NOW, dtype=pl.UInt8),
        group_id=group_id(pl.col("position"), pl.lit(NOW)),
        open_quantity=tokens_of("open_quantity"),
        open_cost=to_usd(pl.col("open_cost")),
        open_sol=pl.col("open_cost_sol"),
        open_sol_known=pl.col("open_sol_known"),
        is_open=pl.col("open_quantity") > 0,
    ).join(
        position_marks(ledger, traded.mints, marks, as_of),
        on="position",
        how="left",
        maintain_order="left",
    )
    worth = open_worth(held, known_to.gather(held["wallet"]), as_of=as_of, assumptions=assumptions)
    return _in_sol(worth, traded.sol_prices)


def held_portfolios(
    held: pl.DataFrame, wallets: pl.DataFrame, sol_prices: pl.DataFrame
) -> pl.DataFrame:
    """The same of each of `wallets` (wallet): its sums, over what has a mark where there is any, and
    `unmarked_tokens`. A wallet without positions holds nothing, which is known."""
    marked = pl.col("mark_price").is_not_null()
    sums = held.group_by("wallet", maintain_order=True).agg(
        pl.col(*_NEVER_NULL, "open_sol", "open_sol_known").sum(),
        *(
            pl.when(marked.any()).then(pl.col(name).sum()).alias(name)
            for name in ("open_value", "unrealized_pnl")
        ),
        pl.col("is_open").any(),
        unmarked_tokens=(pl.col("is_open") & ~marked).sum(),
    )
    portfolios = wallets.join(sums, on="wallet", how="left", maintain_order="left").with_columns(
        pl.col(*_NEVER_NULL, "open_sol", "open_sol_known", "unmarked_tokens").fill_null(0),
        pl.col("is_open").fill_null(value=False),
        window=pl.lit(NOW, dtype=pl.UInt8),
        group_id=group_id(pl.col("wallet"), pl.lit(NOW)),
    )
    return _in_sol(portfolios, sol_prices)


def _in_sol(held: pl.DataFrame, sol_prices: pl.DataFrame) -> pl.DataFrame:
    """Adds open_cost_sol, null where lots are open and of none of them is the cost in SOL known, and
    conservative_value_sol, at the newest price of SOL that the wallet has."""
    newest = held.select("wallet").join(sol_prices, on="wallet", how="left", maintain_order="left")
    known = (pl.col("open_sol_known") > 0) | ~pl.col("is_open")
    return held.with_columns(
        open_cost_sol=pl.when(known).then(to_usd(pl.col("open_sol"))),
        conservative_value_sol=divided(pl.col("conservative_value"), pl.lit(newest["sol_price"])),
    )

"""A trader's bets as a copier makes them: the same stake, the same parts, later, and at his own cost."""

from __future__ import annotations

from typing import Final

import polars as pl

from smart_trader_assets.pnl.exact import quotient

_MOST_ROLLOVERS: Final = 32
"""One after another, before what they brought is not followed any more."""
_HALF: Final = 0.5
_CURRENCIES: Final = ("usd", "sol")


def copied_bets(
    parts: pl.DataFrame, worth: pl.DataFrame, *, copy_cost_percent: float
) -> pl.DataFrame:
    """`PARTS` with `LATE_PRICES` -> one row per wallet_address and token_address: what a copier's bet returned.

    In: `worth`, what a whole token that is still held brings, by wallet_address and token_address: unit_usd and
    unit_sol, null or absent where it has no mark.

    Out: stake (USD, the trader's), `priced`, `usd_return` and `sol_return` (parts of one, less the cost of
    copying; null where not priced), entry_drift (the median of the copier's entries over the trader's).

    Of each part the copier buys and sells at the late prices; his stake is cut like the trader's. What rolled
    over is followed from the token that was bought to the one that it became, and is the bet of that one. A bet
    is priced where both ends are known of half of its cost, the exits of half of what was sold, and a mark of
    half of what is open. Lots of unknown basis are no part of a bet.
    """
    parts = parts.filter(pl.col("cost").is_not_null()).join(
        worth, on=["wallet_address", "token_address"], how="left", maintain_order="left"
    )
    parts = parts.with_columns(
        **{
            f"growth_{money}": quotient(
                pl.when(pl.col("left_at").is_not_null())
                .then(f"exit_{money}")
                .otherwise(f"unit_{money}"),
                pl.col(f"entry_{money}"),
            )
            for money in _CURRENCIES
        }
    )
    for money in _CURRENCIES:
        parts = _followed(parts, money)
    cost = pl.col("cost")
    sold, held = pl.col("left_at").is_not_null(), pl.col("left_at").is_null()
    priced = (
        (cost.filter(pl.col("result_usd").is_not_null()).sum() >= _HALF * cost.sum())
        & (
            _of("quantity", sold & pl.col("exit_usd").is_not_null())
            >= _HALF * _of("quantity", sold)
        )
        & (_of("cost", held & pl.col("unit_usd").is_not_null()) >= _HALF * _of("cost", held))
    )
    return (
        parts.filter(~pl.col("rolled_out"))
        .group_by("wallet_address", "token_address", maintain_order=True)
        .agg(
            stake=cost.sum(),
            priced=priced & pl.col("result_usd").is_not_null().any(),
            usd_return=_mean("result_usd") - 1 - copy_cost_percent / 100,
            sol_return=_mean("result_sol") - 1 - copy_cost_percent / 100,
            entry_drift=quotient(pl.col("entry_usd") * pl.col("quantity"), pl.col("paid"))
            .filter(pl.col("paid") > 0)
            .median(),
        )
        .with_columns(pl.when("priced").then(pl.col("usd_return", "sol_return")))
    )


def judged_returns(copied: pl.DataFrame) -> pl.DataFrame:
    """`copied_bets` with judged_in_sol -> with `copied`: the return in USD, or the lesser of that and the one
    in SOL where the trader's bet is judged in SOL; null where one that decides is not known."""
    known = pl.col("usd_return").is_not_null() & pl.col("sol_return").is_not_null()
    lesser = pl.when(known).then(pl.min_horizontal("usd_return", "sol_return"))
    return copied.with_columns(
        copied=pl.when(pl.col("judged_in_sol").fill_null(value=False))
        .then(lesser)
        .otherwise("usd_return")
    )


def _of(amount: str, which: pl.Expr) -> pl.Expr:
    return pl.col(amount).filter(which).sum()


def _mean(result: str) -> pl.Expr:
    """By cost, over the parts whose result is known."""
    known = pl.col(result).is_not_null()
    cost = pl.col("cost").filter(known)
    # Parts that cost nothing weigh alike.
    free = pl.col(result).mean()
    paid = quotient((pl.col(result).filter(known) * cost).sum(), cost.sum())
    return pl.when(cost.sum() > 0).then(paid).otherwise(free)


def _followed(parts: pl.DataFrame, money: str) -> pl.DataFrame:
    """Adds `brought_`: what a unit of stake had become when the lot was made, 1 where it was paid in cash, and
    `result_`: what it has become since."""
    brought, result = f"brought_{money}", f"result_{money}"
    parts = parts.with_columns(
        pl.when(~pl.col("rolled_in")).then(1.0).alias(brought),
    )
    for _ in range(_MOST_ROLLOVERS):
        parts = parts.with_columns((pl.col(f"growth_{money}") * pl.col(brought)).alias(result))
        waiting = parts.filter(pl.col("rolled_in") & pl.col(brought).is_null())
        if waiting.is_empty():
            break
        arrived = (
            parts.filter(pl.col("rolled_out") & pl.col(result).is_not_null())
            .group_by("wallet_address", bought_tx="left_tx")
            .agg(_mean(result).alias("arrived"))
        )
        known = parts[brought].count()
        parts = (
            parts.join(
                arrived, on=["wallet_address", "bought_tx"], how="left", maintain_order="left"
            )
            .with_columns(
                pl.when("rolled_in").then(pl.col("arrived")).otherwise(brought).alias(brought)
            )
            .drop("arrived")
        )
        if parts[brought].count() == known:
            break
    return parts.with_columns((pl.col(f"growth_{money}") * pl.col(brought)).alias(result))

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

    Out: stake (USD, the trader's), `priced` (in USD), `usd_return` and `sol_return` (parts of one, less what
    copying costs; null where not priced in it), entry_drift (the median of the copier's entries over the
    trader's).

    Of each part the copier buys and sells at the late prices; his stake is cut like the trader's. What rolled
    over is followed from the token that was bought to the one that it became, and is the bet of that one; cash
    that the trader paid beside it the copier pays too. A bet
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
    return (
        parts.filter(~pl.col("rolled_out"))
        .group_by("wallet_address", "token_address", maintain_order=True)
        .agg(
            stake=pl.col("cost").sum(),
            priced=_is_priced("usd"),
            priced_sol=_is_priced("sol"),
            usd_return=_mean("result_usd") - 1 - copy_cost_percent / 100,
            sol_return=_mean("result_sol") - 1 - copy_cost_percent / 100,
            entry_drift=quotient(pl.col("entry_usd") * pl.col("quantity"), pl.col("paid"))
            .filter(pl.col("paid") > 0)
            .median(),
        )
        .with_columns(
            usd_return=pl.when("priced").then("usd_return"),
            sol_return=pl.when(pl.col("priced") & pl.col("priced_sol")).then("sol_return"),
        )
        .drop("priced_sol")
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


def _is_priced(money: str) -> pl.Expr:
    """Whether enough of a bet is known in that currency, as its parts tell."""
    sold, held = pl.col("left_at").is_not_null(), pl.col("left_at").is_null()
    result, left, mark = (
        pl.col(f"{of}_{money}").is_not_null() for of in ("result", "exit", "unit")
    )
    return (
        result.any()
        & (_of("cost", result) >= _HALF * pl.col("cost").sum())
        & (_of("quantity", sold & left) >= _HALF * _of("quantity", sold))
        & (_of("cost", held & mark) >= _HALF * _of("cost", held))
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
    parts = parts.with_columns(pl.when(~pl.col("rolled_in")).then(1.0).alias(brought))
    grown = (pl.col(f"growth_{money}") * pl.col(brought)).alias(result)
    parts = parts.with_columns(grown)
    # As often as one followed the other: what came of two lots is known once both are.
    for _ in range(_MOST_ROLLOVERS if parts["rolled_in"].any() else 0):
        before = parts[brought]
        arrived = (
            parts.filter("rolled_out")
            .group_by("wallet_address", bought_tx="left_tx")
            .agg(
                moved=pl.col("cost").sum(),
                arrived=pl.when(
                    _of("cost", pl.col(result).is_not_null()) >= _HALF * pl.col("cost").sum()
                ).then(_mean(result)),
            )
        )
        cost = pl.col("cost").filter("rolled_in").sum().over("wallet_address", "bought_tx")
        cash = cost - pl.col("moved")
        with_cash = quotient(pl.col("moved") * pl.col("arrived") + cash, cost)
        parts = (
            parts.join(
                arrived, on=["wallet_address", "bought_tx"], how="left", maintain_order="left"
            )
            .with_columns(
                pl.when(~pl.col("rolled_in"))
                .then(brought)
                .when(cash > 0)
                .then(with_cash)
                .otherwise("arrived")
                .alias(brought)
            )
            .drop("moved", "arrived")
            .with_columns(grown)
        )
        if parts[brought].equals(before):
            break
    return parts

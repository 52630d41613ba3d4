"""Who sells into whose buys: gains that another wallet pays."""

from __future__ import annotations

import polars as pl

_KEY = ["token_address", "wallet", "other"]


def paid_by_others(
    sides: pl.DataFrame, pairs: pl.DataFrame, *, seconds: int, least_part: float
) -> pl.DataFrame:
    """Trades (token_address, wallet_address, at, is_sale, quantity above 0) and pairs (wallet, other, in either
    order) -> token_address, wallet, other: where `wallet` sold within so many seconds after `other` had bought
    at least that part of it (percent), more often than the two bought together or sold together.

    In the same second nobody knows who was first: a bot that answers a sale looks like that. Dust pays nobody.
    Who does the same as somebody else is not paid by it.
    """
    ways = pl.concat(
        [pairs.select("wallet", "other"), pairs.select(wallet="other", other="wallet")]
    )
    own = sides.rename({"wallet_address": "wallet"}).join(ways, on="wallet").sort("at")
    others = (
        sides.rename({"wallet_address": "other"})
        .join(ways.select("other").unique(), on="other", how="semi")
        .with_columns(other_at="at")
        .sort("at")
    )
    bought = others.filter(~pl.col("is_sale")).drop("is_sale")
    by = ["token_address", "other"]
    sold = own.filter("is_sale").join_asof(
        bought.rename({"quantity": "bought"}),
        on="at",
        by=by,
        tolerance=seconds,
        allow_exact_matches=False,
        check_sortedness=False,
    )
    paid = sold.filter(pl.col("bought") * 100 >= least_part * pl.col("quantity"))
    alike = own.join_asof(
        others.drop("quantity"),
        on="at",
        by=[*by, "is_sale"],
        tolerance=seconds,
        strategy="nearest",
        check_sortedness=False,
    )
    return (
        _how_often(paid, "paid")
        .join(_how_often(alike, "alike"), on=_KEY, how="left")
        .filter(pl.col("paid") > pl.col("alike").fill_null(0))
        .select(_KEY)
        .sort("wallet", "other", "token_address")
    )


def _how_often(met: pl.DataFrame, name: str) -> pl.DataFrame:
    return met.filter(pl.col("other_at").is_not_null()).group_by(_KEY).agg(pl.len().alias(name))

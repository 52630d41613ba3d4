"""How often two wallets would come close in the tokens that both trade, if each came when others come: the null
model of `co_trading`.

It is asked of the token's own crowd, whereby who is close to many is closer to anybody, and of those who trade
it in the same hour. What is known of a wallet's own company is no part of the crowd.
"""

from __future__ import annotations

from typing import Final

import polars as pl

# Whose company is known is no part of the crowd: a group of so many would else explain itself.
_COMPANIONS: Final = 8
# Weight, in wallets, of how often anybody comes close by chance, beside a token's own crowd.
_PRIOR_WALLETS: Final = 8.0
_PRIOR_IN_HOUR: Final = 4.0


def expected_meetings(
    pairs: pl.DataFrame,
    near: pl.DataFrame,
    events: pl.DataFrame,
    visits: pl.DataFrame,
    is_candidate: pl.Expr,
    *,
    min_tokens: int,
) -> pl.DataFrame:
    """wallet, other, expected, shared of those `pairs` (wallet, other, together) that came close in
    `min_tokens`: in how many of the tokens that both traded they would come close by chance, as seen by the
    one of whom it is likelier.

    `near`: who came close to whom, where and when (`co_trading`); `events`: token_address, wallet_address and
    at of everybody; `visits`: how many of these by token and wallet; `is_candidate`: of whom `near` knows
    all.
    """
    tokens = visits.group_by("token_address").agg(
        wallets=pl.len().cast(pl.Int64), events_each=pl.col("events").median()
    )
    companions = (
        pairs.filter(pl.col("together") > 1)
        .sort("together", "other", descending=[True, False])
        .group_by("wallet", maintain_order=True)
        .agg(pl.col("other").head(_COMPANIONS))
        .explode("other")
    )
    chances = _chances(near, visits, tokens, companions, is_candidate)
    by_hour = _chances_by_hour(events, near, companions, is_candidate)
    asked = pairs.filter(pl.col("together") >= min_tokens)
    return _expected(asked, chances, by_hour, visits, tokens)


def _chances(
    near: pl.DataFrame,
    visits: pl.DataFrame,
    tokens: pl.DataFrame,
    companions: pl.DataFrame,
    is_candidate: pl.Expr,
) -> pl.DataFrame:
    """token_address, wallet, chance: that somebody of the token's crowd comes close to the wallet there,
    without its companions."""
    close = near.group_by("token_address", "wallet").agg(close=pl.len())
    places = visits.select("token_address", other="wallet_address")
    own = visits.filter(is_candidate).select("token_address", wallet="wallet_address")
    beside = _companions_in(places, own, companions, near)
    rows = (
        own.join(tokens, on="token_address")
        .join(close, on=["token_address", "wallet"], how="left")
        .join(beside, on=["token_address", "wallet"], how="left")
        .with_columns(pl.col("close", "companions", "companions_close").fill_null(0))
        .with_columns(
            all_close="close",
            close=pl.col("close") - pl.col("companions_close"),
            crowd=(pl.col("wallets") - 1 - pl.col("companions")).clip(0),
        )
    )
    # With the companions: who is left out because they came close would else make coming close rare.
    near_by, pairs = int(rows["all_close"].sum()), int((rows["wallets"] - 1).sum())
    usual = max(near_by, 1) / max(pairs, 1)
    return rows.select(
        "token_address",
        "wallet",
        "close",
        chance=(pl.col("close") + _PRIOR_WALLETS * usual) / (pl.col("crowd") + _PRIOR_WALLETS),
        all_close=pl.col("all_close").mean().over("token_address") * pl.col("wallets"),
    )


def _companions_in(
    places: pl.DataFrame, own: pl.DataFrame, companions: pl.DataFrame, near: pl.DataFrame
) -> pl.DataFrame:
    """How many of a wallet's companions are in its places, and how many of them close, by the columns of `own`,
    where the wallets are; `places` says where others are.

    From the wallet's own places on: a busy companion is in far more.
    """
    key = own.columns
    return (
        own.join(companions, on="wallet")
        .join(places, on=[*(name for name in key if name != "wallet"), "other"], how="semi")
        .join(near.select(*key, "other", is_near=1), on=[*key, "other"], how="left")
        .group_by(key)
        .agg(companions=pl.len(), companions_close=pl.col("is_near").sum())
    )


def _chances_by_hour(
    events: pl.DataFrame, near: pl.DataFrame, companions: pl.DataFrame, is_candidate: pl.Expr
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """token_address, hour, wallet, by_hour: that somebody who trades the token in that hour comes close to the
    wallet, without its companions; and token_address, hour, other of everybody.

    What brings people together, a call or a move, does so for an hour.
    """
    cells = events.select(
        "token_address", hour=pl.col("at") // 3_600, other="wallet_address"
    ).unique()
    sizes = cells.group_by("token_address", "hour").agg(people=pl.len().cast(pl.Int64))
    key = ["token_address", "hour", "wallet"]
    close = near.group_by(key).agg(close=pl.len())
    own = (
        cells.rename({"other": "wallet_address"})
        .filter(is_candidate)
        .rename({"wallet_address": "wallet"})
        .select(key)
    )
    beside = _companions_in(cells, own, companions, near)
    rows = (
        own.join(sizes, on=["token_address", "hour"])
        .filter(pl.col("people") > 1)
        .join(close, on=key, how="left")
        .join(beside, on=key, how="left")
        .with_columns(pl.col("close", "companions", "companions_close").fill_null(0))
    )
    near_by, pairs = int(rows["close"].sum()), int((rows["people"] - 1).sum())
    usual = max(near_by, 1) / max(pairs, 1)
    others = (pl.col("people") - 1 - pl.col("companions")).clip(0)
    foreign = (pl.col("close") - pl.col("companions_close")).clip(0)
    return (
        rows.select(*key, by_hour=(foreign + _PRIOR_IN_HOUR * usual) / (others + _PRIOR_IN_HOUR)),
        cells,
    )


def _expected(
    pairs: pl.DataFrame,
    chances: pl.DataFrame,
    in_hours: tuple[pl.DataFrame, pl.DataFrame],
    visits: pl.DataFrame,
    tokens: pl.DataFrame,
) -> pl.DataFrame:
    """Who is close to many is closer to anybody: as many as a random graph with the same numbers of neighbours
    has.
    """
    both_ways = pl.concat(
        [pairs.select("wallet", "other"), pairs.select(wallet="other", other="wallet")]
    ).unique()
    of_other = chances.select("token_address", other="wallet", other_close="close")
    busy = visits.rename({"wallet_address": "other"}).join(
        tokens.select("token_address", "events_each"), on="token_address"
    )
    by_hour, cells = in_hours
    hourly = (
        both_ways.join(by_hour, on="wallet")
        .join(cells, on=["token_address", "hour", "other"])
        .group_by("wallet", "other", "token_address")
        .agg(pl.col("by_hour").max())
    )
    seen = (
        both_ways.join(chances, on="wallet")
        .join(of_other, on=["token_address", "other"], how="left")
        .join(busy, on=["token_address", "other"])
        # Who trades more often comes close more often.
        .with_columns(
            chance=1 - (1 - pl.col("chance")) ** (pl.col("events") / pl.col("events_each")).clip(1)
        )
        .with_columns(
            by_neighbours=pl.when(pl.col("all_close") > 0)
            .then(pl.col("close") * pl.col("other_close").fill_null(0) / pl.col("all_close"))
            .otherwise(0.0)
            .clip(0, 1)
        )
        .join(hourly, on=["wallet", "other", "token_address"], how="left")
        .group_by("wallet", "other")
        .agg(
            expected=pl.max_horizontal("chance", "by_neighbours", "by_hour").sum(),
            shared=pl.len(),
        )
    )
    return (
        seen.select(
            pl.min_horizontal("wallet", "other").alias("wallet"),
            pl.max_horizontal("wallet", "other").alias("other"),
            "expected",
            "shared",
        )
        .group_by("wallet", "other")
        .agg(pl.col("expected", "shared").max())
    )


def log_bound(found: pl.Expr, expected: pl.Expr) -> pl.Expr:
    """Chernoff: the natural logarithm of a bound of the probability of `found` or more where `expected` are."""
    return (
        pl.when(found > expected)
        .then(found - expected + found * (expected / found).log())
        .otherwise(0.0)
    )

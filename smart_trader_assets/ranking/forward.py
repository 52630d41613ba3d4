"""What came afterwards: groups of wallets, chosen at one time, and what copying them earned from then on."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from smart_trader_assets.ranking.bets import DEFAULT_BETS, BetRules, bet_weight

_DRAWS: Final = 2_000
_CELLS: Final = 4_000_000
FEWEST: Final = 5
"""Wallets with a priced bet, below which a mean or an interval would say more than is known."""
_SEED: Final = 20
_BOTH_ENDS: Final = (2.5, 97.5)

TOPS: Final = ("total_pnl", "roi", "win_rate")
"""What a leaderboard without any thought is sorted by."""
TOP: Final = 20


def bought_after(parts: pl.DataFrame, moment: int) -> pl.DataFrame:
    """The `PARTS` that were bought after a unix second: what somebody copies who begins then."""
    return parts.filter(pl.col("bought_at") > moment)


def top_name(by: str) -> str:
    """What the top of a leaderboard is called."""
    return f"TOP {TOP} BY {by.replace('_', ' ').upper()}".replace("PNL", "PnL")


def top_wallets(portfolios: pl.DataFrame, by: str, count: int = TOP) -> pl.DataFrame:
    """wallet_address of those with the most of a column of silver/wallet_pnl, whoever they are."""
    return (
        portfolios.filter(pl.col(by).is_not_null())
        .sort(by, "total_pnl", "wallet_address", descending=[True, True, False], nulls_last=True)
        .head(count)
        .select("wallet_address")
    )


def copied_groups(
    groups: pl.DataFrame, bets: pl.DataFrame, *, rules: BetRules = DEFAULT_BETS
) -> pl.DataFrame:
    """Who is in which group (group, wallet_address), and `copied_bets` -> what copying each group earned.

    Out, a row a group in the order in which they first come: group, wallets, `copied` (wallets with a bet),
    `copied_bets`, `priced_wallets` and `priced_bets` (of these), `priced_share` (percent of them, by weight),
    `copied_return` (percent of the stake, the mean over all priced bets, each with the same stake, less the
    cost of copying), `return_from` and `return_to` (in which it lies with 95 %), `earned` (percent of the
    copied wallets whose own mean is above zero). Null where nothing is known. As in the ranking, a bet of less
    than `rules.full_bet_usd` weighs less, in proportion.

    The interval is that of the Bayesian bootstrap over wallets and over the bets of each: bets of one wallet
    are alike. Below five wallets with a priced bet there is none. In: `copied` of `judged_returns`.
    """
    bets = bets.rename({"copied": "copied_bet"})
    of_group = groups.join(bets, on="wallet_address", how="left").with_columns(
        weight=bet_weight(pl.col("stake"), rules)
    )
    priced = pl.col("copied_bet").is_not_null()
    by_wallet = of_group.group_by("group", "wallet_address").agg(own=_mean())
    earned = by_wallet.group_by("group").agg(
        earned=100 * (pl.col("own").drop_nulls() > 0).mean(),
    )
    made = pl.col("token_address").is_not_null()
    table = (
        of_group.group_by("group", maintain_order=True)
        .agg(
            wallets=pl.col("wallet_address").n_unique().cast(pl.Int64),
            copied=pl.col("wallet_address").filter(made).n_unique().cast(pl.Int64),
            copied_bets=made.sum().cast(pl.Int64),
            priced_wallets=pl.col("wallet_address").filter(priced).n_unique().cast(pl.Int64),
            priced_bets=priced.sum().cast(pl.Int64),
            priced_share=pl.when(made.any()).then(
                100 * pl.col("weight").filter(priced).sum() / pl.col("weight").sum()
            ),
            copied_return=100 * _mean(),
        )
        .join(earned, on="group", how="left", maintain_order="left")
    )
    ends = [
        _interval(of_group.filter((pl.col("group") == group) & priced)) for group in table["group"]
    ]
    return table.with_columns(
        pl.Series("return_from", [low for low, _ in ends], dtype=pl.Float64),
        pl.Series("return_to", [high for _, high in ends], dtype=pl.Float64),
    )


def _mean() -> pl.Expr:
    """By weight, over the priced bets; null without any."""
    bet = pl.col("copied_bet")
    weight = pl.col("weight").filter(bet.is_not_null()).sum()
    return pl.when(weight > 0).then((bet * pl.col("weight")).sum() / weight)


def _interval(bets: pl.DataFrame) -> tuple[float | None, float | None]:
    if bets["wallet_address"].n_unique() < FEWEST:
        return None, None
    bets = bets.sort("wallet_address", "token_address")
    returns = 100 * bets["copied_bet"].to_numpy()
    weight = bets["weight"].to_numpy()
    wallet = bets["wallet_address"].rle_id().to_numpy()
    random = np.random.default_rng(_SEED)
    means = []
    left = _DRAWS
    while left:
        draws = min(left, max(1, _CELLS // len(returns)))
        weights = random.exponential(size=(draws, wallet[-1] + 1))[:, wallet]
        weights = weights * random.exponential(size=weights.shape) * weight
        means.append(weights @ returns / weights.sum(axis=1))
        left -= draws
    low, high = np.percentile(np.concatenate(means), _BOTH_ENDS)
    return float(low), float(high)

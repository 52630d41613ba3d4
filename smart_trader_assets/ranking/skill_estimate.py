"""What a wallet's bets prove: the mean return of a copier who stakes the same on each, and how sure it is.

**The posterior.** A wallet's bets r_k of weight a_k are draws from what it does, whatever shape that has. Under
the Bayesian bootstrap (D. B. Rubin, Annals of Statistics 9, 1981; with a prior, T. S. Ferguson's Dirichlet
process, Annals of Statistics 1, 1973), its mean return is M = sum w_k r_k with (w_k) of the Dirichlet
distribution D(a_k), the atoms of the prior among them. As w_k = g_k / sum g for independent gamma variables g_k
of shape a_k, M is above c exactly where sum g_k (r_k - c) is above zero, whose probability `gamma_sums` gives:

- **confidence**: P(M > c), c being what copying costs, `copy_cost_percent`
- **expected return**: E(M) = sum a_k r_k / sum a_k, the prior's atoms included
- **floor**: the c at which that probability is the confidence that counts as proof

**The prior** is worth `prior_bets` bets. One of them is always a total loss: what a wallet has not met yet is
not thereby impossible. The others are quantiles of the bets of the population, losers in, each wallet with the
same weight; where these have a mean above zero, their gains are scaled down until it is zero, since a rising
market is nobody's skill. A wallet's own bets are no part of what is expected of it: were they, a larger result
would move its prior, and could lower what it proves. Fewer than `min_population` other wallets show no
population: `prior_returns` stand in.

**Why this one.** It is monotone: M is an increasing function of every r_k, so that a larger result lowers
neither the expected return nor the floor nor the confidence, and a further bet above c (above the floor, above
the expected return) does not lower the confidence (the floor, the expected return). A variance in the
denominator, as in Student's t, is not: one more winner widens the spread faster than it lifts the mean. Two
bets prove nothing at 95 %: with every other atom at zero, one bet at the cap of 300 % is 72 % sure, two are
93 %, three 98 %. And one bet moves the expected return by at most a_k / (sum a) of what lies between its
return and the rest: shrinkage is the same sum.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smart_trader_assets.pnl.exact import quotient
from smart_trader_assets.ranking.gamma_sums import Floats, GammaRows, blocks

_CELLS = 40_000
"""Of a block: small enough for a processor's cache."""
_TOTAL_LOSS = -1.0
_WHOLE = 2**40
"""A wallet's weight in the population, in units that add up exactly, whoever is left out."""
_LIKE_NONE = 2**24
"""Units that the rounding of millions of bets may have lost: a hundred-thousandth of a wallet."""


@dataclass(frozen=True)
class SkillRules:
    """How results are weighed; percentages as such.

    `confidence` of the floor; `copy_cost_percent`: of a round trip; `prior_bets`: what the prior is worth,
    one of them a total loss; `prior_returns`: quantiles that stand in for a population of fewer than
    `min_population` wallets beside the one that is judged.
    """

    confidence: float
    copy_cost_percent: float = 3.0
    prior_bets: float = 4.0
    prior_returns: tuple[float, ...] = (-90.0, -50.0, -15.0, 30.0, 125.0)
    min_population: int = 20


@dataclass(frozen=True)
class Priors:
    """What is expected of each of `wallets` before a bet of it is seen: atoms and their weights.

    `returns`: a row a wallet, parts of one; `weights`: of its atoms, the same for all.
    """

    wallets: pl.Series
    returns: Floats
    weights: Floats


def population_priors(population: pl.DataFrame, wallets: pl.Series, rules: SkillRules) -> Priors:
    """What the bets of others in the `population` (wallet_address, bet_return, weight; see `bets`) let expect
    of each of `wallets`."""
    wallets = wallets.unique().sort()
    population = population.filter(
        pl.col("weight") > 0, pl.col("weight").is_finite(), pl.col("bet_return").is_finite()
    )
    stated = np.array(rules.prior_returns, dtype=np.float64) / 100
    members = population["wallet_address"].unique()
    others = len(members) - wallets.is_in(members.implode()).to_numpy().astype(np.int64)
    returns = np.tile(stated, (len(wallets), 1))
    shown = others >= rules.min_population
    if shown.any():
        returns[shown] = _quantiles_of_others(
            population, wallets.filter(pl.Series(shown)), len(stated)
        )
    total_loss = np.full((len(wallets), 1), _TOTAL_LOSS)
    return Priors(
        wallets,
        np.hstack([total_loss, _without_mean_gain(returns)]),
        np.array([1.0, *([(rules.prior_bets - 1.0) / len(stated)] * len(stated))]),
    )


def _quantiles_of_others(population: pl.DataFrame, wallets: pl.Series, levels: int) -> Floats:
    """The returns in the middle of so many equal parts of the population, a row for each of the sorted
    `wallets`, without its own bets.

    The weight of others up to a return is that of all less the wallet's own, and grows with the return: where
    it first reaches a level is searched between where all reach it and where they would if the wallet's own
    lay entirely before.
    """
    share = quotient(pl.col("weight"), pl.col("weight").sum().over("wallet_address"))
    bets = population.select(
        "wallet_address", "bet_return", units=(share * _WHOLE).round().cast(pl.Int64)
    )
    of_all = bets.group_by("bet_return").agg(pl.col("units").sum()).sort("bet_return")
    returns = of_all["bet_return"].to_numpy()
    reached = of_all["units"].cum_sum().to_numpy()

    rows = wallets.to_frame("wallet_address").with_row_index("row")
    places = of_all.select("bet_return").with_row_index("place")
    own = (
        bets.join(rows, on="wallet_address")
        .join(places, on="bet_return")
        .select("units", key=pl.col("row").cast(pl.Int64) * len(returns) + pl.col("place"))
        .sort("key")
    )
    keys = own["key"].to_numpy()
    summed = np.concatenate([[0], own["units"].cum_sum().to_numpy()])
    first_key = np.arange(len(wallets), dtype=np.int64)[:, None] * len(returns)
    before = summed[np.searchsorted(keys, first_key)]

    def own_up_to(place: NDArray[np.int64]) -> NDArray[np.int64]:
        counted: NDArray[np.int64] = (
            summed[np.searchsorted(keys, first_key + place, side="right")] - before
        )
        return counted

    last = len(returns) - 1
    own_in_all = own_up_to(np.full_like(first_key, last))
    of_others = reached[last] - own_in_all
    wanted = ((np.arange(levels) + 0.5) / levels * of_others).astype(np.int64) - _LIKE_NONE
    low, high = (np.searchsorted(reached, sought) for sought in (wanted, wanted + own_in_all))
    while (low < high).any():
        middle = (low + high) // 2
        is_reached = reached[middle] - own_up_to(middle) >= wanted
        low, high = np.where(is_reached, low, middle + 1), np.where(is_reached, middle, high)
    found: Floats = returns[low]
    return found


def _without_mean_gain(returns: Floats) -> Floats:
    """With the gains of each row scaled down to its losses, where they are more."""
    gains = np.where(returns > 0, returns, 0.0).sum(axis=1, keepdims=True)
    losses = -np.where(returns < 0, returns, 0.0).sum(axis=1, keepdims=True)
    share = np.divide(losses, gains, out=np.ones_like(gains), where=gains > losses)
    return np.where(returns > 0, returns * share, returns)


def with_skill(bets: pl.DataFrame, priors: Priors, rules: SkillRules) -> pl.DataFrame:
    """What the bets of each wallet of `priors` prove, by wallet_address.

    In: wallet_address, bet_return, weight, of the bets that count. Out: `bets` (the sum of their weights: so
    many full bets), `counted_bets`, `expected_return` and `return_floor` (percent), `skill_confidence`
    (percent that the mean return is above what copying costs). A wallet without a bet has what the prior
    says.
    """
    names = priors.wallets
    own = (
        bets.filter(pl.col("weight") > 0)
        .join(names.to_frame("wallet_address").with_row_index("row"), on="wallet_address")
        # In an order of its own, since sums of floats depend on it.
        .sort("row", "bet_return", "weight")
        .select("row", "bet_return", "weight")
    )
    row = own["row"].to_numpy().astype(np.int64)
    counts = np.bincount(row, minlength=len(names))
    evidence = _Evidence(
        own["bet_return"].to_numpy(),
        own["weight"].to_numpy(),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        priors,
    )
    places = list(blocks(counts + len(priors.weights), _CELLS))
    expected, floor, sure = (np.full(len(names), np.nan) for _ in range(3))

    def judge(rows: NDArray[np.int64]) -> None:
        sums = evidence.of(rows)
        expected[rows] = sums.means()
        sure[rows] = sums.above(rules.copy_cost_percent / 100)
        floor[rows] = sums.quantiles(1 - rules.confidence / 100)

    with ThreadPoolExecutor(max_workers=max(1, min(pl.thread_pool_size(), 4))) as pool:
        list(pool.map(judge, places))
    weights = np.bincount(row, weights=own["weight"].to_numpy(), minlength=len(names))
    return pl.DataFrame(
        {
            "wallet_address": names,
            "bets": weights.astype(np.float64),
            "counted_bets": counts.astype(np.int64),
            "expected_return": 100 * expected,
            "return_floor": 100 * floor,
            "skill_confidence": 100 * sure,
        },
        schema_overrides={"wallet_address": pl.String},
    )


@dataclass(frozen=True)
class _Evidence:
    """All bets, wallet by wallet; `begin`: where each wallet's begin, and the end of the last one's."""

    returns: Floats
    weights: Floats
    begin: NDArray[np.int64]
    priors: Priors

    def of(self, rows: NDArray[np.int64]) -> GammaRows:
        """The prior's atoms and the bets of some wallets, as a rectangle."""
        begin, end = self.begin[rows], self.begin[rows + 1]
        place = begin[:, None] + np.arange(int((end - begin).max(initial=0)))
        inside = place < end[:, None]
        place = np.where(inside, place, 0)
        expected = self.priors.returns[rows]
        atoms = (expected, np.broadcast_to(self.priors.weights, expected.shape))
        own = [
            np.where(inside, of_bets[place], 0.0) if inside.size else np.zeros(inside.shape)
            for of_bets in (self.returns, self.weights)
        ]
        values, shapes = (np.hstack(both) for both in zip(atoms, own, strict=True))
        return GammaRows(values, shapes)

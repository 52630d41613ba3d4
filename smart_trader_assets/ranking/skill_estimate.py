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
market is nobody's skill. Fewer than `min_population` wallets show no population: `prior_returns` stand in.

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
_LIKE_ONE = 1e-9


@dataclass(frozen=True)
class SkillRules:
    """How results are weighed; percentages as such.

    `confidence` of the floor; `copy_cost_percent`: of a round trip; `prior_bets`: what the prior is worth,
    one of them a total loss; `prior_returns`: quantiles that stand in for a population of fewer than
    `min_population` wallets.
    """

    confidence: float
    copy_cost_percent: float = 3.0
    prior_bets: float = 4.0
    prior_returns: tuple[float, ...] = (-90.0, -50.0, -15.0, 30.0, 125.0)
    min_population: int = 20


@dataclass(frozen=True)
class Prior:
    """Atoms and their weights; returns as parts of one."""

    returns: tuple[float, ...]
    weights: tuple[float, ...]


def population_prior(bets: pl.DataFrame, rules: SkillRules) -> Prior:
    """The prior that the population's `bets` give: wallet_address, bet_return, weight (see `bets`)."""
    bets = bets.filter(pl.col("weight") > 0)
    levels = len(rules.prior_returns)
    if bets["wallet_address"].n_unique() < rules.min_population:
        found = [one / 100 for one in rules.prior_returns]
    else:
        found = _quantiles(bets, levels)
    return Prior(
        (_TOTAL_LOSS, *_without_mean_gain(found)),
        (1.0, *([(rules.prior_bets - 1.0) / levels] * levels)),
    )


def _quantiles(bets: pl.DataFrame, levels: int) -> list[float]:
    """The returns in the middle of so many equal parts of the population."""
    part = quotient(pl.col("weight"), pl.col("weight").sum().over("wallet_address"))
    by_return = (
        bets.with_columns(part=part)
        .group_by("bet_return")
        .agg(pl.col("part").sum())
        .sort("bet_return")
    )
    reached = by_return["part"].cum_sum().to_numpy()
    wanted = (np.arange(levels) + 0.5) / levels * reached[-1]
    places = np.minimum(np.searchsorted(reached, wanted - _LIKE_ONE), len(reached) - 1)
    return by_return["bet_return"].gather(places).to_list()


def _without_mean_gain(returns: list[float]) -> list[float]:
    gains = sum(one for one in returns if one > 0)
    losses = -sum(one for one in returns if one < 0)
    if gains <= losses:
        return returns
    return [one * losses / gains if one > 0 else one for one in returns]


def with_skill(
    bets: pl.DataFrame, wallets: pl.Series, prior: Prior, rules: SkillRules
) -> pl.DataFrame:
    """What the bets of each of `wallets` prove, by wallet_address.

    In: wallet_address, bet_return, weight, of the bets that count. Out: `bets` (the sum of their weights: so
    many full bets), `counted_bets`, `expected_return` and `return_floor` (percent), `skill_confidence`
    (percent that the mean return is above what copying costs). A wallet without a bet has what the prior
    says.
    """
    names = wallets.unique().sort()
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
        prior,
    )
    places = list(blocks(counts + len(prior.returns), _CELLS))
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
    prior: Prior

    def of(self, rows: NDArray[np.int64]) -> GammaRows:
        """The prior's atoms and the bets of some wallets, as a rectangle."""
        begin, end = self.begin[rows], self.begin[rows + 1]
        place = begin[:, None] + np.arange(int((end - begin).max(initial=0)))
        inside = place < end[:, None]
        place = np.where(inside, place, 0)
        shape = (len(rows), len(self.prior.returns))
        atoms = [
            np.broadcast_to(of_prior, shape)
            for of_prior in (self.prior.returns, self.prior.weights)
        ]
        own = [
            np.where(inside, of_bets[place], 0.0) if inside.size else np.zeros(inside.shape)
            for of_bets in (self.returns, self.weights)
        ]
        values, shapes = (np.hstack(both) for both in zip(atoms, own, strict=True))
        return GammaRows(values, shapes)

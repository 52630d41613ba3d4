"""What a wallet's results prove: its return, shrunk toward the population, and how sure that is.

The unit of evidence is a **bet**: a token. Sells of one position share one price path, so ten parts of
one lucky coin are one result and not ten. A bet's return is its realized PnL over its matched cost.

For wallet i with matched costs x_k and results y_k by token:

- R_i = sum(y) / sum(x), the money-weighted return: its ROI. A ratio estimator (W. G. Cochran,
  Sampling Techniques, 3rd ed. 1977, ch. 6).
- n_i = sum(x)^2 / sum(x^2), the effective number of bets (L. Kish, Survey Sampling, 1965): the number of
  equal bets that would carry as much information. Dust beside one large bet adds nothing to it.
- Q_i = n_i * sum(x (y/x - R_i)^2) / sum(x), the squared deviations of that many bets.

Its mean return has the conjugate normal-inverse-chi-squared posterior (A. Gelman et al., Bayesian Data
Analysis, 3rd ed. 2013, sec. 3.3) under a prior that is worth k bets of mean m and v bets of spread s:

- expected return E = (k m + n R) / (k + n): the James-Stein form, R pulled toward m by k / (k + n)
- s_n^2 = (v s^2 + Q + k n / (k + n) (R - m)^2) / (v + n)
- (mean - E) / (s_n / sqrt(k + n)) is Student's t with v + n degrees of freedom, so the return is above
  E - t_c(v + n) s_n / sqrt(k + n), the **floor**, with confidence c; and it is above zero with the
  confidence Phi(z), where z is the normal deviate of E / (s_n / sqrt(k + n))

t and z are turned into each other by the approximation of D. L. Wallace (Annals of Mathematical Statistics
30, 1959), z = (8 f + 1) / (8 f + 3) sqrt(f ln(1 + t^2 / f)) for f degrees of freedom: within 0.3 % from
five on, and the same both ways, so that a floor at zero and its confidence never disagree.

The prior is estimated from the population of classified wallets, losers included (empirical Bayes: B. Efron
and C. Morris, Journal of the American Statistical Association 70, 1975): m is the median return, but never
above zero, since a rising market is not a skill; s^2 the median variance between the bets of a wallet;
k = s^2 / tau^2, where tau^2 is the variance of returns between wallets beyond what their bets explain. k is
never below `least_prior_bets`. At 4 no result of one bet is more than 85 % sure, and none of one or two bets
lifts a floor at 95 % above zero, however large: the surprise widens the spread as fast as it lifts the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import polars as pl

_QUARTILES_APART = 1.349
"""The distance between the quartiles of a normal distribution, in standard deviations."""
_LEAST_TOKENS = 3
"""Tokens of a wallet that the population's spread is measured on."""


@dataclass(frozen=True)
class SkillRules:
    """How results are weighed.

    `confidence` of the floor, in percent. `least_prior_bets` and `most_prior_bets` bound what the
    population weighs against a wallet's own bets, `spread_bets` is its weight in the spread.
    With fewer than `least_population` wallets to learn from, the prior is a mean of zero, `least_prior_bets`
    and `unknown_spread` (1 = 100 % of the stake).
    """

    confidence: float
    least_prior_bets: float = 4.0
    most_prior_bets: float = 40.0
    spread_bets: float = 4.0
    least_population: int = 20
    unknown_spread: float = 1.0


@dataclass(frozen=True)
class Prior:
    """What is expected of a wallet before its bets are seen; returns as parts of one."""

    mean: float
    spread: float
    bets: float


def wallet_bets(tokens: pl.DataFrame) -> pl.DataFrame:
    """Token rows of the whole history -> one row per wallet that closed any: its bets.

    In: wallet_address, realized_pnl and matched_cost (USD). Out: wallet_address, `bet_return` (R),
    `bets` (n), `bet_squares` (Q), `closed_tokens`.
    """
    cost, result = pl.col("matched_cost"), pl.col("realized_pnl")
    mean = result.sum() / cost.sum()
    effective = cost.sum() / (cost**2).sum() * cost.sum()
    deviations = cost * (result / cost - mean) ** 2
    return (
        tokens.filter(cost > 0)
        .group_by("wallet_address", maintain_order=True)
        .agg(
            mean.alias("bet_return"),
            effective.alias("bets"),
            (effective * deviations.sum() / cost.sum()).alias("bet_squares"),
            pl.len().cast(pl.Int64).alias("closed_tokens"),
        )
        .sort("wallet_address")
    )


def population_prior(bets: pl.DataFrame, rules: SkillRules) -> Prior:
    """The prior that the population in `bets` (see `wallet_bets`) gives."""
    measured = bets.filter((pl.col("closed_tokens") >= _LEAST_TOKENS) & (pl.col("bets") > 1.0))
    if measured.height < rules.least_population:
        return Prior(0.0, rules.unknown_spread, rules.least_prior_bets)
    returns = pl.col("bet_return")
    variance = pl.col("bet_squares") / (pl.col("bets") - 1.0)
    found = measured.select(
        mean=returns.median(),
        within=variance.median(),
        of_means=(variance / pl.col("bets")).median(),
        apart=(returns.quantile(0.75) - returns.quantile(0.25)) / _QUARTILES_APART,
    ).row(0, named=True)
    between = found["apart"] ** 2 - found["of_means"]
    weight = found["within"] / between if between > 0 else rules.most_prior_bets
    return Prior(
        mean=min(0.0, found["mean"]),
        spread=found["within"] ** 0.5,
        bets=min(max(weight, rules.least_prior_bets), rules.most_prior_bets),
    )


def with_skill(bets: pl.DataFrame, prior: Prior, rules: SkillRules) -> pl.DataFrame:
    """Adds the posterior to `bets`: `expected_return` and `return_floor` in percent; `certainty`, how far
    the expected return lies above zero as a normal deviate; `skill_confidence`, in percent, that the return
    is above zero. The last two are null at a spread of zero."""
    n, own = pl.col("bets"), pl.col("bet_return")
    freedom = rules.spread_bets + n
    surprise = prior.bets * n / (prior.bets + n) * (own - prior.mean) ** 2
    squares = rules.spread_bets * prior.spread**2 + pl.col("bet_squares") + surprise
    error = (squares / freedom / (prior.bets + n)).sqrt()
    expected = (prior.bets * prior.mean + n * own) / (prior.bets + n)
    quantile = students_t(freedom, deviate_at(rules.confidence))
    judged = bets.with_columns(
        expected_return=100 * expected,
        return_floor=100 * (expected - quantile * error),
        certainty=pl.when(error > 0).then(normal_deviate(freedom, expected / error)),
    )
    confidence = [
        None if z is None else 100 * NormalDist().cdf(z) for z in judged["certainty"].to_list()
    ]
    return judged.with_columns(pl.Series("skill_confidence", confidence, dtype=pl.Float64))


def deviate_at(confidence: float) -> float:
    """The normal deviate that a confidence in percent requires: 1.645 at 95."""
    return NormalDist().inv_cdf(confidence / 100)


def normal_deviate(freedom: pl.Expr, t: pl.Expr) -> pl.Expr:
    """The normal deviate that is as likely as `t` of Student's distribution (Wallace)."""
    squashed = (freedom * (1 + t**2 / freedom).log()).sqrt() * _wallace(freedom)
    return squashed * t.sign()


def students_t(freedom: pl.Expr, deviate: float) -> pl.Expr:
    """The quantile of Student's distribution at a normal deviate above zero (Wallace)."""
    stretched = deviate / _wallace(freedom)
    return (freedom * ((stretched**2 / freedom).exp() - 1)).sqrt()


def _wallace(freedom: pl.Expr) -> pl.Expr:
    return (8 * freedom + 1) / (8 * freedom + 3)

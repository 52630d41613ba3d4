"""What copying a wallet would have earned, by delay: the rows of gold/copy_results."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import polars as pl

from smart_trader_assets.pnl.columns import ALL_TOKENS
from smart_trader_assets.pnl.exact import quotient
from smart_trader_assets.ranking.bets import whole_history, with_bets
from smart_trader_assets.ranking.copied_bets import copied_bets, judged_returns
from smart_trader_assets.ranking.discovery import WHALE_COLUMNS, discoveries
from smart_trader_assets.ranking.late_prices import with_late_prices
from smart_trader_assets.ranking.skill_estimate import (
    Priors,
    SkillRules,
    population_priors,
    with_skill,
)
from smart_trader_assets.ranking.tiers import RankingRules
from smart_trader_assets.text import content_hash

_EDITION: Final = 4
"""Of what the code makes of the rules."""

_READ: Final = (
    "total_bought",
    "total_sold",
    "matched_cost",
    "open_cost",
    "lost_cost",
    "conservative_pnl",
    "estimated_fees_usd",
    "realized_pnl_sol",
    "matched_cost_sol",
    "open_cost_sol",
    "conservative_value",
    "conservative_value_sol",
    "sol_coverage",
    "paid_in_sol",
    "peak_cost",
    "mark_price",
    "open_quantity",
    "closing_count",
    "median_holding_hours",
    "first_transaction",
    "last_transaction",
)
BETS_TO_COPY: Final = (
    "token_address",
    "bet_return",
    "weight",
    "counts",
    "judged_in_sol",
    "unit_usd",
    "unit_sol",
)
"""Beside wallet_address: a wallet's bets, and what a whole token that it holds brings."""


def copying_edition(rules: RankingRules) -> str:
    """A short hash of the rules that copied returns follow."""
    return content_hash([_EDITION, asdict(rules.copying), asdict(rules.skill), asdict(rules.bets)])


def bets_to_copy(
    pnl: pl.LazyFrame, rules: RankingRules, *, tracked_whales: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """silver/wallet_pnl -> wallet_address and `BETS_TO_COPY` of its token rows of the window `all`; columns
    that are missing read as null. `tracked_whales`: see `rank_wallets`."""
    history = whole_history(pnl, ("wallet_address", "token_address", *_READ))
    of_all = pl.col("token_address") == ALL_TOKENS
    found = (
        None
        if tracked_whales is None
        else discoveries(tracked_whales.select(WHALE_COLUMNS), list_window=rules.list_window)
    )
    of_wallet = history.filter(of_all).select("wallet_address", wallet_paid_in_sol="paid_in_sol")
    tokens = with_bets(
        history.filter(~of_all).join(of_wallet, on="wallet_address"), rules.bets, found
    )
    marked = pl.col("mark_price").is_not_null() & (pl.col("open_quantity") > 0)
    return (
        tokens.with_columns(
            unit_usd=pl.when(marked).then(
                quotient(pl.col("conservative_value"), pl.col("open_quantity"))
            ),
            unit_sol=pl.when(marked).then(
                quotient(pl.col("conservative_value_sol"), pl.col("open_quantity"))
            ),
        )
        .select("wallet_address", *BETS_TO_COPY, *_CHANGING)
        .collect()
    )


_CHANGING: Final = (
    "total_bought",
    "total_sold",
    "closing_count",
    "median_holding_hours",
    "first_transaction",
    "last_transaction",
)


def wallet_fingerprints(bets: pl.DataFrame, rules: RankingRules) -> pl.DataFrame:
    """`bets_to_copy` -> wallet_address, based_on: a text that changes where anything does that a wallet's
    copied returns follow from, but for the trades of others."""
    content = pl.struct(sorted(name for name in bets.columns if name != "wallet_address"))
    return bets.group_by("wallet_address").agg(
        based_on=pl.concat_str(
            pl.lit(copying_edition(rules)),
            content.hash(seed=1).sum().cast(pl.String),
            separator="-",
        )
    )


def copied_returns(
    parts: pl.DataFrame, prices: pl.DataFrame, bets: pl.DataFrame, rules: RankingRules
) -> pl.DataFrame:
    """What an equal-stake copier of each wallet in `bets` would have earned, a row a delay.

    In: `PARTS` of the wallets, `TRADED_PRICES` of their tokens, and `bets_to_copy`. A bet that the wallet was
    found by is none of those looked at: it was chosen by its outcome.

    Out: wallet_address, delay_seconds, `bets`, `priced_bets`, `priced_share` (percent of the bets' weight that
    could be priced), `copied_return` (percent of the stake, the mean over the priced bets by weight, less the
    cost of copying; the lesser of the ones in USD and in SOL where the trader is judged in SOL),
    `copied_floor` (percent: what that is at least, with the confidence that counts as proof, by the priced
    bets, cut as in the ranking), `price_drift_entry` (the median of the copier's entry
    prices over the trader's), `break_even_delay` (seconds, interpolated between two delays; null where the
    return does not fall below zero between any). Null where nothing is known.
    """
    copying, skill = rules.copying, rules.skill
    worth = bets.select("wallet_address", "token_address", "unit_usd", "unit_sol")
    of_bets = bets.filter(pl.col("bet_return").is_not_null() & pl.col("counts")).select(
        "wallet_address", "token_address", "weight", "judged_in_sol"
    )
    wallets = bets["wallet_address"].unique().sort()
    by_delay = []
    for delay in copying.copy_delays:
        late = with_late_prices(parts, prices, delay, copying)
        copied = of_bets.join(
            copied_bets(late, worth, copy_cost_percent=skill.copy_cost_percent),
            on=["wallet_address", "token_address"],
            how="left",
        )
        by_delay.append(
            _of_delay(judged_returns(copied), wallets, rules).with_columns(
                delay_seconds=pl.lit(delay)
            )
        )
    table = pl.concat(by_delay).with_columns(pl.col("delay_seconds").cast(pl.Int64))
    return (
        table.join(_break_even(table), on="wallet_address", how="left")
        .sort("wallet_address", "delay_seconds")
        .select("wallet_address", "delay_seconds", *_RESULTS)
    )


_RESULTS: Final = (
    "bets",
    "priced_bets",
    "priced_share",
    "copied_return",
    "copied_floor",
    "price_drift_entry",
    "break_even_delay",
)


def _of_delay(copied: pl.DataFrame, wallets: pl.Series, rules: RankingRules) -> pl.DataFrame:
    priced, weight = pl.col("copied").is_not_null(), pl.col("weight")
    known = weight.filter(priced).sum()
    returns = (
        copied.sort("wallet_address", "token_address")
        .group_by("wallet_address")
        .agg(
            bets=pl.len().cast(pl.Int64),
            priced_bets=priced.sum().cast(pl.Int64),
            priced_share=pl.when(weight.sum() > 0).then(quotient(100 * known, weight.sum())),
            copied_return=pl.when(known > 0).then(
                quotient(100 * (pl.col("copied") * weight).sum(), known)
            ),
            price_drift_entry=pl.col("entry_drift").median(),
        )
    )
    evidence = copied.filter(pl.col("copied").is_not_null()).select(
        "wallet_address",
        bet_return=pl.col("copied").clip(-1.0, rules.bets.bet_return_cap / 100),
        weight="weight",
    )
    proven = with_skill(evidence, _priors(wallets, rules.skill), rules.skill).select(
        "wallet_address",
        copied_floor=pl.when(pl.col("counted_bets") > 0).then("return_floor"),
    )
    # No bet proves less than a total loss, and copying one costs something besides.
    at_least = pl.min_horizontal("copied_floor", "copied_return")
    return proven.join(returns, on="wallet_address", how="left").with_columns(
        pl.col("bets", "priced_bets").fill_null(0),
        copied_floor=pl.when(pl.col("copied_floor").is_not_null()).then(at_least),
    )


def _priors(wallets: pl.Series, rules: SkillRules) -> Priors:
    """The list that stands in for a population: a wallet's row must not change with what others do."""
    nobody = pl.DataFrame(
        schema={"wallet_address": pl.String, "bet_return": pl.Float64, "weight": pl.Float64}
    )
    return population_priors(nobody, wallets, rules)


def _break_even(table: pl.DataFrame) -> pl.DataFrame:
    """wallet_address, break_even_delay: where a line between two delays first falls to zero."""
    place, value = pl.col("delay_seconds").cast(pl.Float64), pl.col("copied_return")
    before, ago = value.shift(1).over("wallet_address"), place.shift(1).over("wallet_address")
    falls = (before > 0) & (value <= 0)
    return (
        table.sort("wallet_address", "delay_seconds")
        .with_columns(
            at=pl.when(falls).then(ago + quotient((place - ago) * before, before - value)),
        )
        .group_by("wallet_address")
        .agg(break_even_delay=pl.col("at").drop_nulls().first())
    )

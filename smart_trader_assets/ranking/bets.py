"""Bets: what a copier would have staked alike, token by token.

A **bet** is one token of a wallet, sold or not. Sells of one position share one price path, so ten parts of one
lucky coin are one result and not ten; and what was never sold is a bet that is still running, not one that
never was. What left in a rollover is the bet of the token that it became.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from smart_trader_assets.pnl.columns import WALLET_PNL_SCHEMA, WINDOWS
from smart_trader_assets.pnl.exact import divided, quotient

_MOST = 50.0
"""Percent."""
DUST = 1e-9
"""As a part of the cost: what is smaller is a rounding, and decides no win."""


@dataclass(frozen=True)
class BetRules:
    """`full_bet_usd`: a cheaper bet weighs less, in proportion. `bet_return_cap`, in percent: nobody rests a
    proof on one moonshot. `min_sol_coverage`, in percent: how much of a cost must be known in SOL for the
    result in SOL to count."""

    full_bet_usd: float = 100.0
    bet_return_cap: float = 300.0
    min_sol_coverage: float = 50.0


DEFAULT_BETS = BetRules()

BET_COLUMNS = (
    "bet_cost",
    "bet_result",
    "usd_return",
    "sol_return",
    "bet_return",
    "weight",
    "counts",
)
"""What `with_bets` adds."""


def whole_history(pnl: pl.LazyFrame, names: Sequence[str]) -> pl.LazyFrame:
    """The columns `names` of the rows of silver/wallet_pnl of the window `all`; those that are missing read as
    null."""
    held = pnl.collect_schema()
    return pnl.filter(pl.col("window") == WINDOWS[0]).select(
        pl.col(name) if name in held else pl.lit(None, dtype=WALLET_PNL_SCHEMA[name]).alias(name)
        for name in names
    )


def with_bets(
    tokens: pl.LazyFrame, rules: BetRules, found: pl.LazyFrame | None = None
) -> pl.LazyFrame:
    """Token rows of silver/wallet_pnl of the window `all` -> the same, each with its bet.

    Added: `bet_cost` (USD: of all that was bought with known basis), `bet_result` (USD: realized PnL and the
    conservative value of what is open, less what that cost, lost cost and estimated fees), `usd_return` and
    `sol_return` (that as a part of the cost; null where it is not known in SOL), `judged_in_sol`, `bet_return`
    (the one that counts, cut at -1 and at the cap), `weight` (of a full bet's 1, by the most that was at
    stake at one time), `counts` (whether it is evidence).

    Where most was paid in SOL and enough is known in it, the lesser return counts: neither SOL's rise nor its
    fall is a trader's skill. What came by rollovers is taken to have been paid like the wallet's other tokens
    (`wallet_paid_in_sol`). A token without cost is no bet, and has nulls. `found`: see `discovery`.
    """
    cost = pl.sum_horizontal("matched_cost", "open_cost", "lost_cost")
    is_bet = (cost > 0) & pl.col("conservative_pnl").is_not_null()
    in_usd = quotient(pl.col("bet_result"), pl.col("bet_cost"))
    fees = quotient(pl.col("estimated_fees_usd").fill_null(0.0), pl.col("bet_cost"))
    lost_share = quotient(pl.col("lost_cost").fill_null(0.0), pl.col("bet_cost"))
    bets = tokens.with_columns(
        bet_cost=pl.when(is_bet).then(cost), bet_result=pl.when(is_bet).then("conservative_pnl")
    ).with_columns(
        usd_return=in_usd,
        sol_return=_on_cost_in_sol() * (1 - lost_share) - lost_share - fees,
    )
    known = (pl.col("matched_cost") <= 0) | (pl.col("sol_coverage") >= rules.min_sol_coverage)
    cap = rules.bet_return_cap / 100
    bets = bets.with_columns(
        judged_in_sol=known.fill_null(value=False) & paid_in_sol(_share_paid_in_sol())
    ).with_columns(
        bet_return=pl.when("judged_in_sol")
        .then(pl.min_horizontal("usd_return", "sol_return"))
        .otherwise("usd_return")
        .clip(-1.0, cap),
        # A stake that is used again and again is staked once.
        weight=bet_weight(pl.min_horizontal("bet_cost", "peak_cost"), rules),
    )
    if found is None:
        return bets.with_columns(counts=pl.lit(value=True))
    return _without_selected(bets, found)


def bet_weight(stake: pl.Expr, rules: BetRules) -> pl.Expr:
    """How much of a full bet a stake in USD is, 1 at most."""
    return divided(stake, pl.lit(rules.full_bet_usd)).clip(upper_bound=1.0)


def paid_in_sol(share: pl.Expr) -> pl.Expr:
    """Whether more than half of what was bought for cash was paid in SOL, by that share in percent."""
    return (share > _MOST).fill_null(value=False)


def is_won() -> pl.Expr:
    """Whether a bet was won."""
    return pl.col("bet_return") > DUST


def bet_win_rate() -> pl.Expr:
    """Aggregated by wallet, in percent: bets won of bets made, by weight; what is dead is lost."""
    won, made = pl.col("weight").filter(is_won()).sum(), pl.col("weight").sum()
    return pl.when(made > 0).then(quotient(100.0 * won, made))


def _on_cost_in_sol() -> pl.Expr:
    """The result in SOL as a part of the cost that is known in SOL, fees and lost cost left out."""
    cost = pl.sum_horizontal("matched_cost_sol", "open_cost_sol")
    gain = pl.sum_horizontal("realized_pnl_sol", "conservative_value_sol")
    result = gain - pl.col("open_cost_sol").fill_null(0.0)
    return pl.when(cost > 0).then(quotient(result, cost))


def _share_paid_in_sol() -> pl.Expr:
    """Percent of what a token cost: its own buys for cash, and what rolled over into it."""
    bought = pl.col("total_bought").fill_null(0.0)
    rolled = (pl.col("bet_cost") - bought).clip(lower_bound=0.0)
    in_sol = bought * pl.col("paid_in_sol").fill_null(0.0) + rolled * pl.col(
        "wallet_paid_in_sol"
    ).fill_null(0.0)
    return quotient(in_sol, bought + rolled)


def _without_selected(bets: pl.LazyFrame, found: pl.LazyFrame) -> pl.LazyFrame:
    """Marks as no evidence the bets by whose outcome the wallet was chosen: those in a token that it was
    found by, and those that a list may have ranked, having begun before it named the wallet and been closed,
    for the most part, within what it looks back on or since. What is still held has no outcome that could
    have been ranked."""
    by_token = found.filter(pl.col("token_address").is_not_null()).select(
        "wallet_address", "token_address", chosen_by_token=pl.lit(value=True)
    )
    by_list = (
        found.filter(pl.col("token_address").is_null())
        .group_by("wallet_address")
        .agg(pl.col("closed_from").min(), pl.col("closed_to").max())
    )
    closed = (pl.col("closing_count") > 0) & (pl.col("open_cost") <= pl.col("bet_cost") / 2)
    ranked = (
        closed
        & (pl.col("first_transaction") <= pl.col("closed_to"))
        & (pl.col("last_transaction") >= pl.col("closed_from"))
    )
    return (
        bets.join(by_token, on=["wallet_address", "token_address"], how="left")
        .join(by_list, on="wallet_address", how="left")
        .with_columns(
            counts=~(pl.col("chosen_by_token").fill_null(value=False))
            & ~(ranked.fill_null(value=False))
        )
        .drop("chosen_by_token", "closed_from", "closed_to")
    )

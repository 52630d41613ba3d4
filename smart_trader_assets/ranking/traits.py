"""What the classes look at that stands in no single row: how a wallet's bets came about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import polars as pl

from smart_trader_assets.pnl.exact import quotient
from smart_trader_assets.ranking.bets import bet_win_rate

_MINUTES_AN_HOUR = 60
_DUST_USD = 1e-6


@dataclass(frozen=True)
class LaunchRules:
    """A launch bet was bought within `launch_minutes` of the token's first known trade, and what was bought
    then returned more than `launch_return` percent within the hour (`early_cost`, `early_proceeds`). Nobody
    who follows gets these prices."""

    launch_minutes: float = 10.0
    launch_return: float = 300.0


def first_trades(tokens: pl.LazyFrame, listed: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Token rows of all wallets -> token_address, launched_at: the first trade of it that the tables know, or
    the time of its listing where that is earlier. `listed`: token_address, listed_at."""
    first = tokens.group_by("token_address").agg(launched_at=pl.col("first_transaction").min())
    if listed is None:
        return first
    earliest = listed.group_by("token_address").agg(pl.col("listed_at").min())
    return first.join(earliest, on="token_address", how="left").select(
        "token_address", launched_at=pl.min_horizontal("launched_at", "listed_at")
    )


def bet_traits(bets: pl.LazyFrame, launches: pl.LazyFrame, rules: LaunchRules) -> pl.LazyFrame:
    """Bets (see `bets.with_bets`) -> by wallet_address: `bet_count`, `bet_win_rate` (%), `launch_bets`, and
    `launch_gain_share` (% of the gains of all its bets that these made)."""
    soon = pl.col("first_transaction") <= pl.col("launched_at") + timedelta(
        minutes=rules.launch_minutes
    )
    returned = pl.col("early_proceeds") > pl.col("early_cost") * (1 + rules.launch_return / 100)
    gain = pl.col("bet_result").clip(lower_bound=0.0)
    return (
        bets.join(launches, on="token_address", how="left")
        .with_columns(at_launch=(soon & returned).fill_null(value=False))
        .group_by("wallet_address")
        .agg(
            bet_count=pl.len().cast(pl.Int64),
            bet_win_rate=bet_win_rate(),
            launch_bets=pl.col("at_launch").sum().cast(pl.Int64),
            launch_gain=gain.filter(pl.col("at_launch")).sum(),
            gain=gain.sum(),
        )
        .with_columns(
            launch_gain_share=pl.when(pl.col("gain") > 0).then(
                quotient(100.0 * pl.col("launch_gain"), pl.col("gain"))
            )
        )
        .drop("launch_gain", "gain")
    )


PAID_SHARES: Final = pl.Schema(
    {
        "wallet_address": pl.String(),
        "paid_bets": pl.Int64(),
        "payers": pl.Int64(),
        "paid_gain_share": pl.Float64(),
    }
)


def paid_shares(bets: pl.LazyFrame, paid: pl.LazyFrame) -> pl.LazyFrame:
    """Bets, and what each wallet sold into the buys of others (`co_trading.PAID`) -> `PAID_SHARES`: how many
    bets that were, how many others, and what these bets made of the gains of all its bets, in percent."""
    gain = pl.col("bet_result").clip(lower_bound=0.0)
    tokens = paid.group_by("wallet_address", "token_address").agg(pl.col("other_address").unique())
    return (
        bets.join(tokens, on=["wallet_address", "token_address"], how="left")
        .with_columns(is_paid=pl.col("other_address").is_not_null())
        .group_by("wallet_address")
        .agg(
            paid_bets=pl.col("is_paid").sum().cast(pl.Int64),
            payers=pl.col("other_address").explode().drop_nulls().n_unique().cast(pl.Int64),
            paid_gain=gain.filter(pl.col("is_paid")).sum(),
            gain=gain.sum(),
        )
        .filter(pl.col("paid_bets") > 0)
        .select(
            "wallet_address",
            "paid_bets",
            "payers",
            paid_gain_share=pl.when(pl.col("gain") > 0).then(
                quotient(100.0 * pl.col("paid_gain"), pl.col("gain"))
            ),
        )
    )


def holding_times(bets: pl.LazyFrame) -> pl.LazyFrame:
    """Bets -> by wallet_address: `median_bet_minutes`, the lower median of the holding times of closed bets,
    by their weights. Absent where none is closed."""
    reached = pl.col("weight").cum_sum().over("wallet_address")
    half = pl.col("weight").sum().over("wallet_address") / 2
    return (
        bets.filter((pl.col("closing_count") > 0) & pl.col("median_holding_hours").is_not_null())
        .select("wallet_address", "token_address", "median_holding_hours", "weight")
        .sort("wallet_address", "median_holding_hours", "token_address")
        .filter(reached >= half)
        .group_by("wallet_address", maintain_order=True)
        .agg(median_bet_minutes=pl.col("median_holding_hours").first() * _MINUTES_AN_HOUR)
    )


def unknown_shares(tokens: pl.LazyFrame) -> pl.LazyFrame:
    """Token rows with `wallet_realized`, the realized PnL of the whole wallet -> by wallet_address:
    `unknown_share`, in percent: what was sold without a known purchase, in the proceeds of the fewest tokens
    that together carry over half of that profit or loss. Absent where there is neither."""
    towards = pl.col("realized_pnl") * pl.col("wallet_realized").sign()
    carried = towards.cum_sum().over("wallet_address") - towards
    needed = carried <= pl.col("wallet_realized").abs() / 2
    return (
        tokens.filter((towards > 0) & (pl.col("wallet_realized").abs() > _DUST_USD))
        .with_columns(towards=towards)
        .sort("wallet_address", "towards", "token_address", descending=[False, True, False])
        .filter(needed)
        .group_by("wallet_address")
        .agg(
            unknown_share=quotient(
                100.0 * pl.col("unmatched_proceeds").sum(), pl.col("total_sold").sum()
            )
        )
    )

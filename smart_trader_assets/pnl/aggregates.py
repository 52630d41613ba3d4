"""Aggregates of trades: by position and window depth first, from which every window is a small sum."""

from typing import Final

import polars as pl
from polars.dataframe.group_by import GroupBy

from smart_trader_assets.pnl.exact import RESULT_QUANTUM, whole
from smart_trader_assets.pnl.lots import Ledger
from smart_trader_assets.pnl.windows import group_id, in_each_window

_SAME_MOMENT_SECONDS: Final = 10

SUMS: Final = (
    "buy_count",
    "sell_count",
    "unpriced_count",
    "total_bought",
    "total_sold",
    "matched_proceeds",
    "matched_cost",
    "unmatched_proceeds",
    "unmatched_units",
    "closing_count",
    "win_count",
    "gains",
    "losses",
    "same_moment_count",
)


def with_results(disposals: pl.DataFrame) -> pl.DataFrame:
    """Adds `closing` (priced, with a part matched to lots of known basis), `result` (money of
    that part, null where not closing), `win`, `loss` and `same_moment`.

    A closing trade is of the same moment where the wallet had bought the token in the same slot, or
    at most ten seconds before. Which lot first in, first out assigned does not matter: one that was left
    over long ago would hide the bot that buys and sells at once.
    """
    closing = pl.col("value").is_not_null() & (pl.col("known_matched") > 0)
    result = pl.when(closing).then(pl.col("matched_value") - pl.col("matched_cost"))
    age = pl.col("block_unix_time") - pl.col("bought_time")
    same_slot = (pl.col("block_number") == pl.col("bought_block")).fill_null(value=False)
    return disposals.with_columns(
        closing=closing,
        result=result,
        same_moment=closing & (same_slot | (age <= _SAME_MOMENT_SECONDS)),
    ).with_columns(
        win=pl.col("result") >= whole(RESULT_QUANTUM),
        loss=pl.col("result") <= whole(-RESULT_QUANTUM),
    )


def position_aggregates(ledger: Ledger, disposals: pl.DataFrame) -> pl.DataFrame:
    """Trades and disposals with their results, both with `depth`, -> one row per (position, depth).

    Columns: position, wallet, depth, `SUMS` (money and units Int128, counts), first, last (seconds).
    """
    bought, priced = pl.col("quantity") > 0, pl.col("value").is_not_null()
    trades = _grouped(ledger.trades).agg(
        position=pl.col("position").first(),
        depth=pl.col("depth").first(),
        wallet=pl.col("wallet").first(),
        buy_count=bought.sum(),
        sell_count=(~bought).sum(),
        unpriced_count=(~priced).sum(),
        total_bought=pl.col("value").filter(bought).sum(),
        total_sold=pl.col("value").filter(~bought).sum(),
        first=pl.col("block_unix_time").min(),
        last=pl.col("block_unix_time").max(),
    )
    sells = _grouped(disposals.filter(pl.col("value").is_not_null())).agg(
        matched_proceeds=pl.col("matched_value").sum(),
        matched_cost=pl.col("matched_cost").sum(),
        unmatched_proceeds=(pl.col("value") - pl.col("matched_value")).sum(),
        unmatched_units=(pl.col("quantity") - pl.col("known_matched")).sum(),
        closing_count=pl.col("closing").sum(),
        win_count=pl.col("win").sum(),
        gains=pl.col("result").filter(pl.col("win")).sum(),
        losses=pl.col("result").filter(pl.col("loss")).sum().abs(),
        same_moment_count=pl.col("same_moment").sum(),
    )
    aggregates = trades.join(sells, on="group_id", how="left", maintain_order="left")
    return aggregates.drop("group_id").with_columns(pl.col(SUMS).fill_null(0))


def _grouped(frame: pl.DataFrame) -> GroupBy:
    """In time order the depths of a position ascend: the groups lie one after another."""
    frame = frame.with_columns(group_id=group_id(pl.col("position"), pl.col("depth"))).set_sorted(
        "group_id"
    )
    return frame.group_by("group_id", maintain_order=True)


def token_aggregates(aggregates: pl.DataFrame) -> pl.DataFrame:
    """(position, depth) aggregates -> one row per (position, window) that holds any trade: position,
    wallet, window, group_id, `SUMS`, first, last."""
    return in_each_window(aggregates, "position", _summed)


def _summed(aggregates: pl.DataFrame) -> pl.DataFrame:
    return aggregates.group_by("segment", maintain_order=True).agg(
        pl.col("wallet").first(),
        pl.col(SUMS).sum(),
        pl.col("first").min(),
        pl.col("last").max(),
    )


def portfolio_aggregates(tokens: pl.DataFrame) -> pl.DataFrame:
    """Token aggregates -> one row per (wallet, window) that holds any trade: wallet, window, group_id,
    `SUMS`, first, last, winning_tokens, closing_tokens, and the sum and the largest of the positive
    results of single tokens, gained and best."""
    realized = pl.col("matched_proceeds") - pl.col("matched_cost")
    won = realized >= whole(RESULT_QUANTUM)
    return (
        tokens.group_by("wallet", "window")
        .agg(
            pl.col(SUMS).sum(),
            pl.col("first").min(),
            pl.col("last").max(),
            winning_tokens=won.sum(),
            closing_tokens=(pl.col("closing_count") > 0).sum(),
            gained=realized.filter(won).sum(),
            best=realized.filter(won).max(),
        )
        .with_columns(group_id=group_id(pl.col("wallet"), pl.col("window")))
    )

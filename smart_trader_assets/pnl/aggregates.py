"""Aggregates of trades: by position and window depth first, from which every window is a small sum."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.exact import RESULT_QUANTUM, UNITS_PER_USD, whole
from smart_trader_assets.pnl.lots import Ledger
from smart_trader_assets.pnl.segments import ends, segment_sums, starts
from smart_trader_assets.pnl.valuation import CASH, ROLLOVER, UNPRICED
from smart_trader_assets.pnl.windows import group_id, in_each_window

_SAME_MOMENT_SECONDS: Final = 10

SUMS: Final = (
    "buy_count",
    "sell_count",
    "unpriced_count",
    "rollover_count",
    "total_bought",
    "total_sold",
    "matched_proceeds",
    "matched_cost",
    "unmatched_proceeds",
    "unknown_basis_proceeds",
    "unmatched_units",
    "lost_cost",
    "network_fees",
    "closing_count",
    "win_count",
    "gains",
    "losses",
    "same_moment_count",
    "sol_count",
    "sol_proceeds",
    "sol_cost",
    "sol_known_cost",
    "bought_in_sol",
)
"""What a token row sums up. A transaction that moved two mints counts in both."""
ONCE: Final = {"rollover_count": "rollovers_once", "network_fees": "fees_once"}
"""What a portfolio counts once a transaction."""
_SUMMED: Final = (*SUMS, *ONCE.values())


def with_results(disposals: pl.DataFrame) -> pl.DataFrame:
    """Adds `closing` (for cash, with a part matched to lots of known basis), `result` (money of that part,
    null where not closing), `step` (by what it moves the realized PnL, null where it does not: a rollover
    gains what it received beyond its cost), `win`, `loss` and `same_moment`.

    A closing trade is of the same moment where the wallet had bought the token in the same slot, or
    at most ten seconds before. Which lot first in, first out assigned does not matter: one that was left
    over long ago would hide the bot that buys and sells at once.
    """
    closing = (pl.col("valuation") == CASH) & (pl.col("known_matched") > 0)
    gain = pl.col("matched_value") - pl.col("matched_cost")
    age = pl.col("block_unix_time") - pl.col("bought_time")
    same_slot = (pl.col("block_number") == pl.col("bought_block")).fill_null(value=False)
    return disposals.with_columns(
        closing=closing,
        result=pl.when(closing).then(gain),
        step=pl.when(closing | (gain > 0)).then(gain),
        same_moment=closing & (same_slot | (age <= _SAME_MOMENT_SECONDS)),
    ).with_columns(
        win=pl.col("result") >= whole(RESULT_QUANTUM),
        loss=pl.col("result") <= whole(-RESULT_QUANTUM),
    )


def network_fee(assumptions: Assumptions) -> pl.Expr:
    """What a transaction costs (Int128 money), by `sol_price`."""
    price = pl.col("sol_price").fill_null(assumptions.fallback_sol_usd)
    return (price * (assumptions.network_fee_sol * UNITS_PER_USD)).round().cast(pl.Int128)


def position_aggregates(ledger: Ledger, assumptions: Assumptions) -> pl.DataFrame:
    """Trades, and disposals with their results, both with `depth`, -> one row per (position, depth).

    Columns: position, wallet, depth, `SUMS` and `ONCE` (money, SOL and units Int128, counts), first, last
    (seconds).
    """
    bought, valuation = pl.col("quantity") > 0, pl.col("valuation")
    rolled, fee, first = valuation == ROLLOVER, network_fee(assumptions), pl.col("first")
    per_trade = {
        "buy_count": bought,
        "sell_count": ~bought,
        "unpriced_count": valuation == UNPRICED,
        "rollover_count": rolled,
        "rollovers_once": rolled & first,
        "total_bought": pl.when(bought).then("value"),
        "bought_in_sol": pl.when(bought & pl.col("in_sol")).then("value"),
        "network_fees": fee,
        "fees_once": pl.when(first).then(fee),
    }
    times = ledger.trades.select(
        "position", "depth", "wallet", first="block_unix_time", last="block_unix_time"
    )
    trades = _with_ends(_grouped(ledger.trades, per_trade), times, _groups(ledger.trades))
    beyond = pl.col("quantity") - pl.col("matched")
    cost, sol_known = pl.col("matched_cost"), pl.col("matched_cost_sol").is_not_null()
    per_sell = {
        "total_sold": pl.col("value"),
        "matched_proceeds": pl.col("matched_value"),
        "matched_cost": cost,
        "unmatched_proceeds": pl.col("unmatched_value"),
        "unknown_basis_proceeds": pl.col("unknown_value"),
        "unmatched_units": pl.when(valuation == CASH).then(beyond),
        "lost_cost": pl.col("lost_cost"),
        "closing_count": pl.col("closing"),
        "win_count": pl.col("win"),
        "gains": pl.when("win").then("result"),
        "losses": pl.when("loss").then(whole(0) - pl.col("result")),
        "same_moment_count": pl.col("same_moment"),
        "sol_count": sol_known,
        "sol_proceeds": pl.col("matched_value_sol"),
        "sol_cost": pl.col("matched_cost_sol"),
        "sol_known_cost": pl.when(sol_known).then(cost),
    }
    sells = _grouped(ledger.disposals, per_sell)
    aggregates = trades.join(sells, on="group_id", how="left", maintain_order="left")
    return aggregates.drop("group_id").with_columns(pl.col(list(per_sell)).fill_null(0))


def _groups(frame: pl.DataFrame) -> pl.Series:
    """In time order the depths of a position ascend: the groups lie one after another."""
    return frame.select(group_id=group_id(pl.col("position"), pl.col("depth"))).to_series()


def _grouped(frame: pl.DataFrame, sums: Mapping[str, pl.Expr]) -> pl.DataFrame:
    values = frame.lazy().select(_groups(frame), **sums).collect()
    return segment_sums(values, "group_id", list(sums))


def token_aggregates(aggregates: pl.DataFrame) -> pl.DataFrame:
    """(position, depth) aggregates -> one row per (position, window) that holds any trade: position,
    wallet, window, group_id, `SUMS` and `ONCE`, first, last."""
    return in_each_window(aggregates, "position", _summed)


def _summed(aggregates: pl.DataFrame) -> pl.DataFrame:
    segment = aggregates["segment"]
    times = aggregates.select("wallet", "first", "last")
    return _with_ends(segment_sums(aggregates, "segment", _SUMMED), times, segment)


def _with_ends(sums: pl.DataFrame, times: pl.DataFrame, segment: pl.Series) -> pl.DataFrame:
    """The sums of segments, with `last` of each one's last row and the other columns of its first: rows of a
    segment ascend in time."""
    first, last = times.filter(starts(segment)).drop("last"), times.filter(ends(segment))
    return pl.concat([sums, first, last.select("last")], how="horizontal")


def portfolio_aggregates(tokens: pl.DataFrame) -> pl.DataFrame:
    """Token aggregates -> one row per (wallet, window) that holds any trade: wallet, window, group_id,
    `SUMS`, first, last, winning_tokens, closing_tokens, and the sum and the largest of the positive
    results of single tokens, gained and best. A token wins where it closed anything, and with a profit."""
    realized = pl.col("matched_proceeds") - pl.col("matched_cost")
    won, closed = realized >= whole(RESULT_QUANTUM), pl.col("closing_count") > 0
    return (
        tokens.group_by("wallet", "window")
        .agg(
            *(pl.col(ONCE.get(name, name)).sum().alias(name) for name in SUMS),
            pl.col("first").min(),
            pl.col("last").max(),
            winning_tokens=(won & closed).sum(),
            closing_tokens=closed.sum(),
            gained=realized.filter(won).sum(),
            best=realized.filter(won).max(),
        )
        .with_columns(group_id=group_id(pl.col("wallet"), pl.col("window")))
    )

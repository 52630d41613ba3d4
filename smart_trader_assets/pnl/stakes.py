"""How much a wallet had at stake in a token, and what came of what it bought at once and sold at once."""

from typing import Final

import polars as pl

from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.exact import to_usd, whole
from smart_trader_assets.pnl.held import NOW
from smart_trader_assets.pnl.lots import Ledger
from smart_trader_assets.pnl.segments import running_sum, starts
from smart_trader_assets.pnl.windows import group_id

_SECONDS_A_MINUTE: Final = 60
_SECONDS_AN_HOUR: Final = 3_600


def peak_costs(ledger: Ledger) -> pl.DataFrame:
    """One row per position, of the window `all`: position, group_id, peak_cost (USD): the most that its lots of
    known basis cost at one time."""
    moves = pl.concat(
        [
            ledger.lots.select("position", "tx", change="cost"),
            ledger.disposals.select("position", "tx", change=whole(0) - pl.col("taken_cost")),
        ]
    ).sort("position", "tx")
    held = running_sum(moves["change"], starts(moves["position"]))
    peaks = (
        moves.select("position", held=held)
        .set_sorted("position")
        .group_by("position", maintain_order=True)
        .agg(pl.col("held").max().clip(lower_bound=0))
    )
    return peaks.select(
        "position",
        group_id=group_id(pl.col("position"), pl.lit(NOW)),
        peak_cost=to_usd(pl.col("held")),
    )


def early_sales(matches: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """Matches of closing trades -> one row per position that has any which are early, of the window `all`:
    position, group_id, early_cost and early_proceeds (USD).

    In: position, cost (Int128 money), proceeds (USD), seconds held, and since_first, the seconds from the
    wallet's first trade of the token to the purchase. Early is what was bought within `launch_minutes` of
    that, and sold within `launch_hours` after it was bought.
    """
    at_once = pl.col("since_first") <= assumptions.launch_minutes * _SECONDS_A_MINUTE
    soon = pl.col("seconds") <= assumptions.launch_hours * _SECONDS_AN_HOUR
    return (
        matches.filter(at_once & soon)
        .group_by("position", maintain_order=True)
        .agg(pl.col("cost", "proceeds").sum())
        .select(
            "position",
            group_id=group_id(pl.col("position"), pl.lit(NOW)),
            early_cost=to_usd(pl.col("cost")),
            early_proceeds="proceeds",
        )
    )

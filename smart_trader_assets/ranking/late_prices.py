"""What somebody pays who comes later: the first trade that anybody makes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import polars as pl

LATE_PRICES: Final = ("entry_usd", "entry_sol", "exit_usd", "exit_sol")
"""What `with_late_prices` adds to `PARTS`: per whole token; null where nobody traded in time. The exit of what
is still held is null."""


@dataclass(frozen=True)
class CopyRules:
    """How a copier follows.

    `copy_delays`: seconds after the trader's trade, ascending, the one among them that decides being
    `copy_delay`; `copy_price_window_minutes`: how long after that a trade must come to show the price, of at
    least `copy_price_min_usd`; `copy_min_priced_share`: percent of the bets that must be priced for the rest to
    decide.
    """

    copy_delays: tuple[int, ...] = (10, 60, 300)
    copy_delay: int = 60
    copy_price_window_minutes: float = 10.0
    copy_price_min_usd: float = 1.0
    copy_min_priced_share: float = 50.0

    @property
    def window(self) -> int:
        """Seconds."""
        return int(timedelta(minutes=self.copy_price_window_minutes).total_seconds())


def with_late_prices(
    parts: pl.DataFrame, prices: pl.DataFrame, delay: int, rules: CopyRules
) -> pl.DataFrame:
    """`PARTS` and `TRADED_PRICES` -> the parts with `LATE_PRICES`: those of the first trade of the mint at or
    after `delay` seconds, within the window.

    Of trades in one second nobody knows which came first: the copier gets the dearer price when he buys, and
    the cheaper one when he sells.
    """
    seconds = (
        prices.filter(pl.col("value_usd") >= rules.copy_price_min_usd)
        .group_by("token_address", "block_unix_time")
        .agg(
            entry_usd=pl.col("price").max(),
            entry_sol=pl.col("price_sol").max(),
            exit_usd=pl.col("price").min(),
            exit_sol=pl.col("price_sol").min(),
        )
        .sort("block_unix_time")
    )
    for side, at in (("entry", "bought_at"), ("exit", "left_at")):
        fills = parts.select("token_address", at).drop_nulls().unique()
        found = (
            fills.with_columns(late=pl.col(at) + delay)
            .sort("late")
            .join_asof(
                seconds.select("token_address", "block_unix_time", f"{side}_usd", f"{side}_sol"),
                left_on="late",
                right_on="block_unix_time",
                by="token_address",
                strategy="forward",
                tolerance=rules.window,
                check_sortedness=False,
            )
            .select("token_address", at, f"{side}_usd", f"{side}_sol")
        )
        parts = parts.join(
            found, on=["token_address", at], how="left", maintain_order="left", nulls_equal=False
        )
    return parts

"""What a ranking is called, wherever it is shown: in words that cannot be taken for more than they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from smart_trader_assets.ranking import QUALIFIED
from smart_trader_assets.ranking.late_prices import CopyRules
from smart_trader_assets.text import percent, plural


def with_copied_deciding(traders: pl.DataFrame, rules: CopyRules) -> pl.DataFrame:
    """Adds `copied_decides`: whether enough bets are priced for the ranking to go by what copying earned.

    In: copied_priced_share, in percent, null where nothing is known.
    """
    enough = pl.col("copied_priced_share") >= rules.copy_min_priced_share
    return traders.with_columns(copied_decides=enough.fill_null(value=False))


def copied_words(trader: Mapping[str, Any]) -> str:
    """What a copier would have earned a bet, and of how many this is known: `12.3 % (61 % priced)`; where that
    is too little to decide anything, `too few (2 % priced)`. In: rows of `with_copied_deciding`."""
    earned, share = trader["copied_return"], trader["copied_priced_share"]
    if earned is None:
        return percent(None)
    shown = "too few" if copied_figure(trader) is None else percent(earned)
    return f"{shown} ({share:.0f} % priced)"


def copied_figure(trader: Mapping[str, Any]) -> float | None:
    """What a copier would have earned a bet, in percent, where enough of the bets are priced to tell."""
    return trader["copied_return"] if trader["copied_decides"] else None


def tier_word(tier: str) -> str:
    """A tier as it is shown: QUALIFIED, which nothing excludes and nothing proves, is `unproven`."""
    return "unproven" if tier == QUALIFIED else tier


def hand_words(hand_rank: int | None) -> str:
    """`hand of #1`: beside a wallet that the hand of a better one seems to lead; nothing beside any other."""
    return "" if hand_rank is None else f"hand of #{hand_rank}"


def ranking_words(traders: pl.DataFrame) -> str:
    """`20 smart traders, 72 unproven`: rows of gold/smart_traders by whether they are in a tier that asks for
    something."""
    unproven = traders.filter(pl.col("tier") == QUALIFIED).height
    words = plural(traders.height - unproven, "smart trader")
    return f"{words}, {unproven:,} unproven" if unproven else words

"""A wallet's standing: its rank, or why it is excluded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from smart_trader_assets import text
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.report.words import tier_word
from smart_trader_assets.tables.catalog import CLASSIFIED_WALLETS, SMART_TRADERS, TRACKED_WHALES

Status = Literal["ranked", "kept_out", "excluded", "not_ranked"]


@dataclass(frozen=True)
class Standing:
    """A wallet in gold/smart_traders (ranked), in gold/classified_wallets (kept_out), a whale that the
    screening excludes (excluded), or none of these (not_ranked).

    `skill_confidence` is in percent; `ranked_wallets` counts all that are ranked, the unproven too; what does
    not apply to the status is None.
    """

    status: Status
    ranked_wallets: int
    reasons: tuple[str, ...] = ()
    overall_rank: int | None = None
    tier: str | None = None
    score: float | None = None
    skill_confidence: float | None = None
    wallet_class: str | None = None

    @property
    def headline(self) -> str:
        """`#1 of 98, ELITE, 97.1 % sure to return more than copying costs, score 62.8`, or what the wallet is
        instead."""
        match self.status:
            case "ranked":
                return (
                    f"#{self.overall_rank} of {self.ranked_wallets} ranked, {tier_word(str(self.tier))}, "
                    f"{text.percent(self.skill_confidence)} sure to return more than copying costs, "
                    f"score {self.score:.1f}"
                )
            case "kept_out":
                return f"Excluded from the ranking as {self.wallet_class}"
            case "excluded":
                return "Not ranked: its swaps are not fetched"
            case "not_ranked":
                return "Not ranked yet: `smart-trader run` ranks it"


def read_standing(store: DeltaStore, wallet: str, shard: str) -> Standing:
    """The standing of `wallet`, which lies in `shard` of silver/tracked_whales."""
    own = pl.col("wallet_address") == wallet
    traders = store.scan(SMART_TRADERS)
    ranked = traders.select(pl.len()).collect().item()
    names = ("overall_rank", "tier", "score", "skill_confidence", "reasons")
    for row in traders.filter(own).select(names).collect().iter_rows(named=True):
        return Standing("ranked", ranked, **row | {"reasons": tuple(row["reasons"] or ())})
    classified = store.scan(CLASSIFIED_WALLETS).filter(own)
    for kind, reasons in classified.select("wallet_class", "reasons").collect().iter_rows():
        return Standing("kept_out", ranked, tuple(reasons), wallet_class=kind)
    excluded = exclusion(store, wallet, shard)
    return Standing("excluded" if excluded else "not_ranked", ranked, excluded)


def exclusion(store: DeltaStore, wallet: str, shard: str) -> tuple[str, ...]:
    """Why the screening excludes a whale, each reason once; none where it is followed for any token."""
    rows = (
        store.scan(TRACKED_WHALES)
        .filter((pl.col("wallet_shard") == shard) & (pl.col("wallet_address") == wallet))
        .select("processing_status", "exclude_reason")
        .collect()
    )
    if rows.filter(pl.col("processing_status") != "excluded").height:
        return ()
    return tuple(rows["exclude_reason"].drop_nulls().unique().sort())

"""Sales as a person reads them: one row per sale, the lots that it used summed up."""

from __future__ import annotations

from typing import Final

import polars as pl

from smart_trader_assets.pnl.explained_lots import MOVED_ON, NO_LOT, UNKNOWN_BASIS, UNPRICED_SALE

REASON_WORDS: Final = {
    NO_LOT: "beyond all lots",
    UNKNOWN_BASIS: "lots of unknown cost",
    UNPRICED_SALE: "the sale has no price",
    MOVED_ON: "moved on in a rollover",
}
"""Why a part of a sale has no result, in words."""


def sale_matches(lot_matches: pl.DataFrame) -> pl.DataFrame:
    """The rows of `lot_matches` that are sales: what a rollover took was not sold."""
    return lot_matches.filter(pl.col("unmatched_reason").ne_missing(MOVED_ON))


def sales_of(lot_matches: pl.DataFrame) -> pl.DataFrame:
    """`LotEvidence.lot_matches` -> one row per (wallet, sale, token), newest first; rollovers are no sales.

    Columns: wallet_address, token_address, sold_at, sale_tx, quantity and proceeds (of the whole sale;
    proceeds null where it has no price), cost and result (of the part matched to lots of known basis;
    null where there is none), result_sol (the same in SOL; null where either end is unknown there),
    holding_hours (mean by cost), lot_count, unmatched_share (percent of the quantity) and unmatched_reason
    (of the largest such part; null where all is matched).
    """
    known = pl.col("result").is_not_null()
    told = pl.col("result_sol").is_not_null()
    unmatched = pl.col("unmatched_reason").is_not_null()
    cost = pl.col("cost").filter(known)
    hours = pl.col("holding_hours").filter(known)
    reason = pl.col("unmatched_reason").filter(unmatched)
    return (
        sale_matches(lot_matches)
        .lazy()
        .group_by("wallet_address", "token_address", "sold_at", "sale_tx")
        .agg(
            pl.col("quantity").sum(),
            pl.when(pl.col("proceeds").is_not_null().all()).then(pl.col("proceeds").sum()),
            cost=pl.when(known.any()).then(cost.sum()),
            result=pl.when(known.any()).then(pl.col("result").sum()),
            result_sol=pl.when(told.any()).then(pl.col("result_sol").sum()),
            holding_hours=(hours * cost).sum() / cost.sum(),
            lot_count=pl.col("purchase_tx").is_not_null().sum(),
            unmatched_share=100
            * pl.col("quantity").filter(unmatched).sum()
            / pl.col("quantity").sum(),
            unmatched_reason=reason.sort_by(pl.col("quantity").filter(unmatched)).last(),
        )
        .with_columns(pl.col("holding_hours").fill_nan(None))
        .sort("sold_at", "sale_tx", "token_address", descending=[True, False, False])
        .collect()
    )

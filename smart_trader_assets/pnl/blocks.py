"""Blocks of whole wallets: small enough that a computation stays in the processor's reach, and can stand beside
another one. A wallet's numbers depend on its own rows alone, so that no cut between wallets changes any."""

from typing import Final

import polars as pl

BLOCK_ROWS: Final = 250_000
"""Large enough that the calls themselves cost little, small enough for two cores to share a million rows."""


def wallet_blocks(rows: pl.DataFrame, size: int = BLOCK_ROWS) -> pl.Series:
    """Rows with `wallet_address` -> the block that each is in: about `size` rows and whole wallets, numbered
    from 0 in the order of addresses; null for a row without a wallet."""
    before = pl.col("rows").cum_sum() - pl.col("rows")
    wallets = (
        rows.group_by("wallet_address")
        .agg(rows=pl.len())
        .drop_nulls()
        .sort("wallet_address")
        .select("wallet_address", block=(before // size).rle_id())
    )
    blocks = rows.select("wallet_address").join(
        wallets, on="wallet_address", how="left", maintain_order="left"
    )
    return blocks["block"]

"""Blocks of whole wallets: small enough that a computation stays in the processor's reach, and can stand beside
another one. A wallet's numbers depend on its own rows alone, so that no cut between wallets changes any."""

from typing import Final

import polars as pl

_FEW_ROWS: Final = 250_000
"""So many are computed at once: the calls themselves would cost more than a second core brings."""
_BLOCK_ROWS: Final = 500_000


def block_count(rows: int, workers: int) -> int:
    """In how many blocks so many rows are computed: as many for each worker, none of more than half a million
    rows (but for a single wallet's)."""
    return 1 if rows <= _FEW_ROWS else workers * -(-rows // (workers * _BLOCK_ROWS))


def wallet_blocks(rows: pl.DataFrame, count: int) -> pl.Series:
    """Rows with `wallet_address` -> the block that each is in: `count` at most, of whole wallets and about
    equal sizes, numbered from 0 in the order of addresses; null for a row without a wallet."""
    before = pl.col("rows").cum_sum() - pl.col("rows")
    wallets = (
        rows.group_by("wallet_address")
        .agg(rows=pl.len().cast(pl.Int64))
        .drop_nulls()
        .sort("wallet_address")
        .select("wallet_address", block=(before * count // pl.col("rows").sum()).rle_id())
    )
    blocks = rows.select("wallet_address").join(
        wallets, on="wallet_address", how="left", maintain_order="left"
    )
    return blocks["block"]

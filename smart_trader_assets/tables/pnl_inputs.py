"""What the profit of chosen wallets is computed from: their swaps, marks and histories."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from smart_trader_assets.transforms.swap_history import known_histories


@dataclass(frozen=True)
class PnlInputs:
    """The frames that `compute_wallet_pnl` and `explain_wallet` take.

    swaps: the wallets' rows of bronze/transactions up to and including `as_of`
    marks: token_address, price, marked_at, source
    histories: wallet_address, history_complete
    """

    as_of: datetime
    swaps: pl.DataFrame
    marks: pl.DataFrame
    histories: pl.DataFrame


def read_pnl_inputs(
    wallets: Collection[str],
    *,
    shards: Collection[str],
    as_of: datetime,
    transactions: pl.LazyFrame,
    tracked_whales: pl.LazyFrame,
    tokens: pl.LazyFrame,
) -> PnlInputs:
    """The inputs for `wallets`, all of which lie in `shards`: only those shards' files are opened.

    The lazy frames are the tables bronze/transactions, silver/tracked_whales and bronze/tokens.
    """
    of_wallets = pl.col("wallet_shard").is_in(list(shards)) & pl.col("wallet_address").is_in(
        list(wallets)
    )
    swaps = transactions.filter(
        of_wallets & (pl.col("block_unix_time") <= int(as_of.timestamp()))
    ).collect()
    histories = known_histories(tracked_whales.filter(of_wallets))
    return PnlInputs(
        as_of=as_of,
        swaps=swaps,
        marks=_listed_marks(tokens, swaps, as_of),
        histories=histories.select("wallet_address", "history_complete").collect(),
    )


def _listed_marks(tokens: pl.LazyFrame, swaps: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The newest listed price of each mint that the swaps move: token_address, price, marked_at, source."""
    mints = pl.concat([swaps["base_address"], swaps["quote_address"]]).unique().to_list()
    return (
        tokens.filter(
            pl.col("token_address").is_in(mints)
            & pl.col("price").is_not_null()
            & (pl.col("fetched_at") <= as_of)
        )
        .group_by("token_address")
        .agg(
            pl.col("price").sort_by("fetched_at").last(),
            pl.col("fetched_at").max().alias("marked_at"),
        )
        .with_columns(pl.lit("token_list").alias("source"))
        .collect()
    )

"""What the profit of chosen wallets is computed from: their swaps, marks and histories."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.pnl.marks import LISTED
from smart_trader_assets.pnl.swap_rows import is_scaled, time_of
from smart_trader_assets.transforms.swap_history import known_histories

MARKS = pl.Schema(
    {
        "token_address": pl.String(),
        "price": pl.Float64(),
        "marked_at": TIME,
        "source": pl.String(),
        "liquidity": pl.Float64(),
    }
)
"""What a mint was worth at a time, and by whom: see `pnl.marks`."""


@dataclass(frozen=True)
class PnlInputs:
    """The frames that `compute_wallet_pnl` and `explain_wallet` take.

    swaps: the wallets' rows of bronze/transactions up to and including `as_of`
    marks: `MARKS`
    histories: wallet_address, history_complete, known_to (null where that is `as_of`), recorded
    """

    as_of: datetime
    swaps: pl.DataFrame
    marks: pl.DataFrame
    histories: pl.DataFrame


def swaps_of(
    transactions: pl.LazyFrame,
    wallets: Collection[str],
    *,
    shards: Collection[str],
    as_of: datetime,
) -> pl.DataFrame:
    """The rows of bronze/transactions up to and including `as_of` of `wallets`, which all lie in `shards`."""
    in_time = pl.col("block_unix_time") <= int(as_of.timestamp())
    return transactions.filter(_of_wallets(wallets, shards) & in_time).collect()


def _of_wallets(wallets: Collection[str], shards: Collection[str]) -> pl.Expr:
    in_shards = pl.col("wallet_shard").is_in(list(shards))
    return in_shards & pl.col("wallet_address").is_in(list(wallets))


def read_pnl_inputs(
    wallets: Collection[str],
    *,
    shards: Collection[str],
    as_of: datetime,
    transactions: pl.LazyFrame,
    tracked_whales: pl.LazyFrame,
    tokens: pl.LazyFrame,
    traded: pl.DataFrame | None = None,
    recorded: bool = False,
    known_now: bool = False,
) -> PnlInputs:
    """The inputs for `wallets`, all of which lie in `shards`: only those shards' files are opened.

    The lazy frames are the tables bronze/transactions, silver/tracked_whales and bronze/tokens; `traded` are
    further marks, by the trades of other wallets (see `market_marks`). A `recorded` history is known up to
    `as_of`, since nobody fetches it again, and no list marks its tokens; so is any that is looked at as if it
    had been fetched just then (`known_now`).
    """
    of_wallets = _of_wallets(wallets, shards)
    swaps = swaps_of(transactions, wallets, shards=shards, as_of=as_of)
    histories = known_histories(tracked_whales.filter(of_wallets))
    known_to = time_of(pl.col("fetched_to"))
    # A replay's list tells the rows' own prices, as if they were of now.
    mints = pl.concat([swaps["base_address"], swaps["quote_address"]]).unique()
    marks = pl.DataFrame(schema=MARKS) if recorded else listed_marks(tokens, mints, as_of)
    return PnlInputs(
        as_of=as_of,
        swaps=swaps,
        marks=marks if traded is None else pl.concat([marks, traded]),
        histories=histories.select(
            "wallet_address",
            "history_complete",
            known_to=pl.when(not (recorded or known_now)).then(known_to),
            recorded=pl.lit(recorded),
        ).collect(),
    )


def listed_marks(tokens: pl.LazyFrame, mints: pl.Series, as_of: datetime) -> pl.DataFrame:
    """bronze/tokens -> `MARKS`: the newest listed price, and the newest liquidity, of each of the `mints`.

    The price of a token that is shown with a multiplier is left out: it may be of a raw or of a shown unit.
    """
    scaled = is_scaled(pl.col("multiplier"), pl.col("is_scaled_ui_token"))
    listed = tokens.filter(
        pl.col("token_address").is_in(mints.implode()) & (pl.col("fetched_at") <= as_of)
    ).select(
        "token_address",
        pl.when(~scaled).then("price").alias("price"),
        "fetched_at",
        "liquidity",
    )
    newest = pl.col("fetched_at").filter(pl.col("price").is_not_null())
    return (
        listed.group_by("token_address")
        .agg(
            pl.col("price").filter(pl.col("price").is_not_null()).sort_by(newest).last(),
            newest.max().alias("marked_at"),
            pl.col("liquidity").sort_by("fetched_at").drop_nulls().last(),
        )
        .with_columns(pl.col("marked_at").fill_null(as_of), source=pl.lit(LISTED, dtype=pl.String))
        .select(pl.col(name).cast(dtype) for name, dtype in MARKS.items())
        .collect()
    )

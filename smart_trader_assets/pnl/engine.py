"""The profit of wallets, from their swap rows in one call."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final

import polars as pl

from smart_trader_assets.pnl.assumptions import DEFAULT_ASSUMPTIONS, Assumptions
from smart_trader_assets.pnl.blocks import block_count, wallet_blocks
from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS
from smart_trader_assets.pnl.lots import fifo
from smart_trader_assets.pnl.metrics import wallet_metrics
from smart_trader_assets.pnl.swap_rows import one_row_a_swap, swap_columns
from smart_trader_assets.pnl.trades import netted_rows

_MOST_BESIDE: Final = 4
"""Blocks that are computed at once: further cores are not worth the memory."""


def compute_wallet_pnl(
    swaps: pl.DataFrame | pl.LazyFrame,
    *,
    as_of: datetime,
    cash_mints: Collection[str] | Mapping[str, float | None] = DEFAULT_CASH_MINTS,
    marks: pl.DataFrame | None = None,
    histories: pl.DataFrame | None = None,
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
) -> pl.DataFrame:
    """Whole swap histories of wallets -> one row per (wallet_address, token_address, window).

    In: `swaps` with the columns of `bronze/transactions` (optional ones may be missing and read as
    null; `wallet_address` falls back to `owner`, `swap_id` to the content of the row); `as_of`, a
    datetime with a time zone, after which rows are ignored; `cash_mints`, a collection, or a
    mapping of mint to USD per coin (None: the transaction's price); `marks`: token_address, price
    (USD per whole token), marked_at, source (token_list or table_trade), liquidity (USD; optional);
    `histories`: wallet_address, history_complete, known_to (up to when it is known; optional, null: `as_of`),
    recorded (optional: whether it is a recording, of which nobody knows where it begins if it sells first);
    `assumptions`: fees, and how long a mark lives.

    Out: `WALLET_PNL_SCHEMA`; money in float64 USD, quantities in whole tokens, rates and shares in
    percent, times in UTC; unknown is null. The result for a wallet depends on its own rows and
    their marks alone: not on the order of rows, nor on which other wallets are in the frame. Rows
    that break the contract cost their transaction (see `screen_swaps`).

    Raises `ColumnsMissingError`, `NaiveAsOfError`, `CashMintsError`.
    """
    rows = swap_columns(swaps)
    # The rows are most of the memory, and a caller may have kept none of them.
    del swaps

    def of_wallets(block: pl.DataFrame) -> pl.DataFrame:
        traded = netted_rows(
            one_row_a_swap(block), as_of=as_of, cash_mints=cash_mints, assumptions=assumptions
        )
        ledger = fifo(traded.trades, traded.rollovers)
        traded = traded.without_single_trades()
        return wallet_metrics(
            traded, ledger, as_of=as_of, marks=marks, histories=histories, assumptions=assumptions
        )

    workers = min(pl.thread_pool_size(), _MOST_BESIDE)
    count = block_count(rows.height, workers)
    if count == 1:
        return of_wallets(rows)
    block = wallet_blocks(rows, count)
    numbers = block.drop_nulls().unique().sort()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        return pl.concat(pool.map(lambda one: of_wallets(rows.filter(block == one)), numbers))

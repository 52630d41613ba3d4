"""Which rows belong to one transaction of a wallet, and in what order transactions happened."""

from typing import Final

import polars as pl

from smart_trader_assets.pnl.swap_rows import MILLISECONDS_FROM, repeated_text

_PLACE: Final = ("ins_index", "inner_ins_index")
FIRST_ROW: Final = ("block_unix_time", "block_number", *_PLACE)

BUYS, ROLLS, SELLS = range(3)
"""The ranks of transactions in one block: what only buys comes before what also sells."""


def with_groups(rows: pl.DataFrame) -> pl.DataFrame:
    """Sound rows with `wallet` (code) and tx_hash -> the same with `row`, `group` and `lone`.

    `row` is the place of a row, `group` that of the first row of its transaction, `lone` says that it is the
    only one.
    """
    rows = rows.with_row_index("row")
    shared = repeated_text(rows["tx_hash"])
    rows = rows.with_columns(group="row", lone=~shared)
    if not shared.any():
        return rows
    row = rows["row"].filter(shared)
    group = (
        rows.select("row", "wallet", "tx_hash")
        .filter(shared)
        .select(pl.col("row").first().over("wallet", "tx_hash"))
        .to_series()
    )
    return rows.with_columns(
        group=rows["group"].scatter(row, group),
        lone=rows["lone"].scatter(row, ~group.is_duplicated()),
    )


def in_order(rows: pl.DataFrame, ranks: pl.Series) -> pl.DataFrame:
    """Rows with their groups -> one row per transaction, in the order of wallet and time.

    ranks: by `row`, for the first row of each group, where the transaction stands among those of its block.
    Out: group, wallet, block_unix_time, block_number, `row` (of the first row, by block_unix_time,
    block_number, ins_index and inner_ins_index). The order is that of block_unix_time, block_number, rank,
    ins_index, inner_ins_index and tx_hash of the first row, nulls first: the source tells no other inside a
    block.
    """
    is_first = rows["lone"]
    if not is_first.all():
        earliest = (
            rows.lazy()
            .filter(~pl.col("lone"))
            .select("row", "group", *FIRST_ROW)
            .sort("group", *FIRST_ROW)
            .unique("group", keep="first", maintain_order=True)
            .collect()
        )
        is_first = is_first.scatter(earliest["row"], values=True)
    first_rows = rows.select("row", "group", "wallet", *FIRST_ROW, "tx_hash").filter(is_first)
    order = _order_of_time(first_rows, ranks)
    return first_rows.select(
        pl.col("group", "row", "wallet", "block_unix_time", "block_number").gather(order)
    )


def _order_of_time(first_rows: pl.DataFrame, ranks: pl.Series) -> pl.Series:
    """The indices of `first_rows` in order: one sort of integers, then only ties in full."""
    key = first_rows.select(
        pl.col("wallet").cast(pl.Int64) * MILLISECONDS_FROM + pl.col("block_unix_time")
    ).to_series()
    order = key.arg_sort()
    ordered = key.gather(order)
    repeated = (ordered == ordered.shift(1)).fill_null(value=False)
    tied = repeated | repeated.shift(-1, fill_value=False)
    if not tied.any():
        return order
    indices = order.filter(tied)
    whole_order = ("key", "block_number", "rank", *_PLACE, "tx_hash")
    in_full = (
        first_rows.select(pl.col("block_number", *_PLACE, "tx_hash", "group").gather(indices))
        .with_columns(key=ordered.filter(tied), index=indices)
        .with_columns(rank=pl.lit(ranks).gather(pl.col("group")))
        .sort(*whole_order)
    )
    return order.scatter(tied.arg_true(), in_full["index"])

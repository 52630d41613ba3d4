"""Which rows belong to one transaction of a wallet, and in what order transactions happened."""

from typing import Final

import polars as pl

from smart_trader_assets.pnl.swap_rows import MILLISECONDS_FROM, repeated_text

_WITHIN_A_SECOND: Final = ("block_number", "ins_index", "inner_ins_index")
FIRST_ROW: Final = ("block_unix_time", *_WITHIN_A_SECOND)


def with_transactions(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sound rows with `wallet` (code) -> (rows with `tx` and `lone`, transactions).

    `tx` (UInt32) numbers the transactions, inside a wallet in time order: by
    block_unix_time, block_number, ins_index and inner_ins_index of the transaction's first row,
    then tx_hash, nulls first. `lone` says that the row is its transaction's only one.
    Transactions: `tx`, `wallet`, `block_unix_time`, `block_number`, `row` (the index of its first
    row), sorted by `tx`.
    """
    rows = _grouped(rows.with_row_index("row"))
    first_rows = rows.select("row", "group", "lone", "wallet", *FIRST_ROW, "tx_hash")
    if not rows["lone"].all():
        earliest = (
            first_rows.filter(~pl.col("lone"))
            .sort("group", *FIRST_ROW)
            .unique("group", keep="first", maintain_order=True)
        )
        first_rows = pl.concat([first_rows.filter("lone"), earliest])
    order = _order_of_time(first_rows)
    transactions = first_rows.select(
        pl.col("group", "row", "wallet", "block_unix_time", "block_number").gather(order)
    ).with_row_index("tx")
    number_of_group = pl.zeros(rows.height, dtype=pl.UInt32, eager=True).scatter(
        transactions["group"], transactions["tx"]
    )
    rows = rows.with_columns(tx=number_of_group.gather(rows["group"]))
    return rows.drop("row", "group", "tx_hash", *FIRST_ROW), transactions.drop("group")


def _grouped(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds `lone`, and `group`: the index of the first row of the same wallet and hash."""
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


def _order_of_time(first_rows: pl.DataFrame) -> pl.Series:
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
    in_full = (
        first_rows.select(pl.col(*_WITHIN_A_SECOND, "tx_hash").gather(indices))
        .with_columns(key=ordered.filter(tied), index=indices)
        .sort("key", *_WITHIN_A_SECOND, "tx_hash")
    )
    return order.scatter(tied.arg_true(), in_full["index"])

"""How data files are written: compressed, and with statistics of those columns only that anybody looks for.

The many small files of a day's news are mostly footer, and the large ones numbers that hardly repeat. Beside
the defaults of delta-rs (Snappy, dictionaries and statistics for every column) a file takes a fifth to two
fifths less, and a merge less time.
"""

from __future__ import annotations

from functools import cache

import polars as pl
from deltalake import ColumnProperties, WriterProperties

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.schema import measured_columns


@cache
def writer_properties(
    contract: TableContract, rows_per_group: int | None = None
) -> WriterProperties:
    """For the Parquet writer of delta-rs; `rows_per_group` where readers are to skip parts of a file."""
    measured = measured_columns(contract)
    texts = {name for name, dtype in contract.schema.items() if dtype == pl.String}
    return WriterProperties(
        compression="ZSTD",
        compression_level=1,
        max_row_group_size=rows_per_group,
        default_column_properties=_column(is_measured=False, is_text=False),
        column_properties={
            name: _column(is_measured=name in measured, is_text=name in texts)
            for name in sorted({*measured, *texts} - {*contract.partition_by})
        },
    )


def _column(*, is_measured: bool, is_text: bool) -> ColumnProperties:
    return ColumnProperties(
        # A number hardly repeats, and one that does is compressed as well without.
        dictionary_enabled=is_text,
        statistics_enabled="PAGE" if is_measured else "NONE",
    )

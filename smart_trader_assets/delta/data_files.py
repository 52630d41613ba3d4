"""Single data files of a table: for what is derived from each of them once, since they never change."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore

FILE = "file"


def data_files(store: DeltaStore, contract: TableContract) -> list[str]:
    """The files of the table as it stands, by their paths within it."""
    return store.files(contract)["path"].to_list()


def scan_files(
    store: DeltaStore, contract: TableContract, files: Sequence[str], columns: Sequence[str]
) -> pl.LazyFrame:
    """Columns of the rows in `files`, which are some of `data_files`, with the row's own `file` before them.

    Partition columns are in the paths and not in the files.
    """
    place = f"{store.uri(contract)}/"
    return pl.scan_parquet(
        [f"{place}{file}" for file in files],
        glob=False,
        hive_partitioning=False,
        include_file_paths=FILE,
        storage_options=store.storage_options or None,
    ).select(pl.col(FILE).str.split(f"{contract.name}/").list.last(), *columns)

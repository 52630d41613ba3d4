"""Every file that is written is compressed, with statistics of the columns that are looked for alone."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from smart_trader_assets.delta.contract import VERSION
from smart_trader_assets.delta.maintenance import files_before_gathering, maintain
from smart_trader_assets.delta.schema import measured_columns
from smart_trader_assets.tables.catalog import TRACKED_WHALES
from smart_trader_assets_tests.support.samples import STAMP, tracked_whale

STATES = {"processing_status": "ready", "fetched_to": 5}
CHANGES, LOG = "_change_data", "_delta_log"


@pytest.fixture
def files(store, put, settle) -> dict[str, set[Path]]:
    """Those of first rows, of upkeep, of a merge and of a settlement, and the change data."""
    root = Path(store.root) / TRACKED_WHALES.name

    def stored() -> set[Path]:
        return {file for file in root.rglob("*.parquet") if LOG not in file.parts}

    for number in range(files_before_gathering(["00", "pending"])):
        put(TRACKED_WHALES, tracked_whale(f"whale {number}"))
    first = stored()
    maintain(store, TRACKED_WHALES, retention_hours=36, stamp=STAMP)
    gathered = stored() - first
    put(TRACKED_WHALES, tracked_whale("whale 0", token_symbol="NEW"))
    merged = stored() - first - gathered
    settle(TRACKED_WHALES, STATES)
    settled = stored() - first - gathered - merged
    changes = {file for file in stored() if CHANGES in file.parts}
    kinds = {"first": first, "gathered": gathered, "merged": merged, "settled": settled}
    return {name: some - changes for name, some in kinds.items()} | {"changes": changes}


def test_it_is_compressed_and_only_what_is_looked_for_has_statistics(files):
    measured = measured_columns(TRACKED_WHALES)
    assert VERSION in measured
    assert all(files.values())
    for file in set().union(*files.values()):
        group = pq.ParquetFile(file).metadata.row_group(0)
        columns = [group.column(number) for number in range(group.num_columns)]
        assert {column.compression for column in columns} == {"ZSTD"}
        known = {column.path_in_schema for column in columns if column.is_stats_set}
        assert known == set(measured)

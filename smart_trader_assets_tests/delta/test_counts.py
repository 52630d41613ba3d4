"""What the log says of a table is what a reader of all its rows would count."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.batch import Batch, Settlement
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets_tests.support.samples import LISTINGS, SAMPLES, STAMP, frame
from smart_trader_assets_tests.support.stores import Put

SHARDS = ["00", "01"]
STATES = ["pending", "kept", "refused"]
GROUPINGS = [("shard", "status"), ("shard",), ("status",), ("status", "shard")]

rows_of_a_write = st.dictionaries(st.integers(0, 8), st.integers(0, 2), min_size=1, max_size=5)
moves = st.lists(
    st.tuples(st.sampled_from(SHARDS), rows_of_a_write, st.sampled_from(STATES)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=12, deadline=None)
@given(moves=moves)
def test_counts_from_the_log_equal_a_scan(
    moves: list[tuple[str, dict[int, int], str]],
) -> None:
    with TemporaryDirectory() as folder:
        store = DeltaStore(str(Path(folder)))
        store.create(LISTINGS)
        for shard, prices, state in moves:
            rows = [
                {"mint": f"{shard}-{mint}", "shard": shard, "price": price}
                for mint, price in prices.items()
            ]
            store.write(LISTINGS, Batch(frame(LISTINGS, rows), shard), STAMP)
            chosen = store.scan(LISTINGS).filter(pl.col("price") == 1).collect()
            store.settle(
                Settlement.of(LISTINGS, chosen, operation="MOVED", sets={"status": state}), STAMP
            )
        table = store.scan(LISTINGS).collect()
        for grouping in GROUPINGS:
            counted = table.group_by(grouping).agg(pl.len().cast(pl.Int64).alias("rows"))
            assert_frame_equal(store.row_counts(LISTINGS, *grouping), counted.sort(grouping))
        assert store.row_counts(LISTINGS)["rows"].sum() == table.height


@pytest.mark.parametrize("contract", ALL_TABLES, ids=lambda c: c.name)
def test_an_empty_table_counts_nothing(store: DeltaStore, contract: TableContract) -> None:
    store.create(contract)
    assert store.row_counts(contract, *contract.partition_by).height == 0


@pytest.mark.parametrize("name", SAMPLES)
def test_every_table_counts_by_its_partition_columns_in_their_own_types(
    store: DeltaStore, put: Put, name: str
) -> None:
    contract = {c.name: c for c in ALL_TABLES}[name]
    row, _, _ = SAMPLES[name]
    put(contract, row("a"), row("b"))
    counts = store.row_counts(contract, *contract.partition_by)
    assert counts["rows"].to_list() == [2]
    read = store.scan(contract).collect().row(0, named=True)
    assert {n: counts[n][0] for n in contract.partition_by} == {
        n: read[n] for n in contract.partition_by
    }

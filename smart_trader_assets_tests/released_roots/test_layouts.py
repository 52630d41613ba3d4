"""A root of an earlier layout is brought along: no row is lost or doubled, wherever the upgrade dies."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.errors import RootError, RootOutgrownError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.sandbox import Recording
from smart_trader_assets.tables.catalog import TRACKED_WHALES, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.tables.layouts import carry_out_root_upgrade, plan_root_upgrade
from smart_trader_assets.tables.ops import ROOT
from smart_trader_assets.tables.root import read_identity
from smart_trader_assets_tests.released_roots.market import DRAINED
from smart_trader_assets_tests.released_roots.unpacked import unpack
from smart_trader_assets_tests.support.pipeline import open_pipeline
from smart_trader_assets_tests.support.rivals import DiedError, before_commits
from smart_trader_assets_tests.support.roots import assert_same, contents, versions

UPGRADE = CommitInfo("upgrade-1", "upgrade")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("layout_1", tmp_path_factory.mktemp("layout_1"))


@pytest.fixture
def store(released: Path, tmp_path: Path) -> DeltaStore:
    shutil.copytree(released / "root", tmp_path / "root")
    return DeltaStore(str(tmp_path / "root"))


def upgrade(store: DeltaStore) -> None:
    carry_out_root_upgrade(store, plan_root_upgrade(store), UPGRADE)


def add(store: DeltaStore, *rows: Mapping[str, Any]) -> None:
    """Rows that an earlier version has stored beside those that are there."""
    held = store.scan(TRANSACTIONS).collect()
    frame = pl.DataFrame(rows, schema=held.schema)
    write_deltalake(store.uri(TRANSACTIONS), frame.to_arrow(), mode="append")


def a_row(store: DeltaStore) -> dict[str, Any]:
    rows = store.scan(TRANSACTIONS).filter("processed_for_pnl").sort("swap_id").head(1)
    return rows.collect().row(0, named=True)


def rows_like(store: DeltaStore, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    like = store.scan(TRANSACTIONS).filter(pl.col("tx_hash") == row["tx_hash"])
    return like.sort("ins_index", "swap_id").collect().to_dicts()


def test_it_is_shown_before_it_is_done(store: DeltaStore) -> None:
    row = a_row(store)
    add(store, row | {"swap_id": "again", "fetched_at": row["fetched_at"] + timedelta(hours=1)})
    before = versions(store)
    lines = list(plan_root_upgrade(store).lines())
    count = store.scan(TRANSACTIONS).collect().height
    assert f"bronze/transactions: {count - 1} rows identified anew" in lines
    assert "bronze/transactions: 1 repeated row joined with the row repeated" in lines
    assert any(line.startswith("ops/root: layout 1 becomes 2") for line in lines)
    assert any("the column pnl_rules" in line for line in lines)
    assert versions(store) == before


def test_a_row_that_stood_twice_since_its_index_came_later_stands_once_and_is_counted_again(
    store: DeltaStore,
) -> None:
    row = a_row(store)
    later = row["fetched_at"] + timedelta(hours=1)
    add(store, row | {"swap_id": "again", "ins_index": 7, "base_price": 9.0, "fetched_at": later})
    upgrade(store)
    (joined,) = rows_like(store, row)
    assert (joined["ins_index"], joined["base_price"]) == (7, 9.0)
    assert joined["inner_ins_index"] == row["inner_ins_index"]
    assert (joined["processed_for_pnl"], joined["pnl_processed_at"]) == (False, None)


def test_an_index_that_the_last_delivery_did_not_know_stays(store: DeltaStore) -> None:
    row = a_row(store)
    later = row["fetched_at"] + timedelta(hours=1)
    add(store, row | {"swap_id": "again", "ins_index": None, "fetched_at": later})
    upgrade(store)
    (joined,) = rows_like(store, row)
    assert joined["ins_index"] == row["ins_index"] is not None


def test_two_fills_that_came_at_once_stay_two_and_a_second_upgrade_leaves_them(
    store: DeltaStore,
) -> None:
    row = a_row(store)
    later = row["fetched_at"] + timedelta(hours=1)
    add(
        store,
        row | {"swap_id": "fill 2"},
        row | {"swap_id": "revised", "volume_usd": 5.0, "ins_index": 9, "fetched_at": later},
    )
    upgrade(store)
    fills = rows_like(store, row)
    assert len(fills) == len({fill["swap_id"] for fill in fills}) == 2
    before = versions(store)
    DeltaTable(store.uri(ROOT)).update({"layout": "1"})
    upgrade(store)
    assert versions(store) == before
    assert rows_like(store, row) == fills


def test_states_and_everything_else_stay_as_they_are(store: DeltaStore) -> None:
    before = store.scan(TRANSACTIONS).drop("swap_id").collect()
    upgrade(store)
    after = store.scan(TRANSACTIONS).drop("swap_id").collect()
    assert after.sort(after.columns[:20]).equals(before.sort(after.columns[:20]))
    assert store.scan(TRACKED_WHALES).select("origin").collect()["origin"].unique().to_list() == [
        "holder"
    ]


def test_the_next_drain_counts_every_wallet_anew_and_is_that_of_rows_that_came_once(
    store: DeltaStore, released: Path
) -> None:
    row = a_row(store)
    later = row["fetched_at"] + timedelta(hours=1)
    add(store, row | {"swap_id": "again", "ins_index": 7, "fetched_at": later})
    upgrade(store)
    assert store.scan(WALLET_PNL).collect()["pnl_rules"].null_count() > 0
    with open_pipeline(Path(store.root), Recording.load(released / "rows")) as pipeline:
        assert not pipeline.drain(DRAINED).stuck
    pnl = store.scan(WALLET_PNL).collect()
    assert pnl["pnl_rules"].unique().to_list() == ["1"]
    wanted = pl.read_parquet(released / "drained" / "silver.wallet_pnl.parquet")
    money = ["wallet_address", "token_address", "window", "realized_pnl", "trade_count"]
    assert pnl.select(money).sort(money[:3]).equals(wanted.select(money).sort(money[:3]))


def test_older_software_refuses_a_root_whose_upgrade_has_begun(store: DeltaStore) -> None:
    with pytest.raises(DiedError), before_commits(_dies_before(2)):
        upgrade(store)
    assert store.scan(ROOT).collect()["layout"].to_list() == [2]
    with pytest.raises(RootOutgrownError, match="was begun and not ended: `smart-trader upgrade"):
        read_identity(store)
    upgrade(store)
    assert read_identity(store) is not None


def test_a_root_of_a_later_layout_is_refused(store: DeltaStore) -> None:
    upgrade(store)
    DeltaTable(store.uri(ROOT)).update({"layout": "3"})
    for look in (read_identity, plan_root_upgrade):
        with pytest.raises(RootError, match="layout 3"):
            look(store)


def test_where_there_is_no_root_there_is_nothing_to_upgrade(tmp_path: Path) -> None:
    with pytest.raises(RootError, match="There is no root"):
        plan_root_upgrade(DeltaStore(str(tmp_path)))


def _dies_before(number: int) -> Any:
    def notice(seen: int) -> None:
        if seen == number:
            raise DiedError

    return notice


@pytest.fixture(scope="module")
def undisturbed(released: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("undisturbed") / "root"
    shutil.copytree(released / "root", root)
    upgrade(DeltaStore(str(root)))
    return contents(DeltaStore(str(root)))


# A share of the commits of an upgrade; `proofs.kill_upgrades` takes them all.
@pytest.mark.parametrize("number", [1, 3, 6, 8, 10, 12])
def test_an_upgrade_that_died_goes_on_where_it_was(
    store: DeltaStore, undisturbed: dict[str, Any], number: int
) -> None:
    with pytest.raises(DiedError), before_commits(_dies_before(number)):
        upgrade(store)
    upgrade(store)
    assert not plan_root_upgrade(store).is_needed
    assert_same(contents(store), undisturbed)

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
from smart_trader_assets.pnl import WALLET_PNL_SCHEMA
from smart_trader_assets.pnl.assumptions import PNL_RULES
from smart_trader_assets.sandbox import Recording
from smart_trader_assets.tables.catalog import TRACKED_WHALES, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.tables.layouts import carry_out_root_upgrade, plan_root_upgrade
from smart_trader_assets.tables.ops import ROOT
from smart_trader_assets.tables.root import read_identity
from smart_trader_assets.transforms.swap_identity import INDEXES
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
    add(store, again(a_row(store), ins_index=None))
    before = versions(store)
    lines = list(plan_root_upgrade(store).lines())
    count = store.scan(TRANSACTIONS).collect().height
    assert f"bronze/transactions: {count - 1} rows identified anew" in lines
    assert "bronze/transactions: 1 repeated row joined with the row repeated" in lines
    assert any(line.startswith("ops/root: layout 1 becomes 2") for line in lines)
    assert any("the column pnl_rules" in line for line in lines)
    assert versions(store) == before


LATER = timedelta(hours=1)


def again(row: Mapping[str, Any], name: str = "again", **changes: Any) -> dict[str, Any]:
    """The row as an earlier version stored it when it came with another fetch."""
    return {**row, "swap_id": name, "fetched_at": row["fetched_at"] + LATER, **changes}


def forget(store: DeltaStore, row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The stored row, as if the source had not known these fields at first."""
    DeltaTable(store.uri(TRANSACTIONS)).update(
        dict.fromkeys(names, "NULL"), predicate=f"swap_id = '{row['swap_id']}'"
    )
    return {**row, **dict.fromkeys(names)}


@pytest.mark.parametrize("late", [("ins_index",), ("inner_ins_index",), ("owner",)])
def test_a_row_that_stood_twice_since_a_field_came_later_stands_once_and_is_counted_again(
    store: DeltaStore, late: tuple[str, ...]
) -> None:
    row = a_row(store)
    forget(store, row, *late)
    add(
        store, again(row, owner="another name" if "owner" in late else row["owner"], base_price=9.0)
    )
    upgrade(store)
    (joined,) = rows_like(store, row)
    assert [joined[name] for name in INDEXES] == [row[name] for name in INDEXES]
    assert joined["base_price"] == 9.0
    assert (joined["processed_for_pnl"], joined["pnl_processed_at"]) == (False, None)


def test_an_index_that_the_last_delivery_did_not_know_stays(store: DeltaStore) -> None:
    row = a_row(store)
    add(store, again(row, ins_index=None))
    upgrade(store)
    (joined,) = rows_like(store, row)
    assert joined["ins_index"] == row["ins_index"] is not None


@pytest.mark.parametrize(
    "other",
    [
        {"fetched_at": timedelta()},
        {"ins_index": 9},
        {"fetched_at": timedelta(), "ins_index": 9},
        {},
    ],
    ids=["came at once", "another place, later", "another place", "another ordinal, later"],
)
def test_two_fills_stay_two_and_a_second_upgrade_leaves_them(
    store: DeltaStore, other: Mapping[str, Any]
) -> None:
    row = a_row(store)
    later = other.get("fetched_at", LATER)
    add(store, {**again(row), **other, "fetched_at": row["fetched_at"] + later})
    upgrade(store)
    fills = rows_like(store, row)
    assert len(fills) == len({fill["swap_id"] for fill in fills}) == 2
    assert all(fill["processed_for_pnl"] for fill in fills)
    before = versions(store)
    DeltaTable(store.uri(ROOT)).update({"layout": "1"})
    upgrade(store)
    assert versions(store) == before
    assert rows_like(store, row) == fills


def test_of_two_fills_the_one_whose_index_came_later_is_joined_with_itself(
    store: DeltaStore,
) -> None:
    row = forget(store, a_row(store), "ins_index")
    add(store, {**row, "swap_id": "fill 2", "ins_index": 5}, again(row, "revised", ins_index=3))
    upgrade(store)
    fills = rows_like(store, row)
    assert [fill["ins_index"] for fill in fills] == [3, 5]
    assert [fill["processed_for_pnl"] for fill in fills] == [False, True]


def test_states_and_everything_else_stay_as_they_are(store: DeltaStore) -> None:
    before = store.scan(TRANSACTIONS).drop("swap_id").collect()
    upgrade(store)
    after = store.scan(TRANSACTIONS).drop("swap_id").collect()
    assert after.sort(after.columns[:20]).equals(before.sort(after.columns[:20]))
    assert store.scan(TRACKED_WHALES).select("origin").collect()["origin"].unique().to_list() == [
        "holder"
    ]


def test_the_next_drain_counts_every_wallet_anew_and_is_that_of_rows_that_came_once(
    store: DeltaStore, released: Path, tmp_path: Path
) -> None:
    once = DeltaStore(str(tmp_path / "once"))
    shutil.copytree(store.root, once.root)
    add(store, again(a_row(store), ins_index=None))
    tables = []
    for each in (store, once):
        upgrade(each)
        assert each.scan(WALLET_PNL).collect()["pnl_rules"].null_count() > 0
        with open_pipeline(Path(each.root), Recording.load(released / "rows")) as pipeline:
            assert not pipeline.drain(DRAINED).stuck
        tables.append(each.scan(WALLET_PNL).collect().select(*WALLET_PNL_SCHEMA, "pnl_rules"))
    twice, wanted = (table.sort(WALLET_PNL.key) for table in tables)
    assert twice["pnl_rules"].unique().to_list() == [PNL_RULES]
    assert twice.equals(wanted)


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
@pytest.mark.parametrize("number", [1, 4, 8, 10])
def test_an_upgrade_that_died_goes_on_where_it_was(
    store: DeltaStore, undisturbed: dict[str, Any], number: int
) -> None:
    with pytest.raises(DiedError), before_commits(_dies_before(number)):
        upgrade(store)
    upgrade(store)
    assert not plan_root_upgrade(store).is_needed
    assert_same(contents(store), undisturbed)

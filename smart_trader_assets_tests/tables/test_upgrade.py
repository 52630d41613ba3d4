"""An older root is told so by name, is brought up to date without touching a row, and goes on."""

import shutil
from dataclasses import replace

import polars as pl
import pytest
from deltalake import write_deltalake
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.contract import Column, TableContract
from smart_trader_assets.delta.errors import TableMismatchError, TableOutgrownError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import (
    SMART_TRADERS,
    TRACKED_TOKENS,
    WALLET_CLUSTERS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.tables.ops import RUNS
from smart_trader_assets.tables.upgrade import carry_out_upgrade, plan_upgrade
from smart_trader_assets_tests.support.roots import contents, versions
from smart_trader_assets_tests.support.samples import tracked_token, wallet_pair
from smart_trader_assets_tests.support.stores import Put
from smart_trader_assets_tests.support.tiny_market import EVE, LATER, OWL

UPGRADE = CommitInfo("upgrade-1", "upgrade")
KNOWN = ("market_cap", "holder")


def older(contract: TableContract, *without: str) -> TableContract:
    """The contract as it was before it had these columns."""
    columns = tuple(column for column in contract.columns if column.name not in without)
    statistics = tuple(name for name in contract.statistics if name not in without)
    return replace(contract, columns=columns, statistics=statistics)


def age(store: DeltaStore, contract: TableContract, *without: str) -> None:
    """Put the table back to what an older version had made of it, its rows too."""
    rows = store.scan(contract).drop(without).collect()
    shutil.rmtree(store.uri(contract))
    store.create(older(contract, *without))
    write_deltalake(store.uri(contract), rows.to_arrow(), mode="append")


def upgrade(store: DeltaStore) -> None:
    for plan in plan_upgrade(store):
        carry_out_upgrade(store, plan, UPGRADE)


def test_an_older_table_is_refused_by_its_columns_and_the_remedy(drained):
    age(drained.store, TRACKED_TOKENS, *KNOWN)
    before = versions(DeltaStore(str(drained.root)))
    with pytest.raises(TableOutgrownError) as refusal:
        drained.drain(LATER)
    assert "silver/tracked_tokens was made by an older version: it lacks market_cap, holder." in (
        str(refusal.value)
    )
    assert "`smart-trader upgrade`" in str(refusal.value)
    assert versions(DeltaStore(str(drained.root))) == before


def test_the_rows_of_an_upgraded_table_stay_and_have_nothing_in_the_new_columns(drained):
    store = DeltaStore(str(drained.root))
    wanted = contents(store)
    age(store, TRACKED_TOKENS, *KNOWN)
    age(store, WALLET_PNL, "profit_factor")
    upgrade(store)

    rows = contents(store)
    for name, frame in wanted.items():
        empty = {TRACKED_TOKENS.name: KNOWN, WALLET_PNL.name: ("profit_factor",)}.get(name, ())
        assert all(rows[name][column].is_null().all() for column in empty)
        same = rows[name].select(frame.columns).drop(empty)
        assert_frame_equal(same, frame.drop(empty), check_column_order=False)


def test_an_upgraded_root_goes_on_and_what_is_written_since_has_the_new_columns(drained):
    age(drained.store, TRACKED_TOKENS, *KNOWN)
    upgrade(DeltaStore(str(drained.root)))
    assert not drained.drain(LATER).stuck
    tokens = drained.rows(TRACKED_TOKENS)
    assert tokens.filter(token_address=OWL)["holder"].is_not_null().all()  # listed since
    assert tokens["holder"].is_null().any()  # not listed again
    assert EVE in drained.rows(WALLET_PNL)["wallet_address"]


def test_an_upgrade_is_done_once_and_shows_in_the_table_s_history(store: DeltaStore, put: Put):
    put(older(TRACKED_TOKENS, "next_attempt_at", "market_cap"), tracked_token("a"))
    (plan,) = plan_upgrade(store, [TRACKED_TOKENS])
    assert (plan.columns, set(plan.properties)) == (
        ("market_cap", "next_attempt_at"),
        {"delta.dataSkippingStatsColumns"},
    )
    carry_out_upgrade(store, plan, UPGRADE)
    assert plan_upgrade(store, [TRACKED_TOKENS]) == []
    told = [entry.get("run_id") for entry in store.open(TRACKED_TOKENS).history(2)]
    assert told == ["upgrade-1", "upgrade-1"]
    version = store.version(TRACKED_TOKENS)
    carry_out_upgrade(store, plan, UPGRADE)
    assert store.version(TRACKED_TOKENS) == version
    field = {f.name: f for f in store.open(TRACKED_TOKENS).schema().fields}["market_cap"]
    assert field.nullable
    assert field.metadata["comment"] == TRACKED_TOKENS.column("market_cap").description


def test_an_older_table_of_figures_holds_up_no_run_and_is_upgraded_like_the_others(drained):
    age(drained.store, RUNS, "credits")
    assert drained.materialize(WHALES, "00").success
    store = drained.store
    assert [plan.columns for plan in plan_upgrade(store)] == [("credits",)]
    upgrade(store)
    before = store.scan(RUNS).collect().height
    assert drained.materialize(WHALES, "00").success
    assert store.scan(RUNS).collect().height == before + 1


def test_a_column_that_has_come_to_allow_nulls_is_told_and_allows_them_after_an_upgrade(
    store: DeltaStore, put: Put
) -> None:
    strict = replace(
        WALLET_CLUSTERS,
        columns=tuple(
            replace(column, required=column.required or column.name == "tokens_shared")
            for column in older(WALLET_CLUSTERS, "funder_address").columns
        ),
    )
    put(strict, wallet_pair("a"))
    before = store.scan(strict).collect()
    with pytest.raises(
        TableOutgrownError, match="it lacks funder_address; column tokens_shared refuses nulls"
    ):
        store.create(WALLET_CLUSTERS)
    (plan,) = plan_upgrade(store, [WALLET_CLUSTERS])
    assert str(plan).endswith("the column funder_address, nulls in the column tokens_shared")
    for _ in range(2):
        carry_out_upgrade(store, plan, UPGRADE)
    assert store.version(WALLET_CLUSTERS) == 3  # made, written, a column, nulls
    store.create(WALLET_CLUSTERS)
    assert_frame_equal(store.scan(WALLET_CLUSTERS).drop("funder_address").collect(), before)
    put(WALLET_CLUSTERS, wallet_pair("b", tokens_shared=None))
    assert store.scan(WALLET_CLUSTERS).collect()["tokens_shared"].null_count() == 1


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (older(TRACKED_TOKENS, "market_cap", "metrics_at"), "column metrics_at is missing"),
        (
            replace(
                older(TRACKED_TOKENS, "market_cap"),
                columns=(
                    *older(TRACKED_TOKENS, "market_cap").columns,
                    Column("mood", pl.String, ""),
                ),
            ),
            "column mood is unknown",
        ),
        (replace(older(TRACKED_TOKENS, "market_cap"), partition_by=()), "it is partitioned by"),
    ],
    ids=["a required column", "a column of a newer version", "other partitions"],
)
def test_what_is_more_than_a_column_that_may_be_empty_is_refused_and_left_alone(
    store: DeltaStore, made: TableContract, complaint: str
) -> None:
    store.create(SMART_TRADERS)
    age(store, SMART_TRADERS, "roi")
    store.create(made)
    before = store.version(SMART_TRADERS), store.version(TRACKED_TOKENS)
    with pytest.raises(TableMismatchError, match=complaint) as refusal:
        plan_upgrade(store, [SMART_TRADERS, TRACKED_TOKENS])
    assert not isinstance(refusal.value, TableOutgrownError)
    assert "column market_cap is missing" in str(refusal.value)
    assert (store.version(SMART_TRADERS), store.version(TRACKED_TOKENS)) == before

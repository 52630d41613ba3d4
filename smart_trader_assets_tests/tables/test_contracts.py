"""Every table is made as its contract says, and itself refuses what the contract forbids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from deltalake.schema import ArrayType, PrimitiveType

from smart_trader_assets.delta.contract import (
    VERSION,
    Column,
    TableContract,
)
from smart_trader_assets.delta.errors import StorageError, TableMismatchError, TableMissingError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WHALES,
)
from smart_trader_assets.tables.ops import ROOT
from smart_trader_assets_tests.support.samples import SAMPLES, tracked_token, whale, whole
from smart_trader_assets_tests.support.stores import Put, Settle

named = pytest.mark.parametrize("contract", ALL_TABLES, ids=lambda c: c.name)

TYPES: dict[type[pl.DataType], str] = {
    pl.String: "string",
    pl.Int64: "long",
    pl.Float64: "double",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Datetime: "timestamp",
}

# Table, Dagster partition, Delta partition columns, row key.
PROMISED = {
    "bronze/tokens": (
        "snapshot_date",
        ("snapshot_date", "token_shard", "tracking_status"),
        ("snapshot_date", "token_address"),
    ),
    "silver/tracked_tokens": (
        "token_shard",
        ("token_shard", "whale_fetch_status"),
        ("token_address",),
    ),
    "bronze/whales": (
        "token_shard",
        ("token_shard", "wallet_shard", "tracking_status"),
        ("fetched_on", "token_address", "wallet_address"),
    ),
    "silver/tracked_whales": (
        "wallet_shard",
        ("wallet_shard", "processing_status"),
        ("whale_id",),
    ),
    "bronze/transactions": ("wallet_shard", ("wallet_shard", "processed_for_pnl"), ("swap_id",)),
    "silver/wallet_pnl": (
        "wallet_shard",
        ("wallet_shard", "processed_for_gold"),
        ("wallet_address", "token_address", "window"),
    ),
    "gold/smart_traders": (None, (), ("wallet_address",)),
}


@pytest.mark.parametrize("name", PROMISED)
def test_the_medallion_tables_are_keyed_and_partitioned_as_promised(name: str) -> None:
    contract = {c.name: c for c in ALL_TABLES}[name]
    assert (contract.dagster_partition, contract.partition_by, contract.key) == PROMISED[name]


@named
def test_a_table_is_made_as_its_contract_says(store: DeltaStore, contract: TableContract) -> None:
    store.create(contract)
    table = DeltaTable(store.uri(contract))

    found = {field.name: (field.type, field.nullable) for field in table.schema().fields}
    for column in contract.all_columns:
        kind, nullable = found.pop(column.name)
        if isinstance(column.dtype, pl.List):
            assert kind == ArrayType(PrimitiveType("string"), contains_null=True)
        else:
            assert kind == PrimitiveType(TYPES[column.dtype.base_type()])
        assert nullable is not column.required
    assert found == {}

    metadata = table.metadata()
    assert tuple(metadata.partition_columns) == contract.partition_by
    assert (metadata.name, metadata.description) == (contract.name, contract.grain)
    assert metadata.configuration["delta.enableChangeDataFeed"] == "true"


@named
def test_every_column_says_what_it_means(store: DeltaStore, contract: TableContract) -> None:
    store.create(contract)
    fields = store.open(contract).schema().fields
    comments = {field.name: field.metadata["comment"] for field in fields}
    assert comments == {column.name: column.description for column in contract.all_columns}
    assert all(comments.values())


def test_a_meaning_comes_with_its_unit() -> None:
    assert Column("price", pl.Float64, "Price of one token", "USD").description == (
        "Price of one token [USD]"
    )
    assert Column("symbol", pl.String, "Symbol").description == "Symbol"


@named
def test_key_partition_and_state_columns_always_have_a_value(contract: TableContract) -> None:
    needed = {*contract.key, *contract.partition_by, *(s.column for s in contract.states)}
    needed |= {name for name in (contract.time_bound, contract.newest_by) if name is not None}
    assert [name for name in needed if not contract.column(name).required] == []


@named
def test_a_contract_agrees_with_itself(contract: TableContract) -> None:
    names = list(contract.schema)
    assert len(names) == len(set(names)) == len(contract.all_columns)
    spoken_of = {
        *contract.key,
        *contract.partition_by,
        *contract.state_columns,
        *contract.statistics,
        *contract.ignored_changes,
        *(name for rule in contract.send_backs for name in (*rule.changed, *rule.clears)),
    }
    assert spoken_of <= set(names)
    for state in contract.states:
        assert state.initial in state.values
    for rule in contract.send_backs:
        state = contract.state(rule.column)
        assert rule.to in state.values
        assert rule.only_from is None or rule.only_from in state.values
        assert set(rule.clears) <= set(state.companions)
    if contract.dagster_partition is not None:
        assert contract.dagster_partition in contract.partition_by


TEXT_STATES = [
    (contract, state.column)
    for contract in ALL_TABLES
    for state in contract.states
    if isinstance(state.initial, str)
]


@pytest.mark.parametrize(
    ("contract", "column"), TEXT_STATES, ids=[f"{c.name}.{column}" for c, column in TEXT_STATES]
)
def test_the_table_itself_refuses_a_state_that_is_not_allowed(
    store: DeltaStore, put: Put, contract: TableContract, column: str
) -> None:
    row, _, _ = SAMPLES[contract.name]
    put(contract, row("a"))
    table, version = store.open(contract), store.version(contract)
    wrong = whole(contract, [row("b")]).with_columns(pl.lit("done!").alias(column))
    with pytest.raises(DeltaError):
        write_deltalake(store.uri(contract), wrong, mode="append")
    with pytest.raises(DeltaError):
        table.update(updates={column: "'done!'"})
    assert store.version(contract) == version


@named
def test_every_allowed_state_is_taken(store: DeltaStore, contract: TableContract) -> None:
    row, _, _ = SAMPLES[contract.name]
    store.create(contract)
    for state in contract.states:
        for value in state.values:
            good = whole(contract, [row("a")]).with_columns(pl.lit(value).alias(state.column))
            write_deltalake(store.uri(contract), good, mode="append")
    written = sum(len(state.values) for state in contract.states)
    assert store.scan(contract).select(pl.len()).collect().item() == written


@pytest.mark.parametrize(
    ("contract", "column"),
    [
        (TOKENS, "fetched_at"),
        (WHALES, "amount"),
        (TRACKED_WHALES, "attempts"),
        (TRANSACTIONS, "tx_hash"),
        (TRACKED_TOKENS, VERSION),
    ],
    ids=lambda value: value.name if isinstance(value, TableContract) else value,
)
def test_the_table_itself_refuses_a_required_column_without_a_value(
    store: DeltaStore, contract: TableContract, column: str
) -> None:
    row, _, _ = SAMPLES[contract.name]
    store.create(contract)
    empty = pl.lit(None, dtype=contract.schema[column]).alias(column)
    with pytest.raises(DeltaError):
        write_deltalake(
            store.uri(contract), whole(contract, [row("a")]).with_columns(empty), mode="append"
        )


def test_the_change_data_feed_shows_what_became_of_each_row(
    store: DeltaStore, put: Put, settle: Settle
) -> None:
    put(TRACKED_TOKENS, tracked_token("a"), tracked_token("b"))
    settle(TRACKED_TOKENS, {"whale_fetch_status": "completed"}, only=pl.col("token_address") == "b")
    put(TRACKED_TOKENS, tracked_token("a", price=2.0), tracked_token("b"))
    feed = pl.DataFrame(store.open(TRACKED_TOKENS).load_cdf(starting_version=0))
    changes: list[tuple[Any, ...]] = sorted(
        feed.select(
            "_commit_version", "token_address", "_change_type", "whale_fetch_status", "price"
        ).iter_rows()
    )
    first = store.version(TRACKED_TOKENS) - 2
    assert changes == [
        (first, "a", "insert", "pending", 1.0),
        (first, "b", "insert", "pending", 1.0),
        (first + 1, "b", "update_postimage", "completed", 1.0),
        (first + 1, "b", "update_preimage", "pending", 1.0),
        (first + 2, "a", "update_postimage", "pending", 2.0),
        (first + 2, "a", "update_preimage", "pending", 1.0),
    ]


def test_statistics_are_kept_of_what_reads_go_by(store: DeltaStore, put: Put) -> None:
    put(WHALES, whale("a", holder_rank=1), whale("b", holder_rank=2))
    files = store.files(WHALES)
    assert (files["min.wallet_address"][0], files["max.wallet_address"][0]) == ("a", "b")
    measured = {name.removeprefix("min.") for name in files.columns if name.startswith("min.")}
    assert {"fetched_on", "token_address", "wallet_address"} <= measured
    assert measured.isdisjoint({"amount", "holder_rank", "holding_usd", "fetched_at"})


@named
def test_making_a_table_again_changes_nothing(store: DeltaStore, contract: TableContract) -> None:
    store.create(contract)
    version = store.version(contract)
    store.create(contract)
    assert store.version(contract) == version


def test_a_table_whose_making_was_cut_short_gets_its_constraints(store: DeltaStore) -> None:
    store.create(TRACKED_TOKENS)
    first = DeltaTable(store.uri(TRACKED_TOKENS), version=0)
    bare = TRACKED_TOKENS.name.replace("tracked", "half_made")
    half_made = TableContract(**{**vars_of(TRACKED_TOKENS), "name": bare})
    DeltaTable.create(
        store.uri(half_made),
        schema=first.schema(),
        partition_by=list(half_made.partition_by),
        name=bare,
        configuration={"delta.enableChangeDataFeed": "true"},
    )
    store.create(half_made)
    wrong = whole(half_made, [tracked_token("a")]).with_columns(whale_fetch_status=pl.lit("done!"))
    with pytest.raises(DeltaError):
        write_deltalake(store.uri(half_made), wrong, mode="append")


def vars_of(contract: TableContract) -> dict[str, Any]:
    """The fields of a contract, without what it has worked out from them."""
    return {name: vars(contract)[name] for name in TableContract.__dataclass_fields__}


def test_a_table_that_is_gone_is_an_error_and_is_not_made_anew(store: DeltaStore) -> None:
    for reach in (store.open, store.scan, store.version, store.files):
        with pytest.raises(TableMissingError, match="bronze/tokens is gone from"):
            reach(TOKENS)
    assert not store.exists(TOKENS)


def test_a_log_that_cannot_be_read_is_not_taken_for_no_table(store: DeltaStore) -> None:
    store.create(TOKENS)
    log = Path(store.uri(TOKENS)) / "_delta_log"
    for commit in log.glob("*.json"):
        commit.write_text("{ torn")
    before = {path.name: path.stat().st_size for path in log.iterdir()}
    for reach in (store.open, store.scan, store.create):
        with pytest.raises(StorageError, match=r"bronze/tokens at .* cannot be read"):
            reach(TOKENS)
    assert {path.name: path.stat().st_size for path in log.iterdir()} == before


def test_a_table_of_another_shape_is_refused_by_name(store: DeltaStore) -> None:
    store.create(ROOT)
    other = TableContract(
        name=ROOT.name,
        grain=ROOT.grain,
        columns=(*ROOT.columns[1:], Column("mood", pl.String, "Mood")),
        key=("detail",),
        partition_by=("detail",),
    )
    with pytest.raises(TableMismatchError) as refusal:
        store.create(other)
    for difference in (
        "column mood is missing",
        "column source is unknown",
        "it is partitioned by (), not by ('detail',)",
    ):
        assert difference in str(refusal.value)

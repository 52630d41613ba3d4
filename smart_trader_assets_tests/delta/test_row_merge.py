"""A merge of rows changes content, never state, and only what is new."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.contract import BATCH, OPERATION, VERSION, TableContract
from smart_trader_assets.delta.errors import FrameError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    SMART_TRADERS,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets_tests.support.samples import (
    DAY,
    DONE,
    LATER_STAMP,
    NOW,
    SAMPLES,
    STAMP,
    Row,
    frame,
    pnl,
    swap,
    token,
    tracked_token,
    tracked_whale,
    whale,
)
from smart_trader_assets_tests.support.stores import Put, Settle

STATEFUL = [contract for contract in ALL_TABLES if contract.states]
named = pytest.mark.parametrize("contract", ALL_TABLES, ids=lambda c: c.name)
with_states = pytest.mark.parametrize("contract", STATEFUL, ids=lambda c: c.name)


def only_row(store: DeltaStore, contract: TableContract) -> dict[str, Any]:
    return store.scan(contract).collect().row(0, named=True)


@named
def test_a_repeated_batch_makes_no_commit(
    store: DeltaStore, put: Put, contract: TableContract
) -> None:
    row, _, _ = SAMPLES[contract.name]
    first = put(contract, row("a"), row("b"))
    before, version = store.scan(contract).collect(), store.version(contract)

    again = put(contract, row("a"), row("b"), stamp=LATER_STAMP)

    assert (first.inserted, again.inserted, again.updated) == (2, 0, 0)
    assert store.version(contract) == version
    assert_frame_equal(store.scan(contract).collect(), before, check_row_order=False)


@with_states
def test_a_repeated_batch_resets_no_state(
    store: DeltaStore, put: Put, settle: Settle, contract: TableContract
) -> None:
    row, _, _ = SAMPLES[contract.name]
    put(contract, row("a"), row("b"))
    assert settle(contract, dict(DONE[contract.name])) == 2
    settled, version = store.scan(contract).collect(), store.version(contract)

    again = put(contract, row("a"), row("b"), stamp=LATER_STAMP)

    assert (again.inserted, again.updated) == (0, 0)
    assert store.version(contract) == version
    assert_frame_equal(store.scan(contract).collect(), settled, check_row_order=False)


@with_states
def test_new_rows_are_born_due(store: DeltaStore, put: Put, contract: TableContract) -> None:
    row, _, _ = SAMPLES[contract.name]
    put(contract, row("a"))
    born = only_row(store, contract)
    assert {s.column: born[s.column] for s in contract.states} == {
        s.column: s.initial for s in contract.states
    }
    assert all(born[name] in (None, 0) for s in contract.states for name in s.companions)
    assert (born[OPERATION], born[BATCH]) == ("CREATE", "run-1")


def test_only_changed_rows_are_touched(store: DeltaStore, put: Put) -> None:
    put(SMART_TRADERS, {**trader_row("a")}, {**trader_row("b")})
    before = rows_by(store, SMART_TRADERS, "wallet_address")

    written = put(
        SMART_TRADERS, trader_row("a"), {**trader_row("b"), "score": 80.0}, stamp=LATER_STAMP
    )

    after = rows_by(store, SMART_TRADERS, "wallet_address")
    assert (written.inserted, written.updated) == (0, 1)
    assert after["a"] == before["a"]
    assert (after["b"]["score"], after["b"][OPERATION], after["b"][BATCH]) == (
        80.0,
        "UPDATE",
        "run-2",
    )
    assert after["b"][VERSION] > before["b"][VERSION]


def trader_row(wallet: str) -> dict[str, Any]:
    return dict(SAMPLES[SMART_TRADERS.name][0](wallet))


def rows_by(store: DeltaStore, contract: TableContract, key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in store.scan(contract).collect().iter_rows(named=True)}


@pytest.mark.parametrize(("old", "new"), [(None, 2.0), (2.0, None), (0.0, None)])
def test_a_value_that_comes_or_goes_is_a_change(
    store: DeltaStore, put: Put, old: float | None, new: float | None
) -> None:
    put(TRACKED_TOKENS, tracked_token("a", liquidity=old))
    assert put(TRACKED_TOKENS, tracked_token("a", liquidity=new)).updated == 1
    assert only_row(store, TRACKED_TOKENS)["liquidity"] == new


@pytest.mark.parametrize("step", [timedelta(0), timedelta(hours=-1), timedelta(microseconds=-1)])
def test_a_version_grows_also_where_the_clock_does_not(
    store: DeltaStore,
    put: Put,
    settle: Settle,
    set_clock: Callable[[datetime], None],
    step: timedelta,
) -> None:
    set_clock(NOW)
    put(TRACKED_TOKENS, tracked_token("a"))
    versions = [only_row(store, TRACKED_TOKENS)[VERSION]]
    for turn, moment in enumerate([NOW + step, NOW + 2 * step], start=2):
        set_clock(moment)
        put(TRACKED_TOKENS, tracked_token("a", price=float(turn)))
        versions.append(only_row(store, TRACKED_TOKENS)[VERSION])
        settle(TRACKED_TOKENS, {"whale_count": turn})
        versions.append(only_row(store, TRACKED_TOKENS)[VERSION])
    assert versions == [NOW + timedelta(microseconds=n) for n in range(5)]


def test_a_change_leaves_the_state_of_a_tracked_token(
    store: DeltaStore, put: Put, settle: Settle
) -> None:
    put(TRACKED_TOKENS, tracked_token("a"))
    settle(TRACKED_TOKENS, dict(DONE[TRACKED_TOKENS.name]))
    put(TRACKED_TOKENS, tracked_token("a", price=9.0))
    after = only_row(store, TRACKED_TOKENS)
    assert after["price"] == 9.0
    assert {name: after[name] for name in DONE[TRACKED_TOKENS.name]} == DONE[TRACKED_TOKENS.name]


def test_rows_cannot_bring_a_state_to_rows_that_are_there(store: DeltaStore, put: Put) -> None:
    put(TRACKED_WHALES, tracked_whale("a", processing_status="processed", last_swap_at=5))
    put(TRACKED_WHALES, tracked_whale("a", processing_status="pending", last_swap_at=7))
    after = only_row(store, TRACKED_WHALES)
    assert (after["processing_status"], after["last_swap_at"]) == ("processed", 5)


@pytest.mark.parametrize(
    ("contract", "state", "initial", "cleared"),
    [
        (TOKENS, "tracking_status", "pending", ["tracked_at", "reject_reason"]),
        (WHALES, "tracking_status", "pending", ["tracked_at"]),
        (WALLET_PNL, "processed_for_gold", False, ["gold_processed_at"]),
    ],
    ids=lambda value: value.name if isinstance(value, TableContract) else "",
)
def test_any_change_sends_a_row_back_where_the_contract_says_so(
    store: DeltaStore,
    put: Put,
    settle: Settle,
    contract: TableContract,
    state: str,
    initial: str | bool,
    cleared: list[str],
) -> None:
    row, _, measure = SAMPLES[contract.name]
    put(contract, row("a"), row("b"))
    settle(contract, dict(DONE[contract.name]))

    put(contract, row("a"), row("b", **{measure: 7.0}))

    rows = store.scan(contract).collect()
    back = rows.filter(pl.col(measure) == 7.0).row(0, named=True)
    stayed = rows.filter(pl.col(measure) == 1.0).row(0, named=True)
    assert back[state] == initial
    assert [back[name] for name in cleared] == [None] * len(cleared)
    assert {name: stayed[name] for name in DONE[contract.name]} == DONE[contract.name]
    others = {n: v for n, v in DONE[contract.name].items() if n not in (state, *cleared)}
    assert {name: back[name] for name in others} == others


@pytest.mark.parametrize(
    ("status", "change", "ends"),
    [
        ("excluded", {"ui_amount": 99.0}, "pending"),
        ("excluded", {"holding_usd": 99.0}, "pending"),
        ("excluded", {"holder_rank": 99}, "excluded"),
        ("processed", {"ui_amount": 99.0}, "processed"),
        ("ready", {"holding_usd": 99.0}, "ready"),
        ("failed", {"ui_amount": 99.0}, "failed"),
    ],
)
def test_a_new_holding_sends_back_an_excluded_whale_and_no_other(
    store: DeltaStore, put: Put, settle: Settle, status: str, change: dict[str, Any], ends: str
) -> None:
    put(TRACKED_WHALES, tracked_whale("a", holder_rank=1))
    out = {"exclude_reason": "dust", "excluded_by_rules": "v1"} if status == "excluded" else {}
    settle(TRACKED_WHALES, {"processing_status": status, "fetched_to": 5, **out})

    put(TRACKED_WHALES, tracked_whale("a", **{"holder_rank": 1, **change}))

    after = only_row(store, TRACKED_WHALES)
    assert after["processing_status"] == ends
    assert after["exclude_reason"] == ("dust" if ends == "excluded" else None)
    assert after["excluded_by_rules"] == ("v1" if ends == "excluded" else None)
    assert after["fetched_to"] == 5


@pytest.mark.parametrize(("contract", "row"), [(TOKENS, token), (WHALES, whale)])
def test_the_same_content_fetched_later_is_no_change(
    store: DeltaStore, put: Put, contract: TableContract, row: Callable[..., Any]
) -> None:
    put(contract, row("a"))
    version = store.version(contract)
    assert put(contract, row("a", fetched_at=NOW + timedelta(hours=1))).updated == 0
    assert store.version(contract) == version


def test_older_news_never_overwrites_newer(store: DeltaStore, put: Put) -> None:
    put(TRACKED_TOKENS, tracked_token("a", price=5.0, symbol="NEW"))
    older = DAY - timedelta(days=3)
    put(
        TRACKED_TOKENS,
        tracked_token(
            "a",
            price=4.0,
            symbol="OLD",
            metrics_at=NOW - timedelta(days=3),
            first_listed_on=older,
            last_listed_on=older,
        ),
    )
    after = only_row(store, TRACKED_TOKENS)
    assert (after["price"], after["symbol"], after["metrics_at"]) == (5.0, "NEW", NOW)
    assert (after["first_listed_on"], after["last_listed_on"]) == (older, DAY)


def test_newer_news_keeps_the_first_day_and_moves_the_last(store: DeltaStore, put: Put) -> None:
    put(TRACKED_WHALES, tracked_whale("a", ui_amount=1.0))
    newer = DAY + timedelta(days=2)
    put(TRACKED_WHALES, tracked_whale("a", ui_amount=2.0, first_seen_on=newer, last_seen_on=newer))
    after = only_row(store, TRACKED_WHALES)
    assert (after["first_seen_on"], after["last_seen_on"], after["ui_amount"]) == (DAY, newer, 2.0)


COUNTED = {"processed_for_pnl": True, "pnl_processed_at": NOW}


@pytest.mark.parametrize(
    "revision", [{"volume_usd": 2.0}, {"base_price": 3.0}, {"ins_index": 4}, {"tx_type": "add"}]
)
def test_a_swap_row_whose_numbers_are_revised_is_replaced_and_counted_again(
    store: DeltaStore, put: Put, settle: Settle, revision: Row
) -> None:
    put(TRANSACTIONS, swap("s", volume_usd=1.0), swap("t"))
    settle(TRANSACTIONS, COUNTED | {"set_aside_reason": "odd"})
    put(TRANSACTIONS, swap("s", **{"volume_usd": 1.0, **revision}), swap("t"))
    rows = {row["swap_id"]: row for row in store.scan(TRANSACTIONS).collect().to_dicts()}
    assert {**rows["s"], **revision} == rows["s"]
    assert [rows["s"][name] for name in (*COUNTED, "set_aside_reason")] == [False, None, None]
    assert rows["t"]["processed_for_pnl"] is True


@pytest.mark.parametrize(
    "again",
    [
        {"base_change_amount": "100.0", "base_amount": "1e2"},
        {"ins_index": None},
        {"fetched_at": NOW + timedelta(hours=1)},
    ],
)
def test_a_swap_row_in_another_spelling_or_with_less_known_is_no_revision(
    store: DeltaStore, put: Put, settle: Settle, again: Row
) -> None:
    first = {"base_change_amount": "100", "base_amount": "100", "ins_index": 3}
    put(TRANSACTIONS, swap("s", **first))
    settle(TRANSACTIONS, COUNTED)
    version = store.version(TRANSACTIONS)
    put(TRANSACTIONS, swap("s", **{**first, **again}))
    assert store.version(TRANSACTIONS) == version
    assert only_row(store, TRANSACTIONS)["ins_index"] == 3


def test_what_no_number_is_made_from_is_replaced_without_counting_again(
    store: DeltaStore, put: Put, settle: Settle
) -> None:
    put(TRANSACTIONS, swap("s", base_symbol="OLD"))
    settle(TRANSACTIONS, COUNTED)
    put(TRANSACTIONS, swap("s", base_symbol="NEW"))
    after = only_row(store, TRANSACTIONS)
    assert (after["base_symbol"], after["processed_for_pnl"]) == ("NEW", True)


def test_rows_that_are_settled_are_found_by_a_batch_that_brings_more(
    store: DeltaStore, put: Put, settle: Settle
) -> None:
    put(TRANSACTIONS, swap("s"), swap("t"))
    settle(TRANSACTIONS, {"processed_for_pnl": True, "pnl_processed_at": NOW})
    written = put(TRANSACTIONS, swap("s"), swap("t"), swap("u"))
    assert written.inserted == 1
    assert sorted(store.scan(TRANSACTIONS).collect()["swap_id"]) == ["s", "t", "u"]


def test_a_merge_opens_no_file_of_another_time(store: DeltaStore, put: Put) -> None:
    hour = 3600
    for turn in range(4):
        put(TRANSACTIONS, swap(f"s{turn}", block_unix_time=1_700_000_000 + turn * hour))
    put(
        TRANSACTIONS,
        swap("s3", block_unix_time=1_700_000_000 + 3 * hour, volume_usd=7.0),
        swap("new", block_unix_time=1_700_000_000 + 3 * hour + 5),
    )
    metrics = store.open(TRANSACTIONS).history(1)[0]["operationMetrics"]
    assert metrics["num_target_rows_inserted"] == 1
    assert metrics["num_target_files_scanned"] == 1
    assert metrics["num_target_files_skipped_during_scan"] == 3


@pytest.mark.parametrize(
    ("contract", "stray", "partition"),
    [
        (TRANSACTIONS, swap("s", wallet_shard="01"), "00"),
        (TOKENS, token("a", snapshot_date=DAY + timedelta(days=1)), DAY),
    ],
    ids=["shard", "day"],
)
def test_a_row_outside_of_its_batchs_partition_is_refused(
    store: DeltaStore, contract: TableContract, stray: dict[str, Any], partition: str | date
) -> None:
    store.create(contract)
    version = store.version(contract)
    batch = Batch(frame(contract, [stray]), partition)
    with pytest.raises(FrameError, match="partition"):
        store.write(contract, batch, STAMP)
    assert store.version(contract) == version


def test_a_commit_says_who_wrote_what(store: DeltaStore, put: Put, settle: Settle) -> None:
    put(TRANSACTIONS, swap("s"))
    settle(TRANSACTIONS, {"processed_for_pnl": True})
    named = ("run_id", "asset", "partition", "purpose")
    history = store.open(TRANSACTIONS).history(2)
    assert [tuple(commit[name] for name in named) for commit in history] == [
        ("run-1", "an/asset", "a partition", "settle"),
        ("run-1", "an/asset", "a partition", "merge rows"),
    ]


def test_a_pnl_row_is_told_apart_by_wallet_token_and_window(store: DeltaStore, put: Put) -> None:
    rows = [pnl("a"), pnl("a", window="7d"), pnl("a", "mint"), pnl("b")]
    assert put(WALLET_PNL, *rows).inserted == 4
    assert put(WALLET_PNL, *rows).inserted == 0
    assert store.scan(WALLET_PNL).collect().height == 4

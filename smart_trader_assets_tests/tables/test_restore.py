"""A table put back to an older version: what its states ask for is done again, and the root ends right."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from deltalake import DeltaTable

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.sandbox import Endpoint
from smart_trader_assets.tables.catalog import TRACKED_WHALES, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.tables.reset import Choice, carry_out, plan_reset
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.roots import assert_same, contents
from smart_trader_assets_tests.support.ticking import Automation

Rows = pl.DataFrame
Version = Callable[[Rows], bool]


def restore(pipeline: Pipeline, contract: TableContract, wanted: Version) -> None:
    """Put the table back to its newest version whose rows are as `wanted`."""
    place = pipeline.store.uri(contract)
    for version in reversed(range(DeltaTable(place).version() + 1)):
        if wanted(pl.scan_delta(DeltaTable(place, version=version)).collect()):
            DeltaTable(place).restore(version)
            return
    raise AssertionError(f"no version of {contract.name} is so")


def nobody_is_fetched(whales: Rows) -> bool:
    return whales.height > 0 and "processed" not in set(whales["processing_status"])


def no_swap_is_counted(swaps: Rows) -> bool:
    return swaps.height > 0 and not swaps["processed_for_pnl"].any()


def empty(rows: Rows) -> bool:
    return rows.is_empty()


def test_whales_from_before_their_fetch_are_fetched_again_and_all_ends_as_it_was(drained: Pipeline):
    wanted = contents(drained.store)
    restore(drained, TRACKED_WHALES, nobody_is_fetched)
    report = drained.drain()
    assert drained.requests(Endpoint.SWAPS) == 4
    assert report.total("rows_inserted") == 0  # what was fetched is known by its key
    assert_same(contents(drained.store), wanted)


def test_swaps_from_before_they_were_counted_are_counted_again_without_a_request(drained: Pipeline):
    wanted = contents(drained.store)
    restore(drained, TRANSACTIONS, no_swap_is_counted)
    drained.drain()
    assert drained.requests(Endpoint.SWAPS) == 0
    assert_same(contents(drained.store), wanted)


def test_swaps_from_before_their_fetch_come_back_once_the_whales_are_reset(drained: Pipeline):
    """The whales say that their wallets are fetched, so that a restore alone brings nothing back."""
    wanted = contents(drained.store)
    restore(drained, TRANSACTIONS, empty)
    drained.drain()
    assert drained.rows(TRANSACTIONS).is_empty()

    reset = plan_reset(
        drained.store, Choice(TRACKED_WHALES.name, shards=("00", "01"), refetch=True)
    )
    carry_out(drained.store, reset, CommitInfo("reset", "reset"))
    drained.drain()
    found = contents(drained.store)
    for tables in (found, wanted):  # the audit trail tells of the second time
        for name, rows in tables.items():
            tables[name] = rows.drop("_delta_operation")
    assert_same(found, wanted)


@pytest.fixture
def automation(drained: Pipeline):
    with dg.DagsterInstance.ephemeral() as instance:
        yield Automation(drained.settings(), instance)


def test_the_sensors_see_the_restored_table_as_a_new_version_and_ask_for_what_is_due(
    drained: Pipeline, automation: Automation
):
    assert automation.tick(WALLET_PNL.name).skipped.startswith("Nothing is due")
    restore(drained, TRANSACTIONS, no_swap_is_counted)
    tick = automation.tick(WALLET_PNL.name)
    assert tick.partitions == ["00...01"]
    assert not any("restored from a backup" in line for line in tick.log)


def test_an_older_version_is_read_beside_the_newest(drained: Pipeline):
    place = drained.store.uri(WALLET_PNL)
    newest = DeltaTable(place).version()
    assert pl.scan_delta(place, version=0).collect().is_empty()
    assert pl.scan_delta(place).collect().height == drained.rows(WALLET_PNL).height > 0
    assert DeltaStore(str(Path(drained.root))).version(WALLET_PNL) == newest

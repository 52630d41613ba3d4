"""A real table breaks a blocking rule: nothing is made from it, everybody says why, mending it is enough."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable

from smart_trader_assets.automation.jobs import run_assets
from smart_trader_assets.checks.catalogue import Look, all_checks
from smart_trader_assets.checks.results import FAILED_CHECKS_NOTE, UnsoundTableError
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.contract import VERSION, TableContract
from smart_trader_assets.sandbox import Recording
from smart_trader_assets.tables.catalog import SMART_TRADERS, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.tables.reset import Choice, carry_out, plan_reset
from smart_trader_assets_tests.support.made_once import MadeOnce
from smart_trader_assets_tests.support.pipeline import DrainedRoot, Pipeline, open_pipeline
from smart_trader_assets_tests.support.tiny_market import BOB, LATER
from smart_trader_assets_tests.support.ui import Ui

STAMP = CommitInfo("a test", "tests")
CHECK = dg.AssetCheckKey(dg.AssetKey(["silver", "wallet_pnl"]), "identities_hold")
REMEDY = "`smart-trader reset bronze/transactions --wallet ADDRESS --yes`"


def break_a_row(
    pipeline: Pipeline, *, by: float = 1000.0, touched: timedelta | None = None
) -> None:
    """Something else writes a profit that does not equal its parts; with `touched`, as new by so much."""
    updates = {"realized_pnl": f"realized_pnl + {by}"}
    if touched is not None:
        micros = int((datetime.now(UTC) + touched).timestamp() * 1e6)
        updates[VERSION] = f"to_timestamp_micros({micros})"
    DeltaTable(pipeline.store.uri(WALLET_PNL)).update(
        updates=updates,
        predicate=f"wallet_address = '{BOB}' AND token_address = 'ALL_TOKENS' AND window = 'all'",
    )


def break_a_row_in_the_next_run(pipeline: Pipeline) -> None:
    """The same while the next run is at work: it sees the row as one that it touched."""
    break_a_row(pipeline, touched=timedelta(minutes=2))


def reset(pipeline: Pipeline, table: TableContract) -> None:
    store = pipeline.store
    carry_out(store, plan_reset(store, Choice(table.name, wallets=(BOB,))), STAMP)


@dataclass(frozen=True)
class Stopped:
    """A root whose drain was stopped, the version of the ranking before, and what the drain was ended by."""

    pipeline: Pipeline
    ranked: int | None
    told: str
    cause: BaseException | None


@pytest.fixture
def ui(drained):
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ui(drained, instance)


@pytest.fixture
def stopped(
    tmp_path: Path, tiny_market: Recording, first_run: DrainedRoot, made_once: MadeOnce
) -> Iterator[Stopped]:
    """A root of one's own after its second drain, in which a row was broken."""

    def make(folder: Path) -> tuple[int, str, BaseException | None]:
        shutil.copytree(first_run.root, folder / "root")
        with open_pipeline(folder / "root", tiny_market) as pipeline:
            break_a_row_in_the_next_run(pipeline)
            ranked = pipeline.store.version(SMART_TRADERS)
            with pytest.raises(UnsoundTableError) as raised:
                pipeline.drain(LATER)
        return ranked, str(raised.value), raised.value.__cause__

    folder, seen = made_once("test_broken_tables.stopped", make)
    shutil.copytree(folder / "root", tmp_path / "root")
    with open_pipeline(tmp_path / "root", tiny_market) as pipeline:
        yield Stopped(pipeline, *seen)


def test_a_drain_says_what_it_found_and_where_and_goes_no_further(stopped):
    told = stopped.told.splitlines()
    assert told[0].startswith("The blocking check identities_hold of silver/wallet_pnl failed at ")
    assert told[0].endswith(
        " UTC: 1 found, for example: realized_pnl does not equal its parts; "
        "total_pnl does not equal its parts; conservative_pnl does not equal its parts."
    )
    assert told[1] == f"  wallet_address {BOB}, token_address ALL_TOKENS, window all"
    assert told[2].startswith(REMEDY)
    assert stopped.cause is None
    assert stopped.pipeline.store.version(SMART_TRADERS) == stopped.ranked


def test_the_next_drain_does_not_go_on_either_until_the_row_is_mended(stopped):
    pipeline = stopped.pipeline
    # With an instance that remembers nothing.
    with pytest.raises(UnsoundTableError, match="identities_hold"):
        pipeline.drain(LATER)
    assert pipeline.store.version(SMART_TRADERS) == stopped.ranked
    reset(pipeline, TRANSACTIONS)
    report = pipeline.drain(LATER)
    assert [step.asset for step in report.steps[-2:]] == [WALLET_PNL.name, SMART_TRADERS.name]
    assert not (pipeline.settings().resolved_state_dir / f"{FAILED_CHECKS_NOTE}.json").exists()


def test_in_a_run_a_failed_check_shows_what_it_found_and_blocks_what_is_downstream(drained, ui):
    break_a_row(drained)
    reset(drained, WALLET_PNL)
    ranked = drained.store.version(SMART_TRADERS)
    keys = [CHECK.asset_key, *run_assets(SMART_TRADERS.name)]
    result = ui.run(dg.AssetSelection.checks(CHECK) | dg.AssetSelection.assets(*keys[1:]))
    assert not result.success
    (evaluation,) = (e for e in result.get_asset_check_evaluations() if e.check_name == CHECK.name)
    assert (evaluation.passed, evaluation.blocking) == (False, True)
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR
    assert evaluation.metadata["found"].value == 1
    rows = evaluation.metadata["rows"]
    assert isinstance(rows, dg.TableMetadataValue)
    (row,) = rows.records
    found: Mapping[str, object] = row.data
    assert found["wallet_address"] == BOB
    assert str(found["fault"]).startswith("realized_pnl does not equal its parts")
    assert drained.store.version(SMART_TRADERS) == ranked


def test_a_sensor_waits_for_the_check_of_a_table_that_it_reads_and_goes_on_by_itself(drained, ui):
    break_a_row(drained)
    ui.run(dg.AssetSelection.checks(CHECK))
    reset(drained, WALLET_PNL)
    due = ui.automation.tick(SMART_TRADERS.name)
    assert due.requests == ()
    assert (
        " rows are due, but the blocking check identities_hold of silver/wallet_pnl failed at "
        in due.skipped
    )
    assert REMEDY in due.skipped
    # What the table itself is made by is not held back: that is how it can become right again.
    reset(drained, TRANSACTIONS)
    (mending,) = ui.automation.tick(WALLET_PNL.name).requests
    assert ui.carry_out(mending).success
    (ranking,) = ui.automation.tick(SMART_TRADERS.name).requests
    assert ui.carry_out(ranking).success
    assert ui.automation.tick(SMART_TRADERS.name).skipped.startswith("Nothing is due")


def test_a_failed_check_is_looked_at_again_once_its_table_has_changed(drained, ui):
    break_a_row(drained)
    assert ui.automation.tick_sensor("failed_checks_due").skipped == "No blocking check has failed."
    ui.run(dg.AssetSelection.checks(CHECK))
    waiting = ui.automation.tick_sensor("failed_checks_due")
    assert waiting.skipped.startswith("1 blocking check failed, and no table has changed since: ")
    break_a_row(drained, by=-1000.0)
    (request,) = ui.automation.tick_sensor("failed_checks_due").requests
    assert (request.asset_selection, request.asset_check_keys) == ([], [CHECK])
    assert ui.carry_out(request).success
    assert ui.automation.tick_sensor("failed_checks_due").skipped == "No blocking check has failed."


def test_a_check_that_failed_looks_at_the_same_rows_until_it_passes(drained, ui):
    """A later run that touches other rows proves nothing about the wrong one."""
    break_a_row(drained)
    ui.run(dg.AssetSelection.checks(CHECK))
    other = {"00": "01", "01": "00"}
    shard = drained.rows(WALLET_PNL).filter(wallet_address=BOB)["wallet_shard"][0]
    result = ui.run(dg.AssetSelection.assets(CHECK.asset_key), other[shard])
    assert {e.check_name for e in result.get_asset_check_evaluations() if not e.passed} == {
        CHECK.name
    }


@pytest.mark.parametrize(
    ("contract", "name", "older", "blocks"),
    [
        (WALLET_PNL, "numbers_are_current", {"swaps_counted": "swaps_counted - 1"}, True),
        (SMART_TRADERS, "ranking_is_current", {"realized_pnl": "realized_pnl - 1"}, True),
        (SMART_TRADERS, "tiers_were_told", {"tier": "'of an older ranking'"}, False),
    ],
)
def test_an_older_result_that_stands_though_nothing_is_due_is_seen(
    drained, contract, name, older, *, blocks
):
    (check,) = (check for check in all_checks() if (check.contract, check.name) == (contract, name))

    def faults() -> int:
        store = drained.store
        return check.find(
            Look(store, contract, store.scan(contract), None, drained.settings())
        ).height

    assert faults() == 0
    DeltaTable(drained.store.uri(contract)).update(older)
    assert faults() > 0
    assert check.blocking is blocks

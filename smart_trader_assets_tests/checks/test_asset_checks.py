"""Which rows a check looks at: none is missed, and none is looked at for nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from smart_trader_assets.checks import asset_checks
from smart_trader_assets.checks.asset_checks import _look, looks_from
from smart_trader_assets.checks.catalogue import Check, Look, all_checks
from smart_trader_assets.checks.results import (
    FAILED_CHECKS_NOTE,
    LOOKED_FROM,
    LOOKED_UNTIL,
    LastLook,
    failed_by_checks,
    read_failed_keys,
    write_failed_keys,
)
from smart_trader_assets.delta.contract import VERSION, TableContract
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.state.shared_state import LocalState
from smart_trader_assets.tables.catalog import TRACKED_TOKENS, WALLET_PNL
from smart_trader_assets.tables.reset import Choice, carry_out, plan_reset, resettable
from smart_trader_assets_tests.support.samples import LATER_STAMP, pnl, tracked_token
from smart_trader_assets_tests.support.ticking import Automation, settings_for

FAULTS = {"fault": pl.String}
BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTES = timedelta(minutes=1)


@pytest.fixture
def automation(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        yield Automation(settings_for(tmp_path / "root"), instance)


def look(*, passed: bool, since: datetime | None, until: datetime) -> LastLook:
    times = {LOOKED_UNTIL: until} | ({LOOKED_FROM: since} if since else {})
    metadata = {name: dg.MetadataValue.timestamp(moment) for name, moment in times.items()}
    key = dg.AssetKey(["silver", "wallet_pnl"])
    evaluation = dg.AssetCheckEvaluation(
        asset_key=key, check_name="identities_hold", passed=passed, metadata=metadata
    )
    return LastLook(until, evaluation)


def test_the_first_look_of_a_run_is_at_what_the_run_touched():
    assert looks_from(BEGAN, None) == BEGAN


def test_a_look_by_hand_is_at_the_whole_table():
    before = look(passed=True, since=BEGAN, until=BEGAN)
    assert looks_from(None, before) is looks_from(None, None) is None


@pytest.mark.parametrize("breaks_off", [False, True])
def test_a_run_that_a_check_has_failed_is_told_from_one_whose_check_broke_off(breaks_off):
    @dg.asset
    def table() -> None:
        pass

    @dg.asset_check(asset=table, blocking=True)
    def looks() -> dg.AssetCheckResult:
        if breaks_off:
            raise OSError("no room")
        return dg.AssetCheckResult(passed=False)

    @dg.asset(deps=[table])
    def downstream() -> None:
        pass

    with dg.DagsterInstance.ephemeral() as instance:
        definitions = [table, looks, downstream]
        result = dg.materialize(definitions, instance=instance, raise_on_error=False)
        assert not result.success
        assert failed_by_checks(instance, result.run_id) is not breaks_off


@pytest.mark.parametrize(("looks", "passes"), [((1, 0), True), ((1, 1), False), ((0,), True)])
def test_what_looks_like_a_fault_once_and_not_twice_is_none(tmp_path, looks, passes):
    """Another run has written between the two tables that were compared."""
    left = list(looks)

    def find(_: Look) -> pl.DataFrame:
        return pl.DataFrame({"fault": ["made from 2 swaps of 3"] * left.pop(0)}, schema=FAULTS)

    check = Check(TRACKED_TOKENS, "agrees", "It agrees with another table.", find, "Reset it.")
    settings = settings_for(tmp_path / "root")
    (result,) = _look(make_lake(settings).store, TRACKED_TOKENS, [check], BEGAN, settings)
    assert (result.passed, left) == (passes, [])


def test_a_run_looks_at_what_it_touched_whatever_others_have_written_meanwhile():
    asset, partitions = dg.AssetKey(["a", "table"]), dg.StaticPartitionsDefinition(["00", "01"])
    began: list[datetime | None] = []

    @dg.asset(key=asset, partitions_def=partitions)
    def table() -> None:
        pass

    @dg.asset_check(asset=asset)
    def looks(context):  # an annotation would be a text here, which Dagster does not know
        dg.materialize([table], partition_key="01", instance=context.instance)
        began.append(asset_checks._run_began(context, asset))
        return dg.AssetCheckResult(passed=True)

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([table, looks], partition_key="00", instance=instance)
        record = instance.get_run_record_by_id(result.run_id)
    assert record is not None
    assert record.start_time is not None
    assert began == [datetime.fromtimestamp(record.start_time, UTC)]


def test_a_look_reaches_back_to_the_one_before_for_runs_that_died_in_between():
    died_in_between = look(passed=True, since=None, until=BEGAN - 90 * MINUTES)
    since = looks_from(BEGAN, died_in_between)
    assert since is not None
    assert since <= BEGAN - 90 * MINUTES


def test_a_run_that_began_before_the_last_look_is_looked_at_from_its_beginning():
    beside = look(passed=True, since=BEGAN, until=BEGAN + 90 * MINUTES)
    assert looks_from(BEGAN, beside) == BEGAN


@pytest.mark.parametrize("since", [BEGAN - 90 * MINUTES, None], ids=["touched rows", "all rows"])
def test_a_check_that_failed_looks_as_far_back_again(since):
    assert looks_from(BEGAN, look(passed=False, since=since, until=BEGAN - MINUTES)) == since


def check_of(contract: TableContract, name: str) -> Check:
    (found,) = (c for c in all_checks() if c.contract is contract and c.name == name)
    return found


def found(automation: Automation, check: Check, *, since: datetime | None) -> pl.DataFrame:
    store = automation.store
    rows = store.scan(check.contract)
    if since is not None:
        rows = rows.filter(pl.col(VERSION) >= since)
    return check.find(Look(store, check.contract, rows, since, automation.settings))


def test_a_touched_key_that_an_old_row_has_too_comes_twice(automation):
    automation.put(WALLET_PNL, [pnl("old"), pnl("other")])
    since = datetime.now(UTC)
    check = check_of(WALLET_PNL, "keys_are_unique")
    assert found(automation, check, since=since).is_empty()
    rows = automation.store.scan(WALLET_PNL).filter(wallet_address="old").collect()
    twice = rows.with_columns(pl.lit(datetime.now(UTC)).dt.cast_time_unit("us").alias(VERSION))
    write_deltalake(automation.store.uri(WALLET_PNL), twice.to_arrow(), mode="append")
    assert found(automation, check, since=since)["wallet_address"].to_list() == ["old"]


def test_a_forbidden_move_is_found_until_its_row_is_reset(automation):
    automation.put(TRACKED_TOKENS, [tracked_token("a", whale_fetch_status="retry", attempts=1)])
    since = datetime.now(UTC)
    DeltaTable(automation.store.uri(TRACKED_TOKENS)).update(
        updates={
            "whale_fetch_status": "'pending'",
            VERSION: f"to_timestamp_micros({int(since.timestamp() * 1e6) + 1})",
        }
    )
    check = check_of(TRACKED_TOKENS, "states_move_as_they_may")
    (fault,) = found(automation, check, since=since)["fault"]
    assert fault == "whale_fetch_status went from retry to pending"
    plan = plan_reset(automation.store, Choice(TRACKED_TOKENS.name))
    carry_out(automation.store, plan, LATER_STAMP)
    for again in (since, None):
        assert found(automation, check, since=again).is_empty()


@pytest.mark.parametrize(("least", "thin"), [(60, []), (80, ["a"]), (40, [])])
def test_how_much_of_a_sale_must_be_covered_is_the_setting(automation, least, thin):
    automation.settings = automation.settings.but(min_coverage=least)
    automation.put(WALLET_PNL, [pnl("a", coverage=70.0), pnl("b", coverage=90.0)])
    check = check_of(WALLET_PNL, "sales_are_covered")
    assert found(automation, check, since=None)["wallet_address"].to_list() == thin


@pytest.mark.parametrize(
    "check", all_checks(), ids=lambda check: f"{check.contract.name}-{check.name}"
)
def test_every_check_says_what_it_looks_for_and_what_to_do_about_it(check):
    assert check.description.endswith(".")
    assert check.remedy.endswith(".")
    for table, options in re.findall(r"`smart-trader reset (\S+) ([^`]*)`", check.remedy):
        contract = resettable()[table].contract
        columns = {
            "--wallet": "wallet_address",
            "--token": "token_address",
            "--failed": "last_error",
        }
        (chosen,) = (column for option, column in columns.items() if option in options)
        assert chosen in contract.schema


def test_suspects_are_noted_until_there_is_none(tmp_path):
    key = dg.AssetCheckKey(dg.AssetKey(["silver", "wallet_pnl"]), "identities_hold")
    assert read_failed_keys(LocalState(tmp_path)) == set()
    write_failed_keys(LocalState(tmp_path / "new"), [key])
    assert read_failed_keys(LocalState(tmp_path / "new")) == {key}
    write_failed_keys(LocalState(tmp_path / "new"), [])
    assert not list((tmp_path / "new").glob("*.json*"))


@pytest.mark.parametrize("spoilt", ["", "{", "[1]", '{"a": 1}', "null", '[{"table": "a"}]'])
def test_a_garbled_note_suspects_nothing(tmp_path, spoilt):
    (tmp_path / f"{FAILED_CHECKS_NOTE}.json").write_text(spoilt)
    assert read_failed_keys(LocalState(tmp_path)) == set()

"""The log as JSON: a line an object, with run, asset, partition and counts, and never a key."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from smart_trader_assets.sandbox import Fault, FaultKind
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    CANDIDATES,
    NOTIFICATIONS,
    TOKENS,
    TRACKED_TOKENS,
    TRANSFERS,
    WHALES,
)
from smart_trader_assets_tests.support.command import python
from smart_trader_assets_tests.support.killing import SHARDS
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.tiny_market import FOX, NOW

Line = dict[str, Any]
DAY = NOW.date().isoformat()


@pytest.fixture
def lines(capfd) -> Callable[[], list[Line]]:
    """What has been printed since, each line as the object that it is."""

    def read() -> list[Line]:
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return read


def test_every_line_says_when_where_and_what(drained: Pipeline, lines):
    lines()
    result = drained.materialize(WHALES, "00", log_format="json")
    told = lines()
    assert told
    for line in told:
        assert list(line)[:6] == ["time", "level", "run_id", "asset", "partition", "message"]
        assert (line["run_id"], line["partition"]) == (result.run_id, "00")
        assert line["time"].endswith("+00:00")
    assert {line["asset"] for line in told} == {WHALES.name, None}
    assert told[-1]["message"].startswith("Finished execution")


def test_what_a_materialization_counted_stands_in_fields_of_its_own(pipeline: Pipeline, lines):
    lines()
    pipeline.materialize(TOKENS, DAY, log_format="json")
    (counted,) = (line for line in lines() if "rows_inserted" in line)
    assert counted["asset"] == TOKENS.name
    assert counted["rows_inserted"] == counted["row_count"] == pipeline.rows(TOKENS).height
    assert (counted["requests_token_list"], counted["credits_spent"]) == (1, 100)
    assert counted["total_seconds"] > 0
    assert all(name.replace("_", "").isalnum() for name in counted)


def test_trouble_has_its_level_and_a_failure_its_cause(pipeline: Pipeline, lines):
    pipeline.materialize(TOKENS, DAY)
    for shard in ("00", "01"):
        pipeline.materialize(TRACKED_TOKENS, shard)
    pipeline.server.faults.add(Fault(FaultKind.NOT_FOUND, entity=FOX, times=None))
    (shard,) = pipeline.rows(TRACKED_TOKENS).filter(token_address=FOX)["token_shard"]
    lines()
    pipeline.materialize(WHALES, shard, log_format="json")
    (warned,) = (line for line in lines() if line["level"] == "warning")
    assert FOX in warned["message"]
    assert warned["asset"] == WHALES.name

    pipeline.server.faults.add(Fault(FaultKind.CREDITS_SPENT, times=None))
    pipeline.materialize(TOKENS, DAY, log_format="json")
    failed = [line for line in lines() if line["level"] == "error"]
    assert any("used up" in line.get("error", "") for line in failed)
    assert "key-of-the-tests" not in json.dumps(failed)


def test_without_the_setting_nothing_is_printed(drained: Pipeline, lines):
    lines()
    drained.materialize(WHALES, "00")
    assert lines() == []


def test_the_command_keeps_standard_output_for_the_log_and_tells_each_asset_once(
    tiny_market_folder, tmp_path
):
    variables = {"SMART_TRADER_LOG_FORMAT": "json"} | SHARDS
    place = ("--data", tmp_path / "root", "--as-of", NOW.isoformat())
    quick = ("-m", "smart_trader_assets_tests.support.quick_command")
    ran = python(*quick, "run", "--replay", tiny_market_folder, *place, variables=variables)
    assert ran.returncode == 0, ran.stderr
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    counted = [line for line in told if "rows_inserted" in line]
    # A recording has no lists of ranked traders and no transfers, and nobody is told anything.
    quiet = {CANDIDATES.name, TRANSFERS.name, NOTIFICATIONS.name}
    tables = {c.name for c in ALL_TABLES} - quiet
    assert sorted(line["asset"] for line in counted) == sorted(tables)
    assert {line["partition"] for line in counted} == {DAY, "00...01", None}
    checks = [line for line in told if "check" in line]
    assert {line["passed"] for line in checks} == {True}
    assert {line["asset"] for line in checks} <= {contract.name for contract in ALL_TABLES}
    assert "smart traders, 1 unproven" in ran.stderr
    assert "Tables: " in ran.stderr

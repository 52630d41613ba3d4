"""The doctor names what is wrong and what to do, goes on past it, and touches nothing."""

import json
import os
import shutil
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import dagster as dg
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from smart_trader_assets.automation.home import CONFIGURATION, shipped_configuration
from smart_trader_assets.automation.run_leases import LEASE_TAG
from smart_trader_assets.birdeye import CreditsSpentError
from smart_trader_assets.birdeye.circuit_breaker import open_breaker, read_breaker
from smart_trader_assets.checks.catalogue import all_checks
from smart_trader_assets.cli.app import app
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.doctor import api_cost
from smart_trader_assets.sandbox import Endpoint, Fault, FaultKind
from smart_trader_assets.settings import API_KEY_VARIABLE, PREFIX, load_settings
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.catalog import ALL_TABLES, TRACKED_TOKENS, WHALES
from smart_trader_assets.tables.cursors import TOKENS_TO_FETCH
from smart_trader_assets.tables.ops import ROOT, RUNS
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets_tests.support.defaults import OPEN_TIMES
from smart_trader_assets_tests.support.tiny_market import FOX, NOW

KEY = "key-of-the-tests"
ASKED = (
    Endpoint.LISTINGS,
    Endpoint.RANKED,
    Endpoint.HOLDERS,
    Endpoint.SWAPS,
    Endpoint.TRANSFERS,
    Endpoint.CREDITS,
)
TABLES = [contract.name for contract in (*ALL_TABLES, RUNS)]


@pytest.fixture(autouse=True)
def account(monkeypatch, drained, tmp_path):
    """The settings of a live account, and a configured Dagster home."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    (home / CONFIGURATION).write_text(shipped_configuration(load_settings()))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv(API_KEY_VARIABLE, KEY)
    monkeypatch.setenv(PREFIX + "BIRDEYE_BASE_URL", drained.server.base_url)
    monkeypatch.setenv(PREFIX + "REQUESTS_PER_SECOND", "1000")
    monkeypatch.setenv("COLUMNS", "200")
    drained.server.log.clear()


def doctor(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", "--data", str(root), *arguments])


def findings(root: Path, *arguments: str) -> dict[str, dict[str, str]]:
    """What it finds by check; of a check with several findings the worst."""
    told: list[dict[str, str]] = json.loads(doctor(root, "--json", *arguments).stdout)
    order = ["ok", "warning", "broken"]
    told.sort(key=lambda finding: order.index(finding["verdict"]))
    return {finding["check"]: finding for finding in told}


def troubles(root: Path) -> dict[str, str]:
    return {
        check: finding["verdict"]
        for check, finding in findings(root).items()
        if finding["verdict"] != "ok"
    }


def files(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_of_a_root_that_is_well_every_check_says_so_and_nothing_is_touched(drained):
    before = files(drained.root)
    result = doctor(drained.root)
    assert result.exit_code == 0, result.output
    assert files(drained.root) == before
    assert drained.server.requests.total() == 0
    assert troubles(drained.root) == {}
    shown = ("settings", "dagster home", "storage", "root", *TABLES, "queue", "credits", "api")
    assert all(check in result.stdout for check in shown)
    assert f"--api asks each endpoint once, for {api_cost()} credits" in result.stdout
    assert KEY not in result.output


def test_a_place_without_a_root_is_no_trouble_and_stays_empty(tmp_path):
    result = doctor(tmp_path / "nothing")
    assert result.exit_code == 0
    assert "`smart-trader run` makes one" in result.stdout
    assert not (tmp_path / "nothing").exists()


def test_settings_that_are_refused_are_a_finding(monkeypatch, tmp_path):
    monkeypatch.setenv(PREFIX + "LIST_TOKNES", "5")
    found = findings(tmp_path)
    assert found["settings"]["verdict"] == "broken"
    assert "Did you mean SMART_TRADER_LIST_TOKENS?" in found["settings"]["found"]
    assert doctor(tmp_path).exit_code == 1


def test_a_home_that_is_not_set_or_not_configured_is_told(drained, monkeypatch, tmp_path):
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    found = findings(drained.root)["dagster home"]
    assert found["verdict"] == "warning"
    assert "1 run at a time may fetch: it says otherwise" in found["found"]
    assert "`smart-trader home`" in found["remedy"]
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.chdir(tmp_path)
    found = findings(drained.root)["dagster home"]
    assert found["found"] == f"{drained.root}/ops/dagster is made by the first run"
    assert found["verdict"] == "ok"
    assert doctor(drained.root).exit_code == 0


def test_a_run_that_died_is_told(drained):
    with dg.DagsterInstance.get() as instance:
        expired = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
        run = dg.DagsterRun(
            job_name="wallet_side",
            run_id=str(uuid.uuid4()),
            status=dg.DagsterRunStatus.STARTED,
            tags={LEASE_TAG: expired},
        )
        instance.add_run(run)
        found = findings(drained.root)["expired runs"]
        assert found["verdict"] == "warning"
        assert run.run_id[:8] in found["found"]
        kept = instance.get_run_by_id(run.run_id)
        assert kept is not None
        assert kept.status == dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SOURCE", "sandbox", "SOURCE is sandbox but the root has live"),
        ("WALLET_SHARDS", "8", "WALLET_SHARDS is 8 but the root has 2"),
    ],
)
def test_settings_that_the_root_refuses_are_told(drained, monkeypatch, name, value, told):
    monkeypatch.setenv(PREFIX + name, value)
    found = findings(drained.root)["root"]
    assert found["verdict"] == "broken"
    assert told in found["found"]


def test_a_live_root_without_a_key_is_told(drained, monkeypatch):
    monkeypatch.delenv(API_KEY_VARIABLE)
    assert API_KEY_VARIABLE in findings(drained.root)["root"]["remedy"]


def test_one_broken_table_hides_no_other_and_no_check_behind_it(drained):
    shutil.rmtree(drained.root / TRACKED_TOKENS.name)
    found = findings(drained.root)
    assert f"{TRACKED_TOKENS.name} is gone" in found[TRACKED_TOKENS.name]["found"]
    assert found["queue"]["verdict"] == "broken"
    others = [name for name in TABLES if name != TRACKED_TOKENS.name]
    assert {found[name]["verdict"] for name in (*others, "storage", "credits", "api")} == {"ok"}
    result = doctor(drained.root)
    assert result.exit_code == 1
    assert "what to do" in result.stdout


def test_a_root_that_cannot_say_what_it_is_does_not_keep_its_tables_from_being_looked_at(drained):
    for commit in (drained.root / ROOT.name / "_delta_log").glob("*.json"):
        commit.write_text("{ torn")
    found = findings(drained.root)
    assert found["root"]["verdict"] == "broken"
    assert "ops/root" in found["root"]["found"]
    assert {found[name]["verdict"] for name in TABLES} == {"ok"}


def test_failed_rows_come_with_the_command_that_tries_them_again(drained):
    fox = drained.rows(TRACKED_TOKENS).filter(token_address=FOX)
    policy = due_policy(drained.settings(max_attempts=1))
    trouble = TOKENS_TO_FETCH.settle_trouble(fox, error=pl.lit("404"), at=NOW, policy=policy)
    drained.store.settle(trouble, CommitInfo("run", "bronze/whales"))
    found = findings(drained.root)["queue"]
    assert found["verdict"] == "warning"
    assert "1 rows of silver/tracked_tokens failed too often" in found["found"]
    assert "404" in found["found"]
    assert "smart-trader reset silver/tracked_tokens --failed" in found["remedy"]


def test_a_table_that_a_blocking_check_holds_is_told_with_its_remedy(drained):
    check = next(check for check in all_checks() if check.blocking)
    failed = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey.from_user_string(check.contract.name),
        check_name=check.name,
        passed=False,
        description="2 rows share a key",
    )
    with dg.DagsterInstance.get() as instance:
        instance.report_runless_asset_event(failed)
    found = findings(drained.root)[check.contract.name]
    assert found["verdict"] == "broken"
    assert f"Nothing is made from it: the blocking check {check.name}" in found["found"]
    assert found["remedy"] == check.remedy


def test_spent_credits_and_parked_fetching_are_told(drained, monkeypatch):
    monkeypatch.setenv(PREFIX + "CREDITS_PER_MONTH", "310")
    state = state_of(drained.settings())
    error = CreditsSpentError("The credits of this month are used up.")
    open_breaker(state, error, now=datetime.now(UTC), times=OPEN_TIMES)
    monkeypatch.setenv(PREFIX + "AS_OF", NOW.isoformat())
    found = findings(drained.root)
    assert found["credits"]["found"] == "298 credits this month of 310; 298 today of 10"
    assert found["credits"]["verdict"] == "warning"
    assert "The credits of this month are used up." in found["fetching"]["found"]


def test_each_endpoint_is_asked_once_on_request_and_paid_for(drained):
    paid = drained.server.credits_spent
    result = doctor(drained.root, "--api")
    assert result.exit_code == 0, result.output
    assert f"costs up to {api_cost()} credits" in result.stderr
    assert [drained.requests(endpoint) for endpoint in ASKED] == [1] * 6
    assert drained.server.credits_spent - paid == api_cost()
    assert result.stdout.count("the plan includes it") == 5
    assert "api credits" in result.stdout


def test_what_the_plan_leaves_out_is_told_and_the_other_endpoints_are_asked(drained):
    for endpoint in (Endpoint.LISTINGS, Endpoint.SWAPS):
        drained.server.faults.add(Fault(FaultKind.NOT_IN_PLAN, endpoint=endpoint, times=None))
    found = findings(drained.root, "--api")
    assert found["api token_list"]["verdict"] == "warning"
    assert found["api token_list"]["remedy"] == "Runs do without it."
    assert found["api token_holder"]["verdict"] == "ok"
    # Without swaps there is nothing to do.
    assert found["api trader_txs"]["verdict"] == "broken"
    assert found["api credits"]["verdict"] == "ok"


def test_what_can_not_be_read_is_counted_and_quoted(drained):
    fault = Fault(FaultKind.UNREADABLE_ITEMS, endpoint=Endpoint.HOLDERS)
    drained.server.faults.add(fault)
    found = findings(drained.root, "--api")["api token_holder"]
    assert found["verdict"] == "warning"
    assert "of its items cannot be read, the first ({" in found["found"]
    assert "owner: Field required" in found["found"]


def test_asking_with_a_wrong_key_shows_no_key(drained, monkeypatch):
    monkeypatch.setenv(API_KEY_VARIABLE, "a-wrong-key")
    drained.server.faults.add(Fault(FaultKind.BAD_KEY, times=None))
    result = doctor(drained.root, "--api")
    assert result.exit_code == 1
    assert "a-wrong-key" not in result.output
    # Every endpoint would say the same.
    assert drained.server.requests.total() == 1


@pytest.mark.parametrize("key_is_good", [True, False])
def test_asking_neither_parks_fetching_nor_ends_its_parking(drained, key_is_good):
    if not key_is_good:
        drained.server.faults.add(Fault(FaultKind.BAD_KEY, times=None))
    state = state_of(drained.settings())
    doctor(drained.root, "--api")
    assert read_breaker(state, now=datetime.now(UTC)) is None
    error = CreditsSpentError("The credits of this month are used up.")
    notice = open_breaker(state, error, now=datetime.now(UTC), times=OPEN_TIMES)
    doctor(drained.root, "--api")
    assert read_breaker(state, now=datetime.now(UTC)) == notice


def test_a_broker_that_is_gone_is_named_without_its_password(drained, new_database, monkeypatch):
    monkeypatch.setenv(PREFIX + "LAUNCHER", "celery")
    monkeypatch.setenv(PREFIX + "STATE_URL", new_database())
    monkeypatch.setenv(PREFIX + "BROKER_URL", "redis://:swordfish-1234@127.0.0.1:1/0")
    home = Path(os.environ["DAGSTER_HOME"])
    (home / CONFIGURATION).write_text(shipped_configuration(load_settings()))
    result = doctor(drained.root)
    assert result.exit_code == 1
    found = findings(drained.root)
    assert found["broker"]["verdict"] == "broken"
    assert "127.0.0.1:1/0 does not answer" in found["broker"]["found"]
    assert found["shared state"]["verdict"] == "ok"
    assert found["shared state"]["found"].startswith("PostgreSQL at ")
    assert "swordfish" not in result.output


def test_a_shared_state_that_does_not_answer_is_broken_and_says_what_to_set(drained, monkeypatch):
    monkeypatch.setenv(PREFIX + "STATE_URL", "postgresql://trader:swordfish-1234@127.0.0.1:1/state")
    result = doctor(drained.root)
    assert result.exit_code == 1
    found = findings(drained.root)["shared state"]
    assert found["verdict"] == "broken"
    assert "SMART_TRADER_STATE_URL" in found["remedy"]
    assert "swordfish" not in result.output


def test_a_file_that_is_not_as_it_was_written_is_named_and_no_panic_ends_the_doctor(drained):
    file = drained.root / WHALES.name / unquote(drained.store.files(WHALES)["path"][0])
    file.write_bytes(file.read_bytes()[:100])
    result = doctor(drained.root)
    assert result.exit_code == 1
    found = findings(drained.root)
    assert found[WHALES.name]["verdict"] == "broken"
    assert "1 data files are not as they were written, for example" in found[WHALES.name]["found"]
    assert "credits" in found, "the other checks go on"

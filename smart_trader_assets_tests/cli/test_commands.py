"""The command as a person meets it: what it says, its exit code, and what it leaves behind."""

import json
import os
import shutil
import signal
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import httpx
import polars as pl
import pytest
from deltalake import write_deltalake
from typer.testing import CliRunner, Result

from smart_trader_assets.cli.app import _SUBCOMMANDS, _subcommand, app
from smart_trader_assets.cli.serve import sandbox
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.sandbox import Endpoint, Fault, FaultKind, SandboxPlan, SandboxServer
from smart_trader_assets.settings import API_KEY_VARIABLE, PREFIX
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets.tables.reset import Choice, carry_out, plan_reset
from smart_trader_assets_tests.support.command import installed, python, started
from smart_trader_assets_tests.support.roots import contents, versions
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, CAT, DOG, FOX, NOW

KEY = "the-key-that-nobody-may-read"


@pytest.fixture(autouse=True)
def settings_of_the_test(monkeypatch, tmp_path, history_in_memory):
    """No setting of whoever runs the tests, a folder of its own, and a small, quick pipeline."""
    for name in list(os.environ):
        if name.startswith(PREFIX) or name in {API_KEY_VARIABLE, "DAGSTER_HOME"}:
            monkeypatch.delenv(name)
    for name, value in {
        "TOKEN_SHARDS": "2",
        "WALLET_SHARDS": "2",
        "REQUEST_ATTEMPTS": "2",
        "REQUEST_BACKOFF_SECONDS": "0",
    }.items():
        monkeypatch.setenv(PREFIX + name, value)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


def test_the_command_greets_before_it_imports_what_takes_seconds():
    found = python(
        "-c",
        "import sys, smart_trader_assets.cli, smart_trader_assets.cli.run\n"
        "print(sorted({'dagster', 'matplotlib', 'starlette', 'sqlalchemy'} & set(sys.modules)))",
    )
    assert (found.returncode, found.stdout.strip()) == (0, "[]")


@pytest.fixture
def account(monkeypatch, tiny_market):
    """A live account: the tiny_market behind a key."""
    with SandboxServer(tiny_market, clock=lambda: NOW, api_key=KEY) as server:
        monkeypatch.setenv(API_KEY_VARIABLE, KEY)
        monkeypatch.setenv(PREFIX + "BIRDEYE_BASE_URL", server.base_url)
        monkeypatch.setenv(PREFIX + "REQUESTS_PER_SECOND", "1000")
        # Everything at once, and nothing but tokens and their holders.
        monkeypatch.setenv(PREFIX + "PLAN", "premium")
        monkeypatch.setenv(PREFIX + "SWAP_PAGES_FIRST", "10")
        monkeypatch.setenv(PREFIX + "READ_ACCOUNT", "false")
        monkeypatch.setenv(PREFIX + "CANDIDATE_LISTS", "none")
        monkeypatch.setenv(PREFIX + "TRACE_TRANSFERS", "false")
        yield server


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def run(root: Path, *arguments: object) -> Result:
    return command("run", "--data", root, "--as-of", NOW.isoformat(), *arguments)


def refusal(result: Result) -> str:
    """The one sentence of a refusal; the key is never in it, nor is a trace."""
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert KEY not in result.output
    assert "Traceback" not in result.output
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert lines[0].startswith("✗ ")
    return lines[0].removeprefix("✗ ")


def nothing_is_marked_done(root: Path) -> bool:
    store = DeltaStore(str(root))
    return all(not store.scan(table).collect().height for table in ALL_TABLES[1:])


# What is wrong with the account or the way to it


def test_a_live_run_without_a_key_says_where_to_put_it(monkeypatch, tmp_path):
    monkeypatch.setenv(PREFIX + "SOURCE", "live")
    told = refusal(run(tmp_path / "root"))
    assert API_KEY_VARIABLE in told
    assert "--sandbox" in told
    assert nothing_is_marked_done(tmp_path / "root")


def test_a_wrong_key_is_named_by_its_variable_and_not_by_its_value(account, monkeypatch, tmp_path):
    monkeypatch.setenv(API_KEY_VARIABLE, "a-wrong-key")
    told = refusal(run(tmp_path / "root"))
    assert "401" in told
    assert API_KEY_VARIABLE in told
    assert "a-wrong-key" not in told
    assert nothing_is_marked_done(tmp_path / "root")


def test_an_unreachable_api_is_named(account, monkeypatch, tmp_path):
    monkeypatch.setenv(PREFIX + "BIRDEYE_BASE_URL", "http://127.0.0.1:9")
    assert "127.0.0.1:9" in refusal(run(tmp_path / "root"))
    assert nothing_is_marked_done(tmp_path / "root")


def test_spent_credits_are_said_and_leave_what_was_not_fetched_due(account, tmp_path):
    account.faults.add(Fault(FaultKind.CREDITS_SPENT, endpoint=Endpoint.HOLDERS, times=None))
    assert "credits of this month are used up" in refusal(run(tmp_path / "root"))
    store = DeltaStore(str(tmp_path / "root"))
    tokens = store.scan(TRACKED_TOKENS).select("whale_fetch_status", "attempts").collect()
    assert set(tokens.rows()) == {("pending", 0)}


def test_an_account_whose_plan_is_used_up_is_said_too(tiny_market, monkeypatch, tmp_path):
    plan = SandboxPlan(monthly_credits=0)
    with SandboxServer(tiny_market, clock=lambda: NOW, plan=plan) as server:
        monkeypatch.setenv(API_KEY_VARIABLE, KEY)
        monkeypatch.setenv(PREFIX + "BIRDEYE_BASE_URL", server.base_url)
        assert "used up" in refusal(run(tmp_path / "root"))
    assert nothing_is_marked_done(tmp_path / "root")


def test_the_budget_of_a_run_is_kept_and_named(account, monkeypatch, tmp_path):
    monkeypatch.setenv(PREFIX + "CREDITS_PER_RUN", "120")
    result = run(tmp_path / "root")
    assert result.exit_code == 0
    told = "3 rows stay due for bronze/whales: 20 credits are left to spend now."
    assert told in result.stdout
    assert account.credits_spent <= 120


def test_a_token_and_a_wallet_in_trouble_are_shown_while_the_others_go_on(account, tmp_path):
    account.faults.add(
        Fault(FaultKind.NOT_FOUND, entity=FOX, times=None),
        Fault(FaultKind.SERVER_ERROR, entity=BOB, times=None),
    )
    root = tmp_path / "root"
    result = run(root)
    assert result.exit_code == 0
    remark, *told = [line for line in result.stdout.splitlines() if line.startswith("! ")]
    assert remark.startswith("! This root counts as live, though BirdEye itself is not asked")
    assert len(told) == 2
    assert all("retry after 1 attempts" in line for line in told)
    assert any(FOX in line and "404" in line for line in told)
    assert any(BOB in line and "500" in line for line in told)
    assert KEY not in result.output
    assert set(DeltaStore(str(root)).scan(WALLET_PNL).collect()["wallet_address"]) > {ANN}

    shown = command("state", "--data", root, "--as-of", NOW.isoformat())
    assert shown.exit_code == 0
    assert "Failing" in shown.stdout
    assert "retry" in shown.stdout

    as_json = command("state", "--json", "--data", root, "--as-of", NOW.isoformat())
    queue = json.loads(as_json.stdout)
    assert queue["as_of"] == NOW.isoformat()
    assert {
        (trouble["table"], trouble["state"], trouble["attempts"]) for trouble in queue["troubles"]
    } == {(TRACKED_TOKENS.name, "retry", 1), (TRACKED_WHALES.name, "retry", 1)}
    states = {
        (row["column"], row["state"])
        for row in queue["counts"]
        if row["table"] == TRACKED_TOKENS.name
    }
    assert states == {("whale_fetch_status", "completed"), ("whale_fetch_status", "retry")}
    assert queue["due"] == []  # not before the next attempt's time

    later = (NOW + timedelta(hours=1)).isoformat()
    waiting = json.loads(command("state", "--json", "--data", root, "--as-of", later).stdout)
    assert {(due["cursor"], due["rows"]) for due in waiting["due"]} == {
        ("tokens_to_fetch", 1),
        ("whales_to_fetch", 1),
    }


# What is wrong with the rows


def test_a_broken_recorded_row_is_named_by_file_and_line_and_the_rest_is_served(
    tiny_market_folder, tmp_path
):
    folder = shutil.copytree(tiny_market_folder, tmp_path / "rows")
    with (folder / f"{ANN}.jsonl").open("a") as rows:
        rows.write("{\n")
    result = run(tmp_path / "root", "--replay", folder)
    assert result.exit_code == 0
    assert f"! {ANN}.jsonl line 25: not JSON: " in result.stdout
    assert "Recorded rows that are not served: 1." in result.stdout
    swaps = DeltaStore(str(tmp_path / "root")).scan(TRANSACTIONS).collect()
    assert swaps.filter(wallet_address=ANN).height == 24


@pytest.mark.parametrize("rows", [None, "", "{\n"], ids=["no folder", "no file", "no usable row"])
def test_a_folder_without_a_row_to_replay_is_refused_by_name(tmp_path, rows):
    folder = tmp_path / "rows"
    if rows is not None:
        folder.mkdir()
    if rows:
        (folder / "rows.jsonl").write_text(rows)
    assert str(folder) in refusal(run(tmp_path / "root", "--replay", folder))
    assert not (tmp_path / "root").exists()


# What is wrong with the root


def test_a_root_that_cannot_be_written_is_refused(tmp_path, tiny_market_folder):
    (tmp_path / "file").write_text("kept")
    assert "is a file" in refusal(run(tmp_path / "file", "--replay", tiny_market_folder))
    below = tmp_path / "file" / "root"
    assert "cannot be written" in refusal(run(below, "--replay", tiny_market_folder))
    assert (tmp_path / "file").read_text() == "kept"


def test_a_folder_that_holds_something_else_is_refused_and_left_as_it_is(
    tmp_path, tiny_market_folder
):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("kept")
    told = refusal(run(tmp_path / "photos", "--replay", tiny_market_folder))
    assert "cat.jpg" in told
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]


def test_a_folder_may_have_any_usual_name(account, tmp_path, first_run, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    root = shutil.copytree(first_run.root, tmp_path / "ünï #1, 100 % 日本?")
    store = DeltaStore(str(root))
    plan = plan_reset(store, Choice(TRACKED_WHALES.name, wallets=(BOB,), refetch=True))
    assert carry_out(store, plan, CommitInfo("a test", "reset")) == 1
    result = run(root)
    assert result.exit_code == 0, result.output
    assert f"Tables: {root}" in result.stdout
    assert account.requests_by_entity == {(Endpoint.SWAPS.value, BOB): 1}
    assert set(store.scan(TRACKED_WHALES).collect()["processing_status"]) == {"processed"}


@pytest.mark.parametrize("name", ["a[b", "a^b", "env=prod", "a%20b"])
def test_a_folder_that_delta_cannot_spell_is_refused(tmp_path, tiny_market_folder, name):
    told = refusal(run(tmp_path / name, "--replay", tiny_market_folder))
    assert str(tmp_path / name) in told
    assert not (tmp_path / name).exists()


def test_a_root_of_another_source_is_refused(drained, tiny_market_folder):
    before = versions(drained.store)
    told = refusal(run(drained.root, "--replay", tiny_market_folder))
    assert "holds rows of live" in told
    assert "replay" in told
    assert "sandbox" in refusal(run(drained.root, "--sandbox"))
    assert versions(drained.store) == before


def test_a_root_with_another_number_of_shards_is_refused(account, drained, monkeypatch):
    before = versions(drained.store)
    monkeypatch.setenv(PREFIX + "WALLET_SHARDS", "8")
    told = refusal(run(drained.root))
    assert "wallet_shards = 2" in told
    assert "set SMART_TRADER_WALLET_SHARDS to 2" in told
    assert "8" in told
    assert versions(drained.store) == before


def test_a_table_of_an_older_schema_is_refused_before_anything_is_written(account, drained):
    name = WALLET_PNL.name
    shutil.rmtree(drained.root / name)
    older = pl.DataFrame({"wallet_address": [ANN], "realized_pnl": [1.0]})
    write_deltalake(str(drained.root / name), older.to_arrow())
    told = refusal(run(drained.root))
    assert name in told
    assert "another schema" in told
    assert account.requests.total() == 0


def test_a_table_that_is_gone_is_not_made_anew(account, drained):
    shutil.rmtree(drained.root / TRANSACTIONS.name)
    assert TRANSACTIONS.name in refusal(run(drained.root))
    assert not (drained.root / TRANSACTIONS.name).exists()


def test_the_state_of_no_root_is_refused_by_name(tmp_path):
    told = refusal(command("state", "--data", tmp_path / "nothing"))
    assert str(tmp_path / "nothing") in told
    assert "smart-trader run" in told
    assert not (tmp_path / "nothing").exists()


def test_looking_at_the_state_changes_nothing(drained):
    before = contents(drained.store), versions(drained.store)
    shown = command("state", "--data", drained.root, "--as-of", NOW.isoformat())
    assert shown.exit_code == 0
    assert "nothing" in shown.stdout
    assert "Failing" not in shown.stdout
    after = contents(drained.store), versions(drained.store)
    assert after[1] == before[1]
    assert all(after[0][name].equals(frame) for name, frame in before[0].items())


# What is wrong with the settings


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("LIST_TOKNES", "5", "Did you mean SMART_TRADER_LIST_TOKENS?"),
        ("LIST_TOKENS", "0", "SMART_TRADER_LIST_TOKENS='0'"),
        ("MIN_COVERAGE", "sixty", "SMART_TRADER_MIN_COVERAGE='sixty'"),
        ("WALLET_REFRESH_HOURS", "1000", "wallet_refresh_limit_hours is below"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(monkeypatch, tmp_path, variable, value, told):
    monkeypatch.setenv(PREFIX + variable, value)
    assert told in refusal(run(tmp_path / "root", "--sandbox"))
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "--sandbox", "--replay", "x"), "choose one"),
        (("run", "--as-of", "soon"), "--as-of soon is not an ISO 8601 time"),
        (("run", "--top", "0"), "--top"),
        (("fly",), "No such command"),
    ],
)
def test_a_wrong_call_is_told_from_a_refusal_by_its_exit_code(arguments, told):
    result = command(*arguments)
    assert result.exit_code == 2
    assert told in result.output


# The command itself


@pytest.mark.parametrize("name", _SUBCOMMANDS)
def test_the_help_lists_a_subcommand_by_what_it_says_of_itself_first(name):
    first, *_ = _subcommand(name).help.split("\n\n")
    assert " ".join(first.split()) == _SUBCOMMANDS[name][1]


_LISTED = """
from smart_trader_assets.cli.app import main
try:
    main()
except SystemExit:
    pass
print(sorted({"dagster", "polars", "deltalake"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        (["--help"], {}, "Drain the pipeline once"),
        (
            [],
            {
                "_SMART_TRADER_COMPLETE": "complete_bash",
                "COMP_WORDS": "smart-trader re",
                "COMP_CWORD": "1",
            },
            "report",
        ),
    ],
)
def test_the_subcommands_are_listed_without_what_they_import(arguments, variables, told):
    code = f"import sys; sys.argv[0] = 'smart-trader'\n{_LISTED}"
    shown = python("-c", code, *arguments, variables=variables)
    assert told in shown.stdout
    assert shown.stdout.splitlines()[-1] == "[]"


def test_the_installed_command_explains_itself():
    shown = installed("smart-trader", "run", "--help")
    assert shown.returncode == 0
    for option in ("--data", "--sandbox", "--replay", "--as-of", "--top"):
        assert option in shown.stdout


def test_a_run_that_is_interrupted_says_so_in_one_sentence_and_can_go_on(
    tiny_market_folder, tmp_path
):
    root = tmp_path / "root"
    arguments = ("run", "--replay", tiny_market_folder, "--data", root)
    with started("smart-trader", *arguments) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if TRACKED_TOKENS.name in line:  # there is work behind it, and work before it
                process.send_signal(signal.SIGINT)
                break
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told == "Stopped. What is done stays done; run it again to continue.\n"
    tracked = DeltaStore(str(root)).scan(TRACKED_TOKENS).collect()
    assert tracked.height == 4


def test_a_run_prints_the_ranking_the_cost_and_the_place_of_the_tables(account, tmp_path):
    result = run(tmp_path / "root")
    assert result.exit_code == 0
    assert f"Ranked as of {NOW:%Y-%m-%d %H:%M:%S} UTC. " in result.stdout
    assert "BirdEye at http://127.0.0.1" in result.stdout
    assert ANN in result.stdout
    assert f"Tables: {tmp_path / 'root'}" in result.stdout
    requests, credits = 1 + 3 + 4, 100 + 3 * 50 + 4 * 12
    assert f"{requests} requests, {credits} credits" in result.stdout
    assert account.requests.total() == requests
    assert account.credits_spent == credits
    assert all(symbol not in result.stdout for symbol in (CAT, DOG))


def test_a_later_run_with_nothing_new_tells_the_time_that_the_ranking_is_of(account, drained):
    later = NOW + timedelta(minutes=1)
    account.clock.set(later)
    again = command("run", "--data", drained.root, "--as-of", later.isoformat()).stdout
    assert f"Ranked as of {NOW:%Y-%m-%d %H:%M:%S} UTC, nothing new since. " in again


def test_the_version_is_told():
    shown = command("--version")
    assert (shown.exit_code, shown.stdout) == (
        0,
        f"smart-trader {version('smart-trader-assets')}\n",
    )


def test_the_stand_in_says_how_it_is_made_to_misbehave(tiny_market):
    lines = [line.strip() for line in (sandbox.__doc__ or "").splitlines()]
    (example,) = [line for line in lines if line.startswith("curl ")]
    body = json.loads(example.split("'")[1])
    with SandboxServer(tiny_market, clock=lambda: NOW) as server:
        answer = httpx.post(f"{server.base_url}/sandbox/faults", json=body)
        assert answer.status_code == 201
        assert (answer.json()[0]["kind"], answer.json()[0]["times"]) == ("rate_limited", 3)

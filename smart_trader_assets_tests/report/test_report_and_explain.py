"""`smart-trader report` and `smart-trader explain`, as a person meets them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from smart_trader_assets.cli.app import app
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.report.page_place import PAGE_NAME
from smart_trader_assets.settings import API_KEY_VARIABLE, PREFIX, load_settings
from smart_trader_assets_tests.support.tiny_market import ANN, CAT, NOW


@pytest.fixture(autouse=True)
def settings_of_the_test(monkeypatch, tmp_path, history_in_memory):
    """No setting of whoever runs the tests, and a folder of its own."""
    for name in list(os.environ):
        if name.startswith(PREFIX) or name in {API_KEY_VARIABLE, "DAGSTER_HOME"}:
            monkeypatch.delenv(name)
    for name in ("TOKEN_SHARDS", "WALLET_SHARDS"):
        monkeypatch.setenv(PREFIX + name, "2")
    monkeypatch.chdir(tmp_path)


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_report_writes_the_page_and_the_exports_and_names_them(own_lake, tmp_path):
    result = command(
        "report", "--data", own_lake.root, "--csv", "ranking.csv", "--json", "ranking.json"
    )
    assert result.exit_code == 0, result.output
    page = Path(own_lake.root) / "reports" / PAGE_NAME
    assert result.output.split() == [
        str(page.resolve()),
        str(tmp_path / "ranking.csv"),
        str(tmp_path / "ranking.json"),
    ]
    assert ANN in page.read_text()
    assert pl.read_csv("ranking.csv")["wallet_address"].to_list() == [ANN]
    assert json.loads(Path("ranking.json").read_text())["traders"][0]["wallet_address"] == ANN


def test_report_writes_where_it_is_told(market_root):
    result = command("report", "--data", market_root, "--out", "page.html")
    assert result.exit_code == 0, result.output
    assert Path("page.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("option", ["--out", "--csv", "--json"])
def test_report_makes_no_folder_that_was_named_by_mistake(market_root, option):
    result = command("report", "--data", market_root, option, "gone/ranking")
    assert result.exit_code == 1
    assert result.stderr.startswith("✗ gone/ranking cannot be written: there is no folder gone.")
    assert not Path("gone").exists()


@pytest.mark.parametrize("option", ["--out", "--csv", "--json"])
def test_report_takes_no_option_for_the_name_of_a_file(market_root, option):
    result = command("report", "--data", market_root, option, "--wallets")
    assert result.exit_code == 2
    assert "--wallets is not a file name" in result.output
    assert list(Path().iterdir()) == []


def test_an_export_to_standard_output_is_alone_there(own_lake):
    csv = command("report", "--data", own_lake.root, "--csv", "-")
    assert pl.read_csv(csv.stdout.encode())["wallet_address"].to_list() == [ANN]
    assert "smart_traders.html" in csv.stderr
    told = json.loads(command("report", "--data", own_lake.root, "--json", "-").stdout)
    assert told["traders"][0]["wallet_address"] == ANN
    both = command("report", "--data", own_lake.root, "--json", "-", "--csv", "-")
    assert both.exit_code == 2


def test_report_of_a_root_without_traders_says_how_to_get_some(tmp_path):
    _ = make_lake(load_settings({"source": "live", "root": str(tmp_path / "empty")})).store
    result = command("report", "--data", tmp_path / "empty")
    assert result.exit_code == 0, result.output
    assert "No traders yet: `smart-trader run` looks for some." in result.output
    assert (tmp_path / "empty" / "reports" / "smart_traders.html").is_file()


def test_explain_begins_with_what_the_table_says(market_root):
    result = command("explain", ANN, "--data", market_root, "--as-of", NOW.isoformat())
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{ANN}\n#1 of 1 ranked, ")
    assert "Sales, and the lots that they used" in result.output
    head, _, evidence = result.output.partition("to the cent.")
    assert "Sales" not in head
    assert evidence.strip().startswith("Totals")


def test_explain_prints_json_or_csv_alone(market_root):
    asked = ("explain", ANN, "--data", market_root, "--as-of", NOW.isoformat(), "--token", CAT)
    told = json.loads(command(*asked, "--json").output)
    assert {trade["token_address"] for trade in told["trades"]} == {CAT}
    lines = command(*asked, "--csv").output.splitlines()
    assert all(lines)
    assert lines[0].startswith("record,token_address,symbol,")
    assert len([line for line in lines if line.startswith("lot_match,")]) == 12
    assert command(*asked, "--csv", "--json").exit_code == 2


def test_explain_refuses_an_unknown_wallet_in_one_sentence(market_root):
    result = command("explain", ANN[:-1] + "z", "--data", market_root, "--as-of", NOW.isoformat())
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"✗ There is no wallet in the tables with the address '{ANN[:-1]}z'. The nearest is {ANN}."
    ]


def test_run_ends_by_naming_the_report_and_leaves_a_current_one_alone(tiny_market_folder, tmp_path):
    asked = ("run", "--replay", tiny_market_folder, "--data", "root", "--as-of", NOW.isoformat())
    page = tmp_path / "root" / "reports" / "smart_traders.html"
    first = command(*asked)
    assert first.exit_code == 0, first.output
    assert first.output.splitlines()[-1] == f"Report: {page}"
    assert ANN in page.read_text()
    written = page.stat().st_mtime_ns
    assert command(*asked).output.splitlines()[-1] == f"Report: {page}"
    assert page.stat().st_mtime_ns == written


def test_commands_that_draw_nothing_do_not_wait_for_the_drawing_library():
    asked = "import sys, smart_trader_assets.cli; print('matplotlib' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.strip() == "False"

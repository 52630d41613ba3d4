"""The user's own wallets, from the command to their verdict; and what fetching will cost."""

import json
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from smart_trader_assets.cli.app import app
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.sandbox import Endpoint
from smart_trader_assets.tables.catalog import CANDIDATES, TRACKED_WHALES
from smart_trader_assets.tables.transitions import whales_screened
from smart_trader_assets.thresholds import screening_rules
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, EVE, LATER, NOW


def command(pipeline: Any, *arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(
        app, [*map(str, arguments), "--data", str(pipeline.root)], env={"COLUMNS": "200"}
    )
    assert result.exit_code == code, result.output
    return result.output


def test_a_watched_wallet_is_fetched_and_judged_though_it_holds_nothing(drained):
    assert "1 added; 1 watched now." in command(drained, "watch", "add", EVE)
    drained.drain(NOW)
    assert drained.asked_for(Endpoint.SWAPS) == {EVE: 1}
    (whale,) = drained.rows(TRACKED_WHALES).filter(wallet_address=EVE).to_dicts()
    assert (whale["whale_id"], whale["processing_status"]) == (f"{EVE}_WATCHLIST", "processed")
    assert set(drained.rows(CANDIDATES)["tracking_status"]) == {"tracked"}
    # Nothing is new about it until its swaps are due again.
    drained.drain(NOW)
    assert drained.requests(Endpoint.SWAPS) == 0


def test_a_broken_line_is_named_and_the_rest_is_taken(drained, tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text(f"# friends\n{ANN}  # the best\nnonsense\n\n{BOB},\n")
    told = command(drained, "watch", "add", "--file", file)
    assert "line 3: 'nonsense' is left out" in " ".join(told.split())
    assert "2 added; 2 watched now." in told
    assert "0 added, 2 watched already; 2 watched now." in command(
        drained, "watch", "add", ANN, BOB
    )
    assert "1 removed; 1 watched now." in command(drained, "watch", "remove", ANN)
    rows = json.loads(command(drained, "watch", "list", "--json"))
    assert [row["wallet_address"] for row in rows] == [BOB]
    assert rows[0]["wallet_class"] or rows[0]["tier"]


def test_what_is_no_wallet_is_refused(drained, tmp_path):
    before = drained.store.version(CANDIDATES)
    assert "No address of a wallet was named" in command(drained, "watch", "add", "abc", code=1)
    assert "cannot be read" in command(drained, "watch", "add", "--file", tmp_path, code=1)
    assert drained.store.version(CANDIDATES) == before
    assert "No wallet is watched" in command(drained, "watch", "list")


def test_what_fetching_will_cost_is_said_without_a_request(drained, monkeypatch):
    monkeypatch.setenv("BIRDEYE_API_KEY", "key-of-the-tests")
    monkeypatch.setenv("SMART_TRADER_SOURCE", "live")
    monkeypatch.setenv("SMART_TRADER_TOKEN_SHARDS", "2")
    monkeypatch.setenv("SMART_TRADER_WALLET_SHARDS", "2")
    drained.server.log.clear()
    known = json.loads(command(drained, "forecast", "--as-of", LATER.isoformat(), "--json"))
    assert known["plan"] == "standard"
    assert (known["a_month"], known["used"], known["left"]) == (30_000, 298, 29_702)
    # Of the day's share, 967 of 30,000 in 31 days, the first run has had its part.
    assert (known["today"], known["spent_today"]) == (30_000 // 31, 298)
    costs = {cost["endpoint"]: cost for cost in known["costs"]}
    assert costs["gainers_losers"]["run"] == 60
    assert sum(cost["day"] for cost in known["costs"]) <= 1_000
    assert sum(cost["run"] for cost in known["costs"]) <= known["today"]
    # 60 % of 1,000 credits a day keep fifty wallets fresh at 12 credits each.
    assert known["kept_fresh"] == 50
    assert drained.server.requests.total() == 0


@pytest.mark.parametrize(
    ("bounds", "line", "most"),
    [
        (
            {"RUN": "300"},
            "30,000 credits are left of 30,000 until 2025-08-01, 967 of them today.",
            300,
        ),
        ({"MONTH": "none", "DAY": "500"}, "500 credits may be spent today.", 500),
        (
            {"DAY": "50000"},
            "30,000 credits are left of 30,000 until 2025-08-01, 30,000 of them today.",
            20_000,
        ),
        ({"DAY": "5"}, "30,000 credits are left of 30,000 until 2025-08-01, 5 of them today.", 5),
        ({"MONTH": "none", "DAY": "none", "RUN": "none"}, "Credits are not limited.", None),
    ],
)
def test_every_bound_that_is_set_is_in_the_forecast(tmp_path, monkeypatch, bounds, line, most):
    monkeypatch.setenv("BIRDEYE_API_KEY", "key-of-the-tests")
    monkeypatch.setenv("COLUMNS", "200")
    for name, value in bounds.items():
        monkeypatch.setenv(f"SMART_TRADER_CREDITS_PER_{name}", value)
    arguments = ["forecast", "--data", str(tmp_path / "none"), "--as-of", "2025-07-01T12:00:00Z"]
    told = CliRunner().invoke(app, arguments).output
    assert line in told
    costs = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)["costs"]
    run = sum(cost["run"] for cost in costs)
    assert f"This run: at most {run:,}." in told
    assert most is None or run == most
    holders = next(cost for cost in costs if cost["endpoint"] == "token_holder")
    assert holders["run"] or most == 5


def test_a_new_root_may_begin_with_wallets_of_ones_own(tmp_path, monkeypatch):
    arguments = ["watch", "add", ANN, "--data", str(tmp_path / "new")]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 1
    assert "There is no root" in refused.output
    monkeypatch.setenv("BIRDEYE_API_KEY", "key-of-the-tests")
    assert "1 added; 1 watched now." in CliRunner().invoke(app, arguments).output


def test_files_of_other_programs_are_read(drained, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text(f"\ufeff{ANN}, my friend\n{BOB};2\n", encoding="utf-8")
    assert "2 added; 2 watched now." in command(drained, "watch", "add", "--file", file)


def test_who_is_watched_no_longer_is_not_fetched_for_it(drained):
    command(drained, "watch", "add", EVE)
    command(drained, "watch", "remove", EVE)
    drained.drain(NOW)
    assert drained.requests(Endpoint.SWAPS) == 0
    assert set(drained.rows(CANDIDATES)["tracking_status"]) == {"tracked"}
    # And yet it is once it is watched again on that day.
    command(drained, "watch", "add", EVE)
    assert set(drained.rows(CANDIDATES)["tracking_status"]) == {"pending"}


def test_who_is_watched_again_is_fetched_though_what_it_is_had_excluded_it(drained):
    command(drained, "watch", "add", EVE)
    drained.drain(NOW)
    command(drained, "watch", "remove", EVE)
    whales = drained.rows(TRACKED_WHALES)
    excluded = whales.filter(wallet_address=EVE).with_columns(exclude_reason=pl.lit("A bot."))
    rules = screening_rules(drained.settings(NOW)).version
    drained.store.settle(whales_screened(excluded, rules=rules), CommitInfo("run", "an asset"))
    drained.drain(LATER)
    assert drained.asked_for(Endpoint.SWAPS).get(EVE) is None
    assert "1 added; 1 watched now." in command(drained, "watch", "add", EVE)
    drained.drain(LATER)
    assert drained.asked_for(Endpoint.SWAPS) == {EVE: 1}
    watched = drained.rows(TRACKED_WHALES).filter(whale_id=f"{EVE}_WATCHLIST")
    assert watched.select("processing_status", "exclude_reason").rows() == [("processed", None)]


def test_without_a_key_it_says_what_one_would_bring(tmp_path):
    result = CliRunner().invoke(
        app, ["forecast", "--data", str(tmp_path / "none")], env={"COLUMNS": "200"}
    )
    assert result.exit_code == 0, result.output
    assert "There is no BirdEye key here" in result.output
    assert "30,000 credits are left of 30,000" in result.output
    assert "50 wallets can be kept fresh" in result.output
    assert not (tmp_path / "none").exists()

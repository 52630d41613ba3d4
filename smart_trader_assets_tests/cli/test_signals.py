"""`smart-trader token`: what ranked traders buy, in the terminal and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from smart_trader_assets.cli.app import app
from smart_trader_assets_tests.support.signalling_root import CAT, DOG, make_signals, open_root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("signals") / "root"
    make_signals(root)
    return root


def token(root: Path, *arguments: str, columns: int = 160) -> Result:
    return CliRunner().invoke(
        app,
        ["token", *arguments, "--data", str(root)],
        env={"COLUMNS": str(columns), "SMART_TRADER_SOURCE": "sandbox"},
    )


def test_without_a_mint_it_lists_what_they_bought(root: Path) -> None:
    told = token(root).output
    assert "bought in the last 24 hours" in told
    cat = next(line for line in told.splitlines() if "CAT" in line)
    assert "1 (1 ELITE)" in cat
    assert "$40.00" in cat
    assert "DOG" not in told
    assert "1 token more, traded by unproven wallets alone" in told
    assert "[red]DOG[/]" in token(root, "--all").output
    assert "smart-trader token MINT" in told


def test_of_one_it_lists_the_trades_and_the_holders(root: Path) -> None:
    told = token(root, "CAT").output
    assert f"CAT {CAT}" in told
    assert "Trades of ranked wallets in the last 7 days: 3" in told
    assert "Ranked wallets that hold it: 2" in told
    assert told.index("bought") < told.rindex("sold")
    assert "STRONG" in told


def test_a_token_that_nobody_holds_says_so(root: Path) -> None:
    assert "No ranked trader holds it." in token(root, DOG).output


def test_json_holds_the_rows_unrounded(root: Path) -> None:
    told = json.loads(token(root, CAT, "--json").output)
    assert told["token_address"] == CAT
    assert [row["value_usd"] for row in told["trades"]] == [40.0, 7.0, 5.0]
    assert {row["window"] for row in told["signals"]} == {"24h", "7d"}
    listed = json.loads(token(root, "--json").output)
    assert listed["window"] == "24h"
    assert [row["token_address"] for row in listed["tokens"]] == [CAT, DOG]


def test_an_unknown_token_is_one_sentence(root: Path) -> None:
    told = token(root, "nothing")
    assert told.exit_code == 1
    assert "ranked traders hold or have traded lately" in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


def test_a_narrow_terminal_names_what_had_no_room(root: Path) -> None:
    assert "Left out for want of room" in token(root, columns=60).output


def test_an_empty_root_says_so(tmp_path: Path) -> None:
    open_root(tmp_path / "root")
    assert (
        "No ranked wallet holds or has traded anything that is known here"
        in token(tmp_path / "root").output
    )

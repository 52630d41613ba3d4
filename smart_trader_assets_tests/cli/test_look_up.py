"""`smart-trader wallet`: from an address to its verdict, with the cost told first."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from smart_trader_assets.cli.app import app
from smart_trader_assets.sandbox import Endpoint, Fault, FaultKind, Recording
from smart_trader_assets.tables.catalog import (
    SMART_TRADERS,
    TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets_tests.support.made_once import MadeOnce
from smart_trader_assets_tests.support.pipeline import Pipeline, open_pipeline
from smart_trader_assets_tests.support.tiny_market import (
    ANN,
    BOB,
    CAT,
    EVE,
    NOW,
    VAULT,
    swap,
    wallet,
)

STRANGER = wallet("nobody has seen a swap of it")


def set_live(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    """The environment of a live account that is served by the pipeline's stand-in."""
    settings = {
        "SOURCE": "live",
        "BIRDEYE_BASE_URL": pipeline.server.base_url,
        "PLAN": "premium",
        "READ_ACCOUNT": "false",
        "REQUESTS_PER_SECOND": "1000",
        "TOKEN_SHARDS": "2",
        "WALLET_SHARDS": "2",
        "AS_OF": NOW.isoformat(),
        "REQUEST_BACKOFF_SECONDS": "0",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"SMART_TRADER_{name}", value)
    monkeypatch.setenv("BIRDEYE_API_KEY", "key-of-the-tests")


@pytest.fixture
def live(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A root that is yet to be made, as the command finds it."""
    set_live(monkeypatch, pipeline)
    pipeline.server.clock.set(NOW)
    return pipeline


@pytest.fixture
def fresh(live: Pipeline, history_in_memory: None) -> Pipeline:
    """The same, with Dagster's history in memory."""
    return live


@dataclass(frozen=True)
class LookUp:
    """A root of one's own in which wallets were looked up, what was said, and what had been asked for."""

    pipeline: Pipeline
    told: str
    asked: Mapping[tuple[str, str], int]
    requests: Mapping[str, int]


@pytest.fixture
def ann(fresh: Pipeline, made_once: MadeOnce) -> LookUp:
    """ANN alone, on a root that was fresh."""

    def make(folder: Path) -> tuple[Any, ...]:
        first = Pipeline(folder / "root", fresh.server, fresh.options)
        told, _ = command(first, ANN)
        return told, first.server.requests_by_entity, first.server.requests

    folder, seen = made_once("test_look_up.ann", make)
    shutil.copytree(folder / "root", fresh.root)
    fresh.server.log.clear()
    return LookUp(fresh, *seen)


@pytest.fixture
def screened(fresh: Pipeline, made_once: MadeOnce) -> Pipeline:
    """A root in which the screening of holdings has kept everybody out."""

    def make(folder: Path) -> None:
        Pipeline(folder / "root", fresh.server, fresh.options).drain(min_holding_usd=1e9)

    folder, _ = made_once("test_look_up.screened", make)
    shutil.copytree(folder / "root", fresh.root)
    fresh.server.log.clear()
    return fresh


def command(pipeline: Pipeline, *arguments: object, code: int = 0) -> tuple[str, str]:
    """What it says on standard output, and beside it."""
    result = CliRunner().invoke(
        app,
        ["wallet", *map(str, arguments), "--data", str(pipeline.root)],
        env={"COLUMNS": "200"},
    )
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_on_a_fresh_root_one_wallet_is_fetched_computed_and_judged(ann: LookUp) -> None:
    told = ann.told
    assert "To fetch: 1 wallet, at most 10 pages, 120 credits" in told
    assert "#1 of 1 ranked, unproven" in told
    assert "24 swaps, its whole history." in told
    assert "whole history" in told
    assert told.index("By window") < told.index("Latest buys and sells")
    assert "CAT" in told
    assert ann.asked == {(Endpoint.SWAPS.value, ANN): 1}
    assert ann.requests == {Endpoint.SWAPS.value: 1}
    assert ann.pipeline.rows(TOKENS).is_empty()
    rows = ann.pipeline.rows(TRACKED_WHALES).select("wallet_address", "origin", "processing_status")
    assert rows.rows() == [(ANN, "asked", "processed")]


def test_its_numbers_are_those_of_a_drain(ann: LookUp, first_run: Any) -> None:
    measures = ["token_address", "window", "realized_pnl", "total_bought", "win_rate", "coverage"]
    by_drain = first_run.tables[WALLET_PNL.name].filter(wallet_address=ANN).select(measures)
    asked = ann.pipeline.rows(WALLET_PNL).select(measures)
    assert asked.sort(measures[:2]).equals(by_drain.sort(measures[:2]))


def test_what_is_known_is_told_without_a_request(ann: LookUp) -> None:
    told, _ = command(ann.pipeline, ANN)
    assert "To fetch" not in told
    assert ann.pipeline.requests(Endpoint.SWAPS) == 0
    told, _ = command(ann.pipeline, BOB, "--offline")
    assert "Not ranked: its swaps are not fetched yet" in told
    assert ann.pipeline.requests(Endpoint.SWAPS) == 0


def test_several_are_a_table_and_each_is_fetched_once(fresh: Pipeline, tmp_path: Path) -> None:
    file = tmp_path / "wallets.txt"
    file.write_text(f"{ANN}\n{BOB}  # a friend\n{STRANGER}\nnonsense\n")
    told, _ = command(fresh, EVE, ANN, "--file", file)
    assert "line 4: 'nonsense' is left out" in told
    assert "4 wallets" in told
    assert "unproven" in told
    assert "UNTESTED" in told
    assert "BirdEye knows no swap of it" in told
    assert fresh.asked_for(Endpoint.SWAPS) == {ANN: 1, BOB: 1, EVE: 1, STRANGER: 1}


def test_json_holds_everything_and_is_alone_on_standard_output(ann: LookUp) -> None:
    out, beside = command(ann.pipeline, ANN, STRANGER, "--json")
    told = json.loads(out)
    assert told["source"] == "live"
    known, unknown = told["wallets"]
    assert known["ranking"]["tier"] == "QUALIFIED"
    assert known["windows"][-1]["realized_pnl"] == 6900.0
    assert known["history"]["swaps"] == 24
    assert len(known["latest_trades"]) == 12
    assert unknown["verdict"] == "Not ranked: BirdEye knows no swap of it"
    assert unknown["windows"] == unknown["positions"] == unknown["latest_trades"] == []
    assert "To fetch: 1 wallet" in beside


_UNSIGNED = "not the address of a wallet that a key can sign for"


@pytest.mark.parametrize(
    ("address", "why"),
    [("abc", "give the whole address"), (VAULT, _UNSIGNED), ("0" * 44, _UNSIGNED)],
)
def test_what_no_key_can_sign_for_is_refused_and_nothing_is_made(
    fresh: Pipeline, address: str, why: str
) -> None:
    told, error = command(fresh, address, code=1)
    assert f"is left out: {why}" in told
    assert "No address of a wallet was named" in error
    assert not fresh.root.exists()


def test_a_wallet_without_a_swap_says_so(live: Pipeline) -> None:
    told, _ = command(live, STRANGER)
    assert "Not ranked: BirdEye knows no swap of it" in told
    assert "By window" not in told


def test_a_long_history_is_read_as_far_as_was_agreed_to(fresh: Pipeline) -> None:
    """Pages of a hundred rows: the first of more than fifty is asked for, and refused without an answer."""
    _, error = command(fresh, STRANGER, "--pages", 60, code=1)
    assert "more than 50 pages: agree to it with --yes, or read less with --pages" in error
    assert fresh.requests(Endpoint.SWAPS) == 0
    command(fresh, STRANGER, "--pages", 60, "--yes")
    assert fresh.requests(Endpoint.SWAPS) == 1


def test_without_credits_nothing_is_fetched_and_the_reason_is_told(
    fresh: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMART_TRADER_CREDITS_PER_MONTH", "5")
    _, error = command(fresh, ANN, code=1)
    assert "No credits are left to spend now" in error
    assert fresh.requests(Endpoint.SWAPS) == 0


def test_whom_only_the_screening_of_a_holding_keeps_out_is_fetched_all_the_same(
    screened: Pipeline,
) -> None:
    assert screened.rows(TRANSACTIONS).is_empty()
    command(screened, ANN)
    assert screened.asked_for(Endpoint.SWAPS) == {ANN: 1}
    assert screened.rows(SMART_TRADERS)["wallet_address"].to_list() == [ANN]
    others = screened.rows(TRACKED_WHALES).filter(pl.col("wallet_address") != ANN)
    assert set(others["processing_status"]) == {"excluded"}


def test_whom_the_screening_keeps_out_costs_what_an_unknown_wallet_costs(
    screened: Pipeline,
) -> None:
    _, error = command(screened, ANN, "--pages", 60, code=1)
    assert "more than 50 pages: agree to it with --yes" in error
    assert screened.requests(Endpoint.SWAPS) == 0


def test_a_wallet_whose_fetch_failed_says_why_and_when_it_is_tried_again(ann: LookUp) -> None:
    ann.pipeline.server.faults.add(
        Fault(FaultKind.SERVER_ERROR, Endpoint.SWAPS, entity=BOB, status=503, times=None)
    )
    told, _ = command(ann.pipeline, ANN, BOB)
    assert "could not be fetched" in told
    told, _ = command(ann.pipeline, BOB, "--offline")
    assert "Not ranked: its swaps could not be fetched (" in told
    assert "it is tried again from 2025-07-01" in told


def test_an_invented_market_says_that_it_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, history_in_memory: None
) -> None:
    monkeypatch.delenv("BIRDEYE_API_KEY", raising=False)
    monkeypatch.setenv("SMART_TRADER_WALLET_SHARDS", "1")
    result = CliRunner().invoke(
        app, ["wallet", STRANGER, "--data", str(tmp_path / "root")], env={"COLUMNS": "200"}
    )
    assert result.exit_code == 0, result.output
    assert "Source: an invented market (seed 7)" in result.stdout
    assert "What is not in it takes BIRDEYE_API_KEY" in result.stdout
    assert "the invented market has no swap of it" in result.stdout


def test_a_history_longer_than_its_pages_says_that_it_goes_on_and_is_read_further_when_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, history_in_memory: None
) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    rows = [
        swap(ANN, CAT, (-1) ** n * 10, 1 + n / 1000, NOW - timedelta(hours=300 - n))
        for n in range(125)
    ]
    (folder / f"{ANN}.jsonl").write_text("\n".join(json.dumps(row) for row in reversed(rows)))
    with open_pipeline(tmp_path / "root", Recording.load(folder)) as busy:
        set_live(monkeypatch, busy)
        told, _ = command(busy, ANN, "--pages", 1)
        assert "at most 1 page, 12 credits" in told
        assert "(99 of them) and go on before that: the same command reads further" in told
        told, _ = command(busy, ANN, "--pages", 1)
        assert "125 swaps, its whole history." in told
        assert busy.requests(Endpoint.SWAPS) == 2

"""What the API answers is kept as it came, without what is secret, and can be replayed."""

import json
from pathlib import Path

import httpx
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from smart_trader_assets.birdeye.requester import Question
from smart_trader_assets.cli.app import app
from smart_trader_assets.doctor.recorder import AnswerRecorder, RecordError
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.sandbox import Endpoint, GeneratedMarket, SandboxServer
from smart_trader_assets.settings import API_KEY_VARIABLE, PREFIX, Settings, load_settings
from smart_trader_assets.sources import make_stand_in
from smart_trader_assets.tables.catalog import (
    CANDIDATES,
    SMART_TRADERS,
    TOKENS,
    TRANSACTIONS,
    WHALES,
)
from smart_trader_assets_tests.support.tiny_market import NOW

KEY = "a-key-that-nobody-may-see"
RAW = '{"tx_hash": "x", "block_unix_time": 9, "price": 0.10000000000000000001,\n "amount": 123456789012345678}'


@pytest.fixture
def settings(tmp_path) -> Settings:
    return load_settings(
        {"source": "live", "birdeye_api_key": KEY, "root": str(tmp_path / "r"), "as_of": NOW}
    )


@pytest.fixture
def recorder(tmp_path, settings) -> AnswerRecorder:
    return AnswerRecorder(tmp_path / "answers", settings)


def question(name: str, **parameters: str) -> Question:
    path = Endpoint.CREDITS if name == "credits" else Endpoint.SWAPS
    return Question(path.value, parameters, "it", meter_as=name, credits=1)


def test_an_answer_is_kept_digit_for_digit_and_its_rows_line_by_line(recorder, tmp_path):
    body = '{"success": true, "data": {"items": [' + RAW + ', "what is this"], "has_next": false}}'
    headers = {
        "x-ratelimit-limit": "60",
        "set-cookie": "secret",
        "content-type": "application/json",
    }
    answer = httpx.Response(200, text=body, headers=headers)
    recorder(question("trader_txs", address="wallet"), answer)
    kept = (tmp_path / "answers" / "trader_txs.json").read_text()
    assert body in kept
    told = json.loads(kept)
    assert told["parameters"] == {"address": "wallet"}
    assert (told["status"], told["asked_at"]) == (200, NOW.isoformat())
    assert told["headers"] == {"x-ratelimit-limit": "60", "content-type": "application/json"}
    rows = (tmp_path / "answers" / "trader_txs.jsonl").read_text()
    assert rows == RAW.replace("\n", " ") + "\n"
    assert recorder.has_swaps


def test_what_is_no_json_is_kept_as_text(recorder, tmp_path):
    recorder(question("trader_txs", address="w"), httpx.Response(502, text='<h1>"no"</h1>'))
    told = json.loads((tmp_path / "answers" / "trader_txs.json").read_text())
    assert (told["status"], told["body"]) == (502, '<h1>"no"</h1>')
    assert not recorder.has_swaps


def test_each_attempt_is_kept_and_nothing_beside_the_folder(recorder, tmp_path):
    row = '{"success": true, "data": {"items": [{"tx_hash": "x"}]}}'
    for text in ("first", row):
        recorder(question("trader_txs", address="../outside"), httpx.Response(200, text=text))
    names = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.json*")}
    assert {str(name) for name in names} == {
        "answers/trader_txs.json",
        "answers/trader_txs-2.json",
        "answers/trader_txs.jsonl",
    }


def test_neither_the_key_nor_the_name_of_its_owner_is_kept(recorder, tmp_path):
    about = {
        "data": {
            "usage": {"total": 5},
            "owner": "Ada L.",
            "until": "2026-03-01T00:00:00Z",
            "x": KEY,
        }
    }
    headers = {"x-ratelimit-of": KEY}
    recorder(question("credits"), httpx.Response(200, json=about, headers=headers))
    recorder(question("trader_txs", address="w"), httpx.Response(401, text=f"bad key {KEY}"))
    kept = "".join(path.read_text() for path in (tmp_path / "answers").iterdir())
    assert KEY not in kept
    assert "Ada" not in kept
    told = json.loads((tmp_path / "answers" / "credits.json").read_text())["body"]["data"]
    assert told["usage"] == {"total": 5}
    assert told["until"] == "2026-03-01T00:00:00Z"


def test_a_folder_that_holds_something_is_refused_before_anything_is_paid(tmp_path, settings):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(RecordError, match="is not empty: name a new folder"):
        AnswerRecorder(tmp_path, settings)
    with pytest.raises(RecordError, match="cannot be made"):
        AnswerRecorder(tmp_path / "mine.txt" / "below", settings)


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_what_was_recorded_is_replayed_as_it_was_answered(tmp_path, monkeypatch, history_in_memory):
    market = GeneratedMarket(3, NOW, wallets=30)
    folder, root = tmp_path / "answers", tmp_path / "replayed"
    with SandboxServer(market, clock=lambda: NOW) as server:
        monkeypatch.setenv(API_KEY_VARIABLE, KEY)
        monkeypatch.setenv(PREFIX + "SOURCE", "live")
        monkeypatch.setenv(PREFIX + "BIRDEYE_BASE_URL", server.base_url)
        monkeypatch.setenv(PREFIX + "AS_OF", NOW.isoformat())
        monkeypatch.setenv("COLUMNS", "300")
        told = command("doctor", "--data", tmp_path / "none", "--record", folder)
    assert told.exit_code == 0, told.output
    assert "Asking the API costs up to 203 credits. Its answers go to" in told.stderr
    assert "Replay them: `smart-trader run --replay" in told.stdout
    assert KEY not in "".join(path.read_text() for path in folder.iterdir())
    names = {path.name for path in folder.glob("*.json")}
    assert names == {
        *("token_list.json", "gainers_losers.json", "token_holder.json"),
        *("trader_txs.json", "wallet_transfers.json", "credits.json"),
    }

    for name in ("SOURCE", "BIRDEYE_BASE_URL", "AS_OF"):
        monkeypatch.delenv(PREFIX + name)
    for name in ("TOKEN_SHARDS", "WALLET_SHARDS"):
        monkeypatch.setenv(PREFIX + name, "2")
    replayed = command("run", "--replay", folder, "--data", root)
    assert replayed.exit_code == 0, replayed.output
    tables = make_lake(load_settings({"root": str(root)})).unchecked_store
    listed = json.loads((folder / "token_list.json").read_text())["body"]["data"]["items"]
    (recorded,) = folder.glob("*.jsonl")
    lines = recorded.read_text().splitlines()
    wallet = json.loads(lines[0])["owner"]
    assert set(tables.scan(TOKENS).collect()["token_address"]) == {one["address"] for one in listed}
    rows = tables.scan(TRANSACTIONS).filter(pl.col("wallet_address") == wallet).collect()
    assert rows.height == len(lines)
    # The holders and the ranked traders are those that were recorded.
    held = json.loads((folder / "token_holder.json").read_text())
    owners = {one["owner"] for one in held["body"]["data"]["items"]}
    whales = tables.scan(WHALES).filter(token_address=held["parameters"]["address"]).collect()
    assert set(whales["wallet_address"]) <= owners
    assert whales.height
    ranked = json.loads((folder / "gainers_losers.json").read_text())["body"]["data"]["items"]
    assert set(tables.scan(CANDIDATES).collect()["wallet_address"]) == {
        one["address"] for one in ranked
    }
    assert tables.scan(SMART_TRADERS).collect().height <= 1


def test_a_file_that_is_no_answer_is_named(tmp_path, tiny_market_folder):
    folder = Path(tmp_path / "mixed")
    folder.mkdir()
    for path in tiny_market_folder.glob("*.jsonl"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "notes.json").write_text("{}")
    stand_in = make_stand_in(load_settings({"source": "replay", "replay_folder": folder}))
    (told,) = stand_in.remarks()
    assert told.startswith("notes.json is no recorded answer")

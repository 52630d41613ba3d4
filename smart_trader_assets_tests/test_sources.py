"""Where rows come from: the source that a root remembers, and the stand-in that serves it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from deltalake import write_deltalake

from smart_trader_assets.delta.errors import RootError
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.sandbox import Endpoint, RecordingError
from smart_trader_assets.settings import LIVE_URL, Settings, load_settings
from smart_trader_assets.sources import (
    make_stand_in,
    open_source,
    settings_of_root,
    with_sandbox_epoch,
)
from smart_trader_assets.tables.ops import ROOT
from smart_trader_assets.tables.root import open_root, read_identity
from smart_trader_assets_tests.support.tiny_market import LATER, NOW, tiny_market_rows

JULY = datetime(2025, 7, 1, tzinfo=UTC)
AS_OF = datetime(2025, 7, 1, 12, 34, 56, tzinfo=UTC)
LAST_ROW = datetime.fromtimestamp(max(row["block_unix_time"] for row in tiny_market_rows()), UTC)


def make_root(settings: Settings) -> None:
    _ = make_lake(settings).store


@pytest.fixture
def sandbox(tmp_path):
    return load_settings({"source": "sandbox", "root": str(tmp_path / "root"), "as_of": AS_OF})


@pytest.fixture
def replay(tmp_path, tiny_market_folder):
    return load_settings(
        {
            "source": "replay",
            "replay_folder": tiny_market_folder,
            "root": str(tmp_path / "root"),
            "token_shards": 2,
            "wallet_shards": 3,
        }
    )


def test_of_many_broken_rows_some_are_named_and_the_kinds_are_counted(replay):
    problems = [f"a.jsonl line {n}: not JSON: Extra data at character {n}" for n in range(1, 3001)]
    problems.append("b.jsonl line 1: tx_hash is missing")
    told = replace(make_stand_in(replay), problems=tuple(problems)).remarks()
    assert told == [
        *problems[:5],
        "Recorded rows that are not served: 3,001.",
        "3,000 times: not JSON: Extra data at character …",
        "1 times: tx_hash is missing",
    ]


def test_a_stand_in_that_is_served_already_is_used_and_none_is_started(sandbox):
    with open_source(sandbox) as (_, server, _):
        assert server is not None
        elsewhere = sandbox.but(birdeye_base_url=server.base_url)
        with open_source(elsewhere) as (settings, second, stand_in):
            assert second is None
            assert settings.birdeye_base_url == server.base_url
            assert stand_in is not None
            assert settings.sandbox_anchor is not None


def test_a_new_sandbox_begins_in_the_past_and_an_old_one_keeps_its_beginning(sandbox):
    first = with_sandbox_epoch(sandbox)
    assert first.sandbox_anchor is not None
    assert timedelta() <= AS_OF - first.sandbox_anchor < timedelta(days=1)
    make_root(first)
    days_later = sandbox.but(as_of=AS_OF + timedelta(days=9))
    assert with_sandbox_epoch(days_later).sandbox_anchor == first.sandbox_anchor


def test_a_root_is_looked_at_with_its_own_source_shards_and_clock(
    replay, tmp_path, tiny_market_folder
):
    make_root(replay)
    looked = settings_of_root(load_settings({"root": str(tmp_path / "root")}))
    assert looked.resolved_source == "replay"
    assert (looked.token_shards, looked.wallet_shards) == (2, 3)
    assert looked.replay_folder == tiny_market_folder
    assert looked.now() == LAST_ROW
    at = settings_of_root(load_settings({"root": str(tmp_path / "root"), "as_of": NOW}))
    assert at.now() == NOW


def test_a_sandbox_root_is_looked_at_with_its_seed_and_beginning(sandbox):
    made = with_sandbox_epoch(sandbox.but(sandbox_seed=11))
    make_root(made)
    looked = settings_of_root(sandbox)
    assert (looked.sandbox_seed, looked.sandbox_anchor) == (11, made.sandbox_anchor)
    assert make_lake(looked).identity == make_lake(made).identity


def test_looking_where_there_is_no_root_is_refused_and_makes_none(tmp_path):
    nowhere = tmp_path / "nowhere"
    with pytest.raises(RootError, match="There is no root at"):
        settings_of_root(load_settings({"root": str(nowhere)}))
    assert not nowhere.exists()


def test_the_clock_of_a_replay_stands_at_its_last_row_unless_it_is_set(replay):
    assert make_stand_in(replay).settings.now() == LAST_ROW
    assert make_stand_in(replay.but(as_of=LATER)).settings.now() == LATER


def test_a_missing_recording_is_refused(replay, tmp_path):
    with pytest.raises(RecordingError, match="There is no folder"):
        make_stand_in(replay.but(replay_folder=tmp_path / "gone"))


def test_lines_that_are_not_served_are_told_by_file_and_number(
    replay, tmp_path, tiny_market_folder
):
    folder = tmp_path / "rows"
    folder.mkdir()
    sound = next(tiny_market_folder.glob("*.jsonl")).read_text().splitlines()[0]
    (folder / "rows.jsonl").write_text(f"{sound}\nnot a row\n")
    (problem,) = make_stand_in(replay.but(replay_folder=folder)).problems
    assert "rows.jsonl" in problem
    assert "2" in problem


def test_the_stand_in_answers_while_the_source_is_open(replay):
    with open_source(replay) as (settings, server, stand_in):
        assert server is not None
        assert stand_in is not None
        assert settings.birdeye_base_url == server.base_url
        answer = httpx.get(
            settings.birdeye_base_url + Endpoint.LISTINGS.value, headers={"x-chain": "solana"}
        )
        assert len(answer.json()["data"]["items"]) == 4
    with pytest.raises(httpx.ConnectError):
        httpx.get(settings.birdeye_base_url + Endpoint.LISTINGS.value)


def test_a_live_source_is_birdeye_itself():
    live = load_settings({"source": "live"})
    with open_source(live) as (settings, server, stand_in):
        assert settings is live
        assert settings.birdeye_base_url == LIVE_URL
        assert server is None
        assert stand_in is None


def test_sources_of_one_kind_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    epoch = datetime(2025, 7, 1, tzinfo=UTC)

    def detail(**chosen: Any) -> str:
        return make_lake(load_settings(chosen)).identity.detail

    assert detail(sandbox_seed=3) == "seed 3"
    assert detail(sandbox_seed=3, sandbox_anchor=epoch) == (
        "seed 3, past until 2025-07-01T00:00:00+00:00"
    )
    assert detail(source="replay", replay_folder=Path("rows")) == str(tmp_path / "rows")
    assert detail(source="live", sandbox_seed=3, sandbox_anchor=epoch) == ""


def test_what_a_root_is_stands_in_columns_and_not_in_the_words_of_its_detail(tmp_path):
    made = with_sandbox_epoch(load_settings({"root": str(tmp_path), "sandbox_seed": 11}))
    store = make_lake(made).store
    row = pl.scan_delta(store.open(ROOT)).collect()
    write_deltalake(
        store.uri(ROOT), row.with_columns(detail=pl.lit("the eleventh market")), mode="overwrite"
    )
    looked = settings_of_root(load_settings({"root": str(tmp_path)}))
    assert (looked.sandbox_seed, looked.sandbox_anchor) == (11, made.sandbox_anchor)
    assert make_lake(looked).store.root == str(tmp_path)


@pytest.mark.parametrize(
    ("source", "detail", "found"),
    [
        ("sandbox", "seed 7", (7, None, None)),
        ("sandbox", "seed 7, past until 2025-07-01T00:00:00+00:00", (7, JULY, None)),
        ("replay", "/rows/seed 7", (None, None, "/rows/seed 7")),
        ("live", "", (None, None, None)),
    ],
)
def test_a_root_from_before_these_columns_is_known_by_its_detail_and_gets_them(
    tmp_path, source, detail, found
):
    settings = load_settings({"root": str(tmp_path), "source": "live"})
    store = make_lake(settings).store
    origin = ("sandbox_seed", "sandbox_epoch", "replay_folder")
    row = pl.scan_delta(store.open(ROOT)).collect()
    older = row.drop(origin).with_columns(source=pl.lit(source), detail=pl.lit(detail))
    write_deltalake(store.uri(ROOT), older, mode="overwrite", schema_mode="overwrite")

    identity = read_identity(store)
    assert identity is not None
    assert (identity.source, *(getattr(identity, name) for name in origin)) == (source, *found)
    open_root(store, identity)
    assert pl.scan_delta(store.open(ROOT)).select(origin).collect().row(0) == found
    assert pl.scan_delta(store.open(ROOT)).select("detail").collect().item() == detail

"""A root of an earlier version is opened, upgraded and drained, and ends as that version would have left it."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.doctor import Verdict, examine
from smart_trader_assets.sandbox import Endpoint, Recording
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets.tables.upgrade import carry_out_upgrade, plan_upgrade
from smart_trader_assets_tests.released_roots.make import states_missing
from smart_trader_assets_tests.released_roots.market import DRAINED, FAY, FOURTH, GNU
from smart_trader_assets_tests.support.pipeline import Pipeline, open_pipeline
from smart_trader_assets_tests.support.roots import contents

FOLDER = Path(__file__).parent
RELEASED = ("layout_1",)


@pytest.fixture(params=RELEASED)
def unpacked(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with tarfile.open(FOLDER / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.fixture
def released(unpacked: Path) -> Iterator[Pipeline]:
    """The released root, over the market that it was made from."""
    with open_pipeline(unpacked / "root", Recording.load(unpacked / "rows")) as pipeline:
        yield pipeline


@pytest.fixture
def upgraded(released: Pipeline) -> Pipeline:
    """The same as `smart-trader upgrade --yes` leaves it."""
    store = DeltaStore(str(released.root))
    for plan in plan_upgrade(store):
        carry_out_upgrade(store, plan, CommitInfo("upgrade-1", "upgrade"))
    assert not plan_upgrade(store)
    return released


def drained_tables(unpacked: Path) -> dict[str, pl.DataFrame]:
    """What the version that made the root ended with."""
    return {
        contract.name: pl.read_parquet(file)
        for contract in ALL_TABLES
        if (file := unpacked / "drained" / f"{contract.name.replace('/', '.')}.parquet").exists()
    }


# Sentences for people: a later version may put them otherwise, but gives a reason where there was one.
WORDS = ("reasons", "reject_reason", "exclude_reason", "last_error")


def without_words(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col(name).is_not_null() for name in WORDS if name in rows.columns)


def test_it_opens_with_rows_in_every_state(upgraded):
    assert states_missing(contents(upgraded.store)) == []


def test_the_doctor_finds_nothing_broken(upgraded):
    settings = upgraded.settings(FOURTH)
    findings = examine(settings, ask_api=False)
    broken = [finding for finding in findings if finding.verdict is Verdict.BROKEN]
    assert broken == []
    assert {"root", *(contract.name for contract in ALL_TABLES)} <= {f.check for f in findings}


def test_it_is_drained_to_the_tables_that_its_own_version_ended_with(unpacked, upgraded):
    report = upgraded.drain(DRAINED)
    assert not report.stuck
    found = contents(upgraded.store)
    wanted = drained_tables(unpacked)
    assert wanted.keys() == found.keys()
    for name, frame in wanted.items():
        assert_frame_equal(without_words(found[name].select(frame.columns)), without_words(frame))


def test_what_had_failed_for_good_costs_no_request(upgraded):
    upgraded.drain(DRAINED)
    assert FAY not in upgraded.asked_for(Endpoint.SWAPS)
    assert GNU not in upgraded.asked_for(Endpoint.HOLDERS)


def test_a_second_drain_changes_nothing(upgraded):
    upgraded.drain(DRAINED)
    before = contents(upgraded.store)
    report = upgraded.drain(DRAINED)
    assert [step.asset for step in report.steps] == ["bronze/tokens"]
    for name, frame in contents(upgraded.store).items():
        assert_frame_equal(frame, before[name])

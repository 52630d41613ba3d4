"""One market for the tests that only read it, and a copy for each that changes it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.report.explanation import ExplainedWallet, explain
from smart_trader_assets.report.page import render_page
from smart_trader_assets.report.report_data import ReportData, read_report_data
from smart_trader_assets_tests.report.adversarial_market import (
    add_swaps,
    exchange,
    make_lake,
    make_market,
    rank,
)
from smart_trader_assets_tests.report.page_reader import Page, read_page
from smart_trader_assets_tests.support.made_once import MadeOnce
from smart_trader_assets_tests.support.tiny_market import BOB, CAT, DOG, NOW, swap


@pytest.fixture(scope="session")
def market_root(made_once: MadeOnce) -> Path:
    def make(folder: Path) -> None:
        make_market(folder / "root")

    return made_once("market_root", make)[0] / "root"


@pytest.fixture(scope="session")
def lake(market_root: Path) -> LakeResource:
    """The market, to look at."""
    return make_lake(market_root)


@pytest.fixture
def own_lake(market_root: Path, tmp_path: Path) -> LakeResource:
    """The market, to write to."""
    shutil.copytree(market_root, tmp_path / "root")
    return make_lake(tmp_path / "root")


@pytest.fixture(scope="session")
def ranking(lake: LakeResource) -> ReportData:
    return read_report_data(lake)


@pytest.fixture(scope="session")
def html(ranking: ReportData) -> str:
    return render_page(ranking, stamp="the tables as they are")


@pytest.fixture(scope="session")
def page(html: str) -> Page:
    return read_page(html)


@pytest.fixture(scope="session")
def rolled_lake(market_root: Path, made_once: MadeOnce) -> LakeResource:
    """BOB exchanges all his DOG, which cost 30, for CAT and 12 USDC, and sells half of the CAT for 14."""

    def make(folder: Path) -> None:
        lake = make_lake(shutil.copytree(market_root, folder / "root"))
        exchanged = exchange(BOB, (DOG, 10), (CAT, 8), NOW - timedelta(days=2), cash=12.0)
        add_swaps(lake, [*exchanged, swap(BOB, CAT, -4, 3.5, NOW - timedelta(days=1))])
        rank(lake)

    return make_lake(made_once("rolled_lake", make)[0] / "root")


@pytest.fixture(scope="session")
def rolled(rolled_lake: LakeResource) -> ExplainedWallet:
    """BOB there."""
    return explain(rolled_lake, BOB, as_of=NOW)

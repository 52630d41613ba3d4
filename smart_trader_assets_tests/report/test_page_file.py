"""Where the page is, and when it is made again."""

import base64
import re

import dagster as dg
import pytest

from smart_trader_assets.assets.keys import REPORT_KEY
from smart_trader_assets.assets.report_page import report_page_asset
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.report import page_file
from smart_trader_assets.report.page_file import (
    page_is_current,
    write_page,
    write_text,
)
from smart_trader_assets.report.page_place import PageFile, ReportError, page_of
from smart_trader_assets.report.report_data import read_report_data
from smart_trader_assets.settings import load_settings
from smart_trader_assets_tests.report.adversarial_market import add_swaps, rank
from smart_trader_assets_tests.support.tiny_market import BOB, CAT, NOW, swap

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_page_is_current_until_gold_changes(own_lake, tmp_path):
    page = PageFile(tmp_path / "page.html")
    assert not page_is_current(own_lake, page)
    write_page(own_lake, page)
    assert page_is_current(own_lake, page)
    rank(own_lake)
    assert page_is_current(own_lake, page), "a ranking that changes nothing makes no new page"
    add_swaps(own_lake, [swap(BOB, CAT, 5, 1.0, NOW)])
    rank(own_lake)
    assert not page_is_current(own_lake, page)


def test_a_page_of_fewer_wallets_is_another_page(lake, tmp_path):
    write_page(lake, PageFile(tmp_path / "page.html"), most_wallets=1)
    assert page_is_current(lake, PageFile(tmp_path / "page.html"), most_wallets=1)
    assert not page_is_current(lake, PageFile(tmp_path / "page.html"))


def test_a_file_that_is_no_page_is_not_current(lake, tmp_path):
    (tmp_path / "page.html").write_text("<html>")
    assert not page_is_current(lake, PageFile(tmp_path / "page.html"))


def test_the_page_lies_in_the_root_wherever_that_is(tmp_path):
    local = make_lake(load_settings({"root": str(tmp_path)}))
    remote = make_lake(load_settings({"root": "s3://bucket/root/"}))
    assert page_of(local).place == str(tmp_path / "reports" / "smart_traders.html")
    assert page_of(remote).place == "s3://bucket/root/reports/smart_traders.html"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"page\.html cannot be written"):
        write_text(tmp_path / "file" / "page.html", "text")


def test_a_file_that_fails_to_be_written_leaves_the_old_one(tmp_path):
    page = tmp_path / "page.html"
    write_text(page, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(page, "new \ud800")
    assert page.read_text() == "old"
    assert list(tmp_path.iterdir()) == [page]


def test_the_asset_writes_the_page_and_shows_its_pictures(own_lake, tmp_path):
    settings = load_settings({"root": own_lake.root, "source": "sandbox"})
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [report_page_asset()],
            instance=instance,
            resources={
                "settings": dg.ResourceDefinition.hardcoded_resource(settings),
                "lake": own_lake,
            },
        )
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert event.materialization.asset_key == REPORT_KEY
    assert metadata["wallets_ranked"].value == 1
    assert metadata["page"].value == page_of(own_lake).place
    assert page_is_current(own_lake, page_of(own_lake))
    pictures = re.findall(
        r"!\[(.*?)\]\(data:image/png;base64,(.*?)\)", str(metadata["pictures"].value)
    )
    assert [title for title, _ in pictures] == [
        "Wallets by tier",
        "Cumulative realized PnL, USD",
        "Wallets by coverage, %",
        "Matched cost by holding time, %",
        "Bets of the best wallets by what they returned, %",
        "Realized by the best wallets by day, half a year",
    ]
    assert all(base64.b64decode(encoded).startswith(PNG) for _, encoded in pictures)


def test_a_page_made_while_the_tables_changed_is_made_again(own_lake, tmp_path, monkeypatch):
    """An older page is not put over a newer one."""
    rankings: list[str] = []

    def read_and_rank(lake, **options):
        data = read_report_data(lake, **options)
        if not rankings:
            add_swaps(lake, [swap(BOB, CAT, 5, 1.0, NOW)])
            rank(lake)
            rankings.append("newer")
        return data

    monkeypatch.setattr(page_file, "read_report_data", read_and_rank)
    write_page(own_lake, PageFile(tmp_path / "page.html"))
    assert len(rankings) == 1
    assert page_is_current(own_lake, PageFile(tmp_path / "page.html"))

"""The page in a real browser, where there is one: its own script runs and nothing foreign does."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from smart_trader_assets.report.page import render_page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to look at the page")


def opened(page: Path) -> str:
    """What the browser makes of the page."""
    return subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            f"--user-data-dir={page.parent / 'profile'}",
            "--virtual-time-budget=3000",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_the_filters_work_and_names_of_tokens_do_not_run(html, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(html.replace('<details class="wallet"', '<details open class="wallet"'))
    shown = opened(page)
    assert "<title>Smart traders on Solana</title>" in shown
    # The best wallets, wide and narrow, the row's small curve, the wallet's own, its holding times, its bets
    # and its days.
    assert len(re.findall(r"<svg[^>]*viewBox", shown)) == 7
    assert re.search(r'id="found"[^>]*>1 wallets?<', shown)


def test_a_long_leaderboard_begins_with_its_first_rows_and_offers_the_others(ranking, tmp_path):
    """Ten thousand rows that nobody looks at would cost seconds."""
    first = ranking.traders
    others = pl.concat(
        [
            first.with_columns(
                wallet_address=pl.lit(f"{number:04}") + pl.col("wallet_address").str.slice(4),
                overall_rank=pl.lit(number, pl.Int64),
            )
            for number in range(2, 1_501)
        ]
    )
    excluded = pl.concat(
        [ranking.classified.with_columns(wallet_address=pl.lit(f"w{n}")) for n in range(450)]
    )
    data = replace(ranking, traders=pl.concat([first, others]), classified=excluded)
    page = tmp_path / "page.html"
    page.write_text(render_page(data, stamp=""))
    shown = opened(page)
    assert re.search(r'id="found"[^>]*>1,500 wallets<', shown)
    assert re.search(r'id="more"[^>]*>Show 1,000 more of 1,300<', shown)
    (board,) = re.findall(r'<table id="board">.*?</table>', shown, re.DOTALL)
    assert board.count("<tr data-wallet") == 200
    (kept_out,) = re.findall(r'<table id="excluded">.*?</table>', shown, re.DOTALL)
    assert kept_out.count("<tr") == 1 + 200
    assert re.search(r'id="excluded-found"[^>]*>450 wallets<', shown)
    # Links and buttons are there once the script has run.
    assert not re.search(r'class="copy"[^>]* hidden', shown)

"""The page in a real browser, where there is one: its own script runs and nothing foreign does."""

import re
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to look at the page")


def test_the_filters_work_and_names_of_tokens_do_not_run(html, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(html.replace('<details class="wallet"', '<details open class="wallet"'))
    shown = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=3000",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert "<title>Smart traders on Solana</title>" in shown
    # The best wallets, wide and narrow, the row's small curve, the wallet's own, its holding times, its bets
    # and its days.
    assert len(re.findall(r"<svg[^>]*viewBox", shown)) == 7
    assert re.search(r'id="found"[^>]*>1 wallets?<', shown)

"""The blocking form, as the command line runs it."""

import signal
import subprocess
import sys

import httpx

from smart_trader_assets_tests.sandbox.conftest import HEADERS

CODE = """
from smart_trader_assets.sandbox import GeneratedMarket, serve
from smart_trader_assets_tests.sandbox.conftest import ANCHOR
market = GeneratedMarket(1, ANCHOR, tokens=8, wallets=30)
serve(market, clock=lambda: ANCHOR, port=0, on_start=lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


def test_it_serves_until_it_is_interrupted_and_then_returns():
    with subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        url = run.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        listed = httpx.get(f"{url}/defi/v3/token/list", headers=HEADERS).json()
        assert len(listed["data"]["items"]) == 13
        run.send_signal(signal.SIGINT)
        assert run.stdout.readline() == "stopped\n"
        assert run.wait(timeout=10) == 0

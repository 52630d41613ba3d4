"""Real rows flow from the token list to the last page exactly as they were recorded."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from smart_trader_assets.sandbox import Endpoint, Recording
from smart_trader_assets_tests.support.command import RECORDED_ROWS

pytestmark = pytest.mark.skipif(
    not RECORDED_ROWS.is_dir(), reason=f"no recorded rows in {RECORDED_ROWS}"
)


@pytest.fixture(scope="module")
def recording():
    return Recording.load(RECORDED_ROWS)


def test_every_line_is_understood(recording):
    assert (recording.rows, len(recording.wallets)) == (4_237, 10)
    assert recording.problems == []


def test_every_row_is_reached_through_list_holders_and_pages(recording, serving):
    recorded = Counter(
        line
        for file in RECORDED_ROWS.glob("*.jsonl")
        for line in file.read_text("utf-8").splitlines()
    )
    served: Counter[str] = Counter()
    with serving(recording, clock=lambda: recording.last_row_at) as (_, api):

        def ask(endpoint: Endpoint, **parameters: Any) -> httpx.Response:
            answer: httpx.Response = api.get(endpoint.value, params=parameters)
            assert answer.status_code == 200
            return answer

        tokens = ask(Endpoint.LISTINGS, limit=100, min_price_change_24h_percent=20).json()["data"]
        owners = {
            account["owner"]
            for token in tokens["items"]
            for account in ask(Endpoint.HOLDERS, address=token["address"]).json()["data"]["items"]
        }
        assert owners == set(recording.wallets)
        for wallet in owners:
            for offset in range(0, 3_100, 100):
                answer = ask(Endpoint.SWAPS, address=wallet, offset=offset)
                served.update(raw_items(answer.text))
                if not answer.json()["data"]["has_next"]:
                    break
    assert served == recorded
    assert served.total() == 4_237


def raw_items(text: str) -> Iterator[str]:
    """The items of an answer as the text that they were sent as."""
    decoder = json.JSONDecoder()
    position = text.index("[") + 1
    while text[position] != "]":
        _, end = decoder.raw_decode(text, position)
        yield text[position:end]
        position = end + (text[end] == ",")

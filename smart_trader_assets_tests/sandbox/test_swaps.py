"""GET /trader/txs/seek_by_time."""

import json
from typing import Any

import httpx
import pytest

from smart_trader_assets.sandbox import Recording
from smart_trader_assets_tests.sandbox.conftest import ANCHOR

PATH = "/trader/txs/seek_by_time"
NOW = int(ANCHOR.timestamp())


@pytest.fixture(scope="module")
def wallet(market):
    """A wallet of some hundred rows, with rows before and after the anchor."""
    return max(
        market.wallets,
        key=lambda address: len(market.swaps(address)) if len(market.swaps(address)) < 900 else 0,
    )


@pytest.fixture(scope="module")
def history(market, wallet):
    return [json.loads(i.text) for i in market.swaps(wallet) if i.block_unix_time <= NOW]


def page(api: httpx.Client, **parameters: Any) -> dict[str, Any]:
    answer = api.get(PATH, params=parameters)
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json()["data"]
    return answered


def test_newest_first_up_to_now_and_not_beyond(api, market, wallet, history):
    assert len(market.swaps(wallet)) > len(history) > 200
    data = page(api, address=wallet, limit=100)
    assert data["items"] == history[:100]
    assert data["has_next"] is True
    assert [row["block_unix_time"] for row in history] == sorted(
        (row["block_unix_time"] for row in history), reverse=True
    )


def test_offsets_reach_every_row_and_the_last_page_says_so(api, wallet, history):
    items, offset = [], 0
    while True:
        data = page(api, address=wallet, offset=offset, limit=70)
        items += data["items"]
        offset += 70
        if not data["has_next"]:
            break
    assert items == history
    last = {"address": wallet, "limit": 50}
    assert page(api, **last, offset=len(history) - 51)["has_next"] is True
    assert page(api, **last, offset=len(history) - 50)["has_next"] is False


def test_before_time_leaves_its_own_second_out(api, wallet, history):
    second = history[150]["block_unix_time"]
    expected = [row for row in history if row["block_unix_time"] < second]
    assert page(api, address=wallet, before_time=second)["items"] == expected[:100]


def test_after_time_leaves_its_own_second_out(api, wallet, history):
    second = history[30]["block_unix_time"]
    expected = [row for row in history if row["block_unix_time"] > second]
    assert page(api, address=wallet, after_time=second)["items"] == expected


def test_times_can_be_made_inclusive(market, serving, wallet, history):
    second = history[30]["block_unix_time"]
    with serving(market, inclusive_times=True) as (_, api):
        newest = page(api, address=wallet, before_time=second)["items"][0]
        oldest = page(api, address=wallet, after_time=second)["items"][-1]
    assert newest["block_unix_time"] == oldest["block_unix_time"] == second


def test_a_wallet_that_never_traded_has_an_empty_history(api, market):
    data = page(api, address=market.quiet_wallets[0])
    assert data == {"items": [], "has_next": False}


def test_both_times_together_are_422(api, wallet):
    answer = api.get(PATH, params={"address": wallet, "before_time": 10, "after_time": 5})
    assert (answer.status_code, answer.json()["success"]) == (422, False)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"address": ""},
        {"address": "x", "limit": 0},
        {"address": "x", "offset": 9_950},
        {"address": "x", "before_time": 0},
        {"address": "x", "after_time": 10_000_000_001},
        {"address": "x", "tx_type": "burn"},
        {"address": "x", "until": 3},
    ],
)
def test_what_breaks_the_rules_is_refused_with_400(api, parameters):
    answer = api.get(PATH, params=parameters)
    assert (answer.status_code, answer.json()["success"]) == (400, False)


def test_tx_type_chooses_rows_and_swap_is_the_default(tmp_path, serving):
    leg = {"address": "M", "change_amount": 1}
    lines = [
        {"tx_hash": f"t{time}", "block_unix_time": time, "tx_type": kind, "base": leg, "quote": leg}
        for time, kind in ((30, "add"), (20, "swap"), (10, "remove"))
    ]
    (tmp_path / "someone.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    recording = Recording.load(tmp_path)
    with serving(recording, clock=lambda: recording.last_row_at) as (_, api):

        def times(**parameters: Any) -> list[int]:
            rows = page(api, address="someone", **parameters)["items"]
            return [row["block_unix_time"] for row in rows]

        assert times() == [20]
        assert times(tx_type="add") == [30]
        assert times(tx_type="remove") == [10]
        assert times(tx_type="all") == [30, 20, 10]


def test_drifting_pages_repeat_rows_for_offsets_and_none_for_a_pinned_time(
    market, serving, wallet, history
):
    with serving(market, rows_drifting_per_page=5) as (_, api):
        first = page(api, address=wallet, limit=50)["items"]
        second = page(api, address=wallet, limit=50, offset=50)["items"]
        assert first == history[:50]
        assert second[:5] == history[45:50]

        oldest = first[-1]["block_unix_time"]
        pinned = page(api, address=wallet, limit=50, before_time=oldest)["items"]
        expected = [row for row in history if row["block_unix_time"] < oldest]
        assert pinned == expected[:50]
        newest = page(api, address=wallet, limit=50)["items"][0]
        assert newest["block_unix_time"] > NOW

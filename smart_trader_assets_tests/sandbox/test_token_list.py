"""GET /defi/v3/token/list."""

from typing import Any

import httpx
import pytest

PATH = "/defi/v3/token/list"
USUAL = {
    "min_liquidity": 100_000,
    "max_liquidity": 200_000_000,
    "min_volume_1h_usd": 50_000,
    "min_price_change_24h_percent": 20,
}


def items(api: httpx.Client, **parameters: Any) -> list[dict[str, Any]]:
    answer = api.get(PATH, params=parameters)
    assert answer.status_code == 200
    body = answer.json()
    assert body["success"] is True
    listed: list[dict[str, Any]] = body["data"]["items"]
    return listed


def test_lists_everything_by_falling_liquidity_unless_asked_otherwise(api, market):
    listed = items(api)
    assert len(listed) == 45
    liquidity = [item["liquidity"] for item in listed]
    assert liquidity == sorted(liquidity, reverse=True)


@pytest.mark.parametrize(
    ("sort_by", "sort_type"), [("price_change_24h_percent", "desc"), ("volume_1h_usd", "asc")]
)
def test_sorts_by_the_metric_asked_for(api, sort_by, sort_type):
    values = [item[sort_by] for item in items(api, sort_by=sort_by, sort_type=sort_type)]
    assert values == sorted(values, reverse=sort_type == "desc")


def test_unknown_metrics_come_last_in_both_orders_and_pass_no_filter(api):
    for order in ("asc", "desc"):
        listed = items(api, sort_by="recent_listing_time", sort_type=order)
        assert len(listed) == 45
        assert listed[-1]["recent_listing_time"] is None
    assert items(api, min_recent_listing_time=1) == []


def test_filters_are_inclusive_and_combined(api):
    passing = items(api, **USUAL)
    assert 35 <= len(passing) < 45
    for item in passing:
        assert 100_000 <= item["liquidity"] <= 200_000_000
        assert item["volume_1h_usd"] >= 50_000
        assert item["price_change_24h_percent"] >= 20
    bound = passing[0]["liquidity"]
    assert [i["liquidity"] for i in items(api, min_liquidity=bound, max_liquidity=bound)] == [bound]


def test_pages_are_cut_by_offset_and_limit(api):
    everything = [item["address"] for item in items(api)]
    paged = [
        item["address"] for start in (0, 20, 40) for item in items(api, offset=start, limit=20)
    ]
    assert paged == everything
    assert items(api, offset=9_900, limit=100) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "ten"},
        {"offset": -1},
        {"offset": 9_950, "limit": 100},
        {"sort_by": "beauty"},
        {"sort_type": "up"},
        {"min_liquidity": "much"},
        {"min_liquidity": "nan"},
        {"min_liquidty": 1},
        {"max_volume_1h_usd": 1},
    ],
)
def test_what_breaks_the_rules_is_refused_with_400(api, parameters):
    answer = api.get(PATH, params=parameters)
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert next(iter(parameters)) in answer.json()["message"] or "offset" in parameters

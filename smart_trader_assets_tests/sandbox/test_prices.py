"""GET and POST /defi/multi_price."""

import pytest

PATH = "/defi/multi_price"
SOL = "So11111111111111111111111111111111111111112"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
NOBODY = "11111111111111111111111111111111"


def test_prices_agree_with_the_list_and_unknown_mints_have_none(api):
    listed = api.get("/defi/v3/token/list", params={"sort_by": "holder", "limit": 10}).json()
    prices = {item["address"]: item["price"] for item in listed["data"]["items"] if item["price"]}
    named = ",".join([*prices, NOBODY, "not an address"])
    answer = api.get(PATH, params={"list_address": named}).json()["data"]
    assert answer.pop(NOBODY) is None
    assert "not an address" not in answer
    assert {mint: entry["value"] for mint, entry in answer.items()} == prices


def test_post_answers_as_get_does(api):
    named = f"{SOL},{USDC}"
    posted = api.post(PATH, json={"list_address": named})
    assert posted.json() == api.get(PATH, params={"list_address": named}).json()
    assert 50 < posted.json()["data"][SOL]["value"] < 500
    assert posted.json()["data"][USDC]["value"] == pytest.approx(1, abs=0.01)


def test_one_to_a_hundred_mints_are_allowed(api):
    too_many = ",".join(f"{SOL[:-3]}{number:03}" for number in range(101))
    for named in ("", too_many):
        assert api.get(PATH, params={"list_address": named}).status_code == 400
    assert api.post(PATH, content=b"[1").status_code == 400
    assert api.post(PATH, content=b"[1]").status_code == 400

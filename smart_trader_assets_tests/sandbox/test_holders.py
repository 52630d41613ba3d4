"""GET /defi/v3/token/holder."""

from typing import Any

import httpx
import pytest

PATH = "/defi/v3/token/holder"


@pytest.fixture(scope="module")
def crowded(api):
    """The mint with the most token accounts, and all of them."""
    listed = api.get("/defi/v3/token/list").json()["data"]["items"]
    accounts = {item["address"]: everything(api, item["address"]) for item in listed}
    return max(accounts.items(), key=lambda entry: len(entry[1]))


def everything(api: httpx.Client, mint: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    offset = 0
    while page := holders(api, address=mint, offset=offset, limit=50):
        items += page
        offset += 50
    return items


def holders(api: httpx.Client, **parameters: Any) -> list[dict[str, Any]]:
    answer = api.get(PATH, params=parameters)
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["data"]["items"]
    return items


def test_token_accounts_come_largest_first_until_a_short_page(api, crowded):
    mint, accounts = crowded
    assert 80 <= len(accounts) <= 120
    balances = [int(item["amount"]) for item in accounts]
    assert balances == sorted(balances, reverse=True)
    assert len({item["token_account"] for item in accounts}) == len(accounts)
    assert {item["mint"] for item in accounts} == {mint}


def test_raw_amounts_are_text_and_match_what_is_shown(crowded):
    for item in crowded[1]:
        assert isinstance(item["amount"], str)
        assert item["ui_amount"] == int(item["amount"]) / 10 ** item["decimals"]


def test_an_owner_may_have_several_accounts(crowded):
    owners = [item["owner"] for item in crowded[1]]
    assert 1 <= len(owners) - len(set(owners)) <= 30


def test_an_unknown_mint_has_no_holders(api):
    assert holders(api, address="11111111111111111111111111111111") == []


@pytest.mark.parametrize(
    "parameters",
    [{}, {"address": "x", "limit": 101}, {"address": "x", "ui_amount_mode": "big"}],
)
def test_what_breaks_the_rules_is_refused_with_400(api, parameters):
    answer = api.get(PATH, params=parameters)
    assert (answer.status_code, answer.json()["success"]) == (400, False)

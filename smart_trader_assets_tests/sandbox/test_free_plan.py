"""What a free account meets: its credits and their cycle, lists of ranked traders, transfers."""

from datetime import UTC, datetime, timedelta
from typing import Any

from smart_trader_assets.sandbox import SKILLS, Endpoint, SandboxPlan
from smart_trader_assets.sandbox.account import FREE_ENDPOINTS

RANKED = Endpoint.RANKED.value


def items(api: Any, **parameters: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(RANKED, params=parameters).json()["data"]["items"]
    return found


def test_the_list_names_who_has_taken_out_most_cash(market, api):
    listed = items(api, type="30d", sort_by="PnL")
    gains = [item["pnl"] for item in listed]
    assert gains == sorted(gains, reverse=True)
    assert {item["address"] for item in listed} <= set(market.wallets)
    assert all(item["trade_count"] > 0 for item in listed)
    assert items(api, type="30d", sort_type="asc", limit=1)[0]["pnl"] < 0
    characters = market.truth.characters
    skilled = sum(characters[item["address"]] in SKILLS for item in listed)
    assert skilled <= 0.15 * len(listed)


def test_an_unknown_list_is_400(api):
    assert api.get(RANKED, params={"type": "5y"}).status_code == 400
    assert api.get(RANKED, params={"limit": 101}).status_code == 400


def test_the_account_tells_its_cycle_from_its_signup_day_on(market, serving):
    signed_up = datetime(2026, 1, 20, 6, tzinfo=UTC)
    now = [signed_up + timedelta(days=40)]
    plan = SandboxPlan(monthly_credits=200, endpoints=FREE_ENDPOINTS, signed_up=signed_up)
    with serving(market, clock=lambda: now[0], plan=plan) as (server, api):
        assert api.get(Endpoint.LISTINGS.value).status_code == 200
        told = api.get(Endpoint.CREDITS.value).json()["data"]
        assert told["usage"]["total"] == 101
        assert told["remaining"]["total"] == 99
        assert told["time"]["from"] == int((signed_up + timedelta(days=30)).timestamp())
        assert told["time"]["to"] == int((signed_up + timedelta(days=60)).timestamp())
        assert api.get(Endpoint.LISTINGS.value).status_code == 400
        now[0] += timedelta(days=20)
        assert api.get(Endpoint.LISTINGS.value).status_code == 200
        assert server.credits_spent == 100


def test_the_free_plan_has_no_prices_of_many_mints(market, serving):
    with serving(market, plan=SandboxPlan(endpoints=FREE_ENDPOINTS)) as (_, api):
        refused = api.get(Endpoint.MULTI_PRICE.value, params={"list_address": "x"})
        assert refused.status_code == 401
        assert "lacks sufficient permissions" in refused.json()["message"]


def test_what_was_sent_to_a_wallet_is_told(market, api):
    sent = market.truth.transfers
    wallet = sent["wallet_address"][0]
    told = api.post(Endpoint.TRANSFERS.value, json={"wallet": wallet, "limit": 100}).json()["data"]
    assert {one["to_address"] for one in told} == {wallet}
    # Beside its tokens it got SOL once, from an exchange.
    assert 1 < len(told) <= sent.filter(wallet_address=wallet).height + 1
    times = [one["unix_time"] for one in told]
    assert times == sorted(times, reverse=True)
    assert api.get(Endpoint.TRANSFERS.value).status_code == 405

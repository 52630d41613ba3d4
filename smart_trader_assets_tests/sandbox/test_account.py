"""Key, chain and plan."""

from datetime import UTC, datetime

import pytest

from smart_trader_assets.sandbox import ControlError, Endpoint, SandboxPlan

LIST = Endpoint.LISTINGS.value
HOLDERS = Endpoint.HOLDERS.value


def test_a_missing_or_wrong_key_is_401(market, serving):
    with serving(market, api_key="open sesame") as (_, api):
        for headers in ({}, {"X-API-KEY": "open"}):
            answer = api.get(LIST, headers=headers)
            assert (answer.status_code, answer.json()) == (
                401,
                {"success": False, "message": "Unauthorized"},
            )
        assert api.get(LIST, headers={"X-API-KEY": "open sesame"}).status_code == 200


def test_another_chain_is_400(api):
    for chain in ("", "ethereum"):
        answer = api.get(LIST, headers={"x-chain": chain})
        assert (answer.status_code, answer.json()["success"]) == (400, False)


def test_more_requests_a_second_than_the_plan_grants_are_429(market, serving):
    with serving(market, plan=SandboxPlan(requests_per_second=3)) as (_, api):
        statuses = [api.get(LIST, params={"limit": 1}).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_a_month_without_credits_is_400_until_the_next_one(market, serving):
    now = [datetime(2026, 1, 31, 23, tzinfo=UTC)]
    plan = SandboxPlan(monthly_credits=160)
    with serving(market, clock=lambda: now[0], plan=plan) as (server, api):
        assert api.get(LIST).status_code == 200
        assert api.get(HOLDERS, params={"address": "x"}).status_code == 200
        refused = api.get(Endpoint.SWAPS.value, params={"address": "x"})
        assert refused.status_code == 400
        assert "Compute units usage limit exceeded" in refused.json()["message"]
        assert server.credits_spent == 150
        now[0] = datetime(2026, 2, 1, tzinfo=UTC)
        assert api.get(LIST).status_code == 200
        assert server.credits_spent == 100


def test_prices_cost_credits_by_the_number_of_mints(market, serving):
    with serving(market) as (server, api):
        named = ",".join(market.wallets[:50])
        api.get(Endpoint.MULTI_PRICE.value, params={"list_address": named})
        assert server.credits_spent == 69


def test_an_endpoint_outside_the_plan_is_401_with_its_own_text(market, serving):
    plan = SandboxPlan(endpoints=frozenset({Endpoint.LISTINGS}))
    with serving(market, plan=plan) as (_, api):
        assert api.get(LIST).status_code == 200
        refused = api.get(HOLDERS, params={"address": "x"})
        assert refused.status_code == 401
        assert "lacks sufficient permissions" in refused.json()["message"]


@pytest.mark.parametrize("limits", [{"requests_per_second": 0}, {"monthly_credits": -1}])
def test_a_plan_without_sense_is_refused(limits):
    with pytest.raises(ControlError):
        SandboxPlan(**limits)

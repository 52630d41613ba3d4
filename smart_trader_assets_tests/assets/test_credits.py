"""What waits for credits: sensors and drains say so by the same reckoning by which the assets fetch nothing."""

from datetime import timedelta
from typing import Any

import pytest

from smart_trader_assets.assets.economy import Allowed, affordable, why_it_waits
from smart_trader_assets.assets.fetch_plan import fall_due_today
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.pnl.ageing import midnight, next_midnight
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.tables.catalog import (
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WHALES,
)
from smart_trader_assets_tests.support.samples import NOW, frame, tracked_token, tracked_whale

PRICE = {"source": "live", "birdeye_api_key": "key-of-the-tests", "plan": "starter"}


def settings(store: DeltaStore, **changes: Any) -> Settings:
    given: dict[str, Any] = {
        "root": store.root,
        "as_of": NOW,
        "credit_prices": (("token_holder", 50),),
    }
    return load_settings({**PRICE, **given, **changes})


@pytest.mark.parametrize(("left", "waits"), [(49, True), (149, True), (150, False)])
def test_a_token_waits_until_all_of_its_pages_can_be_paid_for(store, put, left, waits):
    put(TRACKED_TOKENS, tracked_token("m", holder=5_000))
    asked = settings(store, holders_per_token=300, swap_pages_first=5, swap_pages_per_run=5)
    assert bool(why_it_waits(WHALES.name, store, asked, left)) is waits


def test_a_token_that_costs_less_is_fetched_before_one_that_costs_too_much(store):
    tokens = frame(
        TRACKED_TOKENS, [tracked_token(f"m{holder}", holder=holder) for holder in (150, 5_000, 7)]
    )
    asked = settings(store, holders_per_token=300)
    chosen = affordable(tokens, asked, Allowed(150, "why"))
    assert chosen["token_address"].to_list() == ["m150", "m7"]


def test_a_run_to_come_has_the_budget_of_a_run_and_not_of_the_day(store):
    access = BirdEyeAccess(settings(store, credits_per_run=10))
    assert (access.left(), access.budget().left) == (10, 5_000_000 // 31)
    assert why_it_waits(TRANSACTIONS.name, store, access.settings, access.left())


@pytest.mark.parametrize("hours", [6, 24])
def test_who_was_fetched_today_is_not_fetched_ahead_of_its_time_once_more(
    store, put, settle, hours
):
    put(TRACKED_WHALES, tracked_whale("w", transactions_fetched_at=midnight(NOW)))
    settle(TRACKED_WHALES, {"processing_status": "processed"})
    often = settings(store, wallet_refresh_hours=hours)
    assert fall_due_today(store, ["w"], often, NOW).is_empty()


@pytest.mark.parametrize(("idle_days", "is_due"), [(1, True), (80, False)])
def test_who_is_followed_is_not_fetched_before_the_day_on_which_it_falls_due(
    store, put, settle, idle_days, is_due
):
    """An interval grows with inactivity: a tenth of it, a week at most."""
    fetched = next_midnight(NOW) - timedelta(hours=25)
    put(
        TRACKED_WHALES,
        tracked_whale(
            "w",
            transactions_fetched_at=fetched,
            last_swap_at=int((fetched - timedelta(days=idle_days)).timestamp()),
        ),
    )
    settle(TRACKED_WHALES, {"processing_status": "processed"})
    assert fall_due_today(store, ["w"], settings(store), NOW).height == is_due

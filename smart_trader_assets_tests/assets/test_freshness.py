"""Every table says how old its newest materialization may be."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.assets.declare import freshness_policy
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.tables.catalog import ALL_TABLES, TOKENS, TRANSACTIONS, WALLET_PNL, WHALES


@pytest.fixture(scope="module")
def policies():
    definitions = make_definitions(load_settings({"source": "sandbox", "root": "unused"}))
    return {
        spec.key.to_user_string(): spec.freshness_policy
        for spec in definitions.resolve_all_asset_specs()
    }


def test_a_late_snapshot_warns_and_a_missing_day_fails(policies):
    policy = policies[TOKENS.name]
    assert policy.warn_window.to_timedelta() == timedelta(hours=14)
    assert policy.fail_window.to_timedelta() == timedelta(hours=26)


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_every_table_warns_before_it_fails_and_never_within_its_own_interval(policies, table):
    policy = policies[table.name]
    warn, fail = policy.warn_window.to_timedelta(), policy.fail_window.to_timedelta()
    assert timedelta(hours=12) < warn < fail
    if "whales" in table.name:
        refresh = Settings.model_fields["whale_refresh_hours"].default
        assert warn > timedelta(hours=refresh)


def test_an_interval_that_is_set_moves_what_is_late():
    settings = load_settings(
        {
            "source": "sandbox",
            "root": "unused",
            "whale_refresh_hours": 200,
            "wallet_refresh_hours": 48,
        }
    )
    policies: Mapping[str, Any] = {
        table.name: freshness_policy(table, settings) for table in ALL_TABLES
    }
    hours = {
        name: (policy.warn_window.to_timedelta(), policy.fail_window.to_timedelta())
        for name, policy in policies.items()
    }
    assert hours[WHALES.name] == (timedelta(hours=202), timedelta(hours=226))
    assert hours[TRANSACTIONS.name] == (timedelta(hours=50), timedelta(hours=74))
    assert hours[WALLET_PNL.name] == (timedelta(hours=26), timedelta(hours=50))


def test_what_a_person_materializes_at_will_is_never_late(policies):
    assert {name for name, policy in policies.items() if policy is None} == {
        "reports/smart_traders_page",
        "alerts/helius_webhook",
        "ops/queue",
    }

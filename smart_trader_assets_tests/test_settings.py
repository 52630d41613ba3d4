"""Settings come from the environment, are checked as a whole, and never show the key."""

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import ValidationError

from smart_trader_assets.settings import (
    API_KEY_VARIABLE,
    LIVE_URL,
    PREFIX,
    Settings,
    SettingsError,
    load_settings,
)

KEY = "s3cret-key-of-the-account"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in list(os.environ):
        if name.startswith(PREFIX) or name == API_KEY_VARIABLE:
            monkeypatch.delenv(name)


def test_without_a_key_the_sandbox_is_the_source_and_with_one_birdeye_is(monkeypatch):
    assert load_settings().resolved_source == "sandbox"
    assert load_settings().resolved_root == "data/sandbox"
    monkeypatch.setenv(API_KEY_VARIABLE, KEY)
    settings = load_settings()
    assert settings.resolved_source == "live"
    assert settings.resolved_root == "data/live"
    assert settings.birdeye_base_url == LIVE_URL
    assert load_settings({"source": "sandbox"}).resolved_source == "sandbox"


def test_the_defaults_are_those_of_the_free_plan_and_the_documented_thresholds():
    settings = load_settings()
    assert (settings.list_min_liquidity, settings.list_max_liquidity) == (100_000, 200_000_000)
    assert (settings.list_min_volume_1h, settings.list_min_change_24h) == (50_000, 20)
    assert (settings.list_tokens, settings.holders_per_token) == (100, 300)
    assert (settings.min_holding_usd, settings.swap_pages_per_run) == (1_000, 10)
    assert (settings.whale_refresh_hours, settings.wallet_refresh_hours) == (72, 24)
    assert (settings.token_shards, settings.wallet_shards) == (4, 16)
    assert (settings.requests_per_second, settings.credits_per_month) == (1, 30_000)


@pytest.mark.parametrize(
    ("lists", "days"), [("1W,30d", 30.0), ("1W", 30.0), ("today,90d", 90.0), ("", 30.0)]
)
def test_bets_prove_nothing_that_the_widest_list_could_have_ranked(monkeypatch, lists, days):
    monkeypatch.setenv(API_KEY_VARIABLE, KEY)
    chosen = load_settings({"candidate_lists": tuple(filter(None, lists.split(",")))})
    assert chosen.resolved_list_window_days == days
    assert load_settings({"list_window_days": 3}).resolved_list_window_days == 3


def test_further_cash_is_named_by_its_mints(monkeypatch):
    mints = ("So11111111111111111111111111111111111111112", "11111111111111111111111111111111")
    monkeypatch.setenv(PREFIX + "CASH_MINTS", ", ".join(mints))
    assert load_settings().cash_mints == mints
    monkeypatch.setenv(PREFIX + "CASH_MINTS", f"{mints[0]},USDC")
    with pytest.raises(SettingsError, match="'USDC' is not a base58 address of 32 bytes"):
        load_settings()


def test_an_override_wins_over_the_environment_and_none_leaves_it(monkeypatch):
    monkeypatch.setenv(PREFIX + "LIST_TOKENS", "50")
    assert load_settings().list_tokens == 50
    assert load_settings({"list_tokens": 7}).list_tokens == 7
    assert load_settings({"list_tokens": None}).list_tokens == 50


def test_an_empty_variable_is_no_setting_and_none_is_no_limit(monkeypatch):
    monkeypatch.setenv(PREFIX + "LIST_TOKENS", "")
    monkeypatch.setenv(PREFIX + "CREDITS_PER_RUN", "none")
    assert load_settings().list_tokens == 100
    assert load_settings().credits_per_run is None


def test_a_key_under_a_setting_s_name_is_told_where_it_goes(monkeypatch):
    monkeypatch.setenv(PREFIX + "BIRDEYE_API_KEY", "not to be seen")
    with pytest.raises(SettingsError, match=r"Put it into BIRDEYE_API_KEY\.$") as caught:
        load_settings()
    assert "not to be seen" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["notaurl", "ftp://x", "http://", "http://[", "//u:secret-word@host"]
)
def test_an_address_that_is_none_is_refused_at_once_and_not_repeated(monkeypatch, url):
    monkeypatch.setenv(PREFIX + "BIRDEYE_BASE_URL", url)
    with pytest.raises(
        SettingsError, match="BIRDEYE_BASE_URL: it is not an http or https"
    ) as caught:
        load_settings()
    assert "secret-word" not in str(caught.value)


def test_a_misspelt_variable_is_refused_with_the_nearest_name(monkeypatch):
    monkeypatch.setenv(PREFIX + "CREDIT_PER_RUN", "5")
    with pytest.raises(SettingsError, match=r"CREDIT_PER_RUN is not a setting.*CREDITS_PER_RUN\?"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("requests_per_second", "0"),
        ("list_tokens", "10001"),
        ("min_coverage", "101"),
        ("wallet_shards", "0"),
        ("max_attempts", "-1"),
        ("as_of", "2025-07-01T12:00:00"),
        ("first_day", "yesterday"),
        ("source", "elsewhere"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_variable_and_value(monkeypatch, name, value):
    monkeypatch.setenv(PREFIX + name.upper(), value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert f"{PREFIX}{name.upper()}={value!r}: " in str(refused.value)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"list_max_liquidity": 5.0, "list_min_liquidity": 10.0},
            "list_max_liquidity is below list_min_liquidity",
        ),
        (
            {"wallet_refresh_hours": 48, "wallet_refresh_limit_hours": 24},
            "wallet_refresh_limit_hours is below wallet_refresh_hours",
        ),
        ({"source": "replay"}, "replay needs replay_folder"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values, told):
    with pytest.raises(SettingsError, match=told):
        load_settings(values)


def test_the_key_is_in_no_text_of_the_settings(monkeypatch):
    monkeypatch.setenv(API_KEY_VARIABLE, KEY)
    settings = load_settings()
    assert settings.birdeye_api_key is not None
    assert settings.birdeye_api_key.get_secret_value() == KEY
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.but())):
        assert KEY not in text


def test_changed_settings_are_checked_again_and_keep_the_rest(monkeypatch):
    monkeypatch.setenv(API_KEY_VARIABLE, KEY)
    settings = load_settings({"list_tokens": 7, "root": "somewhere"})
    changed = settings.but(list_tokens=9)
    assert (changed.list_tokens, changed.resolved_root) == (9, "somewhere")
    assert changed.birdeye_api_key == settings.birdeye_api_key
    assert settings.list_tokens == 7
    with pytest.raises(SettingsError, match="LIST_TOKENS=0"):
        settings.but(list_tokens=0)
    with pytest.raises(ValidationError, match="frozen"):
        settings.list_tokens = 3


def test_the_clock_stands_where_it_is_set_in_whole_seconds_of_utc():
    elsewhere = timezone(timedelta(hours=2))
    moment = datetime(2025, 7, 1, 14, 0, 0, 999_999, tzinfo=elsewhere)
    assert load_settings({"as_of": moment}).now() == datetime(2025, 7, 1, 12, tzinfo=UTC)
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= load_settings().now() <= datetime.now(UTC)


def test_the_ledger_lies_beside_local_tables_and_in_data_otherwise(tmp_path):
    beside = load_settings({"root": str(tmp_path)})
    assert beside.resolved_state_dir == tmp_path / "ops"
    assert load_settings({"root": "s3://bucket/lake"}).resolved_state_dir == Path("data/state")
    chosen = load_settings({"root": "s3://bucket/lake", "state_dir": tmp_path})
    assert chosen.resolved_state_dir == tmp_path


def test_every_setting_says_what_it_is():
    undescribed = [name for name, field in Settings.model_fields.items() if not field.description]
    assert undescribed == []


@pytest.mark.parametrize("url", ["nonsense", "http://:swordfish-1@host", "swordfish-1"])
def test_a_broker_that_is_none_is_refused_without_being_shown(url, monkeypatch):
    monkeypatch.setenv(PREFIX + "BROKER_URL", url)
    with pytest.raises(
        SettingsError, match="SMART_TRADER_BROKER_URL: it is not a broker"
    ) as refused:
        load_settings()
    assert "swordfish" not in str(refused.value)


def test_an_endpoint_without_tls_is_refused_before_anything_is_asked(monkeypatch):
    monkeypatch.setenv(PREFIX + "STORAGE_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(SettingsError, match="STORAGE_ALLOW_HTTP=true"):
        load_settings()

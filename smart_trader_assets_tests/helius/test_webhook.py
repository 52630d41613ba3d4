"""What counts as a webhook, what a write keeps, and what a difference is."""

from __future__ import annotations

import json
import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.helius import Webhook
from smart_trader_assets.helius.followed import Difference, wallets_to_watch, why_off
from smart_trader_assets.helius.webhook import WRITABLE
from smart_trader_assets.settings import load_settings
from smart_trader_assets_tests.helius.conftest import FIELDS, WRITTEN

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text().filter(lambda name: name not in {*WRITABLE, "webhookID"})
ADDRESSES = st.lists(st.sampled_from("abcdefgh"), max_size=10)


@given(others=st.dictionaries(NAMES, VALUES, max_size=5), wanted=ADDRESSES)
def test_a_write_changes_the_addresses_and_sends_only_what_may_be_written(others, wanted):
    kept = {**WRITTEN, "webhookURL": "https://r.example", "accountAddresses": ["x"]}
    webhook = Webhook.parse("id", json.dumps({**others, **kept}).encode())
    assert json.loads(webhook.watching(wanted).as_json()) == {**kept, "accountAddresses": wanted}
    assert webhook.addresses == ("x",)


@given(watched=ADDRESSES, wanted=ADDRESSES)
def test_the_difference_leads_from_what_is_watched_to_what_is_wanted(watched, wanted):
    difference = Difference.between(watched, wanted)
    assert set(watched) - set(difference.removed) | set(difference.added) == set(wanted)
    assert not set(difference.added) & set(watched)
    assert not set(difference.removed) & set(wanted)
    assert difference.kept == len(set(watched) & set(wanted))
    assert bool(difference) is (set(watched) != set(wanted))
    assert list(difference.added) == [a for a in dict.fromkeys(wanted) if a not in watched]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (json.dumps({**FIELDS, "accountAddresses": ["a"]}).encode()[:-20], "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON|nested too deeply"),
        (b'{"webhookURL": "u", "accountAddresses": [], "x": NaN}', "not JSON"),
        (b'{"webhookURL": "u", "accountAddresses": [], "x": 1e999}', "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "no webhookURL"),
        (b'{"webhookURL": "", "accountAddresses": []}', "no webhookURL"),
        (b'{"webhookURL": "u"}', "no list of accountAddresses"),
        (b'{"webhookURL": "u", "accountAddresses": null}', "no list of accountAddresses"),
        (b'{"webhookURL": "u", "accountAddresses": [1]}', "no list of accountAddresses"),
        (b'{"webhookURL": "u", "accountAddresses": [], "webhookID": "x"}', "another webhook's"),
    ],
)
def test_what_is_not_the_whole_webhook_is_none(body, reason):
    with pytest.raises(ValueError, match=reason):
        Webhook.parse("id", body)


def test_the_best_of_the_chosen_tiers_are_watched():
    traders = pl.LazyFrame(
        {
            "wallet_address": ["third", "first", "other", "second"],
            "tier": ["STRONG", "ELITE", "QUALIFIED", "ELITE"],
            "overall_rank": [3, 1, 4, 2],
        }
    )
    tiers = ("ELITE", "STRONG")
    assert wallets_to_watch(traders, tiers=tiers, limit=100) == ["first", "second", "third"]
    assert wallets_to_watch(traders, tiers=tiers, limit=2) == ["first", "second"]
    assert wallets_to_watch(traders, tiers=tiers, limit=0) == []
    assert wallets_to_watch(traders, tiers=("PROMISING",), limit=9) == []


@pytest.mark.parametrize(
    ("source", "url", "off"),
    [
        ("live", "https://api.helius.xyz", False),
        ("sandbox", "https://api.helius.xyz", True),
        ("sandbox", "https://api.helius.xyz/", True),
        ("sandbox", "https://api-mainnet.helius-rpc.com", True),
        ("sandbox", "http://[", True),
        ("sandbox", "http://127.0.0.1:8765", False),
    ],
)
def test_invented_wallets_never_get_into_a_real_webhook(source, url, off):
    settings = load_settings(
        {
            "source": source,
            "helius_api_key": "key",
            "helius_webhook_id": "id",
            "helius_base_url": url,
        }
    )
    reason = why_off(settings)
    assert (reason is not None) is off
    assert reason is None or "sandbox root" in reason


def test_a_number_that_json_cannot_write_is_never_sent():
    with pytest.raises(ValueError, match="not JSON compliant"):
        Webhook("id", {"accountAddresses": [], "encoding": math.inf}).as_json()

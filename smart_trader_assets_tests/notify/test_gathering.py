"""What is news: once each, from when a receiver began to be told, and only what was asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import dagster as dg
import polars as pl
import pytest

from smart_trader_assets.birdeye import CreditsSpentError
from smart_trader_assets.birdeye.circuit_breaker import OpenTimes, open_breaker
from smart_trader_assets.checks.results import FailedCheck
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.notify.gathering import Outlook
from smart_trader_assets.notify.news_rules import KINDS
from smart_trader_assets.settings.notification_settings import NewsKind
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.catalog import (
    NOTIFICATIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
)
from smart_trader_assets.tables.ops import RUNS
from smart_trader_assets_tests.notify.conftest import Told
from smart_trader_assets_tests.support.samples import (
    NOW,
    tier_change,
    token_signal,
    token_trade,
    trader,
)
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, CAT

LATER = NOW + timedelta(hours=2)
HOUR = timedelta(hours=1)


@pytest.fixture
def begun(told: Told) -> Told:
    """A root that has told since `NOW`."""
    assert told.tell().success
    return told


def new(
    told: Told, as_of: datetime = LATER, receivers: tuple[str, ...] = (), **changes
) -> pl.DataFrame:
    settings = told.settings(as_of, **changes)
    names = receivers or told.store.scan(NOTIFICATIONS).collect()["receiver"].unique().to_list()
    now = datetime.now(UTC)
    return Outlook(told.store, settings, as_of, now, ()).new_rows(names).sort("happened_at")


def test_the_first_look_tells_nothing_and_begins(told: Told):
    told.put(TIER_CHANGES, tier_change(ANN, to_tier="ELITE", changed_at=NOW - HOUR))
    assert told.tell().success
    assert told.outbox.is_empty()
    rows = told.store.scan(NOTIFICATIONS).collect()
    assert rows.select("kind", "delivery_status", "happened_at").rows() == [
        ("started", "sent", NOW)
    ]
    assert new(told).is_empty()


def test_a_receiver_that_comes_later_is_told_what_happens_from_then_on(begun: Told):
    begun.put(TIER_CHANGES, tier_change(ANN, to_tier="ELITE", changed_at=NOW + HOUR))
    first = begun.store.scan(NOTIFICATIONS).collect()["receiver"].item()
    rows = new(begun, receivers=(first, "another"))
    assert set(rows.select("receiver", "kind").rows()) == {
        (first, "tiers"),
        ("another", "started"),
    }


@pytest.mark.parametrize(
    ("columns", "title"),
    [
        ({"to_tier": "ELITE"}, "is ELITE, new"),
        ({"from_tier": "STRONG", "to_tier": "PROMISING"}, "is PROMISING, from STRONG"),
        ({"from_tier": "ELITE", "to_tier": "QUALIFIED"}, "is unproven, from ELITE"),
        ({"from_tier": "ELITE", "wallet_class": "BOT"}, "left ELITE"),
        ({"to_tier": "PROMISING"}, None),
        ({"from_tier": "PROMISING"}, None),
    ],
)
def test_changes_of_the_chosen_tiers_are_told(begun: Told, columns, title):
    change = {"overall_rank": 3, "conservative_pnl": 12.5, "change": "PROMOTED"} | columns
    begun.put(TIER_CHANGES, tier_change(ANN, changed_at=NOW + HOUR, **change))
    rows = new(begun)
    assert [row["title"].endswith(title) for row in rows.to_dicts()] == ([True] if title else [])
    assert all(f"solscan.io/account/{ANN}" in body for body in rows["body"])


def signal(**columns: object) -> object:
    told = {"window": "24h", "as_of": NOW + HOUR, "traders_bought": 3, "net_flow_usd": 1_000.0}
    return token_signal(CAT, **(told | columns))


@pytest.mark.parametrize(
    ("columns", "is_told"),
    [
        ({}, True),
        ({"traders_bought": 2}, False),
        ({"net_flow_usd": 999.0}, False),
        ({"net_flow_usd": None}, False),
        ({"window": "7d"}, False),
        ({"as_of": NOW - HOUR}, False),
    ],
)
def test_a_token_that_enough_traders_bought_is_a_signal(begun: Told, columns, is_told):
    begun.put(TOKEN_SIGNALS, signal(symbol="@CAT", elite_bought=2, entry_return=-4.0, **columns))
    rows = new(begun).to_dicts()
    assert len(rows) == is_told
    for row in rows:
        assert row["title"].startswith("3 traders bought “◦CAT” ")
        assert row["body"].startswith("2 ELITE; $1,000 more bought than sold.")
        assert "4.0 % below what they paid" in row["body"]


def test_a_signal_is_told_once_a_day(begun: Told):
    begun.put(TOKEN_SIGNALS, signal())
    first = new(begun)["event_id"].to_list()
    begun.put(TOKEN_SIGNALS, signal(traders_bought=5, as_of=NOW + HOUR * 1.5))
    assert new(begun)["event_id"].to_list() == first
    begun.put(TOKEN_SIGNALS, signal(as_of=NOW + HOUR * 20))
    assert new(begun, NOW + HOUR * 20)["event_id"].to_list() != first


@pytest.mark.parametrize(
    ("wallet", "columns", "number"),
    [
        (ANN, {}, 1),
        (ANN, {"quantity": -5.0}, 1),
        (ANN, {"value_usd": 499.0}, 0),
        (ANN, {"value_usd": None}, 0),
        (ANN, {"quantity": 0.0}, 0),
        (ANN, {"block_unix_time": int(NOW.timestamp()) - 1}, 0),
        (BOB, {}, 0),
    ],
)
def test_trades_of_the_best_are_told_from_a_size_on(begun: Told, wallet, columns, number):
    begun.put(SMART_TRADERS, trader(ANN, tier="ELITE"), trader(BOB, tier="STRONG"))
    at = int((NOW + HOUR).timestamp())
    trade = {"block_unix_time": at, "quantity": 5.0, "value_usd": 500.0, "price": 100.0}
    begun.put(
        RECENT_TRADES,
        token_trade("tx", token_address=CAT, wallet_address=wallet, **(trade | columns)),
    )
    rows = new(begun).to_dicts()
    assert len(rows) == number
    for row in rows:
        deed = "bought" if trade | columns == trade else "sold"
        assert row["title"].startswith("ELITE #1 ")
        assert f" {deed} " in row["title"]
        assert row["title"].endswith(" for $500.00")
        assert row["happened_at"] == NOW + HOUR


def test_an_old_trade_is_no_news(begun: Told):
    begun.put(SMART_TRADERS, trader(ANN, tier="ELITE"))
    at = int((NOW + HOUR).timestamp())
    begun.put(
        RECENT_TRADES,
        token_trade(
            "tx",
            token_address=CAT,
            wallet_address=ANN,
            block_unix_time=at,
            quantity=1.0,
            value_usd=900.0,
        ),
    )
    # A wallet that has been idle for nearly thirty days is fetched after three, and then counted and ranked.
    assert new(begun, NOW + 84 * HOUR, notify=("trades",)).height == 1
    assert new(begun, NOW + 86 * HOUR, notify=("trades",)).height == 0
    often: dict[str, Any] = {"max_idle_days": 5.0, "wallet_refresh_hours": 6.0}
    assert new(begun, NOW + 24 * HOUR, notify=("trades",), **often).height == 1
    assert new(begun, NOW + 26 * HOUR, notify=("trades",), **often).height == 0


def failed_run(
    told: Told, run: str, asset: str, error: str | None, outcome: str = "failed"
) -> None:
    now = datetime.now(UTC)
    row = {
        "run_id": run,
        "asset": asset,
        "started_on": now.date(),
        "started_at": now,
        "finished_at": now,
        "outcome": outcome,
        "error": error,
        "total_seconds": 1.0,
        "peak_memory_mb": 1.0,
    }
    schema = {column.name: column.dtype for column in RUNS.columns}
    told.store.append(RUNS, pl.DataFrame([row], schema=schema), CommitInfo(run, asset))


def test_failed_and_overtaken_runs_are_told_once_each(begun: Told):
    failed_run(begun, "one", "bronze/whales", "StorageError: no room <left>")
    for asset in ("gold/positions", "gold/smart_traders"):
        failed_run(begun, "two", asset, "OvertakenError: another was faster")
    failed_run(begun, "three", "bronze/tokens", "CreditsSpentError: told as paused fetching")
    failed_run(begun, "four", NOTIFICATIONS.name, "StorageError: about itself")
    failed_run(begun, "five", "bronze/whales", "StorageError: no room again")
    titles = sorted(new(begun)["title"])
    assert titles == [
        "A run of bronze/whales failed",
        "A run of gold/positions and gold/smart_traders was overtaken",
    ]
    (body,) = new(begun).filter(pl.col("title").str.contains("whales"))["body"]
    assert "StorageError꞉ no room ‹left›" in body


def test_a_run_that_could_not_say_that_it_failed_is_told_too(begun: Told):
    now = datetime.now(UTC)
    broken = pl.DataFrame(
        [
            ("killed", now, "bronze/transactions"),
            ("told", now, "gold/smart_traders"),
            ("killed midway", now, "silver/token_trades"),
        ],
        schema={"run_id": pl.String, "finished_at": pl.Datetime("us", "UTC"), "asset": pl.String},
        orient="row",
    )
    failed_run(begun, "told", "gold/smart_traders", "StorageError: no room")
    failed_run(begun, "killed midway", "silver/recent_trades", None, outcome="succeeded")
    names = begun.store.scan(NOTIFICATIONS).collect()["receiver"].to_list()
    outlook = Outlook(begun.store, begun.settings(LATER), LATER, now + HOUR, (), broken_off=broken)
    rows = {row["title"]: row["body"] for row in outlook.new_rows(names).to_dicts()}
    assert rows.keys() == {
        "A run of bronze/transactions failed",
        "A run of gold/smart_traders failed",
        "A run of silver/token_trades failed",
    }
    assert "killed" in rows["A run of bronze/transactions failed"]


def failed_check(at: datetime) -> FailedCheck:
    key = dg.AssetCheckKey(dg.AssetKey(["bronze", "whales"]), "keys_are_unique")
    return FailedCheck(key, at, "2 keys come <twice>.", (), "Run `smart-trader doctor`.", {})


def test_a_failed_check_is_told_once_a_day_with_its_remedy(begun: Told):
    now = datetime.now(UTC).replace(hour=12)
    names = begun.store.scan(NOTIFICATIONS).collect()["receiver"].to_list()
    told = set()
    for minutes in (0, 5):
        check = failed_check(now + timedelta(minutes=minutes, days=1))
        outlook = Outlook(begun.store, begun.settings(LATER), LATER, now + 48 * HOUR, (check,))
        (row,) = outlook.new_rows(names).to_dicts()
        told.add(row["event_id"])
    assert len(told) == 1
    assert row["title"] == "The check keys_are_unique of bronze/whales failed"
    assert "2 keys come ‹twice›·" in row["body"]
    assert row["body"].endswith("Run `smart-trader doctor`.")


def test_spent_credits_are_told_once_a_day(begun: Told):
    times, told = OpenTimes(HOUR, HOUR, HOUR), set()
    for minutes in (0, 5):
        open_breaker(
            state_of(begun.settings()),
            CreditsSpentError(f"the account has {minutes + 1} credits left, no more"),
            now=datetime.now(UTC) + timedelta(minutes=minutes),
            times=times,
        )
        (row,) = new(begun).to_dicts()
        assert (row["kind"], row["title"]) == ("credits", "Fetching is paused")
        assert "credits left‚ no more" in row["body"]
        told.add(row["event_id"])
    assert len(told) == 1


def test_the_digest_comes_once_a_day_at_its_hour(begun: Told):
    begun.put(SMART_TRADERS, trader(ANN, tier="ELITE"), trader(BOB, tier="QUALIFIED"))
    tomorrow = NOW + timedelta(days=1)
    assert new(begun, tomorrow.replace(hour=7)).is_empty()
    (row,) = new(begun, tomorrow.replace(hour=8)).to_dicts()
    assert row["title"] == "Smart traders, 02 March 2026"
    assert row["body"].startswith("Ranked: 1 ELITE, and 1 unproven.")
    assert "Nothing here is advice" in row["body"]
    (again,) = new(begun, tomorrow.replace(hour=23)).to_dicts()
    assert again["event_id"] == row["event_id"]


@pytest.mark.parametrize("kinds", [("tiers",), ("signals",), ()])
def test_only_what_was_asked_for_is_told(begun: Told, kinds):
    begun.put(
        TIER_CHANGES, tier_change(ANN, to_tier="ELITE", changed_at=NOW + HOUR, overall_rank=1)
    )
    begun.put(TOKEN_SIGNALS, signal())
    assert tuple(new(begun, notify=kinds)["kind"]) == kinds


def test_an_invented_market_says_so(begun: Told):
    begun.put(
        TIER_CHANGES, tier_change(ANN, to_tier="ELITE", changed_at=NOW + HOUR, overall_rank=1)
    )
    settings = begun.settings(LATER).but(source="sandbox")
    names = begun.store.scan(NOTIFICATIONS).collect()["receiver"].to_list()
    rows = Outlook(begun.store, settings, LATER, datetime.now(UTC), ()).new_rows(names)
    assert rows["title"].item().startswith("Invented market: ")


def test_every_kind_that_may_be_asked_for_is_known_everywhere(begun: Told, caplog):
    assert set(get_args(NewsKind)) == set(KINDS) == set(begun.settings().notify)
    assert new(begun).is_empty()
    assert "could not be found" not in caplog.text

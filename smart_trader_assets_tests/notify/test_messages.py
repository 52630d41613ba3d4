"""The outbox at work: each message once, whatever becomes of receivers and runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.assets import messages
from smart_trader_assets.assets.keys import CONSUMER_TAG
from smart_trader_assets.lake.metadata import columns_metadata
from smart_trader_assets.notify import Message, news
from smart_trader_assets.notify.sent_journal import SentJournal
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.catalog import NOTIFICATIONS, TIER_CHANGES
from smart_trader_assets.tables.queue import read_queue
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets_tests.notify.conftest import Told
from smart_trader_assets_tests.notify.receiving import TOKEN
from smart_trader_assets_tests.support.samples import NOW, tier_change
from smart_trader_assets_tests.support.ticking import Automation

HOUR = timedelta(hours=1)
LATER = NOW + HOUR
TIERS: dict[str, Any] = {"notify": ("tiers",)}
SECOND = timedelta(seconds=1)


def change(told: Told, *wallets: str, at: datetime = NOW + HOUR / 2) -> None:
    """Each of them is ELITE now."""
    rows = [tier_change(w, to_tier="ELITE", changed_at=at, overall_rank=1) for w in wallets]
    told.put(TIER_CHANGES, *rows)


@pytest.fixture
def begun(told: Told) -> Told:
    told.tell(**TIERS)
    return told


def states(told: Told) -> list[tuple[str, int]]:
    return told.outbox.select("delivery_status", "attempts").rows()


def test_each_is_sent_once_with_its_id_however_often_one_looks(begun: Told):
    change(begun, "ann", "bob")
    for _ in range(2):
        assert begun.tell(LATER, **TIERS).success
    texts = begun.box.texts()
    assert len(texts) == 2
    for row, text in zip(
        begun.outbox.to_dicts(), sorted(texts, key=lambda t: t[-16:]), strict=True
    ):
        assert text.endswith(f"id {row['event_id']}")
        assert (row["delivery_status"], row["sent_at"]) == ("sent", LATER)
        assert row["message_id"] == row["event_id"]


def test_what_is_refused_is_tried_again_and_failed_in_the_end(begun: Told):
    begun.box.answers["box"] = [500]
    change(begun, "ann")
    now = LATER
    for attempt in (1, 2, 3):
        assert begun.tell(now, max_attempts=3, **TIERS).success
        (row,) = begun.outbox.to_dicts()
        assert row["attempts"] == attempt
        assert "500" in row["last_error"]
        assert begun.tell(now, max_attempts=3, **TIERS).success
        now = (row["next_attempt_at"] or now) + SECOND
    assert len(begun.box.asked) == 3
    assert (row["delivery_status"], row["next_attempt_at"]) == ("failed", None)
    begun.box.answers["box"] = [200]
    begun.tell(LATER + 30 * HOUR, max_attempts=3, **TIERS)
    assert begun.box.texts() == []


def test_a_receiver_in_trouble_holds_up_no_other_and_is_asked_once_a_run(begun: Told):
    begun.urls = f"{begun.box.url()} {begun.box.url('bad')}"
    begun.box.answers["bad"] = [503, 200]
    begun.tell(**TIERS)
    change(begun, "ann", "bob", "cid")
    assert begun.tell(LATER, **TIERS).success
    assert len(begun.box.texts()) == 3
    assert begun.box.asked.count("bad") == 1
    again: Any = begun.outbox["next_attempt_at"].max()
    assert begun.tell(again + SECOND, **TIERS).success
    assert len(begun.box.texts()) == len(begun.box.texts("bad")) == 3


def test_who_hangs_holds_the_run_no_longer_than_was_set(begun: Told):
    begun.urls = f"{begun.box.url('hang')} {begun.box.url()}"
    begun.tell(**TIERS)
    change(begun, "ann", "bob")
    assert begun.tell(LATER, notify_timeout_seconds=0.5, **TIERS).success
    assert len(begun.box.texts()) == 2
    assert begun.box.asked.count("hang") == 1
    (failed,) = {row["last_error"] for row in begun.outbox.to_dicts() if row["attempts"]}
    assert "no answer within 0.5 seconds" in failed


def test_a_full_hour_and_the_next_one_together_lose_nothing(begun: Told):
    change(begun, *[f"w{number}" for number in range(5)])
    begun.tell(LATER, notify_most_per_hour=1, **TIERS)
    assert [text.count("id ") for text in begun.box.texts()] == [1]
    begun.tell(LATER + HOUR / 2, notify_most_per_hour=1, **TIERS)
    assert len(begun.box.texts()) == 1
    begun.tell(LATER + HOUR, notify_most_per_hour=1, **TIERS)
    *_, together = begun.box.texts()
    assert together.startswith("4 messages in one")
    assert together.count("https://solscan.io/account/") == 4
    told = {row["event_id"] for row in begun.outbox.to_dicts()}
    assert {event for event in told if event in "".join(begun.box.texts())} == told
    assert set(states(begun)) == {("sent", 0)}


def test_what_comes_in_numbers_comes_together(begun: Told):
    change(begun, *[f"w{number}" for number in range(6)])
    begun.tell(LATER, **TIERS)
    (together,) = begun.box.texts()
    assert together.startswith("6 messages in one")
    assert len({row["message_id"] for row in begun.outbox.to_dicts()}) == 1


def test_a_message_that_is_refused_for_itself_lets_the_others_pass(begun: Told):
    begun.box.answers["box"] = [400, 200]
    change(begun, "ann", "bob", "cid")
    begun.tell(LATER, **TIERS)
    assert len(begun.box.texts()) == 2
    assert sorted(states(begun)) == [("retry", 1), ("sent", 0), ("sent", 0)]
    change(begun, "dan", at=LATER + SECOND)
    begun.tell(LATER + 2 * SECOND, **TIERS)
    assert len(begun.box.texts()) == 3


def test_a_slow_receiver_is_told_once(begun: Told):
    """Slower than the four seconds that the library waits by itself."""
    begun.urls = begun.box.url("slow")
    begun.tell(**TIERS)
    change(begun, "ann")
    begun.tell(LATER, notify_timeout_seconds=20, **TIERS)
    begun.tell(LATER + HOUR, notify_timeout_seconds=20, **TIERS)
    assert begun.box.asked == ["slow"]
    assert states(begun) == [("sent", 0)]


def test_what_was_taken_when_the_sender_died_is_not_sent_again(begun: Told):
    change(begun, "ann", "bob")
    events = begun.tell(LATER, notify_quiet_hours=f"{LATER.hour}-{LATER.hour + 1}", **TIERS)
    assert events.success
    first, _ = begun.outbox.to_dicts()
    journal = SentJournal(state_of(begun.settings()).journal(messages.JOURNAL))
    journal.note(Message(first["receiver"], (first["event_id"],), "t", "b"))
    with (begun.settings().resolved_state_dir / messages.JOURNAL).open("a") as file:
        file.write('["cut by a dea')
    begun.tell(LATER + HOUR, **TIERS)
    (text,) = begun.box.texts()
    assert first["event_id"] not in text
    assert set(states(begun)) == {("sent", 0)}
    assert list(journal.taken()) == []


def test_processing_again_is_not_telling_again(begun: Told):
    change(begun, "ann")
    begun.tell(LATER, **TIERS)
    begun.tell(LATER + HOUR, tags={"reprocess": "true"}, **TIERS)
    assert len(begun.box.texts()) == 1
    assert states(begun) == [("sent", 0)]


def test_one_kind_that_cannot_be_found_keeps_no_other_from_being_told(begun: Told, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(news, "signals", broken)
    change(begun, "ann")
    assert begun.tell(LATER, notify=("signals", "tiers")).success
    assert len(begun.box.texts()) == 1


def test_quiet_hours_end(begun: Told):
    change(begun, "ann")
    quiet: dict[str, Any] = {"notify_quiet_hours": f"{LATER.hour}-{LATER.hour + 2}"}
    begun.tell(LATER, **quiet, **TIERS)
    assert begun.box.texts() == []
    (row,) = begun.outbox.to_dicts()
    assert (row["delivery_status"], row["attempts"]) == ("retry", 0)
    assert row["next_attempt_at"] == LATER + 2 * HOUR
    begun.tell(LATER + 2 * HOUR, **quiet, **TIERS)
    assert len(begun.box.texts()) == 1


def test_what_goes_to_a_receiver_that_is_not_set_waits_for_it_some_days(begun: Told):
    there, away = begun.urls, begun.box.url("another")
    quiet: dict[str, Any] = {"notify_quiet_hours": f"{LATER.hour}-{LATER.hour + 1}"}
    change(begun, "ann")
    begun.tell(LATER, **quiet, **TIERS)
    begun.urls = away
    begun.tell(LATER + HOUR, **TIERS)
    (row,) = begun.outbox.to_dicts()
    assert (row["delivery_status"], row["attempts"]) == ("retry", 0)
    assert "not in SMART_TRADER_NOTIFY_URLS" in row["last_error"]
    begun.urls = there
    begun.tell(LATER + 8 * HOUR, **TIERS)
    assert len(begun.box.texts()) == 1


def test_after_a_week_it_has_failed(begun: Told):
    begun.box.answers["box"] = [500]
    change(begun, "ann")
    begun.tell(LATER, **TIERS)
    begun.urls = begun.box.url("another")
    begun.tell(LATER + 8 * 24 * HOUR, **TIERS)
    (row,) = begun.outbox.to_dicts()
    assert row["delivery_status"] == "failed"
    assert "not in SMART_TRADER_NOTIFY_URLS any more" in row["last_error"]


def test_a_url_that_nobody_knows_fails_the_run_and_changes_nothing(begun: Told):
    before = begun.store.version(NOTIFICATIONS)
    change(begun, "ann")
    begun.urls = f"nope://{TOKEN}"
    result = begun.tell(LATER, **TIERS)
    assert not result.success
    assert begun.store.version(NOTIFICATIONS) == before


def test_while_another_run_sends_this_one_fails_and_tells_nothing(begun: Told, monkeypatch):
    monkeypatch.setattr(messages, "_LONGEST_WAIT", 0.2)
    change(begun, "ann")
    with FileLock(begun.settings().resolved_state_dir / f"{messages.LOCK}.lock"):
        result = begun.tell(LATER, **TIERS)
        assert not result.success
    assert begun.box.texts() == []
    assert begun.tell(LATER, **TIERS).success
    assert len(begun.box.texts()) == 1


def test_a_failing_message_is_seen_in_the_queue(begun: Told):
    begun.box.answers["box"] = [500]
    change(begun, "ann")
    begun.tell(LATER, **TIERS)
    policy = due_policy(begun.settings())
    (trouble,) = read_queue(begun.store, as_of=LATER, policy=policy).troubles
    assert (trouble.table, trouble.state, trouble.attempts) == (NOTIFICATIONS.name, "retry", 1)


def test_the_sensors_ask_for_a_run_where_there_is_news_or_something_is_due(begun: Told):
    settings = begun.settings(LATER, **TIERS)
    with dg.DagsterInstance.ephemeral() as instance:
        automation = Automation(settings, instance)
        (first,) = automation.tick_sensor("news_found").requests
        assert first.asset_selection == [dg.AssetKey.from_user_string(NOTIFICATIONS.name)]
        assert "Nothing has happened" in automation.tick_sensor("news_found").skipped
        change(begun, "ann")
        (second,) = automation.tick_sensor("news_found").requests
        assert second.run_key != first.run_key
        assert "Nothing is due" in automation.tick(NOTIFICATIONS.name).skipped
        failed = automation.add_run(
            asset=NOTIFICATIONS.name, tags={CONSUMER_TAG: NOTIFICATIONS.name}
        )
        instance.report_run_failed(failed, "killed before it wrote anything down")
        (third,) = automation.tick_sensor("news_found").requests
        assert "the last run failed" in third.tags["smart_trader/why"]
        begun.box.answers["box"] = [500]
        begun.tell(LATER, **TIERS)
        again = begun.outbox["next_attempt_at"].item()
        later = Automation(begun.settings(again + SECOND, **TIERS), instance)
        (due,) = later.tick(NOTIFICATIONS.name).requests
        assert "delivery_status" in due.tags["smart_trader/why"]


def test_where_nobody_is_told_there_is_no_sensor_for_news_and_nothing_is_due(told: Told):
    def sensors(**changes: Any) -> set[str]:
        definitions = make_definitions(told.settings(**changes))
        return {sensor.name for sensor in definitions.sensors or ()}

    assert sensors() - sensors(notify_urls=" ") == {"news_found"}


def test_no_address_is_left_in_anything(begun: Told):
    begun.urls = f"{begun.box.url()} {begun.box.url('bad')}"
    begun.box.answers["bad"] = [401]
    begun.tell(**TIERS)
    change(begun, "ann")
    begun.tell(LATER, **TIERS)
    left = [path for path in begun.root.rglob("*") if path.is_file()]
    assert len(left) > 20
    assert not [path for path in left if TOKEN.encode() in path.read_bytes()]
    assert TOKEN not in repr(begun.settings())
    assert TOKEN not in str(columns_metadata(NOTIFICATIONS))
    assert Path(begun.root).exists()

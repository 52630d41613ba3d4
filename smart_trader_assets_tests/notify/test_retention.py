"""Messages that were sent are forgotten in time, and never sent again by that."""

from __future__ import annotations

from datetime import timedelta

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.retention import forget
from smart_trader_assets.tables.catalog import NOTIFICATIONS
from smart_trader_assets_tests.support.samples import NOW, STAMP, notification


def test_only_what_was_sent_long_ago_goes_and_since_when_one_is_told_stays(store: DeltaStore, put):
    def aged(event: str, days: int, **columns: object):
        at = NOW - timedelta(days=days)
        return notification(event, created_at=at, created_on=at.date(), **columns)

    sent = {"delivery_status": "sent"}
    put(
        NOTIFICATIONS,
        aged("old", 91, **sent),
        aged("young", 29, **sent),
        aged("failed", 91, delivery_status="failed"),
        aged("waiting", 91),
        aged("begun", 91, kind="started", **sent),
    )
    for days, number in ((90, 2), (1, 0)):
        forgotten = forget(store, NOTIFICATIONS, today=NOW.date(), days=days, stamp=STAMP)
        assert forgotten == number
        left = set(store.scan(NOTIFICATIONS).collect()["event_id"])
        assert left == {"young", "waiting", "begun"}

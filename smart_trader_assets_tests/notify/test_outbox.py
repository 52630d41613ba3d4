"""What goes out now, and what is held back: nothing is lost, nobody gets more than allowed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.notify.news_rules import DeliveryRules
from smart_trader_assets.notify.outbox import ABSENT, FULL, QUIET, TROUBLED, Plan, plan_messages
from smart_trader_assets.tables.catalog import NOTIFICATIONS
from smart_trader_assets_tests.support.samples import NOW, frame, notification


@dataclass(frozen=True)
class To:
    name: str
    longest: int = 3_000


ANN, BOB = To("ann"), To("bob")


def due(*rows: tuple[str, str, bool]) -> pl.DataFrame:
    """Event, receiver, and whether it was held back before."""
    return frame(
        NOTIFICATIONS,
        [
            notification(
                event,
                receiver=receiver,
                happened_at=NOW + timedelta(minutes=place),
                attempts=0,
                last_error=FULL if held else None,
            )
            for place, (event, receiver, held) in enumerate(rows)
        ],
    )


def plan(
    rows: pl.DataFrame,
    *,
    sent: dict[str, int] | None = None,
    blocked: dict[str, datetime] | None = None,
    now: datetime = NOW,
    **rules: object,
) -> Plan:
    return plan_messages(
        rows,
        [ANN, BOB],
        sent=sent or {},
        blocked=blocked or {},
        rules=DeliveryRules(**rules),  # type: ignore[arg-type]
        now=now,
    )


def events(found: Plan) -> list[tuple[str, ...]]:
    return [message.event_ids for message in found.messages]


def test_each_goes_to_its_receiver_in_the_order_in_which_it_happened():
    found = plan(due(("a", "ann", False), ("b", "bob", False), ("c", "ann", False)))
    told = [(message.receiver, message.event_ids) for message in found.messages]
    assert told == [("ann", ("a",)), ("ann", ("c",)), ("bob", ("b",))]
    assert found.held.is_empty()
    assert found.gone.is_empty()


def test_a_full_hour_holds_the_rest_back_until_the_next():
    rows = due(*[(f"e{n}", "ann", False) for n in range(5)], ("b", "bob", False))
    found = plan(rows, sent={"ann": 3}, most_per_hour=5)
    assert events(found) == [("e0",), ("e1",), ("b",)]
    assert set(found.held.rows()) == {
        (f"e{n}", "ann", NOW + timedelta(hours=1), FULL) for n in (2, 3, 4)
    }


def test_what_was_held_back_comes_together_and_first():
    rows = due(("new", "ann", False), *[(f"e{n}", "ann", True) for n in range(4)])
    assert events(plan(rows)) == [("e0", "e1", "e2", "e3"), ("new",)]
    few = due(("new", "ann", False), *[(f"e{n}", "ann", True) for n in range(3)])
    assert events(plan(few)) == [("new",), ("e0",), ("e1",), ("e2",)]


@pytest.mark.parametrize(
    ("quiet", "hour", "until"),
    [
        ((22, 7), 23, (2, 7)),
        ((22, 7), 6, (1, 7)),
        ((22, 7), 7, None),
        ((22, 7), 21, None),
        ((9, 10), 9, (1, 10)),
        ((9, 24), 23, (2, 0)),
        ((0, 6), 0, (1, 6)),
    ],
)
def test_quiet_hours_hold_everything_back_until_they_end(quiet, hour, until):
    now = datetime(2026, 3, 1, hour, 30, tzinfo=UTC)
    found = plan(due(("a", "ann", False)), now=now, quiet=quiet)
    if until is None:
        assert events(found) == [("a",)]
        return
    day, end = until
    assert found.held.rows() == [("a", "ann", datetime(2026, 3, day, end, tzinfo=UTC), QUIET)]
    assert not found.messages


def test_a_receiver_in_trouble_holds_up_nobody_else():
    until = NOW + timedelta(minutes=5)
    found = plan(due(("a", "ann", False), ("b", "bob", False)), blocked={"ann": until})
    assert events(found) == [("b",)]
    assert found.held.rows() == [("a", "ann", until, TROUBLED)]
    over = plan(due(("a", "ann", False)), blocked={"ann": NOW})
    assert events(over) == [("a",)]


def test_what_goes_to_a_receiver_that_is_not_set_waits_a_week():
    rows = due(("a", "gone", False), ("b", "bob", False))
    found = plan(rows)
    assert found.held.rows() == [("a", "gone", NOW + timedelta(hours=6), ABSENT)]
    assert found.gone.is_empty()
    assert events(found) == [("b",)]
    later = plan(rows, now=NOW + timedelta(days=8))
    assert later.gone.rows() == [("a", "gone")]


@given(
    st.lists(
        st.tuples(st.sampled_from(["ann", "bob", "gone"]), st.booleans()), min_size=1, max_size=40
    ),
    st.dictionaries(st.sampled_from(["ann", "bob"]), st.integers(0, 30)),
    st.integers(1, 12),
    st.booleans(),
)
def test_each_row_has_one_fate_and_no_hour_overflows(who, sent, most, is_quiet):
    rows = due(*[(f"e{place:02}", receiver, held) for place, (receiver, held) in enumerate(who)])
    found = plan(rows, sent=sent, most_per_hour=most, quiet=(9, 10) if is_quiet else None)
    fates = [
        *((event, message.receiver) for message in found.messages for event in message.event_ids),
        *found.held.select("event_id", "receiver").rows(),
        *found.gone.rows(),
    ]
    assert sorted(fates) == sorted(rows.select("event_id", "receiver").rows())
    for name in ("ann", "bob"):
        going = sum(message.receiver == name for message in found.messages)
        assert going <= max(0, most - sent.get(name, 0))

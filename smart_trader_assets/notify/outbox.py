"""What of the outbox goes out now, to whom, and what is held back until when: a function of its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.notify.news_rules import CHECKS, CREDITS, DIGEST, RUNS, DeliveryRules
from smart_trader_assets.notify.wording import Message, combined, single

QUIET: Final = "held back: quiet hours"
FULL: Final = "held back: as many messages in this hour as are allowed"
TROUBLED: Final = "waits behind one that the receiver did not take"

_FEW: Final = 3
"""So many that were held back, or failed, are still sent one by one."""
_MANY: Final = 5
"""More than so many of a kind at once go together."""
_WHOLE: Final = (RUNS, CHECKS, CREDITS, DIGEST)
"""Kinds whose text is needed, and that come alone."""
ABSENT: Final = "waits for its receiver, which is not in SMART_TRADER_NOTIFY_URLS"
_ABSENT_FOR: Final = timedelta(days=7)
_ASK_AGAIN: Final = timedelta(hours=6)


class Addressee(Protocol):
    """What a plan has to know of a receiver."""

    @property
    def name(self) -> str:
        """Its name in ops/notifications."""

    @property
    def longest(self) -> int:
        """The longest text that it takes."""


@dataclass(frozen=True)
class Plan:
    """messages: to send, in this order
    held: event_id, receiver, until, why: what has to wait
    gone: event_id, receiver: to a receiver that has not been set for long
    """

    messages: tuple[Message, ...]
    held: pl.DataFrame
    gone: pl.DataFrame


def plan_messages(
    due: pl.DataFrame,
    receivers: Sequence[Addressee],
    *,
    sent: dict[str, int],
    blocked: dict[str, datetime],
    rules: DeliveryRules,
    now: datetime,
) -> Plan:
    """Rows of ops/notifications that are due -> what becomes of each.

    `sent` are the messages that a receiver has had in this clock hour, `blocked` until when a receiver is left
    alone that did not take one. What was held back comes first, as few messages as hold it, and so does what
    comes in numbers; then the rest, one by one, until the hour is full. What goes to a receiver that is not set
    waits for it some days.
    """
    messages: list[Message] = []
    held: list[dict[str, object]] = []
    known = [receiver.name for receiver in receivers]
    for receiver in receivers:
        rows = due.filter(receiver=receiver.name).sort("happened_at", "event_id")
        wait = _wait(receiver.name, blocked, rules, now)
        left = max(0, rules.most_per_hour - sent.get(receiver.name, 0))
        going = [] if wait else _messages(receiver, rows)[:left]
        messages += going
        until, why = wait or (begun_hour(now) + timedelta(hours=1), FULL)
        told = {event for message in going for event in message.event_ids}
        held += [
            {"event_id": event, "receiver": receiver.name, "until": until, "why": why}
            for event in rows["event_id"]
            if event not in told
        ]
    schema = {name: due.schema[name] for name in ("event_id", "receiver")}
    absent = due.filter(~pl.col("receiver").is_in(known))
    young = pl.col("happened_at") > now - _ABSENT_FOR
    held += [
        {"event_id": event, "receiver": receiver, "until": now + _ASK_AGAIN, "why": ABSENT}
        for event, receiver in absent.filter(young).select("event_id", "receiver").iter_rows()
    ]
    return Plan(
        tuple(messages),
        pl.DataFrame(held, schema=schema | {"until": TIME, "why": pl.String()}),
        absent.filter(~young).select("event_id", "receiver"),
    )


def _wait(
    receiver: str, blocked: dict[str, datetime], rules: DeliveryRules, now: datetime
) -> tuple[datetime, str] | None:
    if until := rules.quiet_until(now):
        return until, QUIET
    troubled = blocked.get(receiver)
    return (troubled, TROUBLED) if troubled is not None and troubled > now else None


def _messages(receiver: Addressee, rows: pl.DataFrame) -> list[Message]:
    """All of them, those that go together first."""
    short = ~pl.col("kind").is_in(_WHOLE)
    waited = short & pl.col("last_error").is_not_null()
    many = short & (pl.len().over("kind") > _MANY)
    together = many | (waited & (waited.sum() > _FEW))
    marked = rows.with_columns(together=together)
    return [
        *combined(receiver.name, _texts(marked.filter("together")), receiver.longest),
        *(
            single(receiver.name, row, receiver.longest)
            for row in _texts(marked.filter(~pl.col("together")))
        ),
    ]


def _texts(rows: pl.DataFrame) -> list[dict[str, str]]:
    return rows.select(
        "event_id",
        "title",
        pl.col("body").fill_null(""),
        pl.col("happened_at").dt.strftime("%d %b %H:%M"),
    ).to_dicts()


def begun_hour(now: datetime) -> datetime:
    """When the clock hour began in which messages are counted."""
    return now.replace(minute=0, second=0, microsecond=0)

"""What a receiver has taken and no table knows of yet: a line a message, written before anything else is done.

A commit takes a hundred times as long as a line. Where a sender dies in between, the next one settles what the
lines name, instead of sending it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from smart_trader_assets.notify.wording import Message
from smart_trader_assets.state.journal import Journal


@dataclass(frozen=True)
class SentJournal:
    """A journal of one root's state; only who holds the lock on sending writes to it."""

    journal: Journal

    def note(self, message: Message) -> None:
        """The receiver has taken the message."""
        self.journal.add(json.dumps([message.receiver, message.message_id, message.event_ids]))

    def taken(self) -> Iterator[tuple[str, str, list[str]]]:
        """Receiver, id of the message and of what it told of; a line that was cut by a death is none."""
        for line in self.journal.lines():
            try:
                receiver, message_id, events = json.loads(line)
            except ValueError:
                continue
            yield receiver, message_id, events

    def clear(self) -> None:
        """The table knows it all now."""
        self.journal.clear()

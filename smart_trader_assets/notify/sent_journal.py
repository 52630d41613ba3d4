"""What a receiver has taken and no table knows of yet: a line a message, written before anything else is done.

A commit takes a hundred times as long as a line. Where a sender dies in between, the next one settles what the
lines name, instead of sending it again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smart_trader_assets.notify.wording import Message


@dataclass(frozen=True)
class SentJournal:
    """A file of one root's state; only who holds the lock on sending writes to it."""

    path: Path

    def note(self, message: Message) -> None:
        """The receiver has taken the message."""
        line = json.dumps([message.receiver, message.message_id, message.event_ids])
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def taken(self) -> Iterator[tuple[str, str, list[str]]]:
        """Receiver, id of the message and of what it told of; a line that was cut by a death is none."""
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                receiver, message_id, events = json.loads(line)
            except ValueError:
                continue
            yield receiver, message_id, events

    def clear(self) -> None:
        """The table knows it all now."""
        self.path.unlink(missing_ok=True)

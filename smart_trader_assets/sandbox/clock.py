"""The time that the stand-in believes in."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from smart_trader_assets.sandbox.errors import ControlError


class SandboxClock:
    """A clock that can be moved, on top of one that runs or stands.

    Called, it returns an aware time in UTC: that of ``base`` plus what it was moved by.
    """

    def __init__(self, base: Callable[[], datetime]) -> None:
        self._base = base
        self._moved_by = timedelta()
        self._lock = Lock()

    def __call__(self) -> datetime:
        with self._lock:
            return self._base() + self._moved_by

    def set(self, now: datetime) -> None:
        """Makes it ``now``; a naive time raises ControlError."""
        if now.tzinfo is None:
            raise ControlError(f"The clock cannot be set to {now}: give the time with its zone.")
        with self._lock:
            self._moved_by = now - self._base()

    def advance(self, by: timedelta) -> None:
        """Moves on by a span of time, or back by a negative one."""
        with self._lock:
            self._moved_by += by

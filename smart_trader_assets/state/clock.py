"""The machine's clock, and whether it has leapt ahead: whoever slept could renew nothing meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

LEAP_SECONDS: Final = 5.0
"""More than a clock that is kept right is put ahead by at once."""


class LeapingClock:
    """Compares the time of day with how long the machine has been at work, which stands still while it sleeps.

    What happened between two looks of one process is noticed, and nothing before its first.
    """

    def __init__(
        self, of_day: Callable[[], float] = time.time, at_work: Callable[[], float] = time.monotonic
    ) -> None:
        self._of_day, self._at_work = of_day, at_work
        self._ahead = of_day() - at_work()
        self._leapt: datetime | None = None
        self._looking = threading.Lock()

    def leapt_at(self) -> datetime | None:
        """When it was first seen that the clock had leapt ahead, by that clock, of several leaps the last; None
        where it has gone on evenly."""
        with self._looking:
            now = self._of_day()
            ahead = now - self._at_work()
            if ahead - self._ahead > LEAP_SECONDS:
                self._leapt = datetime.fromtimestamp(now, UTC)
            self._ahead = ahead
            return self._leapt


OF_THIS_MACHINE: Final = LeapingClock()

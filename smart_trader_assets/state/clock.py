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
        self._leapt: float | None = None
        self._looking = threading.Lock()

    def leapt_at(self) -> datetime | None:
        """When it was first seen that the clock had leapt ahead, of several leaps the last; None where it has
        gone on evenly. By the clock as it stands now: it may have been put back since."""
        with self._looking:
            now, at_work = self._of_day(), self._at_work()
            if now - at_work - self._ahead > LEAP_SECONDS:
                self._leapt = at_work
            self._ahead = now - at_work
            if self._leapt is None:
                return None
            return datetime.fromtimestamp(now - (at_work - self._leapt), UTC)


OF_THIS_MACHINE: Final = LeapingClock()

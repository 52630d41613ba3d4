"""Pages that drift: rows that arrive between one page of a wallet and the next."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from threading import Lock

from smart_trader_assets.sandbox.source import SwapItem


class Drift:
    """Lets rows that lie ahead of the clock in, a few more with each page of the same wallet.

    Nothing is invented: a row that drifts in is the one that the market shows anyway once the
    clock has passed it. ``rows_per_page`` of 0 keeps pages still.
    """

    def __init__(self, rows_per_page: int = 0) -> None:
        self._lock = Lock()
        self._pages: Counter[str] = Counter()
        self.rows_per_page = rows_per_page

    def set(self, rows_per_page: int) -> None:
        """Starts anew with so many rows a page."""
        with self._lock:
            self.rows_per_page = rows_per_page
            self._pages.clear()

    def visible(self, wallet: str, history: Sequence[SwapItem], now: int) -> Sequence[SwapItem]:
        """The rows of a history, newest first, that a page asked for at ``now`` is cut from."""
        first_past = bisect_left(history, -now, key=lambda item: -item.block_unix_time)
        with self._lock:
            arrived = self._pages[wallet] * self.rows_per_page
            self._pages[wallet] += 1
        return history[max(0, first_past - arrived) :]

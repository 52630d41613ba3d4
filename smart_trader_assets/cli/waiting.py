"""What a source makes wait for, told while it is waited for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from smart_trader_assets.birdeye.requester import WAITING


class WaitingLines(logging.Handler):
    """Prints what BirdEye makes wait for, a line each."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        self._console.print(
            f"[yellow]…[/] {escape(record.getMessage())}", highlight=False, soft_wrap=True
        )


@contextmanager
def waiting_told(console: Console) -> Iterator[None]:
    """While the block lasts, `console` tells of attempts that are repeated and answers that are waited for."""
    handler = WaitingLines(console)
    WAITING.addHandler(handler)
    before, WAITING.propagate = WAITING.propagate, False
    try:
        yield
    finally:
        WAITING.removeHandler(handler)
        WAITING.propagate = before

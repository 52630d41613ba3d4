"""`smart-trader` in a process that stops itself at a chosen write, until it is told to go on.

python -m smart_trader_assets_tests.trust.stopped 3 run --replay DIR --data ROOT
"""

from __future__ import annotations

import os
import signal
import sys

from smart_trader_assets.cli import main
from smart_trader_assets_tests.support.dying import Moment, watched_writes

if __name__ == "__main__":
    number, *arguments = sys.argv[1:]
    sys.argv = ["smart-trader", *arguments]
    left = int(number)

    def notice(now: Moment) -> None:
        """Stop at the write of that number."""
        global left  # noqa: PLW0603
        left -= now == "before"
        if not left:
            left = -1
            os.kill(os.getpid(), signal.SIGSTOP)

    with watched_writes(notice):
        main()

"""What the ranked traders hold, and what they buy and sell now.

`positions` is what each of them still holds, by its own numbers; `token_signals` sums it up by token, with what
was traded lately. Both are pure, and say from which rows they follow.
"""

from smart_trader_assets.signals.held_positions import positions
from smart_trader_assets.signals.signal_rules import SignalRules
from smart_trader_assets.signals.token_flows import SIGNAL_WINDOWS, counts, token_signals

__all__ = [
    "SIGNAL_WINDOWS",
    "SignalRules",
    "counts",
    "positions",
    "token_signals",
]

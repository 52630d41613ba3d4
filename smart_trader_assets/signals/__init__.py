"""What the ranked traders hold, and what they buy and sell now.

`positions` is what each of them still holds, by its own numbers; `token_signals` sums it up by token, with what
was traded lately; `co_trading_pairs` finds wallets that one hand seems to lead, and that have one vote
together. All are pure, and say from which rows they follow.
"""

from smart_trader_assets.signals.co_trading import (
    CoTradingRules,
    co_trading_pairs,
    members_of,
    with_clusters,
    with_hands,
)
from smart_trader_assets.signals.held_positions import positions
from smart_trader_assets.signals.signal_rules import SignalRules
from smart_trader_assets.signals.token_flows import SIGNAL_WINDOWS, counts, token_signals

__all__ = [
    "SIGNAL_WINDOWS",
    "CoTradingRules",
    "SignalRules",
    "co_trading_pairs",
    "counts",
    "members_of",
    "positions",
    "token_signals",
    "with_clusters",
    "with_hands",
]

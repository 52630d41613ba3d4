"""What the numbers assume where the source says nothing: fees, how long a price stays true, what a launch
is."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Final

from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS
from smart_trader_assets.text import content_hash

PNL_RULES: Final = "2.1"
"""The edition of the definitions."""


@dataclass(frozen=True)
class Assumptions:
    """Each is the setting of its name, but for the last.

    network_fee_sol: what a transaction costs the trader, in SOL
    trading_fee_percent: what a venue takes of what is bought or sold, beyond what the amounts show
    fallback_sol_usd: the price of SOL where a wallet shows none
    mark_life_days: after so many days a price that nobody has confirmed is worth nothing
    launch_minutes, launch_hours: what was bought so soon after the wallet's first trade of a token, and sold so
      soon after that, is early
    most_left_of_a_hop_usd: what a route may leave of a token that it only passed through
    """

    network_fee_sol: float = 0.0005
    trading_fee_percent: float = 0.0
    fallback_sol_usd: float = 150.0
    mark_life_days: float = 7.0
    launch_minutes: float = 10.0
    launch_hours: float = 1.0
    most_left_of_a_hop_usd: float = 1.0


DEFAULT_ASSUMPTIONS: Final = Assumptions()


def pnl_edition(assumptions: Assumptions, cash_mints: Mapping[str, float | None]) -> str:
    """What numbers are made by: `PNL_RULES`, and a short hash of what differs from the defaults, if anything
    does. Numbers of another edition are computed again."""
    if assumptions == DEFAULT_ASSUMPTIONS and dict(cash_mints) == dict(DEFAULT_CASH_MINTS):
        return PNL_RULES
    content = [astuple(assumptions), sorted(cash_mints.items())]
    return f"{PNL_RULES}+{content_hash(content, size=4)}"

"""What the plans of BirdEye allow, and what each endpoint costs.

Nobody publishes these figures in a form that could be read; they are what users of the service have reported,
the dearer end of each range, with the month of the report. Each can be set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

PlanName = Literal["standard", "lite", "starter", "premium"]


@dataclass(frozen=True, slots=True)
class Price:
    """Credits of one request as reported, and the month of the latest report (year-month)."""

    credits: int
    reported: str


PRICES: Final[Mapping[str, Price]] = MappingProxyType(
    {
        "token_list": Price(100, "2026-10"),
        "token_holder": Price(50, "2026-10"),
        "trader_txs": Price(12, "2026-10"),
        "gainers_losers": Price(30, "2026-10"),
        "wallet_transfers": Price(10, "2026-10"),
        "credits": Price(1, "2026-06"),
    }
)
"""By endpoint, as the ledger names it."""

CREDIT_PRICES: Final[Mapping[str, int]] = MappingProxyType(
    {endpoint: price.credits for endpoint, price in PRICES.items()}
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an account may do, and how it is best spent.

    Each figure is the default of the setting of its name: requests a second, credits a month and a run, when a
    snapshot is taken and how old (hours) the last one must be, tokens in it, owners kept of each, pages of
    swaps of a wallet before any wallet's further ones, hours until the holders of a token, a wallet's swaps and
    the lists of ranked traders are due again, these lists, and whether transfers of ranked wallets are read.
    """

    requests_per_second: float
    credits_per_month: int
    credits_per_run: int
    snapshot_cron: str
    snapshot_hours: float
    list_tokens: int
    holders_per_token: int
    swap_pages_first: int
    whale_refresh_hours: float
    wallet_refresh_hours: float
    candidate_hours: float
    candidate_lists: tuple[str, ...]
    trace_transfers: bool

    def defaults(self) -> dict[str, Any]:
        """By the name of the setting."""
        return {name: getattr(self, name) for name in self.__slots__}


_LISTS = ("1W", "30d")
_TWICE_A_DAY = "0 9,21 * * *"


def _paid(requests_per_second: float, credits_per_month: int, credits_per_run: int) -> Plan:
    return Plan(
        requests_per_second=requests_per_second,
        credits_per_month=credits_per_month,
        credits_per_run=credits_per_run,
        snapshot_cron=_TWICE_A_DAY,
        snapshot_hours=0.0,
        list_tokens=100,
        holders_per_token=300,
        swap_pages_first=1,
        whale_refresh_hours=72.0,
        wallet_refresh_hours=24.0,
        candidate_hours=20.0,
        candidate_lists=_LISTS,
        trace_transfers=True,
    )


PLANS: Final[Mapping[PlanName, Plan]] = MappingProxyType(
    {
        # A list of tokens costs a tenth of a free account's day, and the holders of one token a twentieth.
        "standard": Plan(
            requests_per_second=1.0,
            credits_per_month=30_000,
            credits_per_run=20_000,
            snapshot_cron="0 9 * * *",
            snapshot_hours=20.0,
            list_tokens=100,
            holders_per_token=100,
            swap_pages_first=1,
            whale_refresh_hours=168.0,
            wallet_refresh_hours=24.0,
            candidate_hours=68.0,
            candidate_lists=_LISTS,
            trace_transfers=False,
        ),
        "lite": _paid(15.0, 1_500_000, 200_000),
        "starter": _paid(15.0, 5_000_000, 500_000),
        "premium": _paid(50.0, 15_000_000, 1_000_000),
    }
)

"""BirdEye over HTTP: the only room that talks to its API."""

from smart_trader_assets.birdeye.account_reading import AccountReading
from smart_trader_assets.birdeye.client import PAGE_SIZE, BirdEyeClient
from smart_trader_assets.birdeye.errors import (
    ApiUnreachableError,
    BadRequestError,
    BirdEyeError,
    BlockedError,
    BudgetSpentError,
    CallerBugError,
    CreditsSpentError,
    EntityFetchError,
    FormatChangedError,
    InvalidKeyError,
    InvalidResponseError,
    MissingKeyError,
    NotFoundError,
    PlanError,
    RateLimitedError,
    RedirectedError,
    ServerError,
    ServiceOutageError,
    StateFileError,
    StopFetchingError,
)
from smart_trader_assets.birdeye.ledger import (
    Budget,
    CreditLedger,
    CreditMeter,
    Reconciled,
    Reservation,
    Spend,
)
from smart_trader_assets.birdeye.listings import (
    HolderList,
    RankedList,
    TokenList,
    TokenListFilters,
    TransferList,
)
from smart_trader_assets.birdeye.rate_gate import RateGate
from smart_trader_assets.birdeye.responses import RejectedItem
from smart_trader_assets.birdeye.swap_walk import SwapHistory

__all__ = [
    "PAGE_SIZE",
    "AccountReading",
    "ApiUnreachableError",
    "BadRequestError",
    "BirdEyeClient",
    "BirdEyeError",
    "BlockedError",
    "Budget",
    "BudgetSpentError",
    "CallerBugError",
    "CreditLedger",
    "CreditMeter",
    "CreditsSpentError",
    "EntityFetchError",
    "FormatChangedError",
    "HolderList",
    "InvalidKeyError",
    "InvalidResponseError",
    "MissingKeyError",
    "NotFoundError",
    "PlanError",
    "RankedList",
    "RateGate",
    "RateLimitedError",
    "Reconciled",
    "RedirectedError",
    "RejectedItem",
    "Reservation",
    "ServerError",
    "ServiceOutageError",
    "Spend",
    "StateFileError",
    "StopFetchingError",
    "SwapHistory",
    "TokenList",
    "TokenListFilters",
    "TransferList",
]

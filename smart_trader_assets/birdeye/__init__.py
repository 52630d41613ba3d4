"""BirdEye over HTTP: the only room that talks to the API, and the only one that imports httpx."""

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
    InvalidKeyError,
    InvalidResponseError,
    MissingKeyError,
    NotFoundError,
    PlanError,
    RateLimitedError,
    ServerError,
    ServiceOutageError,
    StateFileError,
    StopFetchingError,
)
from smart_trader_assets.birdeye.ledger import (
    CREDIT_PRICES,
    CreditLedger,
    CreditMeter,
    Reservation,
    Spend,
)
from smart_trader_assets.birdeye.listings import HolderList, TokenList, TokenListFilters
from smart_trader_assets.birdeye.rate_gate import RateGate
from smart_trader_assets.birdeye.responses import RejectedItem
from smart_trader_assets.birdeye.swap_walk import SwapHistory

__all__ = [
    "CREDIT_PRICES",
    "PAGE_SIZE",
    "ApiUnreachableError",
    "BadRequestError",
    "BirdEyeClient",
    "BirdEyeError",
    "BlockedError",
    "BudgetSpentError",
    "CallerBugError",
    "CreditLedger",
    "CreditMeter",
    "CreditsSpentError",
    "EntityFetchError",
    "HolderList",
    "InvalidKeyError",
    "InvalidResponseError",
    "MissingKeyError",
    "NotFoundError",
    "PlanError",
    "RateGate",
    "RateLimitedError",
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
]

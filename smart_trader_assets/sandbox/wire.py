"""The words of the API that more than one module needs."""

import json
from enum import StrEnum

from starlette.exceptions import HTTPException


class Endpoint(StrEnum):
    """The paths that the stand-in speaks."""

    LISTINGS = "/defi/v3/token/list"
    HOLDERS = "/defi/v3/token/holder"
    SWAPS = "/trader/txs/seek_by_time"
    MULTI_PRICE = "/defi/multi_price"
    RANKED = "/trader/gainers-losers"
    TRANSFERS = "/wallet/v2/transfer"
    CREDITS = "/utils/v1/credits"


class HeliusEndpoint(StrEnum):
    """What it speaks of Helius; a webhook's id may follow the path."""

    WEBHOOKS = "/v0/webhooks"


AnyEndpoint = Endpoint | HeliusEndpoint


def endpoint_at(path: str) -> AnyEndpoint:
    """The endpoint of that path; ValueError where there is none."""
    return HeliusEndpoint(path) if path in set(HeliusEndpoint) else Endpoint(path)


CREDITS_SPENT = "Compute units usage limit exceeded"
NO_PERMISSION = (
    "Your API key is either suspended or lacks sufficient permissions to access this resource"
)
BAD_KEY = "Unauthorized"
TOO_MANY_REQUESTS = "Too many requests"

MAX_UNIX_TIME = 10_000_000_000
"""The latest time that the API knows."""
WINDOWS = (1, 2, 4, 8, 24)
"""The hours that a listing looks back."""


def holder_item(
    mint: str, owner: str, account: str, raw: int, decimals: int, shown: float
) -> dict[str, object]:
    """A token account: its balance in raw units, and as it is shown."""
    return {
        "amount": str(raw),
        "decimals": decimals,
        "mint": mint,
        "owner": owner,
        "token_account": account,
        "ui_amount": shown,
        "is_scaled_ui_token": False,
        "multiplier": None,
    }


class RefusalError(HTTPException):
    """An answer that is a refusal: an HTTP status, the message of its envelope, and headers."""


def encode(value: object) -> str:
    """Compact JSON; a number that JSON cannot write raises ValueError."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

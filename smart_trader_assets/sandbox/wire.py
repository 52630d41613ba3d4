"""The words of the API that more than one module needs."""

import json
from enum import StrEnum


class Endpoint(StrEnum):
    """The paths that the stand-in speaks."""

    LISTINGS = "/defi/v3/token/list"
    HOLDERS = "/defi/v3/token/holder"
    SWAPS = "/trader/txs/seek_by_time"
    MULTI_PRICE = "/defi/multi_price"


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


class RefusalError(Exception):
    """An answer that is a refusal: an HTTP status and the message of its envelope."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def success(payload: str) -> str:
    """The envelope of an answer; ``payload`` is JSON text already."""
    return f'{{"success":true,"data":{payload}}}'


def failure(message: str) -> str:
    """The envelope of a refusal."""
    return encode({"success": False, "message": message})


def encode(value: object) -> str:
    """Compact JSON; a number that JSON cannot write raises ValueError."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

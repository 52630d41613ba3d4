"""Turns a refusal into the error that says who is to blame and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from smart_trader_assets.birdeye.errors import (
    BadRequestError,
    BirdEyeError,
    BlockedError,
    CallerBugError,
    CreditsSpentError,
    InvalidKeyError,
    NotFoundError,
    PlanError,
    RateLimitedError,
    ServerError,
)

_CREDITS_TEXT = re.compile(r"compute units? usage limit exceeded", re.IGNORECASE)
_PLAN_TEXT = re.compile(r"suspended|lacks sufficient permission", re.IGNORECASE)

_REFUSALS: Mapping[int, tuple[type[BirdEyeError], str]] = {
    401: (InvalidKeyError, "check that BIRDEYE_API_KEY is the key of an active account"),
    403: (BlockedError, "allow this machine's address for the key at BirdEye, or ask its support"),
    404: (NotFoundError, "BirdEye does not know it; leave it out or try it again another day"),
    408: (ServerError, "try again later"),
    422: (CallerBugError, "this is a bug in the program: report the request"),
    429: (
        RateLimitedError,
        "lower the requests per second, or find out what else uses the account",
    ),
}
_CLIENT_ERRORS = range(400, 500)
_SUCCESSES = range(200, 300)


def refusal(
    status: int,
    text: str,
    *,
    asked: str,
    endpoint: str,
    entity: str,
    headers: Mapping[str, str],
) -> BirdEyeError:
    """The error for a failing `status`, or for a 200 that says `success: false`.

    `text` is what the server said, already without the key; `asked` names the question; `headers` have
    lower-case names.
    """
    kind, remedy = _classify(status, text)
    said = f' ("{text}")' if text else ""
    answered = f"success: false with {status}" if status in _SUCCESSES else str(status)
    message = f"{asked} was answered with {answered}{said}: {remedy}."
    if kind is RateLimitedError:
        return RateLimitedError(
            message,
            endpoint=endpoint,
            entity=entity,
            status=status,
            retry_after=retry_after_seconds(headers),
        )
    return kind(message, endpoint=endpoint, entity=entity, status=status)


def _classify(status: int, text: str) -> tuple[type[BirdEyeError], str]:
    if status in {200, 400} and _CREDITS_TEXT.search(text):
        return CreditsSpentError, (
            "the account's credits of this month are used up; wait for the next month or buy more"
        )
    if status in {200, 401} and _PLAN_TEXT.search(text):
        return PlanError, "the account is suspended or its plan lacks this endpoint; check the plan"
    if status in _REFUSALS:
        return _REFUSALS[status]
    if status in _CLIENT_ERRORS:
        return BadRequestError, "check the address and the parameters"
    return ServerError, "the server is at fault; it will be tried again later"


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait that `Retry-After` asks for: seconds, or a date compared with the server's own.

    None where the header is absent or cannot be parsed.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    until = _http_date(value)
    if until is None:
        return None
    now = _http_date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""The Helius client: reads one webhook by its id, and writes it back whole."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Self

import httpx
from pydantic import SecretStr
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random

from smart_trader_assets.helius.errors import (
    HeliusError,
    HeliusKeyError,
    HeliusRefusedError,
    HeliusResponseError,
    HeliusUnavailableError,
    WebhookNotFoundError,
)
from smart_trader_assets.helius.keyed_transport import KeyedTransport, redact
from smart_trader_assets.helius.webhook import Webhook

MAX_BACKOFF_SECONDS = 30.0
LONGEST_QUOTE = 200

_WEBHOOK_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_REFUSALS: Mapping[int, tuple[type[HeliusError], str]] = {
    401: (HeliusKeyError, "check that HELIUS_API_KEY is the key of an active account"),
    403: (HeliusKeyError, "check what the key and the account's plan allow"),
    404: (
        WebhookNotFoundError,
        "the account has no such webhook; set SMART_TRADER_HELIUS_WEBHOOK_ID to one that it has. No other is "
        "chosen or made in its place",
    ),
    429: (HeliusUnavailableError, "the account's rate limit is reached; run it again later"),
}
_LEFT_ALONE = "The webhook is unchanged."
_UNKNOWN = "Whether the change arrived is not known; the next run reads the webhook and compares."


class HeliusClient:
    """Reads and writes webhooks of one account. A context manager.

    base_url: where the API is, without path and query
    api_key: the account's key; it travels in the URL, which no log and no error shows
    timeout: seconds for connecting, and for each wait for bytes
    attempts: how often a read is sent where the failure may be temporary; a write is sent once, since it costs
        credits and may have arrived
    backoff_seconds: the first wait between attempts; it doubles, with jitter

    Every call raises a `HeliusError`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: SecretStr,
        timeout: float = 20.0,
        attempts: int = 3,
        backoff_seconds: float = 1.0,
    ) -> None:
        _check_key(api_key)
        self._api_key = api_key
        self._base_url = _checked_url(base_url)
        self._attempts = attempts
        self._wait = wait_exponential(
            multiplier=backoff_seconds, max=MAX_BACKOFF_SECONDS
        ) + wait_random(0, backoff_seconds)
        self._http = httpx.Client(
            transport=KeyedTransport(api_key),
            headers={"accept": "application/json"},
            timeout=timeout,
        )

    def __enter__(self) -> Self:
        self._http.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.__exit__(kind, error, trace)

    def webhook(self, webhook_id: str) -> Webhook:
        """The webhook of that id, whole: a partial or broken one is an error, never a webhook."""
        path = _path(webhook_id)
        response = Retrying(
            stop=stop_after_attempt(self._attempts),
            wait=self._wait,
            retry=retry_if_exception_type(HeliusUnavailableError),
            reraise=True,
        )(self._send, "GET", path)
        return _parsed(response, webhook_id, f"GET {path}", _LEFT_ALONE)

    def write(self, webhook: Webhook) -> None:
        """Replace the webhook by `webhook`; HeliusResponseError where Helius then shows another list."""
        path = _path(webhook.webhook_id)
        response = self._send("PUT", path, webhook)
        answered = _parsed(response, webhook.webhook_id, f"PUT {path}", _UNKNOWN)
        if set(answered.addresses) != set(webhook.addresses):
            raise HeliusResponseError(
                f"PUT {path} sent {len(webhook.addresses):,} addresses, and Helius answered with "
                f"{len(answered.addresses):,} others: check the webhook in the Helius dashboard. "
                "The next run reads it and compares.",
                status=response.status_code,
            )

    def _send(self, method: str, path: str, webhook: Webhook | None = None) -> httpx.Response:
        """One request that is answered with a success; anything else is raised."""
        secrets = webhook.secrets if webhook else ()
        try:
            response = self._http.request(
                method,
                self._base_url + path,
                content=webhook.as_json() if webhook else None,
                headers={"content-type": "application/json"} if webhook else None,
            )
        except httpx.RequestError as error:
            detail = redact(f"{type(error).__name__} {error}".strip(), self._api_key, *secrets)
            failure = _unanswered(method, path, self._base_url, detail, error)
        else:
            if response.is_success:
                return response
            said = redact(_message(response), self._api_key, *secrets)[:LONGEST_QUOTE]
            failure = _refusal(method, path, response.status_code, said)
        # Raised outside of the except block: httpx's error must not be part of what is reported.
        raise failure


def _parsed(response: httpx.Response, webhook_id: str, request: str, outcome: str) -> Webhook:
    try:
        return Webhook.parse(webhook_id, response.content)
    except ValueError as error:
        reason = str(error)
    # Outside of the except block too: a parser's error may hold the body, and with it its secrets.
    raise HeliusResponseError(
        f"{request} was answered with {response.status_code} and a body that is not the whole webhook: "
        f"{reason}. {outcome} Check whether the base URL is Helius's.",
        status=response.status_code,
    )


def _unanswered(
    method: str, path: str, base_url: str, detail: str, error: httpx.RequestError
) -> HeliusError:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return HeliusUnavailableError(
            f"{method} {path} could not reach {base_url} ({detail}): check the network, the base URL and "
            f"the service's status. {_LEFT_ALONE}"
        )
    return HeliusUnavailableError(
        f"{method} {path} broke off without a whole answer ({detail}): run it again later. "
        f"{_LEFT_ALONE if method == 'GET' else _UNKNOWN}"
    )


def _refusal(method: str, path: str, status: int, said: str) -> HeliusError:
    kind, remedy = _classify(status)
    unsure = method != "GET" and status >= HTTPStatus.INTERNAL_SERVER_ERROR
    quoted = f' ("{said}")' if said else ""
    return kind(
        f"{method} {path} was answered with {status}{quoted}: {remedy}. "
        f"{_UNKNOWN if unsure else _LEFT_ALONE}",
        status=status,
    )


def _classify(status: int) -> tuple[type[HeliusError], str]:
    if status in _REFUSALS:
        return _REFUSALS[status]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return HeliusUnavailableError, "the server is at fault; run it again later"
    if status >= HTTPStatus.BAD_REQUEST:
        return HeliusRefusedError, "check what Helius says about the webhook and the account"
    return HeliusRefusedError, "the base URL does not seem to be Helius's"


def _message(response: httpx.Response) -> str:
    """What the server says went wrong, where it has a field for that."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    said = body.get("error") or body.get("message")
    return " ".join(said.split()) if isinstance(said, str) else ""


def _path(webhook_id: str) -> str:
    if not _WEBHOOK_ID.fullmatch(webhook_id):
        # Not quoted: a pasted URL of a webhook contains the key.
        raise WebhookNotFoundError(
            "The webhook's id has characters other than letters, digits and hyphens: set "
            "SMART_TRADER_HELIUS_WEBHOOK_ID to the id alone, not to a URL."
        )
    return f"/v0/webhooks/{webhook_id}"


def _check_key(api_key: SecretStr) -> None:
    key = api_key.get_secret_value()
    if not key or not (key.isascii() and key.isprintable()) or " " in key:
        raise HeliusKeyError(
            "The Helius API key is empty or has blanks or characters that a key cannot have: copy it into "
            "HELIUS_API_KEY again."
        )


def _checked_url(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.userinfo:
        raise HeliusRefusedError(
            "The base URL of Helius is not an http or https address, or has a query or a user: set it to "
            "https://api.helius.xyz or leave it out. The key belongs in HELIUS_API_KEY."
        )
    return str(url).rstrip("/")

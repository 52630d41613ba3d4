"""Puts the API key into the URL where the request leaves, and nowhere earlier.

Helius takes the key as a query parameter. httpx logs each request's URL, and its errors carry the
request; with the key added below all of that, the request that they see has none.
"""

from __future__ import annotations

import logging
from urllib.parse import quote

import httpx
from pydantic import SecretStr

_PARAMETER = "api-key"

# Logs the headers of answers at DEBUG, and a redirect's Location repeats the URL that was asked for.
_HEADER_LOGGER = logging.getLogger("httpcore.http11")


class KeyedTransport(httpx.BaseTransport):
    """An HTTP transport that adds the key to every request's URL."""

    def __init__(self, api_key: SecretStr) -> None:
        self._api_key = api_key
        self._redaction = _Redaction(api_key)
        self._inner = httpx.HTTPTransport()
        _HEADER_LOGGER.addFilter(self._redaction)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` with the key."""
        keyed = httpx.Request(
            request.method,
            request.url.copy_merge_params({_PARAMETER: self._api_key.get_secret_value()}),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return self._inner.handle_request(keyed)

    def close(self) -> None:
        """Close the connections."""
        _HEADER_LOGGER.removeFilter(self._redaction)
        self._inner.close()


class _Redaction(logging.Filter):
    def __init__(self, api_key: SecretStr) -> None:
        super().__init__()
        self._api_key = api_key

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage(), self._api_key), ()
        return True


def redact(text: str, api_key: SecretStr, *others: str) -> str:
    """`text` without the key, as it is and as a URL encodes it, and without `others`."""
    key = api_key.get_secret_value()
    for secret in (key, quote(key, safe=""), *others):
        text = text.replace(secret, "***")
    return text

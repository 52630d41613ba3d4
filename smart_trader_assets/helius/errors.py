"""What can go wrong between this pipeline and Helius.

Every message names the request by its method and path, the HTTP status where there was one, and the
remedy. None carries the API key, the webhook's URL or its authorization header.
"""

from smart_trader_assets.errors import SmartTraderError


class HeliusError(SmartTraderError):
    """Anything that Helius, or the way to it, refuses; `status` is the HTTP status, if there was one."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class HeliusKeyError(HeliusError):
    """The key is missing, unfit for a URL, unknown to Helius (401) or not allowed to do this (403)."""


class WebhookNotFoundError(HeliusError):
    """The account has no webhook of that id (404), or what was given is not an id."""


class HeliusRefusedError(HeliusError):
    """Helius refuses the request (another 4xx, or a redirect)."""


class HeliusUnavailableError(HeliusError):
    """No usable answer: no connection, a timeout, a cut body, the rate limit (429), a 5xx."""


class HeliusResponseError(HeliusError):
    """A complete answer that is not the webhook that was asked for."""

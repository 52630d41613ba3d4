"""Helius over HTTP: the one webhook whose addresses follow the ranking."""

from smart_trader_assets.helius.client import HeliusClient
from smart_trader_assets.helius.errors import (
    HeliusError,
    HeliusKeyError,
    HeliusRefusedError,
    HeliusResponseError,
    HeliusUnavailableError,
    WebhookNotFoundError,
)
from smart_trader_assets.helius.webhook import Webhook

__all__ = [
    "HeliusClient",
    "HeliusError",
    "HeliusKeyError",
    "HeliusRefusedError",
    "HeliusResponseError",
    "HeliusUnavailableError",
    "Webhook",
    "WebhookNotFoundError",
]

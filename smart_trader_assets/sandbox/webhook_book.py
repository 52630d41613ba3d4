"""The webhooks that an account of Helius has."""

import copy
import uuid
from collections.abc import Mapping
from threading import Lock
from typing import Any

from smart_trader_assets.sandbox.wire import RefusalError

CREDITS_PER_WRITE = 100
MOST_ADDRESSES = 100_000

Fields = dict[str, Any]


class WebhookBook:
    """Webhooks by id. Safe to change from any thread.

    With an ``api_key`` a request without it gets 401. A PUT replaces the whole object: what it leaves
    out is gone. ``credits_spent`` counts what creating, editing and deleting cost.
    """

    def __init__(self) -> None:
        self.api_key: str | None = None
        self.credits_spent = 0
        self._lock = Lock()
        self._webhooks: dict[str, Fields] = {}

    def create(self, fields: Mapping[str, Any]) -> Fields:
        """Makes a webhook and gives it an id."""
        webhook_id = str(uuid.uuid4())
        return self._store(webhook_id, fields)

    def replace(self, webhook_id: str, fields: Mapping[str, Any]) -> Fields:
        """Puts ``fields`` in the place of the webhook's own."""
        self.get(webhook_id)
        return self._store(webhook_id, fields)

    def delete(self, webhook_id: str) -> None:
        """Takes the webhook out."""
        with self._lock:
            if self._webhooks.pop(webhook_id, None) is None:
                raise _unknown(webhook_id)
            self.credits_spent += CREDITS_PER_WRITE

    def get(self, webhook_id: str) -> Fields:
        """The webhook, or a refusal with 404."""
        with self._lock:
            if webhook_id not in self._webhooks:
                raise _unknown(webhook_id)
            return copy.deepcopy(self._webhooks[webhook_id])

    def all(self) -> list[Fields]:
        """Every webhook, oldest first."""
        with self._lock:
            return copy.deepcopy(list(self._webhooks.values()))

    def _store(self, webhook_id: str, fields: Mapping[str, Any]) -> Fields:
        if not fields.get("webhookURL"):
            raise RefusalError(400, "webhookURL is missing")
        addresses = fields.get("accountAddresses")
        if not isinstance(addresses, list) or len(addresses) > MOST_ADDRESSES:
            raise RefusalError(
                400, f"accountAddresses should be a list of at most {MOST_ADDRESSES} addresses"
            )
        with self._lock:
            self._webhooks[webhook_id] = {
                **copy.deepcopy(dict(fields)),
                "webhookID": webhook_id,
            }
            self.credits_spent += CREDITS_PER_WRITE
        return self.get(webhook_id)


def _unknown(webhook_id: str) -> RefusalError:
    return RefusalError(404, f"webhook {webhook_id} not found")

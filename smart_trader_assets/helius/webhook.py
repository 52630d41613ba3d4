"""One webhook as Helius holds it: its addresses, and every other field that may be written kept as received."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

_ADDRESSES = "accountAddresses"
_URL = "webhookURL"
_ID = "webhookID"
_SECRETS = (_URL, "authHeader")
WRITABLE = frozenset(
    {_URL, _ADDRESSES, "transactionTypes", "webhookType", "authHeader", "txnStatus", "encoding"}
)
"""The fields that a PUT takes, as users of the service have found out."""


@dataclass(frozen=True)
class Webhook:
    """A webhook that was read whole.

    `fields` is the object as Helius sent it, fields unknown to this program included. It is left out
    of the repr: the URL and the authorization header may be secrets.
    """

    webhook_id: str
    fields: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, webhook_id: str, body: bytes) -> Self:
        """Read a webhook from JSON; ValueError says why `body` is not the whole webhook `webhook_id`."""
        try:
            fields = json.loads(body, parse_float=_finite, parse_constant=_finite)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except ValueError:
            # The parser's own error would carry the body along.
            raise ValueError(f"its {len(body):,} bytes are not JSON") from None
        if reason := _unfit(fields, webhook_id):
            raise ValueError(reason)
        return cls(webhook_id, fields)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that it watches, in its own order."""
        return tuple(self.fields[_ADDRESSES])

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown: the webhook's URL and its authorization header."""
        values = (self.fields.get(name) for name in _SECRETS)
        return tuple(value for value in values if isinstance(value, str) and value)

    @property
    def written(self) -> Mapping[str, Any]:
        """What a PUT may send: Helius refuses fields that it shows and does not let anybody write."""
        return {name: value for name, value in self.fields.items() if name in WRITABLE}

    def watching(self, addresses: Iterable[str]) -> Self:
        """The same webhook with other addresses; no other field differs."""
        return type(self)(self.webhook_id, {**self.fields, _ADDRESSES: list(addresses)})

    def as_json(self) -> bytes:
        """The whole object, as a PUT sends it."""
        return json.dumps(self.written, separators=(",", ":"), allow_nan=False).encode()


def _unfit(fields: object, webhook_id: str) -> str | None:
    """What keeps `fields` from being the whole webhook of that id."""
    if not isinstance(fields, dict):
        return "it is not a JSON object"
    if fields.get(_ID, webhook_id) != webhook_id:
        return "it is another webhook's"
    if not isinstance(fields.get(_URL), str) or not fields[_URL]:
        return f"it has no {_URL}"
    addresses = fields.get(_ADDRESSES)
    if not isinstance(addresses, list) or not all(isinstance(one, str) for one in addresses):
        return f"it has no list of {_ADDRESSES}"
    return None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a JSON number")
    return number

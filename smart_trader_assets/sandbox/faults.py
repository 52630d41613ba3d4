"""Misbehaviour on request: which answers go wrong, how, and how often."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Any

from smart_trader_assets.sandbox.errors import ControlError
from smart_trader_assets.sandbox.wire import AnyEndpoint, endpoint_at


class FaultKind(StrEnum):
    """What can go wrong with an answer."""

    LATENCY = "latency"
    """The answer is right and comes ``seconds`` late."""
    RATE_LIMITED = "rate_limited"
    """429, with a Retry-After header where ``retry_after`` is given."""
    SERVER_ERROR = "server_error"
    """A 5xx, ``status``."""
    CUT_BODY = "cut_body"
    """Half of the right body, then the connection closes."""
    INVALID_JSON = "invalid_json"
    """200 and a page of HTML."""
    UNSUCCESSFUL = "unsuccessful"
    """200 and ``"success": false``."""
    HANG = "hang"
    """No answer until the client gives up."""
    RESET = "reset"
    """The connection is reset before an answer."""
    CREDITS_SPENT = "credits_spent"
    """400 with the text of a month without credits."""
    BAD_KEY = "bad_key"
    """401 as for a wrong key."""
    NOT_IN_PLAN = "not_in_plan"
    """401 as for an endpoint that the plan does not include."""
    FORBIDDEN = "forbidden"
    """403."""
    NOT_FOUND = "not_found"
    """404, as for a wallet or a token that nobody knows."""
    SHORT_PAGE = "short_page"
    """Half of the page, and the word that more follows."""
    REPEATED_PAGE = "repeated_page"
    """The first page again, whatever ``offset`` asks for."""
    UNREADABLE_ITEMS = "unreadable_items"
    """Every second item of the page is not what it should be; of a page with one item, that one."""
    REDIRECT = "redirect"
    """302 to a place that is none of the API's."""
    DRIP = "drip"
    """The right answer, a byte every ``seconds``."""


_SLOW = (FaultKind.LATENCY, FaultKind.DRIP)
SERVER_STATUSES = range(500, 600)


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule: the requests that it hits, from which on, how many of them, and with what.

    ``endpoint`` and ``entity`` (a wallet, a mint or a webhook) narrow the rule, None hits all. The first
    ``after`` requests that match pass unharmed; the next ``times`` are hit, None for ever.
    """

    kind: FaultKind
    endpoint: AnyEndpoint | None = None
    entity: str | None = None
    after: int = 0
    times: int | None = 1
    seconds: float = 0.0
    retry_after: float | None = None
    status: int = 500

    def __post_init__(self) -> None:
        if self.after < 0 or (self.times is not None and self.times < 1):
            raise ControlError(
                f"A fault lets 0 or more requests pass and hits 1 or more (or None for ever), "
                f"not after={self.after}, times={self.times}."
            )
        if self.seconds < 0 or (self.kind in _SLOW and self.seconds == 0):
            raise ControlError(f"A {self.kind} needs seconds above 0, not {self.seconds}.")
        if self.status not in SERVER_STATUSES:
            raise ControlError(f"A server error has a status of 500 to 599, not {self.status}.")

    @classmethod
    def from_json(cls, body: object) -> "Fault":
        """Reads a rule as it comes over HTTP; anything unknown or mistyped raises ControlError."""
        if not isinstance(body, Mapping):
            raise ControlError("A fault is a JSON object with at least a kind.")
        if unknown := sorted(body.keys() - READERS.keys()):
            known = ", ".join(sorted(READERS))
            raise ControlError(f"A fault has no {', '.join(unknown)}; it has {known}.")
        given: dict[str, Any] = {"kind": None, **body}
        try:
            for name, value in given.items():
                if value is not None or name not in NULLABLE:
                    given[name] = READERS[name](value)
            return cls(**given)
        except (TypeError, ValueError) as error:
            raise ControlError(f"The fault cannot be read: {error}.") from error

    def hits(self, endpoint: AnyEndpoint, entities: frozenset[str]) -> bool:
        """Whether the rule is about such a request."""
        return self.endpoint in (None, endpoint) and self.entity in (None, *entities)

    def is_used_up(self, matched: int) -> bool:
        """Whether that many requests that matched leave it nothing to hit."""
        return self.times is not None and matched >= self.after + self.times


READERS: dict[str, Callable[[Any], Any]] = {
    "kind": lambda value: FaultKind(str(value)),
    "endpoint": endpoint_at,
    "entity": str,
    "after": int,
    "times": int,
    "seconds": float,
    "retry_after": float,
    "status": int,
}
"""How each field of a fault is read from JSON."""
NULLABLE = {"endpoint", "entity", "times", "retry_after"}


class FaultBook:
    """The rules in force, in the order of their arrival. Safe to change from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rules: list[Fault] = []
        self._matched: list[int] = []

    def __len__(self) -> int:
        return len(self.rules)

    @property
    def rules(self) -> list[Fault]:
        """The rules that are in force or still to come; a rule that is used up is gone."""
        with self._lock:
            counted = zip(self._rules, self._matched, strict=True)
            return [rule for rule, matched in counted if not rule.is_used_up(matched)]

    def add(self, *rules: Fault) -> None:
        """Puts rules in force."""
        with self._lock:
            self._rules += rules
            self._matched += [0] * len(rules)

    def clear(self) -> None:
        """Everything answers as it should again."""
        with self._lock:
            self._rules.clear()
            self._matched.clear()

    def due(self, endpoint: AnyEndpoint, entities: frozenset[str]) -> list[Fault]:
        """The rules that hit this request: every latency, then at most one other fault."""
        latencies: list[Fault] = []
        others: list[Fault] = []
        with self._lock:
            for index, rule in enumerate(self._rules):
                hit = latencies if rule.kind is FaultKind.LATENCY else others
                matched = self._matched[index]
                if (hit is others and others) or rule.is_used_up(matched):
                    continue
                if rule.hits(endpoint, entities):
                    self._matched[index] += 1
                    if matched >= rule.after:
                        hit.append(rule)
        return latencies + others

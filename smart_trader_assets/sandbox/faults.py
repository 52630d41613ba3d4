"""Misbehaviour on request: which answers go wrong, how, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from threading import Lock

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
        if self.seconds < 0 or (self.kind is FaultKind.LATENCY and self.seconds == 0):
            raise ControlError(f"A latency needs seconds above 0, not {self.seconds}.")
        if self.status not in SERVER_STATUSES:
            raise ControlError(f"A server error has a status of 500 to 599, not {self.status}.")

    @classmethod
    def from_json(cls, body: object) -> "Fault":
        """Reads a rule as it comes over HTTP; anything unknown or mistyped raises ControlError."""
        if not isinstance(body, Mapping):
            raise ControlError("A fault is a JSON object with at least a kind.")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(body) - known):
            raise ControlError(
                f"A fault has no {', '.join(unknown)}; it has {', '.join(sorted(known))}."
            )
        try:
            return cls(
                kind=FaultKind(str(body.get("kind"))),
                endpoint=None if body.get("endpoint") is None else endpoint_at(body["endpoint"]),
                entity=None if body.get("entity") is None else str(body["entity"]),
                after=int(body.get("after", 0)),
                times=None if body.get("times", 1) is None else int(body.get("times", 1)),
                seconds=float(body.get("seconds", 0.0)),
                retry_after=(
                    None if body.get("retry_after") is None else float(body["retry_after"])
                ),
                status=int(body.get("status", 500)),
            )
        except (TypeError, ValueError) as error:
            raise ControlError(f"The fault cannot be read: {error}.") from error

    def hits(self, endpoint: AnyEndpoint, entities: frozenset[str]) -> bool:
        """Whether the rule is about such a request."""
        return self.endpoint in (None, endpoint) and (
            self.entity is None or self.entity in entities
        )


class FaultBook:
    """The rules in force, in the order of their arrival. Safe to change from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._matched: dict[int, int] = {}
        self._rules: list[Fault] = []

    def __len__(self) -> int:
        return len(self.rules)

    @property
    def rules(self) -> list[Fault]:
        """The rules that are in force or still to come; a rule that is used up is gone."""
        with self._lock:
            return [
                rule
                for index, rule in enumerate(self._rules)
                if rule.times is None or self._matched[index] < rule.after + rule.times
            ]

    def add(self, *rules: Fault) -> None:
        """Puts rules in force."""
        with self._lock:
            for rule in rules:
                self._matched[len(self._rules)] = 0
                self._rules.append(rule)

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
                if not rule.hits(endpoint, entities):
                    continue
                if others and rule.kind is not FaultKind.LATENCY:
                    continue
                seen = self._matched[index]
                used_up = rule.times is not None and seen >= rule.after + rule.times
                if used_up:
                    continue
                self._matched[index] = seen + 1
                if seen >= rule.after:
                    (latencies if rule.kind is FaultKind.LATENCY else others).append(rule)
        return latencies + others

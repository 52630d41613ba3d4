"""Receivers of messages: whatever apprise has a URL for.

A URL is a secret. A receiver is known by its kind and a hash of it, and no error or log has more.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from smart_trader_assets.notify.errors import NotificationError, ReceiverError
from smart_trader_assets.text import shown_text, without

LONGEST_REASON: Final = 300
LONGEST_MESSAGE: Final = 3_500
_SPARE: Final = 150
"""Signs for the title, which some services put into the text."""
_ANSWER_AFTER: Final = 1.0
"""Seconds for the library to say what its own timeout was about."""
_SEPARATORS: Final = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)|\s+")
_LOGGERS: Final = ("apprise", "urllib3.connectionpool", "urllib3.util.retry", "requests")
_REFUSED: Final = re.compile(r"error=(401|403|404)\b")
OF_THE_MESSAGE: Final = r"error=4(?:0[0256-9]|1\d|2[0-8]|[3-9]\d)\b"
"""An answer that refuses this message and no other."""
SHORTEST_LIMIT: Final = 300
"""A receiver that takes less than that cannot be told anything whole."""


@dataclass(frozen=True)
class Receiver:
    """Where messages go: `name` is its kind with a hash of its URL, `service` what apprise calls it."""

    name: str
    service: str
    longest: int
    _plugin: Any = field(repr=False)
    _secrets: tuple[str, ...] = field(repr=False)

    def send(self, title: str, body: str, *, timeout: float) -> None:
        """Hand over a message; ReceiverError where it is not taken within `timeout` seconds.

        What is under way then is left to itself: an answer that comes later is not heard.
        """
        outcome: list[bool] = []
        said: list[str] = []
        # One time for all: what is given up here must not be delivered by the library afterwards, nor what it
        # gives up be waited for.
        self._plugin.socket_connect_timeout = self._plugin.socket_read_timeout = timeout
        self._plugin.request_rate_per_sec = 0

        def work() -> None:
            with _heard(said):
                try:
                    outcome.append(bool(self._plugin.notify(title=title, body=body)))
                except Exception as error:  # noqa: BLE001 - its text may hold the URL
                    said.append(f"{type(error).__name__}.")

        thread = threading.Thread(target=work, name=f"to {self.name}", daemon=True)
        began = time.monotonic()
        thread.start()
        thread.join(timeout + _ANSWER_AFTER)
        if outcome == [True]:
            return
        if thread.is_alive() or time.monotonic() - began >= timeout:
            raise ReceiverError(f"{self.name} gave no answer within {timeout:g} seconds.")
        reason = self._reason(said)
        raise ReceiverError(
            f"{self.name} did not take it: {reason}",
            of_the_message=re.search(OF_THE_MESSAGE, reason) is not None,
        )

    def _reason(self, said: list[str]) -> str:
        told = " ".join(said) or "it does not say why."
        told = shown_text(without(self._secrets, told), LONGEST_REASON)
        if _REFUSED.search(told):
            return (
                f"{told} Its URL is wrong, or no longer valid: mend it in SMART_TRADER_NOTIFY_URLS."
            )
        return told


def receivers_of(urls: SecretStr | None) -> tuple[Receiver, ...]:
    """The receivers behind URLs that blanks, commas or new lines separate; none where nothing is set.

    NotificationError for a URL that apprise does not know, named by its place and its kind.
    """
    if urls is None:
        return ()
    parts = [part.strip(",") for part in _SEPARATORS.split(urls.get_secret_value().strip())]
    distinct = dict.fromkeys(filter(None, parts))
    return tuple(_receiver(place, url) for place, url in enumerate(distinct, start=1))


def _receiver(place: int, url: str) -> Receiver:
    kind = urlsplit(url).scheme.lower() if "://" in url else ""
    # Plain text, wherever the service has it: an answer to what the text holds is not left to each of them.
    plain = url if "format=" in url else f"{url}{'&' if '?' in url else '?'}format=text"
    # Importing it takes a third of a second, which nobody needs who is told nothing.
    import apprise  # noqa: PLC0415

    with _heard([]):
        try:
            plugin = apprise.Apprise.instantiate(plain, suppress_exceptions=True) if kind else None
        except Exception:  # noqa: BLE001 - some plugins raise what they like, with the URL in it
            plugin = None
    if plugin is None:
        of_kind = f", of the kind {kind}://," if kind else ""
        raise NotificationError(
            f"URL {place} in SMART_TRADER_NOTIFY_URLS{of_kind} is none that apprise knows, or lacks a part: "
            "docs/notifications.md shows how they look."
        )
    if len(plugin) > 1:
        raise NotificationError(
            f"URL {place} in SMART_TRADER_NOTIFY_URLS leads to {len(plugin)} places: give each a URL of its "
            "own, or one that fails would have the others told again."
        )
    longest = min(LONGEST_MESSAGE, int(plugin.body_maxlen)) - _SPARE
    if longest < SHORTEST_LIMIT:
        raise NotificationError(
            f"URL {place} in SMART_TRADER_NOTIFY_URLS: {plugin.service_name} takes no more than "
            f"{plugin.body_maxlen} signs, which is too little for a message."
        )
    return Receiver(
        name=f"{_slug(str(plugin.service_name))}-{sha256(url.encode()).hexdigest()[:6]}",
        service=str(plugin.service_name),
        longest=longest,
        _plugin=plugin,
        _secrets=tuple(_secrets_in(url)),
    )


def _secrets_in(url: str) -> Iterator[str]:
    """The URL, and each part of it that may be a password or a token."""
    yield url
    yield from filter(None, re.split(r"[/:@?&=#]+", url)[1:])
    yield from filter(None, re.split(r"[/:@?&=#]+", unquote(url))[1:])


@contextmanager
def _heard(said: list[str]) -> Iterator[None]:
    """What is logged about the sending in this thread: its warnings go to `said`, and nothing goes anywhere
    else, since it may name a URL."""
    listener = _Listener(said)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(listener)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(listener)


class _Listener(logging.Filter):
    """Takes what the thread logs that made it, and lets everything else pass."""

    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        if record.levelno >= logging.WARNING and record.name == _LOGGERS[0]:
            self._said.append(record.getMessage())
        return False


def _slug(service: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", service.lower()).strip("-")

"""One request to BirdEye: its turn, its credits, its retries, and what its answer means."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr, ValidationError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_any,
)
from tenacity.stop import stop_base
from tenacity.wait import wait_base, wait_exponential, wait_random

from smart_trader_assets.birdeye.errors import (
    ApiUnreachableError,
    BirdEyeError,
    InvalidKeyError,
    InvalidResponseError,
    MissingKeyError,
    RateLimitedError,
    RedirectedError,
    ServerError,
)
from smart_trader_assets.birdeye.ledger import CreditMeter
from smart_trader_assets.birdeye.rate_gate import RateGate
from smart_trader_assets.birdeye.refusals import refusal
from smart_trader_assets.birdeye.responses import EXCERPT_LENGTH, Envelope, Page, decode_json
from smart_trader_assets.text import without

MAX_BACKOFF_SECONDS = 30.0
LONGEST_RETRY_AFTER_SECONDS = 120.0
KEEP_ALIVE_SECONDS = 60.0
LONGEST_QUOTED_BODY = 65_536
WALLET_GROUP = ("/v1/wallet", "/wallet/v2")
"""Beginnings of the paths that have a rate limit of their own."""
WHOLE_ANSWER = 3.0
"""Times the timeout: what an answer may take from the request to its last byte."""

_UNREACHABLE = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)

PATIENCE_SECONDS = 5.0
WAITING = logging.getLogger(__name__)
"""Tells of attempts that are repeated, and of answers that are waited for."""

Parameters = Mapping[str, str | int]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Question:
    """A path and its parameters, about which entity, and what the answer costs on which line of the ledger.

    Where it `is_posted` the parameters go as a JSON body, else in the address.
    """

    path: str
    parameters: Parameters
    entity: str
    meter_as: str
    credits: int
    attempts: int | None = None
    """As many as the requester makes, if it does not say."""
    is_posted: bool = False

    @property
    def method(self) -> str:
        """GET or POST."""
        return "POST" if self.is_posted else "GET"

    @property
    def words(self) -> str:
        """How messages name it."""
        return f"{self.method} {self.path} for {self.entity}"


OnAnswer = Callable[[Question, httpx.Response], None]


class Requester:
    """Sends questions and returns pages, or raises one of `errors`.

    Temporary failures (429, 5xx, timeouts, no connection, broken answers) are tried `attempts` times
    with growing, jittered waits from `backoff_seconds` on. A `Retry-After` holds the whole gate,
    since the limit is the account's; one above `LONGEST_RETRY_AFTER_SECONDS` ends the attempts.
    `before_request` is called when a request is about to leave, and stops it by raising; `on_answer` with
    every answer that came, whatever it says.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: SecretStr,
        gate: RateGate,
        wallet_gate: RateGate | None,
        meter: CreditMeter,
        timeout: float,
        attempts: int,
        concurrency: int,
        backoff_seconds: float,
        before_request: Callable[[], None] | None = None,
        on_answer: OnAnswer | None = None,
    ) -> None:
        _check_key(api_key)
        self._api_key = api_key
        self._base_url = _checked_url(base_url)
        self._gate = gate
        self._wallet_gate = wallet_gate
        self._meter = meter
        self._before_request = before_request
        self._on_answer = on_answer
        self._attempts = attempts
        self._told_at = 0.0
        self._timeout = timeout
        self._wait = _Backoff(backoff_seconds)
        self._slots = asyncio.Semaphore(concurrency)
        self._http = httpx.AsyncClient(
            headers={
                "X-API-KEY": api_key.get_secret_value(),
                "x-chain": "solana",
                "accept": "application/json",
            },
            timeout=timeout,
            # Without TLS there is nothing to verify, and reading the authorities takes longer than a request.
            verify=self._base_url.startswith("https:"),
            # Opening a new connection would disturb the even pace that the server sees.
            limits=httpx.Limits(
                max_connections=concurrency,
                max_keepalive_connections=concurrency,
                keepalive_expiry=KEEP_ALIVE_SECONDS,
            ),
        )

    async def __aenter__(self) -> Requester:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def page(self, question: Question) -> Page:
        """One page of a list endpoint, retried where the failure may be temporary."""
        return await self.ask(Page.model_validate, question)

    async def ask(self, read: Callable[[Any], Answer], question: Question) -> Answer:
        """What `read` makes of an answer's `data`, retried likewise; where it raises ValueError the answer is
        none."""
        paid = _PaidTwice()
        retrying = AsyncRetrying(
            stop=stop_any(stop_after_attempt(self._attempts_of(question)), paid),
            wait=self._wait,
            retry=retry_if_exception(_may_pass),
            before_sleep=self._tell_retry,
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                number = attempt.retry_state.attempt_number
                return await self._attempt(read, question, number, paid)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(
        self, read: Callable[[Any], Answer], question: Question, number: int, paid: _PaidTwice
    ) -> Answer:
        async with self._slots:
            reservation = await self._meter.reserve_aside(question.meter_as, question.credits)
            departure = _Departure(self._gate)
            try:
                response = await self._send(question, number, departure)
            finally:
                # Once a success has begun it is charged, whether or not it comes to its end here.
                if departure.is_success:
                    paid.times += 1
                else:
                    await self._meter.refund_aside(reservation)
        if self._on_answer is not None:
            self._on_answer(question, response)
        try:
            return self._read(read, response, question)
        except RateLimitedError as error:
            if error.retry_after and _worth_waiting(error):
                await self._gate.hold(error.retry_after)
            raise

    async def _send(self, question: Question, number: int, departure: _Departure) -> httpx.Response:
        if self._wallet_gate is not None and question.path.startswith(WALLET_GROUP):
            await self._wallet_gate.acquire()
        departure.turn = await self._gate.acquire()
        if self._before_request is not None:
            self._before_request()
        try:
            # Between bytes httpx waits by itself; an answer that drips has to come to its end, too.
            async with (
                asyncio.timeout(WHOLE_ANSWER * self._timeout),
                self._patience(question, number),
            ):
                asked = dict(question.parameters)
                return await self._http.request(
                    question.method,
                    self._base_url + question.path,
                    params=None if question.is_posted else asked,
                    json=asked if question.is_posted else None,
                    extensions={"trace": departure},
                )
        except httpx.RequestError as error:
            failure = self._transport_error(error, question)
        except TimeoutError:
            failure = ServerError(
                f"{question.words} was not answered to the end within "
                f"{WHOLE_ANSWER * self._timeout:g} s: it will be tried again later; raise "
                "SMART_TRADER_REQUEST_TIMEOUT_SECONDS if this repeats.",
                endpoint=question.path,
                entity=question.entity,
            )
        # Raised outside of the except block: httpx's errors carry the request with its headers, and
        # an error's context is kept where the error is stored or serialized.
        raise failure

    def _attempts_of(self, question: Question) -> int:
        return self._attempts if question.attempts is None else question.attempts

    @asynccontextmanager
    async def _patience(self, question: Question, number: int) -> AsyncIterator[None]:
        """Says what is waited for, and until when, once an answer has been missing for a while."""
        until = datetime.now(UTC) + timedelta(seconds=self._timeout)
        told = asyncio.get_running_loop().call_later(
            PATIENCE_SECONDS,
            self._tell,
            f"{question.words} has not been answered for {PATIENCE_SECONDS:g} s: "
            f"attempt {number} of {self._attempts_of(question)} is given up at {until:%H:%M:%S} UTC "
            "where nothing comes",
        )
        try:
            yield
        finally:
            told.cancel()

    def _tell_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        self._tell(
            f"{str(error).partition(': ')[0]}: attempt {state.attempt_number + 1} of {self._attempts} follows "
            f"in {wait:.0f} s"
        )

    def _tell(self, text: str) -> None:
        """One line every now and then, however many requests wait."""
        now = time.monotonic()
        if now - self._told_at >= PATIENCE_SECONDS or self._told_at == 0.0:
            self._told_at = now
            WAITING.warning("%s", self.redact(text))

    def _transport_error(self, error: httpx.RequestError, question: Question) -> BirdEyeError:
        detail = self.redact(f"{type(error).__name__} {error}".strip())
        if isinstance(error, _UNREACHABLE):
            return ApiUnreachableError(
                f"{question.words} could not reach {self._base_url} ({detail}): check the network, the base "
                "URL and the service's status.",
                endpoint=question.path,
                entity=question.entity,
            )
        return ServerError(
            f"{question.words} broke off without an answer from {self._base_url} ({detail}): it will be "
            "tried again later; raise SMART_TRADER_REQUEST_TIMEOUT_SECONDS if this repeats.",
            endpoint=question.path,
            entity=question.entity,
        )

    def _read(
        self, read: Callable[[Any], Answer], response: httpx.Response, question: Question
    ) -> Answer:
        path, entity = question.path, question.entity
        if response.is_redirect:
            place = self.redact(response.headers.get("location", "nowhere"))[:EXCERPT_LENGTH]
            raise RedirectedError(
                f"{question.words} was answered with {response.status_code}, to {place}: set "
                "SMART_TRADER_BIRDEYE_BASE_URL to where the API is now.",
                endpoint=path,
                entity=entity,
                status=response.status_code,
            )
        envelope = self._envelope(response)
        if response.is_success and envelope is not None and envelope.success:
            try:
                return read(envelope.data)
            except ValueError:
                envelope = None
        if response.is_success and envelope is None:
            raise InvalidResponseError(
                f"{question.words} was answered with {response.status_code} and a body that "
                f"is not the documented envelope (it begins {self._beginning(response)!r}): check "
                "whether the base URL is BirdEye's and whether its API has changed.",
                endpoint=path,
                entity=entity,
                status=response.status_code,
            )
        said = envelope.message if envelope else self._beginning(response)
        raise refusal(
            response.status_code,
            self.redact(said or "")[:EXCERPT_LENGTH],
            asked=question.words,
            endpoint=path,
            entity=entity,
            headers=response.headers,
        )

    def _envelope(self, response: httpx.Response) -> Envelope | None:
        try:
            return Envelope.model_validate(decode_json(response.content))
        except (ValueError, ValidationError):
            return None

    def _beginning(self, response: httpx.Response) -> str:
        text = response.content[:LONGEST_QUOTED_BODY].decode("utf-8", "replace")
        return self.redact(text)[:EXCERPT_LENGTH]

    def redact(self, text: str) -> str:
        """`text` without the key, should a server have echoed it."""
        return without((self._api_key.get_secret_value(),), text)


class _Departure:
    """Watches one request leave, tells the gate where a connection delayed it, and sees the status before
    the body."""

    def __init__(self, gate: RateGate) -> None:
        self._gate = gate
        self._connected = False
        self.turn = 0
        self.is_success = False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self._connected = True
        elif event == "http11.send_request_headers.started" and self._connected:
            await self._gate.postpone(self.turn)
        elif event == "http11.receive_response_headers.complete":
            _, status, *_ = info["return_value"]
            self.is_success = httpx.codes.is_success(status)


class _Backoff(wait_base):
    """Exponential with jitter, and never shorter than the server asked for."""

    def __init__(self, first_seconds: float) -> None:
        self._growing = wait_exponential(
            multiplier=first_seconds, max=MAX_BACKOFF_SECONDS
        ) + wait_random(0, first_seconds)

    def __call__(self, retry_state: RetryCallState) -> float:
        wait = self._growing(retry_state)
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after if isinstance(error, RateLimitedError) else None
        return max(wait, asked or 0.0)


class _PaidTwice(stop_base):
    """An answer that is paid for and cannot be used is asked for once more, and not again. One a request."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, retry_state: RetryCallState) -> bool:  # noqa: ARG002
        return self.times > 1


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, RateLimitedError):
        return _worth_waiting(error)
    return isinstance(error, ServerError | ApiUnreachableError)


def _worth_waiting(error: RateLimitedError) -> bool:
    return (error.retry_after or 0.0) <= LONGEST_RETRY_AFTER_SECONDS


def _check_key(api_key: SecretStr) -> None:
    key = api_key.get_secret_value()
    if not key.strip():
        raise MissingKeyError("No BirdEye API key is set: put it into BIRDEYE_API_KEY.")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidKeyError(
            "The BirdEye API key has blanks or characters that a header cannot carry: copy it "
            "into BIRDEYE_API_KEY again."
        )


def _checked_url(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise ApiUnreachableError(
            "The base URL of BirdEye is not an http or https address: set it to "
            "https://public-api.birdeye.so or leave it out."
        )
    return str(url.copy_with(userinfo=b"")).rstrip("/")

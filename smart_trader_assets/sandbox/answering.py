"""From a request over HTTP to an answer, right or wrong as the faults in force tell."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from smart_trader_assets.sandbox import connection
from smart_trader_assets.sandbox.faults import Fault, FaultKind
from smart_trader_assets.sandbox.sandbox import Sandbox
from smart_trader_assets.sandbox.wire import (
    BAD_KEY,
    CREDITS_SPENT,
    NO_PERMISSION,
    TOO_MANY_REQUESTS,
    AnyEndpoint,
    RefusalError,
)

HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"

REFUSING = {
    FaultKind.CREDITS_SPENT: (400, CREDITS_SPENT),
    FaultKind.BAD_KEY: (401, BAD_KEY),
    FaultKind.NOT_IN_PLAN: (401, NO_PERMISSION),
    FaultKind.FORBIDDEN: (403, "Forbidden"),
    FaultKind.NOT_FOUND: (404, "Not found"),
}


class Answering(ABC):
    """One endpoint as an ASGI application; what it answers is its service's."""

    def __init__(self, sandbox: Sandbox, endpoint: AnyEndpoint) -> None:
        self._sandbox = sandbox
        self._at = endpoint

    @abstractmethod
    async def _parameters(self, request: Request) -> dict[str, str]:
        """What is asked for, as the request log keeps it: no key among it."""

    @abstractmethod
    def _entities(self, parameters: dict[str, str]) -> frozenset[str]:
        """The wallets, mints or webhooks that are asked for."""

    @abstractmethod
    def _check_caller(self, request: Request) -> None:
        """RefusalError for a caller without the right key."""

    @abstractmethod
    async def _text(self, request: Request, parameters: dict[str, str]) -> str:
        """The JSON text of a success, or RefusalError."""

    @abstractmethod
    def _failure(self, message: str) -> str:
        """The JSON text of a refusal."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request = Request(scope, receive)
        try:
            parameters = await self._parameters(request)
            entities = self._entities(parameters)
            self._sandbox.requests.record(self._at, entities, urlencode(sorted(parameters.items())))
            self._check_caller(request)
            faults = self._sandbox.faults.due(self._at, entities)
            await self._delay(sum(f.seconds for f in faults if f.kind is FaultKind.LATENCY))
            fault = next((f for f in faults if f.kind is not FaultKind.LATENCY), None)
            if fault is not None and await self._break_connection(fault, scope, receive):
                return
            _refuse(fault)
            text = await self._text(request, parameters)
        except RefusalError as refusal:
            await _response(refusal.status, self._failure(refusal.message), refusal.headers)(
                scope, receive, send
            )
            return
        if fault is None:
            await _response(200, text)(scope, receive, send)
        elif fault.kind is FaultKind.CUT_BODY:
            await _send_half(text, scope, receive, send)
        else:
            is_html = fault.kind is FaultKind.INVALID_JSON
            wrong = HTML if is_html else self._failure("Something failed")
            await _response(200, wrong)(scope, receive, send)

    async def _delay(self, seconds: float) -> None:
        if seconds:
            await self._or_closing(asyncio.sleep(seconds))

    async def _break_connection(self, fault: Fault, scope: Scope, receive: Receive) -> bool:
        if fault.kind is FaultKind.RESET:
            await connection.reset(scope, receive)
            return True
        if fault.kind is FaultKind.HANG:
            await self._or_closing(connection.disconnected(receive))
            await connection.close(scope, receive)
            return True
        return False

    async def _or_closing(self, waited_for: Awaitable[None]) -> None:
        # A server that stops must not wait for a client that waits for the server.
        tasks = [
            asyncio.ensure_future(waited_for),
            asyncio.ensure_future(self._sandbox.closing.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


def _refuse(fault: Fault | None) -> None:
    if fault is None:
        return
    if fault.kind is FaultKind.RATE_LIMITED:
        wait = fault.retry_after
        headers = {} if wait is None else {"Retry-After": f"{wait:g}"}
        raise RefusalError(429, TOO_MANY_REQUESTS, headers)
    if fault.kind is FaultKind.SERVER_ERROR:
        raise RefusalError(fault.status, "Internal server error")
    if fault.kind in REFUSING:
        raise RefusalError(*REFUSING[fault.kind])


def _response(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, headers, "application/json")


async def _send_half(text: str, scope: Scope, receive: Receive, send: Send) -> None:
    body = text.encode()
    length = str(len(body)).encode()
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), (b"content-length", length)],
        }
    )
    half = body[: len(body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    await connection.close(scope, receive)

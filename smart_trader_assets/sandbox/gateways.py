"""From a request over HTTP to an answer, right or wrong as the faults in force tell."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from abc import ABC, abstractmethod
from asyncio import BaseTransport, Transport
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from smart_trader_assets.sandbox.birdeye_api import mints_of
from smart_trader_assets.sandbox.errors import SandboxError
from smart_trader_assets.sandbox.faults import Fault, FaultKind
from smart_trader_assets.sandbox.sandbox import Sandbox
from smart_trader_assets.sandbox.wire import (
    BAD_KEY,
    CREDITS_SPENT,
    NO_PERMISSION,
    TOO_MANY_REQUESTS,
    AnyEndpoint,
    Endpoint,
    HeliusEndpoint,
    RefusalError,
    encode,
)

CHAIN = "solana"
HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"
REFUSING = {
    FaultKind.CREDITS_SPENT: (400, CREDITS_SPENT),
    FaultKind.BAD_KEY: (401, BAD_KEY),
    FaultKind.NOT_IN_PLAN: (401, NO_PERMISSION),
    FaultKind.FORBIDDEN: (403, "Forbidden"),
    FaultKind.NOT_FOUND: (404, "Not found"),
}

_TRANSPORT = "smart_trader.transport"


class JSONText(Response):
    """An answer whose body is JSON text already."""

    media_type = "application/json"


class Gateway(ABC):
    """One endpoint over HTTP; what it answers is its service's."""

    def __init__(self, sandbox: Sandbox, endpoint: AnyEndpoint) -> None:
        self._sandbox = sandbox
        self._at = endpoint

    @abstractmethod
    async def _asked(self, request: Request) -> tuple[dict[str, str], frozenset[str]]:
        """The parameters as the log keeps them, no key among them, and the entities they name."""

    @abstractmethod
    def _check_caller(self, request: Request) -> None:
        """RefusalError for a caller without the right key."""

    @abstractmethod
    async def _text(self, request: Request, parameters: dict[str, str], entity_count: int) -> str:
        """The JSON text of a success, or RefusalError."""

    async def answer(self, request: Request) -> Response:
        """Answers one request."""
        parameters, entities = await self._asked(request)
        self._sandbox.requests.record(self._at, entities, urlencode(sorted(parameters.items())))
        self._check_caller(request)
        faults = self._sandbox.faults.due(self._at, entities)
        if seconds := sum(each.seconds for each in faults if each.kind is FaultKind.LATENCY):
            await self._or_closing(asyncio.sleep(seconds))
        fault = next((each for each in faults if each.kind is not FaultKind.LATENCY), None)
        if fault is not None:
            _refuse(fault)
            if fault.kind is FaultKind.HANG:
                await self._or_closing(_disconnected(request.receive))
            if fault.kind in (FaultKind.HANG, FaultKind.RESET):
                reset = fault.kind is FaultKind.RESET
                await _end_connection(request.scope, request.receive, reset=reset)
                return Response()  # to nobody
            if fault.kind is FaultKind.REPEATED_PAGE:
                parameters.pop("offset", None)
        text = await self._text(request, parameters, len(entities))
        return JSONText(text) if fault is None else self._wrong(fault, text)

    def _wrong(self, fault: Fault, text: str) -> Response:
        """What the fault makes of the right answer."""
        match fault.kind:
            case FaultKind.CUT_BODY:
                return _HalfAnswer(text)
            case FaultKind.INVALID_JSON:
                return JSONText(HTML)
            case FaultKind.DRIP:
                return _Dripping(text, lambda: self._or_closing(asyncio.sleep(fault.seconds)))
            case FaultKind.SHORT_PAGE:
                return JSONText(_with_items(text, _half, has_next=True))
            case FaultKind.UNREADABLE_ITEMS:
                return JSONText(_with_items(text, _every_second_broken))
            case FaultKind.REPEATED_PAGE:
                return JSONText(text)
            case _:
                raise RefusalError(200, "Something failed")

    async def _or_closing(self, waited_for: Awaitable[None]) -> None:
        # A server that stops must not wait for a client that waits for the server.
        closing = self._sandbox.closing.wait()
        tasks = [asyncio.ensure_future(waited_for), asyncio.ensure_future(closing)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


class BirdEyeGateway(Gateway):
    """One endpoint of BirdEye: its key and chain, its plan."""

    _at: Endpoint

    async def _asked(self, request: Request) -> tuple[dict[str, str], frozenset[str]]:
        parameters = dict(request.query_params)
        if request.method == "POST":
            fields = _json_object(await request.body() or b"{}")
            parameters.update((name, str(value)) for name, value in fields.items())
        if self._at is Endpoint.MULTI_PRICE:
            return parameters, frozenset(mints_of(parameters))
        named = parameters.get("wallet" if self._at is Endpoint.TRANSFERS else "address")
        return parameters, frozenset(filter(None, [named]))

    def _check_caller(self, request: Request) -> None:
        if self._sandbox.api_key not in (None, request.headers.get("X-API-KEY")):
            raise RefusalError(401, BAD_KEY)
        if request.headers.get("x-chain") != CHAIN:
            raise RefusalError(400, f"x-chain should be {CHAIN}")

    async def _text(self, request: Request, parameters: dict[str, str], entity_count: int) -> str:  # noqa: ARG002
        self._sandbox.meter.admit(self._at, entity_count)
        return self._sandbox.api.answer(self._at, parameters)


class WebhookGateway(Gateway):
    """All webhooks of Helius (GET, POST) or, under an id, one of them (GET, PUT, DELETE)."""

    async def _asked(self, request: Request) -> tuple[dict[str, str], frozenset[str]]:
        named = request.path_params.get("webhook_id")
        webhook = {"webhook": named} if named else {}
        return {"method": request.method, **webhook}, frozenset(webhook.values())

    def _check_caller(self, request: Request) -> None:
        if self._sandbox.webhooks.api_key not in (None, request.query_params.get("api-key")):
            raise RefusalError(401, BAD_KEY)

    async def _text(self, request: Request, parameters: dict[str, str], entity_count: int) -> str:  # noqa: ARG002
        webhooks = self._sandbox.webhooks
        match request.method, parameters.get("webhook"):
            case "POST", None:
                return encode(webhooks.create(_json_object(await request.body())))
            case "PUT", str(webhook_id):
                return encode(webhooks.replace(webhook_id, _json_object(await request.body())))
            case "DELETE", str(webhook_id):
                webhooks.delete(webhook_id)
                return encode({})
            case _, str(webhook_id):
                return encode(webhooks.get(webhook_id))
            case _:
                return encode(webhooks.all())


async def show_refusal(request: Request, refusal: Exception) -> Response:
    """A refusal in the envelope of the service that was asked."""
    if not isinstance(refusal, RefusalError):
        raise refusal
    webhooks = request.scope["path"].startswith(HeliusEndpoint.WEBHOOKS)
    told = {"error": refusal.detail} if webhooks else {"success": False, "message": refusal.detail}
    return JSONText(encode(told), refusal.status_code, refusal.headers)


def _refuse(fault: Fault) -> None:
    if fault.kind is FaultKind.RATE_LIMITED:
        wait = fault.retry_after
        headers = None if wait is None else {"Retry-After": f"{wait:g}"}
        raise RefusalError(429, TOO_MANY_REQUESTS, headers)
    if fault.kind is FaultKind.SERVER_ERROR:
        raise RefusalError(fault.status, "Internal server error")
    if fault.kind is FaultKind.REDIRECT:
        raise RefusalError(302, "Moved", {"Location": "https://example.invalid/"})
    if fault.kind in REFUSING:
        raise RefusalError(*REFUSING[fault.kind])


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except ValueError:
        raise RefusalError(400, "the body is not JSON") from None
    if not isinstance(fields, dict):
        raise RefusalError(400, "the body should be a JSON object")
    return fields


def _with_items(text: str, change: Callable[[list[Any]], list[Any]], **more: object) -> str:
    """The answer with other items in its page; one without a page stays as it is."""
    answer = json.loads(text)
    page = answer.get("data")
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        return text
    answer["data"] = {**page, "items": change(page["items"]), **more}
    return encode(answer)


def _half(items: list[Any]) -> list[Any]:
    return items[: (len(items) + 1) // 2]


def _every_second_broken(items: list[Any]) -> list[Any]:
    return [item if index % 2 else {"unreadable": index} for index, item in enumerate(items)]


class BreakableProtocol(H11Protocol):
    """HTTP/1.1 that hands each request the connection that it came on."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Puts the transport into the scope of every request of the connection."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self.app = partial(_with_transport, self.app, transport)


async def _with_transport(
    app: ASGIApp, transport: BaseTransport, scope: Scope, receive: Receive, send: Send
) -> None:
    await app({**scope, _TRANSPORT: transport}, receive, send)


class _HalfAnswer(JSONText):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        half = bytes(self.body[: len(self.body) // 2])
        await send(start)
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await _end_connection(scope, receive)


class _Dripping(JSONText):
    """The body, a byte at a time, each after ``pause``."""

    def __init__(self, text: str, pause: Callable[[], Awaitable[None]]) -> None:
        super().__init__(text)
        self._pause = pause

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        gone = asyncio.ensure_future(_disconnected(receive))
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for byte in bytes(self.body):
            await self._pause()
            if gone.done():
                return
            part = {"type": "http.response.body", "body": bytes([byte]), "more_body": True}
            await send(part)
        gone.cancel()
        await send({"type": "http.response.body", "body": b""})


async def _end_connection(scope: Scope, receive: Receive, *, reset: bool = False) -> None:
    transport = scope.get(_TRANSPORT)
    if not isinstance(transport, Transport):
        raise SandboxError(
            "A fault of the connection needs the server of the sandbox: start it with "
            "SandboxServer or serve()."
        )
    if reset:
        # Lingering for no time at all makes the kernel send RST instead of FIN.
        lingering = struct.pack("ii", 1, 0)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
        transport.abort()
    else:
        transport.close()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue

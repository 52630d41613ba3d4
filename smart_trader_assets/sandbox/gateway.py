"""From a request over HTTP to an answer: key, chain, faults, plan, then the endpoint."""

import asyncio
import json
from collections.abc import Awaitable
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from smart_trader_assets.sandbox import connection
from smart_trader_assets.sandbox.endpoints import mints_of
from smart_trader_assets.sandbox.faults import Fault, FaultKind
from smart_trader_assets.sandbox.sandbox import Sandbox
from smart_trader_assets.sandbox.wire import (
    BAD_KEY,
    CREDITS_SPENT,
    NO_PERMISSION,
    TOO_MANY_REQUESTS,
    Endpoint,
    RefusalError,
    failure,
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


class Gateway:
    """One endpoint of the API as an ASGI application."""

    def __init__(self, sandbox: Sandbox, endpoint: Endpoint) -> None:
        self._sandbox = sandbox
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, right or wrong as the faults in force tell."""
        request = Request(scope, receive)
        try:
            parameters = await _parameters(request)
            entities = self._entities(parameters)
            self._sandbox.requests.record(
                self._endpoint, entities, urlencode(sorted(parameters.items()))
            )
            self._check_headers(request)
            faults = self._sandbox.faults.due(self._endpoint, entities)
            await self._delay(sum(f.seconds for f in faults if f.kind is FaultKind.LATENCY))
            fault = next((f for f in faults if f.kind is not FaultKind.LATENCY), None)
            if fault is not None and await self._break_connection(fault, scope, receive):
                return
            self._refuse(fault)
            self._sandbox.meter.admit(self._endpoint, len(entities))
            text = self._sandbox.api.answer(self._endpoint, parameters)
        except RefusalError as refusal:
            await _response(refusal.status, failure(refusal.message), refusal.headers)(
                scope, receive, send
            )
            return
        if fault is None:
            await _response(200, text)(scope, receive, send)
        elif fault.kind is FaultKind.CUT_BODY:
            await _send_half(text, scope, receive, send)
        else:
            wrong = HTML if fault.kind is FaultKind.INVALID_JSON else failure("Something failed")
            await _response(200, wrong)(scope, receive, send)

    def _entities(self, parameters: dict[str, str]) -> frozenset[str]:
        if self._endpoint is Endpoint.MULTI_PRICE:
            return frozenset(mints_of(parameters))
        return frozenset({parameters["address"]} if parameters.get("address") else ())

    def _check_headers(self, request: Request) -> None:
        if not self._sandbox.knows_key(request.headers.get("X-API-KEY")):
            raise RefusalError(401, BAD_KEY)
        if request.headers.get("x-chain") != CHAIN:
            raise RefusalError(400, f"x-chain should be {CHAIN}")

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

    @staticmethod
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


async def _parameters(request: Request) -> dict[str, str]:
    parameters = dict(request.query_params)
    if request.method == "POST":
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError:
            raise RefusalError(400, "the body is not JSON") from None
        if not isinstance(body, dict):
            raise RefusalError(400, "the body should be a JSON object")
        parameters.update((str(name), str(value)) for name, value in body.items())
    return parameters


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

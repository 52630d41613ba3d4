"""One endpoint of BirdEye over HTTP: its key and chain, its plan, its envelope."""

import json

from starlette.requests import Request

from smart_trader_assets.sandbox.answering import Answering
from smart_trader_assets.sandbox.endpoints import mints_of
from smart_trader_assets.sandbox.sandbox import Sandbox
from smart_trader_assets.sandbox.wire import BAD_KEY, Endpoint, RefusalError, failure

CHAIN = "solana"


class Gateway(Answering):
    """One endpoint of the API as an ASGI application."""

    def __init__(self, sandbox: Sandbox, endpoint: Endpoint) -> None:
        super().__init__(sandbox, endpoint)
        self._endpoint = endpoint

    async def _parameters(self, request: Request) -> dict[str, str]:
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

    def _entities(self, parameters: dict[str, str]) -> frozenset[str]:
        if self._endpoint is Endpoint.MULTI_PRICE:
            return frozenset(mints_of(parameters))
        return frozenset({parameters["address"]} if parameters.get("address") else ())

    def _check_caller(self, request: Request) -> None:
        if not self._sandbox.knows_key(request.headers.get("X-API-KEY")):
            raise RefusalError(401, BAD_KEY)
        if request.headers.get("x-chain") != CHAIN:
            raise RefusalError(400, f"x-chain should be {CHAIN}")

    async def _text(self, request: Request, parameters: dict[str, str]) -> str:  # noqa: ARG002
        self._sandbox.meter.admit(self._endpoint, len(self._entities(parameters)))
        return self._sandbox.api.answer(self._endpoint, parameters)

    def _failure(self, message: str) -> str:
        return failure(message)

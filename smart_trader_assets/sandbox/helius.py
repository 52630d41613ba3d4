"""The webhooks of Helius over HTTP."""

import json
from typing import Any

from starlette.requests import Request

from smart_trader_assets.sandbox.answering import Answering
from smart_trader_assets.sandbox.sandbox import Sandbox
from smart_trader_assets.sandbox.wire import BAD_KEY, HeliusEndpoint, RefusalError, encode


class WebhookGateway(Answering):
    """All webhooks (GET, POST) or, under an id, one of them (GET, PUT, DELETE)."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox, HeliusEndpoint.WEBHOOKS)

    async def _parameters(self, request: Request) -> dict[str, str]:
        webhook_id = request.path_params.get("webhook_id")
        return {"method": request.method} | ({"webhook": webhook_id} if webhook_id else {})

    def _entities(self, parameters: dict[str, str]) -> frozenset[str]:
        return frozenset({parameters["webhook"]} if "webhook" in parameters else ())

    def _check_caller(self, request: Request) -> None:
        wanted = self._sandbox.webhooks.api_key
        if wanted is not None and request.query_params.get("api-key") != wanted:
            raise RefusalError(401, BAD_KEY)

    async def _text(self, request: Request, parameters: dict[str, str]) -> str:
        webhooks = self._sandbox.webhooks
        match request.method, parameters.get("webhook"):
            case "POST", None:
                return encode(webhooks.create(await _fields(request)))
            case "PUT", str(webhook_id):
                return encode(webhooks.replace(webhook_id, await _fields(request)))
            case "DELETE", str(webhook_id):
                webhooks.delete(webhook_id)
                return encode({})
            case _, str(webhook_id):
                return encode(webhooks.get(webhook_id))
            case _:
                return encode(webhooks.all())

    def _failure(self, message: str) -> str:
        return encode({"error": message})


async def _fields(request: Request) -> dict[str, Any]:
    try:
        fields = json.loads(await request.body())
    except ValueError:
        raise RefusalError(400, "the body is not JSON") from None
    if not isinstance(fields, dict):
        raise RefusalError(400, "the body should be a JSON object")
    return fields

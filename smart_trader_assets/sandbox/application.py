"""The stand-in as a Starlette application: its services, and its controls under ``/sandbox/``."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Unpack

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from smart_trader_assets.sandbox.errors import ControlError
from smart_trader_assets.sandbox.faults import Fault
from smart_trader_assets.sandbox.gateways import BirdEyeGateway, WebhookGateway, show_refusal
from smart_trader_assets.sandbox.sandbox import Sandbox, SandboxOptions
from smart_trader_assets.sandbox.source import MarketSource
from smart_trader_assets.sandbox.wire import Endpoint, HeliusEndpoint, RefusalError


def create_app(
    source: MarketSource, *, clock: Callable[[], datetime], **options: Unpack[SandboxOptions]
) -> Starlette:
    """BirdEye over a market, the webhooks of Helius, and the controls under ``/sandbox/``.

    ``clock`` returns aware UTC times; the market is shown as it is then. The options are those of
    Sandbox. The running state is ``app.state.sandbox``.
    """
    sandbox = Sandbox(source, clock=clock, **options)
    webhooks = WebhookGateway(sandbox, HeliusEndpoint.WEBHOOKS).answer
    methods = {at: ["GET"] for at in Endpoint} | {
        Endpoint.MULTI_PRICE: ["GET", "POST"],
        Endpoint.TRANSFERS: ["POST"],
    }
    app = Starlette(
        routes=[
            *(
                Route(endpoint.value, BirdEyeGateway(sandbox, endpoint).answer, methods=allowed)
                for endpoint, allowed in methods.items()
            ),
            Route(HeliusEndpoint.WEBHOOKS.value, webhooks, methods=["GET", "POST"]),
            Route(
                f"{HeliusEndpoint.WEBHOOKS}/{{webhook_id}}",
                webhooks,
                methods=["GET", "PUT", "DELETE"],
            ),
            *_control_routes(sandbox),
        ],
        exception_handlers={RefusalError: show_refusal, ControlError: _show_control_error},
    )
    app.state.sandbox = sandbox
    return app


def _control_routes(sandbox: Sandbox) -> list[Route]:
    async def show_requests(_request: Request) -> Response:
        log = sandbox.requests
        return JSONResponse(
            {
                "by_endpoint": log.by_endpoint,
                "by_entity": [
                    {"endpoint": endpoint, "entity": entity, "count": count}
                    for (endpoint, entity), count in sorted(log.by_entity.items())
                ],
                "by_query": log.by_query,
                "credits_spent": sandbox.meter.credits_spent,
            }
        )

    async def forget_requests(_request: Request) -> Response:
        sandbox.requests.clear()
        return Response(status_code=204)

    async def show_faults(_request: Request, status: int = 200) -> Response:
        return JSONResponse([asdict(rule) for rule in sandbox.faults.rules], status)

    async def add_faults(request: Request) -> Response:
        body = await _json(request)
        rules = body if isinstance(body, list) else [body]
        sandbox.faults.add(*map(Fault.from_json, rules))
        return await show_faults(request, 201)

    async def clear_faults(_request: Request) -> Response:
        sandbox.faults.clear()
        return Response(status_code=204)

    async def show_clock(_request: Request) -> Response:
        return JSONResponse({"now": sandbox.clock().isoformat()})

    async def move_clock(request: Request) -> Response:
        match await _json(request):
            case {"now": str(text)}:
                sandbox.clock.set(_time(text))
            case {"advance_hours": int(hours) | float(hours)}:
                sandbox.clock.advance(timedelta(hours=hours))
            case _:
                raise ControlError('Send {"now": ISO time with zone} or {"advance_hours": number}.')
        return await show_clock(request)

    async def set_drift(request: Request) -> Response:
        match await _json(request):
            case {"rows_per_page": int(rows)} if rows >= 0:
                sandbox.drift.set(rows)
                return JSONResponse({"rows_per_page": rows})
        raise ControlError('Send {"rows_per_page": a number from 0 on}.')

    controls: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {
        ("requests", "GET"): show_requests,
        ("requests", "DELETE"): forget_requests,
        ("faults", "GET"): show_faults,
        ("faults", "POST"): add_faults,
        ("faults", "DELETE"): clear_faults,
        ("clock", "GET"): show_clock,
        ("clock", "POST"): move_clock,
        ("drift", "POST"): set_drift,
    }
    return [
        Route(f"/sandbox/{name}", control, methods=[method])
        for (name, method), control in controls.items()
    ]


async def _show_control_error(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _json(request: Request) -> object:
    try:
        return await request.json()
    except ValueError as error:
        raise ControlError("The body is not JSON.") from error


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ControlError(f"{text!r} is not an ISO time.") from error

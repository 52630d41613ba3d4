"""The controls over HTTP, under ``/sandbox/``: requests, faults, clock, drift."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from smart_trader_assets.sandbox.errors import ControlError
from smart_trader_assets.sandbox.faults import Fault
from smart_trader_assets.sandbox.sandbox import Sandbox

Control = Callable[[Request], Awaitable[Response]]


def control_routes(sandbox: Sandbox) -> list[Route]:
    """Routes that answer JSON; what cannot be understood is 400 with a message."""

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

    async def show_faults(_request: Request) -> Response:
        return JSONResponse([asdict(rule) for rule in sandbox.faults.rules])

    async def add_faults(request: Request) -> Response:
        body = await _json(request)
        rules = [Fault.from_json(rule) for rule in (body if isinstance(body, list) else [body])]
        sandbox.faults.add(*rules)
        return JSONResponse([asdict(rule) for rule in sandbox.faults.rules], 201)

    async def clear_faults(_request: Request) -> Response:
        sandbox.faults.clear()
        return Response(status_code=204)

    async def show_clock(_request: Request) -> Response:
        return JSONResponse({"now": sandbox.clock().isoformat()})

    async def move_clock(request: Request) -> Response:
        body = await _json(request)
        match body:
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

    table: list[tuple[str, str, Control]] = [
        ("/sandbox/requests", "GET", show_requests),
        ("/sandbox/requests", "DELETE", forget_requests),
        ("/sandbox/faults", "GET", show_faults),
        ("/sandbox/faults", "POST", add_faults),
        ("/sandbox/faults", "DELETE", clear_faults),
        ("/sandbox/clock", "GET", show_clock),
        ("/sandbox/clock", "POST", move_clock),
        ("/sandbox/drift", "POST", set_drift),
    ]
    return [Route(path, _telling(control), methods=[method]) for path, method, control in table]


def _telling(control: Control) -> Control:
    async def answered(request: Request) -> Response:
        try:
            return await control(request)
        except ControlError as error:
            return JSONResponse({"error": str(error)}, 400)

    return answered


async def _json(request: Request) -> object:
    try:
        return await request.json()
    except ValueError as error:
        raise ControlError("The body is not JSON.") from error


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ControlError(f"{text!r} is no ISO time.") from error

"""The stand-in as a Starlette application."""

from collections.abc import Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.routing import Route

from smart_trader_assets.sandbox.control import control_routes
from smart_trader_assets.sandbox.gateway import Gateway
from smart_trader_assets.sandbox.helius import WebhookGateway
from smart_trader_assets.sandbox.plan import SandboxPlan
from smart_trader_assets.sandbox.sandbox import Sandbox
from smart_trader_assets.sandbox.source import MarketSource
from smart_trader_assets.sandbox.wire import Endpoint, HeliusEndpoint

UNLIMITED = SandboxPlan()


def create_app(
    source: MarketSource,
    *,
    clock: Callable[[], datetime],
    api_key: str | None = None,
    plan: SandboxPlan = UNLIMITED,
    rows_drifting_per_page: int = 0,
    inclusive_times: bool = False,
) -> Starlette:
    """BirdEye over a market, the webhooks of Helius, and the controls under ``/sandbox/``.

    ``clock`` returns aware UTC times; the market is shown as it is then. With an ``api_key`` a
    request without it gets 401. ``rows_drifting_per_page`` rows of a wallet that lie ahead of the
    clock slip in between two of its pages. ``inclusive_times`` makes ``before_time`` and
    ``after_time`` include their own second. The running state is ``app.state.sandbox``.
    """
    sandbox = Sandbox(
        source,
        clock=clock,
        api_key=api_key,
        plan=plan,
        rows_drifting_per_page=rows_drifting_per_page,
        inclusive_times=inclusive_times,
    )
    webhooks = WebhookGateway(sandbox)
    app = Starlette(
        routes=[
            *(
                Route(
                    endpoint.value,
                    Gateway(sandbox, endpoint),
                    methods=["GET", "POST"] if endpoint is Endpoint.MULTI_PRICE else ["GET"],
                )
                for endpoint in Endpoint
            ),
            Route(HeliusEndpoint.WEBHOOKS.value, webhooks, methods=["GET", "POST"]),
            Route(
                f"{HeliusEndpoint.WEBHOOKS.value}/{{webhook_id}}",
                webhooks,
                methods=["GET", "PUT", "DELETE"],
            ),
            *control_routes(sandbox),
        ]
    )
    app.state.sandbox = sandbox
    return app

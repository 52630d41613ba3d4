"""The stand-in as a running server on the loopback interface."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Self, Unpack, cast

import uvicorn
from starlette.applications import Starlette

from smart_trader_assets.sandbox.application import create_app
from smart_trader_assets.sandbox.errors import SandboxError
from smart_trader_assets.sandbox.gateways import BreakableProtocol
from smart_trader_assets.sandbox.sandbox import Sandbox, SandboxOptions
from smart_trader_assets.sandbox.source import MarketSource

LOOPBACK = "127.0.0.1"
BACKLOG = 128
START_SECONDS = 30


class SandboxServer:
    """Serves a market from a thread for as long as the ``with`` block lasts.

    Port 0 takes a free one, one that is taken raises SandboxError; the options are those of
    Sandbox. ``faults``, ``clock``, ``drift`` and ``webhooks`` can be changed while it runs.
    ``requests`` counts requests by path, ``requests_by_entity`` by path and wallet or mint,
    ``requests_by_query`` by path and parameters; ``log`` can be cleared.
    """

    def __init__(
        self,
        source: MarketSource,
        *,
        clock: Callable[[], datetime],
        port: int = 0,
        **options: Unpack[SandboxOptions],
    ) -> None:
        app = create_app(source, clock=clock, **options)
        self._sandbox = cast(Sandbox, app.state.sandbox)
        self.clock = self._sandbox.clock
        self.faults = self._sandbox.faults
        self.drift = self._sandbox.drift
        self.webhooks = self._sandbox.webhooks
        self.log = self._sandbox.requests
        self._port = port
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket: socket.socket | None = None
        app.router.lifespan_context = self._lifespan
        self._server = uvicorn.Server(_configuration(app))

    @property
    def base_url(self) -> str:
        """Where it listens, without a slash at the end."""
        if self._socket is None:
            raise SandboxError("The sandbox is not running: use it in a with block.")
        return f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"

    @property
    def requests(self) -> Counter[str]:
        """How many by path."""
        return self.log.by_endpoint

    @property
    def requests_by_entity(self) -> Counter[tuple[str, str]]:
        """How many by path and wallet, mint or webhook."""
        return self.log.by_entity

    @property
    def requests_by_query(self) -> Counter[str]:
        """How many by path and sorted parameters."""
        return self.log.by_query

    @property
    def credits_spent(self) -> int:
        """Credits that the answers of the current month cost."""
        return self._sandbox.meter.credits_spent

    def __enter__(self) -> Self:
        self._socket = listen(self._port)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="birdeye-sandbox", daemon=True
        )
        self._thread.start()
        if not self._started.wait(START_SECONDS):
            raise SandboxError(f"The sandbox did not start within {START_SECONDS} seconds.")
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._sandbox.closing.set)
        self._thread.join()
        self._socket = None

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        # The socket listens already: whoever connects from here on waits in its backlog.
        self._started.set()
        yield


def serve(
    source: MarketSource,
    *,
    clock: Callable[[], datetime],
    port: int,
    on_start: Callable[[str], None] | None = None,
    **options: Unpack[SandboxOptions],
) -> None:
    """Serves a market until the process is interrupted; ``on_start`` gets the base URL."""
    app = create_app(source, clock=clock, **options)
    listener = listen(port)
    if on_start is not None:
        on_start(f"http://{LOOPBACK}:{listener.getsockname()[1]}")
    with suppress(KeyboardInterrupt):
        uvicorn.Server(_configuration(app)).run(sockets=[listener])


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback interface; a taken port raises SandboxError."""
    # Named as TCP, or asyncio leaves Nagle's algorithm on and each answer waits for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SandboxError(
            f"Port {port} of {LOOPBACK} cannot be used ({error.strerror}): choose another one, "
            f"or 0 for a free one."
        ) from error
    return listener


def _configuration(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=BreakableProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )

"""The connection under an answer, for the faults that break it."""

import socket
import struct
from asyncio import BaseTransport, Transport
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from smart_trader_assets.sandbox.errors import SandboxError

_TRANSPORT = "smart_trader.transport"


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


async def close(scope: Scope, receive: Receive) -> None:
    """Ends the connection as if the answer were over."""
    transport_of(scope).close()
    await disconnected(receive)


async def reset(scope: Scope, receive: Receive) -> None:
    """Resets the connection: the client sees an error and no answer."""
    transport = transport_of(scope)
    sock = transport.get_extra_info("socket")
    # Lingering for no time at all makes the kernel send RST instead of FIN.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await disconnected(receive)


async def disconnected(receive: Receive) -> None:
    """Waits until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        continue


def transport_of(scope: Scope) -> Transport:
    """The transport of a request; SandboxError where the server is not ours."""
    transport = scope.get(_TRANSPORT)
    if not isinstance(transport, Transport):
        raise SandboxError(
            "A fault of the connection needs the server of the sandbox: start it with "
            "SandboxServer or serve()."
        )
    return transport

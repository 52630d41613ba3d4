"""A small HTTP server on loopback that answers what a test tells it to, and records the requests."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import uvicorn


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived; `at` is on the monotonic clock."""

    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    at: float
    method: str = "GET"
    body: Any = None


@dataclass(frozen=True)
class Answer:
    """`body` is sent as it is, or as JSON; `cut` breaks it off; `silent` never answers at all."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    silent: bool = False


def items(*rows: Any, **more: Any) -> Answer:
    return Answer(body={"success": True, "data": {"items": list(rows), **more}})


class ScriptedServer:
    """Set `respond`, or give `script` the answers in their order; the last one is repeated."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            self._app, interface="asgi3", log_config=None, lifespan="off", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        self.reset()

    def reset(self) -> None:
        self.requests: list[Recorded] = []
        self.respond: Callable[[Recorded], Answer] = lambda _: items()

    def script(self, *answers: Answer) -> None:
        left = list(answers)
        self.respond = lambda _: left.pop(0) if len(left) > 1 else left[0]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        at = time.monotonic()
        posted = await _body(receive) if scope["method"] == "POST" else None
        request = Recorded(
            scope["path"],
            dict(parse_qsl(scope["query_string"].decode())),
            _text(scope["headers"]),
            at,
            scope["method"],
            posted,
        )
        self.requests.append(request)
        answer = self.respond(request)
        if answer.silent:
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        body = answer.body if isinstance(answer.body, bytes) else _encode(answer.body)
        headers = {"content-length": str(len(body)), **answer.headers}
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )
        sent = body[: len(body) // 2] if answer.cut else body
        await send({"type": "http.response.body", "body": sent, "more_body": answer.cut})
        # Returning without the rest makes the server close the connection.


async def _body(receive: Any) -> Any:
    parts, more = b"", True
    while more:
        event = await receive()
        parts, more = parts + event.get("body", b""), event.get("more_body", False)
    return json.loads(parts)


def _text(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}


def _encode(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()

"""An S3 of one's own on loopback, and what it does wrong on request.

It is a process of its own (`python -m smart_trader_assets_tests.support.object_store`), because what
reads and writes tables may hold this process's interpreter until it has its answer.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self

import httpx
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from smart_trader_assets_tests.support.command import PROJECT, environment

REGION = "us-east-1"
CONTROL = "/.control"
CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "key-of-the-tests",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
}


@dataclass(frozen=True)
class Misbehaviour:
    """What is wrong with the answers: to the requests of `methods` (none: all), after the first `after`
    of them, to the next `times` (None: for ever).

    `status` and `code` are those of a refusal, with `about` inside it as S3 likes to repeat what it was
    sent; without a status the connection breaks off, where it is `done` after the store did what it was
    asked for. Where `forgets` names a header, that is ignored and nothing else.
    """

    status: int = 0
    code: str = ""
    about: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    forgets: str = ""
    done: bool = False
    methods: tuple[str, ...] = ()
    after: int = 0
    times: int | None = None


UNCONDITIONAL = Misbehaviour(forgets="If-None-Match")
"""A store at which every put passes."""


class ObjectStore:
    """moto's S3 for as long as the `with` block lasts."""

    def __init__(self) -> None:
        self._buckets = count(1)
        self.endpoint = ""

    def bucket(self) -> str:
        """The URI of a new, empty bucket."""
        name = f"bucket-{next(self._buckets)}"
        self._http.put(f"/{name}").raise_for_status()
        return f"s3://{name}"

    @property
    def settings(self) -> dict[str, str]:
        """The settings by which the pipeline finds it."""
        return {
            "storage_endpoint": self.endpoint,
            "storage_region": REGION,
            "storage_allow_http": "true",
        }

    @property
    def options(self) -> dict[str, str]:
        """The storage options by which a DeltaStore does."""
        return {
            "endpoint": self.endpoint,
            "region": REGION,
            "allow_http": "true",
            "access_key_id": CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "secret_access_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        }

    @property
    def requests(self) -> list[str]:
        """Method and path of every request since it last began to misbehave or behave."""
        return list(self._http.get(CONTROL).json())

    def objects(self, bucket: str) -> list[str]:
        """The names of all objects in a bucket."""
        listed = self._http.get(f"/{bucket}", params={"list-type": "2"}).raise_for_status()
        return re.findall("<Key>(.*?)</Key>", listed.text)

    def misbehaves(self, how: Misbehaviour) -> None:
        """From now on something is wrong."""
        self._http.post(CONTROL, json=asdict(how)).raise_for_status()

    def behaves(self) -> None:
        """Everything is as it should be again."""
        self._http.delete(CONTROL).raise_for_status()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=PROJECT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.endpoint = self._process.stdout.readline().strip()
        self._http = httpx.Client(base_url=self.endpoint, timeout=60)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._http.close()
        self._process.kill()
        self._process.communicate()


class _Server:
    """moto's S3 behind what is wrong with it.

    Puts come one after the other: moto looks whether an object is there and makes it in two steps,
    between which another writer would pass.
    """

    def __init__(self) -> None:
        self._store: Any = create_backend_app("s3")
        self._puts = threading.Lock()
        self._counting = threading.Lock()
        self._forget(None)

    def _forget(self, how: Misbehaviour | None) -> None:
        self._how = how
        self._met = 0
        self._requests: list[str] = []

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        request = Request(environ)
        if request.path == CONTROL:
            return self._control(request)(environ, start_response)
        how = self._hits(request)
        if how is not None and how.forgets:
            environ.pop(f"HTTP_{how.forgets.upper().replace('-', '_')}", None)
        elif how is not None:
            if how.done:
                list(self._stored(environ, lambda *_: None))
            else:
                request.get_data()
            return _answer(how, environ)(environ, start_response)
        if request.method != "PUT":
            return self._stored(environ, start_response)
        with self._puts:
            return self._stored(environ, start_response)

    def _stored(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        body: Iterable[bytes] = self._store(environ, start_response)
        return body

    def _hits(self, request: Request) -> Misbehaviour | None:
        with self._counting:
            self._requests.append(f"{request.method} {request.path}")
            how = self._how
            if how is None or (how.methods and request.method not in how.methods):
                return None
            self._met += 1
            last = None if how.times is None else how.after + how.times
            return how if self._met > how.after and (last is None or self._met <= last) else None

    def _control(self, request: Request) -> Response:
        with self._counting:
            if request.method == "GET":
                return Response(json.dumps(self._requests), mimetype="application/json")
            told = json.loads(request.get_data() or b"null")
            self._forget(told and Misbehaviour(**{**told, "methods": tuple(told["methods"])}))
            return Response(status=204)


def _answer(how: Misbehaviour, environ: Mapping[str, Any]) -> Response:
    if how.status:
        said = f"<Error><Code>{how.code}</Code><Message>{how.code}</Message>{how.about}</Error>"
        return Response(said, how.status, dict(how.headers), mimetype="application/xml")
    with suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return Response(status=500)


def main() -> None:
    """Serve on a free port of loopback, and say which, for as long as somebody listens."""
    server = make_server(
        "127.0.0.1", 0, _Server(), threaded=True, request_handler=MotoRequestHandler
    )
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()

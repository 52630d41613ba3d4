"""A receiver of messages that can be as troublesome as real ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "s3cret-token-of-the-receiver"


@dataclass
class Postbox:
    """What has come, by path; `answers` are the statuses that a path answers with, one a message, the last one
    for ever; a path with `hang`, `drip` or `slow` in it does so."""

    port: int = 0
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)

    def url(self, name: str = "box") -> str:
        """A secret URL whose path ends with `name`."""
        return f"json://127.0.0.1:{self.port}/{TOKEN}/{name}"

    def texts(self, name: str = "box") -> list[str]:
        """Titles and bodies that were taken there."""
        return [
            f"{message['title']}\n{message['message']}"
            for path, message in self.taken
            if path.endswith(f"/{name}")
        ]


@contextmanager
def open_postbox() -> Iterator[Postbox]:
    """A postbox on loopback for as long as the block lasts."""
    box = Postbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            name = self.path.rsplit("/", 1)[-1]
            box.asked.append(name)
            if "slow" in name:
                box.closing.wait(4.5)
            if "hang" in name:
                box.closing.wait(30)
                return
            statuses = box.answers.get(name, [200])
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            if status == 200:
                box.taken.append((self.path, json.loads(body)))
            self.send_response(status)
            self.end_headers()
            while "drip" in name and not box.closing.is_set():
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    box.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield box
    finally:
        box.closing.set()
        server.shutdown()
        server.server_close()

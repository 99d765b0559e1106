"""Whether the service is well, for the machine's own monitoring: JSON on 127.0.0.1."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from marrowlight.errors import UsageError

HERE = "127.0.0.1"
PATHS = ("/", "/health")


@contextmanager
def health_at(port: int, now: Callable[[], Mapping[str, Any]]) -> Iterator[int]:
    """Answer on a port while the block runs; yields the port (another one for 0).

    now : what to answer; status 200 if its ``ok`` is true, else 503. Called from another thread.

    Raises UsageError if the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            known = self.path.partition("?")[0] in PATHS
            told = dict(now()) if known else {"error": "ask for /health"}
            status = HTTPStatus.OK if told.get("ok") else HTTPStatus.SERVICE_UNAVAILABLE
            body = (json.dumps(told, indent=2) + "\n").encode()
            self.send_response(status if known else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nobody wants a line for each question."""

    try:
        server = ThreadingHTTPServer((HERE, port), Handler)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"No health can be told on port {port}: {getattr(error, 'strerror', None) or error}.",
            where="--health",
            expected="a port of this machine that is free",
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()

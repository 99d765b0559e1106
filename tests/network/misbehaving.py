"""A web server on loopback that misbehaves as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SILENCE_S = 3.0
BOUNDARY = "mark"


@dataclass
class Answer:
    """status, headers and body; half : announce all of the body, send half of it; silent : nothing
    at all for a while.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    half: bool = False
    silent: bool = False


def listing(*entries: dict) -> Answer:
    """What QIDO answers."""
    return Answer(200, json.dumps(entries).encode(), {"Content-Type": "application/dicom+json"})


def instance(content: bytes, *, closed: bool = True) -> Answer:
    """What WADO answers; closed : whether the last boundary comes."""
    end = f"\r\n--{BOUNDARY}--\r\n".encode() if closed else b""
    body = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + content + end
    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    return Answer(200, body, {"Content-Type": kind})


def attribute(tag: str, vr: str, *values: object) -> dict:
    return {tag: {"vr": vr, "Value": list(values)}}


@dataclass
class Misbehaving:
    """url of the server; asked : (method, path, headers) of every request, in order."""

    url: str
    asked: list[tuple[str, str, dict[str, str]]]

    def times(self, part: str = "") -> int:
        return sum(part in path for _, path, _ in self.asked)


@contextmanager
def misbehaving(
    answer: Callable[[str, int], Answer], *, pem: Path | None = None
) -> Iterator[Misbehaving]:
    """answer : called with the path and how often that path was asked before; pem : certificate
    and key, for https.
    """
    asked: list[tuple[str, str, dict[str, str]]] = []
    release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            before = sum(path == self.path for _, path, _ in asked)
            asked.append((self.command, self.path, dict(self.headers)))
            if length := int(self.headers.get("Content-Length", 0)):
                self.rfile.read(length)
            told = answer(self.path, before)
            if told.silent:
                release.wait(SILENCE_S)
                self.close_connection = True
                return
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body[: len(told.body) // 2] if told.half else told.body)
            self.close_connection = told.half

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        scheme = "https" if pem else "http"
        yield Misbehaving(f"{scheme}://127.0.0.1:{server.server_address[1]}/dicom-web", asked)
    finally:
        release.set()
        server.shutdown()
        server.server_close()
        thread.join()

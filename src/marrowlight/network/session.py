"""One HTTP session: encrypted where it can be, bounded, and faithful to one server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from marrowlight.errors import LimitExceeded, ServerRefused, ServerUnreachable
from marrowlight.network.server import Server
from marrowlight.study.limits import MIB

CONNECT_S, SILENCE_S = 10.0, 60.0
"""How long to wait for a connection, and for the next byte of an answer. s."""

ANSWER_S = 1800.0
"""How long one answer may take as a whole, however steadily it drips. s."""

LISTING_BYTES = 256 * MIB
"""Most that an answer other than an image may hold: a list of 100,000 images takes about 100 MB."""

CHUNK_BYTES = 256 * 1024


def open_session(server: Server) -> requests.Session:
    """A session for one server. It takes nothing from the environment: no proxy, no .netrc."""
    session = _Session(server)
    session.trust_env = False
    adapter = _Adapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.verify = str(server.ca_file) if server.ca_file else True
    if server.client_cert:
        cert = str(server.client_cert)
        session.cert = (cert, str(server.client_key)) if server.client_key else cert
    login = server.login
    if login.token is not None:
        session.headers["Authorization"] = f"Bearer {login.token}"
    elif login.user is not None and login.password is not None:
        session.auth = (login.user.encode(), login.password.encode())
    return session


def chunks(response: requests.Response, most: int) -> Iterator[bytes]:
    """The body of an answer, decoded, piece by piece.

    Raises LimitExceeded beyond ``most`` bytes, ServerUnreachable if it takes too long; and what
    requests raises if it breaks off.
    """
    end, total = time.monotonic() + ANSWER_S, 0
    for chunk in response.iter_content(CHUNK_BYTES):
        total += len(chunk)
        if total > most:
            raise LimitExceeded(
                f"The server sent more than {most / MIB:.0f} MiB in one answer.",
                expected="an answer within the limit on size",
            )
        if time.monotonic() > end:
            raise ServerUnreachable(
                f"One answer of the server took longer than {ANSWER_S / 60:.0f} minutes."
            )
        yield chunk


class _Session(requests.Session):  # type: ignore[misc]
    """Follows redirects within the server only: patients' data goes to who was named."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._home = _origin(server.url)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target: str | None = super().get_redirect_target(resp)
        if target is not None and urlsplit(target).netloc and _origin(target) != self._home:
            raise ServerRefused(
                "The server sends us on to another address, which was not followed.",
                expected="an answer from the server that was named",
                do="if the other address is right, name it with --dicomweb",
            )
        return target


class _Adapter(HTTPAdapter):  # type: ignore[misc]
    """Reads answers within limits, also those that are not asked for piece by piece."""

    def send(self, request: Any, stream: bool = False, **options: Any) -> requests.Response:
        # dicomweb-client sets a Host without the port; urllib3 knows better.
        request.headers.pop("Host", None)
        response: requests.Response = super().send(request, stream=True, **options)
        if not stream:
            with response:
                response._content = b"".join(chunks(response, LISTING_BYTES))
        return response


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)

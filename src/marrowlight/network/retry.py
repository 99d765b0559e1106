"""Try again what may pass, give up at once what will not, and say which it was."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import requests

from marrowlight.errors import AccessDenied, NetworkError, NotOnServer, ServerRefused
from marrowlight.errors import ServerUnreachable as Unreachable
from marrowlight.network.server import PASSWORD, TOKEN, USER

PASSING = (408, 425, 500, 507)
"""Status codes after which the same request may succeed. Source: RFC 9110, RFC 8470, RFC 4918."""

BUSY = (429, 502, 503, 504)
"""Status codes that are no answer of the server to the request. Source: RFC 9110, RFC 6585."""

LONGEST_ASKED_S = 120.0
"""A server that asks for a longer pause (Retry-After) is asked again after this. s."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Patience:
    """How often to try, and how long to wait in between: twice as long each time, with jitter.

    attempts : tries in all; first_s, most_s : first and longest wait. s.
    """

    attempts: int = 5
    first_s: float = 1.0
    most_s: float = 30.0

    def wait_s(self, failures: int) -> float:
        """How long to wait after so many failures; half of it is left to chance. s."""
        whole = min(self.most_s, self.first_s * 2.0 ** (failures - 1))
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)


def persist(
    act: Callable[[], _Answer],
    *,
    url: str,
    patience: Patience,
    sleep: Callable[[float], None] = time.sleep,
) -> _Answer:
    """What ``act`` returns; tried again after failures that may pass.

    url : of the server, for messages.

    Raises
    ------
    AccessDenied, NotOnServer, ServerRefused
        At once. ServerRefused also if the server answers with an error of its own to the end.
    ServerUnreachable
        After the last try.
    """
    failures = 0
    while True:
        try:
            return act()
        except (requests.RequestException, Unreachable) as error:
            failures += 1
            ours, passing, asked = _judge(error, url)
            if not passing or failures >= patience.attempts:
                if passing and failures > 1:
                    ours = type(ours)(
                        f"{ours.found[:-1]} (tried {failures} times).", where=url, do=ours.do
                    )
                # Nothing of the cause is kept: it holds the address that was asked, with UIDs.
                raise ours from None
            sleep(max(patience.wait_s(failures), min(asked, LONGEST_ASKED_S)))


def _judge(error: Exception, url: str) -> tuple[NetworkError, bool, float]:
    """Our error, whether it may pass, and the pause that the server asked for. s."""
    if isinstance(error, Unreachable):
        return Unreachable(error.found, where=url, do=error.do), True, 0.0
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _status(error.response, url)
    if isinstance(error, requests.exceptions.SSLError):
        return _tls(str(error), url)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        text = "The server cannot be reached: no connection came about in time."
        return Unreachable(text, where=url, do="check the address and the network"), True, 0.0
    if isinstance(error, requests.exceptions.Timeout) or "Read timed out" in str(error):
        text = "The server accepted the request and then said nothing for a minute."
        return Unreachable(text, where=url, do="look at the server; it may be busy"), True, 0.0
    broken = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
    if isinstance(error, broken):
        text = "The answer of the server broke off half way."
        return Unreachable(text, where=url, do="try again later"), True, 0.0
    if isinstance(error, requests.exceptions.ConnectionError):
        text = "The server cannot be reached, or it closed the connection."
        do = "check the address, and that the server runs"
        return Unreachable(text, where=url, do=do), True, 0.0
    if isinstance(error, requests.exceptions.InvalidJSONError):
        text = "The server answered with something that is no DICOM JSON."
        return ServerRefused(text, where=url, expected="DICOMweb", do=_ROOT), False, 0.0
    kind = type(error).__name__
    return ServerRefused(f"The request failed ({kind}).", where=url, do=_ROOT), False, 0.0


_ROOT = "check that the address is the root of DICOMweb; Orthanc's is http://HOST:8042/dicom-web"


def _status(response: requests.Response, url: str) -> tuple[NetworkError, bool, float]:
    code = response.status_code
    if code in (401, 403):
        what = "does not know who asks" if code == 401 else "does not allow this"
        do = f"set {TOKEN}, or {USER} and {PASSWORD}, as the server's administrator says"
        return AccessDenied(f"The server {what} ({code}).", where=url, do=do), False, 0.0
    if code in (404, 410):
        text = f"The server has nothing under this address ({code})."
        return NotOnServer(text, where=url, do=_ROOT), False, 0.0
    do = "look into the log of the server" if code >= 500 else _ROOT
    if code in BUSY:
        text = f"The server says that it cannot answer now ({code})."
        return Unreachable(text, where=url, do=do), True, _pause(response)
    text = f"The server answered with an error ({code})."
    return ServerRefused(text, where=url, do=do), code in PASSING, 0.0


def _pause(response: requests.Response) -> float:
    """Seconds that Retry-After asks for; 0 if it asks for none, or for a date."""
    try:
        return max(0.0, float(response.headers.get("Retry-After", 0)))
    except ValueError:
        return 0.0


def _tls(text: str, url: str) -> tuple[NetworkError, bool, float]:
    if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
        found = "The certificate of the server is not one that is trusted here."
        do = "name the hospital's certificate authority with --ca-file FILE"
        return ServerRefused(found, where=url, do=do), False, 0.0
    if "alert" in text.lower() and "certificate" in text.lower():
        found = "The server asks for a certificate of ours, or does not take the one it got."
        do = "name it with --client-cert FILE (and --client-key FILE)"
        return AccessDenied(found, where=url, do=do), False, 0.0
    found = "No encrypted connection to the server came about."
    return Unreachable(found, where=url, do="check that the address is https there"), True, 0.0

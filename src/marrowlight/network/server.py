"""Which DICOMweb server is meant, who asks, and whether the two may be brought together."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from marrowlight.errors import UsageError

TOKEN, USER, PASSWORD = (
    "MARROWLIGHT_DICOMWEB_TOKEN", "MARROWLIGHT_DICOMWEB_USER", "MARROWLIGHT_DICOMWEB_PASSWORD",
)  # fmt: skip
"""Where credentials come from: never the command line, which every user of a machine can list."""

EXPECTED = "the root of DICOMweb, e.g. https://pacs.example.org/dicom-web"


@dataclass(frozen=True)
class Login:
    """Who asks: a bearer token, or a user and a password, or nobody."""

    token: str | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def given(self) -> bool:
        """Whether there is anything that must not be overheard."""
        return self.token is not None or self.user is not None


@dataclass(frozen=True)
class Server:
    """A DICOMweb server.

    Parameters
    ----------
    url : str
        Root of QIDO, WADO and STOW, without a slash at its end.
    login : Login
    ca_file : Path or None
        Authorities to trust in place of the usual ones (PEM).
    client_cert, client_key : Path or None
        What we show to the server (PEM); the key may be in the file of the certificate.
    """

    url: str
    login: Login = field(default_factory=Login)
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None

    @property
    def in_the_clear(self) -> bool:
        """Whether anyone on the way can read along: plain http to another machine."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def server_at(
    url: str,
    environment: Mapping[str, str],
    *,
    ca_file: Path | None = None,
    client_cert: Path | None = None,
    client_key: Path | None = None,
) -> Server:
    """The server at an address, with what the environment says of who asks.

    Raises
    ------
    UsageError
        The address is none, or holds a password; credentials contradict each other, or would
        travel unencrypted; a file of certificates is not there.
    """
    found = Server(
        _checked(url), login_from(environment), ca_file=ca_file, client_cert=client_cert,
        client_key=client_key,
    )  # fmt: skip
    for option, file in (
        ("--ca-file", ca_file), ("--client-cert", client_cert), ("--client-key", client_key),
    ):  # fmt: skip
        if file is not None and not file.is_file():
            raise UsageError(f"There is no file {file.name!r}.", where=option, expected="PEM")
    if client_key is not None and client_cert is None:
        raise UsageError("A key was given without its certificate.", where="--client-key",
                         do="name the certificate with --client-cert")  # fmt: skip
    if found.in_the_clear and found.login.given:
        raise UsageError(
            "The address is plain http, where everyone on the way could read the credentials.",
            where="--dicomweb",
            expected="https, or a server on this machine",
            do=f"use the https address of the server, or unset {TOKEN}, {USER} and {PASSWORD}",
        )
    return found


def login_from(environment: Mapping[str, str]) -> Login:
    """The credentials in an environment; raises UsageError if they contradict each other."""
    token, user, password = (environment.get(name) or None for name in (TOKEN, USER, PASSWORD))
    if token is not None and user is not None:
        raise UsageError(f"Both {TOKEN} and {USER} are set.", expected="one of the two",
                         do="unset the one that the server does not ask for")  # fmt: skip
    if (user is None) != (password is None):
        raise UsageError(f"Of {USER} and {PASSWORD} only one is set.", expected="both, or neither")
    token = token.strip() if token else None
    for name, value in ((TOKEN, token), (USER, user), (PASSWORD, password)):
        if value is not None and not value.isprintable():
            raise UsageError(f"{name} holds a line break or another control character.")
    if token is not None and (not token.isascii() or " " in token):
        raise UsageError(f"{TOKEN} is no token.", expected="the bare token, without 'Bearer'")
    return Login(token, user, password)


def _checked(url: str) -> str:
    """The address without a slash at its end; raises UsageError. Never shows what it refuses."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise UsageError("This is no address.", where="--dicomweb", expected=EXPECTED) from None
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "The address holds a user or a password, which would end up in lists of processes.",
            where="--dicomweb",
            expected=EXPECTED,
            do=f"set {USER} and {PASSWORD}, or {TOKEN}, and leave them out of the address",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UsageError(
            "This is no address of a web server.", where="--dicomweb", expected=EXPECTED
        )
    if parts.query or parts.fragment or not url.isprintable() or " " in url.strip():
        raise UsageError(
            "The address holds more than a server and a path.",
            where="--dicomweb",
            expected=EXPECTED,
            do="leave out what follows ? or #",
        )
    return url.strip().rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

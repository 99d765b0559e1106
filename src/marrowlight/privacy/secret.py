"""The secret from which pseudonyms, UIDs and shifts of dates are made."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from marrowlight.errors import OutputExists, OutputNotWritable, UsageError

SECRET_BYTES = 32
LEAST_BYTES = 16
MOST_DAYS = 3650
PRIVATE = 0o600
_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ0123456789"


@dataclass(frozen=True)
class Secret:
    """A key that is never shown; the same key gives the same pseudonyms in every run.

    All values are HMAC-SHA256 of the original under the key: without it they cannot be computed
    from a guessed original, with it the originals still cannot be computed back.
    """

    key: bytes = field(repr=False)

    def uid(self, original: str) -> str:
        """A UID for a UID: 2.25 and a UUID (PS3.5 B.2). Equal originals stay equal."""
        raw = bytearray(self._digest("uid", original)[:16])
        raw[6] = (raw[6] & 0x0F) | 0x80  # version 8: made by a rule of one's own (RFC 9562)
        raw[8] = (raw[8] & 0x3F) | 0x80
        return f"2.25.{int.from_bytes(raw, 'big')}"

    def pseudonym(self, patient: str) -> str:
        """``ML-`` and ten signs, for the name and the id of a patient."""
        number = int.from_bytes(self._digest("patient", patient)[:8], "big")
        signs = []
        for _ in range(10):
            number, sign = divmod(number, len(_LETTERS))
            signs.append(_LETTERS[sign])
        return "ML-" + "".join(signs)

    def days(self, patient: str) -> int:
        """By how many whole days the dates of a patient are moved back: 1 to 3650."""
        number = int.from_bytes(self._digest("days", patient)[:8], "big")
        return 1 + number % MOST_DAYS

    def _digest(self, purpose: str, value: str) -> bytes:
        return hmac.new(self.key, f"{purpose}\x1f{value}".encode(), hashlib.sha256).digest()


def one_time_secret() -> Secret:
    """A secret that nobody keeps: pseudonyms of two runs have nothing in common."""
    return Secret(secrets.token_bytes(SECRET_BYTES))


def secret_from(path: Path, *, make: bool = False) -> Secret:
    """The secret in a file; with ``make`` a new file, readable by its owner alone.

    Raises
    ------
    UsageError
        There is no such file, it cannot be read, or is too short to be a secret.
    OutputExists
        A new one is asked for and the file is there: a secret is never replaced.
    OutputNotWritable
        The new file cannot be written.
    """
    if make:
        return _make(path)
    try:
        text = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(
            f"The file of the secret cannot be read ({error.strerror}).",
            where=f"--secret-file {path}",
            expected="a file made by an earlier run",
            do="name the file of the earlier run, or let one be made with --new-secret",
        ) from error
    if len(text) < LEAST_BYTES:
        raise UsageError(
            f"The file of the secret holds {len(text)} bytes.",
            where=f"--secret-file {path}",
            expected=f"at least {LEAST_BYTES}, better {SECRET_BYTES} random ones",
            do="name the right file, or let one be made with --new-secret",
        )
    return Secret(text)


def others_can_read(path: Path) -> bool:
    """Whether accounts other than the owner's may read the file."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def _make(path: Path) -> Secret:
    text = secrets.token_hex(SECRET_BYTES).encode()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with os.fdopen(handle, "wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise OutputExists(
            "The file of the new secret is there already; a secret is never replaced.",
            where=path,
            expected="a name that is not taken",
            do="leave --new-secret out to use the secret that is there",
        ) from error
    except OSError as error:
        raise OutputNotWritable(
            f"The file of the secret cannot be written ({error.strerror}).",
            where=path,
            expected="a folder that you may write to",
            do="choose another place",
        ) from error
    return Secret(text)

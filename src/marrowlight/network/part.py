"""One DICOM file out of the answer of WADO-RS, passed on as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message

from marrowlight.errors import ServerRefused, ServerUnreachable

HEAD_BYTES = 64 * 1024
"""Most that may stand before the file: a boundary and a few lines."""

PREAMBLE, MAGIC = 128, b"DICM"
"""A DICOM file begins with 128 bytes of no meaning and these four. Source: PS3.10, 7.1."""


def only_part(content_type: str, body: Iterator[bytes]) -> Iterator[bytes]:
    """The one file in an answer, piece by piece.

    content_type : of the answer. Some servers send the file bare, as ``application/dicom``.

    Raises
    ------
    ServerUnreachable
        The answer ends before the file does: there is no closing boundary.
    ServerRefused
        The answer is of another kind, or holds more than one file.
    """
    kind, boundary = _kind_of(content_type)
    if kind == "application/dicom":
        yield from body
    elif kind == "multipart/related" and boundary:
        yield from _unwrapped(body, b"--" + boundary.encode("latin-1", "replace"))
    else:
        raise ServerRefused(
            "The server answered with something that is no DICOM file.", expected="DICOMweb"
        )


def checked_dicom(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces; raises ServerRefused unless they begin as a DICOM file does."""
    head = b""
    for piece in pieces:
        if head is not None:
            head += piece
            if len(head) < PREAMBLE + len(MAGIC):
                continue
            if head[PREAMBLE : PREAMBLE + len(MAGIC)] != MAGIC:
                break
            piece, head = head, None  # type: ignore[assignment]
        yield piece
    if head is not None:
        raise ServerRefused("The server sent a file that is no DICOM.", expected="a DICOM file")


def _kind_of(content_type: str) -> tuple[str, str]:
    """Media type and boundary of a Content-Type."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary", "")
    return message.get_content_type(), boundary if isinstance(boundary, str) else ""


def _unwrapped(body: Iterator[bytes], marker: bytes) -> Iterator[bytes]:
    delimiter = b"\r\n" + marker
    held = _after_head(body, marker)
    while (end := held.find(delimiter)) < 0:
        # A boundary may straddle two pieces.
        sure = len(held) - len(delimiter)
        if sure > 0:
            yield bytes(held[:sure])
            del held[:sure]
        held += _next(body)
    if end:
        yield bytes(held[:end])
    rest = held[end + len(delimiter) :]
    while len(rest) < 2:
        rest += _next(body)
    if rest[:2] != b"--":
        raise ServerRefused("The server sent more than the one file that was asked for.")
    for _ in body:  # So that the connection can be used again.
        pass


def _after_head(body: Iterator[bytes], marker: bytes) -> bytearray:
    """What follows the first boundary and the lines below it, as far as it has come."""
    held = bytearray()
    while True:
        start = held.find(marker)
        end = held.find(b"\r\n\r\n", start) if start >= 0 else -1
        if end >= 0:
            return held[end + 4 :]
        if len(held) > HEAD_BYTES:
            raise ServerRefused("The server answered with something that is no DICOM file.")
        held += _next(body)


def _next(body: Iterator[bytes]) -> bytes:
    piece = next(body, None)
    if piece is None:
        raise ServerUnreachable("The answer of the server broke off half way.")
    return piece

"""DICOM UIDs that follow from what they name."""

from __future__ import annotations

import hashlib


def uid_of(*parts: object) -> str:
    """2.25 and a 128-bit number, a hash of the parts (PS3.5 B.2): equal parts, equal UID."""
    # A patient id may hold characters that are none.
    text = "\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(text).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"

"""Names and texts from outside, made safe to show."""

from __future__ import annotations

from pathlib import PurePath

MOST_CHARACTERS = 256


def clean(text: str) -> str:
    """Text without control characters and broken encodings, at most 256 long.

    A file name or a header may hold terminal escapes, or bytes that are no text.
    """
    return "".join(c if c.isprintable() else " " for c in text[:MOST_CHARACTERS]).strip()


def shown_name(file: str) -> str:
    """The last part of a path (of a member, in an archive), safe to show."""
    return clean(PurePath(file).name or file)

"""Names like the one that was typed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """Up to ``most`` known names that look like ``name``, best first."""
    return tuple(difflib.get_close_matches(name.lower(), sorted(known), n=most, cutoff=0.6))

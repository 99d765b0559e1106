"""The coarse scan that tests use."""

from __future__ import annotations

from typing import Any

from marrowlight.phantom import PhantomSpec

SMALL: dict[str, Any] = {"pixel_mm": 1.0, "slice_mm": 3.5, "gap_mm": 0.5, "samples": 3}


def small(**options: Any) -> PhantomSpec:
    """A coarse scan; everything else as asked."""
    return PhantomSpec(**{**SMALL, **options})

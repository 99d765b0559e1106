"""Ranges as numbers to count with: the middle first, then values drawn from the range."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAMPLES = 400
"""Draws beside the middle; the ends of a posterior range then move by about 0.01 between seeds."""

SEED = 20261124

Z_END = 1.6449
"""A range is taken as the middle nine tenths of a normal distribution on the logit scale."""

LEAST = 5e-4
"""No probability is taken nearer to 0 or 1: nothing in medicine is certain."""


@lru_cache(maxsize=8)
def _normal(count: int, stream: int) -> Floats:
    """Standard normal numbers, (1 + SAMPLES, count), the first row zero."""
    z = np.random.default_rng([SEED, stream]).standard_normal((SAMPLES, count))
    return np.concatenate([np.zeros((1, count)), z])


def logit(p: Floats) -> Floats:
    """ln(p / (1 - p)), p kept ``LEAST`` away from 0 and 1."""
    p = np.clip(p, LEAST, 1 - LEAST)
    return np.log(p / (1 - p))


def drawn(ranges: Sequence[tuple[float, float, float]], stream: int) -> Floats:
    """Probabilities, (1 + SAMPLES, len(ranges)): row 0 the middles, the others draws.

    The two halves of a range have a width of their own. ``stream`` keeps the draws of one use apart
    from those of another; the same stream and order give the same draws.
    """
    low, middle, high = (logit(column) for column in np.array(ranges, float).reshape(-1, 3).T)
    z = _normal(len(ranges), stream)
    x = middle + z * np.where(z > 0, high - middle, middle - low) / Z_END
    return 1 / (1 + np.exp(-x))

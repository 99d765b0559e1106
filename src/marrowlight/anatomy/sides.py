"""Two limbs in one field of view: where one ends and the other begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.expect import Expected
from marrowlight.study.grid import Grid

TWO_LIMBS_MM = 220.0
"""A field of view narrower than this from right to left shows one limb. mm."""

MIDDLE = (0.25, 0.75)
"""Where in the field the gap between two limbs is looked for, as shares of its width."""

LEAST_SHARE = 0.2
"""Each limb holds at least this share of the main bones."""

VALLEY = 0.05
"""In the gap the main bones fall below this share of their peak (sections from side to side)."""


def gap_between_limbs(
    probability: NDArray[np.float32], grid: Grid, classes: Sequence[str], expect: Expected
) -> int | None:
    """The index along X between a left limb (below it) and a right limb; None for one limb.

    probability : (C, X, Y, Z) on grid, canonical axes; only main bones that come in pairs count.
    """
    width = grid.shape[0]
    if width * grid.spacing[0] < TWO_LIMBS_MM:
        return None
    paired = [
        c
        for c, name in enumerate(classes)
        if c and (known := expect.bone(name)) is not None and known.main and not known.midline
    ]
    if not paired:
        return None
    # Bones of the pelvis come close to the midline: where there is a femur, it alone tells.
    if "femur" in classes:
        paired = [list(classes).index("femur")]
    profile = (probability[paired].max(axis=0) > 0.5).sum(axis=(1, 2)).astype(float)
    if not profile.any():
        return None
    low, high = (round(share * width) for share in MIDDLE)
    valley = float(profile[low:high].min())
    flat = low + np.flatnonzero(profile[low:high] <= valley)
    gap = int(flat[len(flat) // 2])
    left, right = float(profile[:gap].sum()), float(profile[gap:].sum())
    if min(left, right) < LEAST_SHARE * (left + right) or valley > VALLEY * profile.max():
        return None
    return gap

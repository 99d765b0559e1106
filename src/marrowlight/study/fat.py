"""Is subcutaneous fat dark? What the image itself says about fat suppression."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.volume import Volume

RIM_MM = (3.0, 7.0)
"""Where subcutaneous fat is looked for, measured inward from the outline of the body: below the
2 mm of skin, above the fascia of a lean knee. Unit: mm."""

MOST_BODY = 0.9
"""Share of the picture above which the body has no outline in it (a pelvis fills the field)."""

DARK, BRIGHT = 0.55, 0.9
"""Upper quartile of the rim over the 90th percentile of the body: below DARK fat is suppressed,
above BRIGHT it is not, and between nothing is said. Seen on real images: fat-suppressed 0.50 (knee)
to 0.80 (pelvis under a surface coil), not suppressed 0.67 to 1.1."""

SLICES = 5
"""Slices looked at, from the middle half of the stack."""


class Fat(StrEnum):
    DARK = "dark"
    BRIGHT = "bright"
    UNCLEAR = "unclear"


def subcutaneous_fat(volume: Volume) -> Fat:
    """Whether the rim just inside the outline of the body is dark, bright, or cannot be judged.

    volume : any orientation; slices along K. Pure and deterministic.
    """
    ratios = []
    depth = volume.grid.shape[2]
    pick = np.unique(np.linspace(depth * 0.25, depth * 0.75, SLICES).astype(int).clip(0, depth - 1))
    for k in pick:
        ratio = _rim_ratio(volume.voxels[:, :, k], volume.grid.spacing[:2])
        if ratio is not None:
            ratios.append(ratio)
    if len(ratios) < max(1, len(pick) // 2):
        return Fat.UNCLEAR
    middle = float(np.median(ratios))
    if middle < DARK:
        return Fat.DARK
    return Fat.BRIGHT if middle > BRIGHT else Fat.UNCLEAR


def _rim_ratio(picture: NDArray[np.float32], spacing: tuple[float, ...]) -> float | None:
    from scipy import ndimage

    # About 1.2 mm is fine enough for a rim of 4 mm, and much faster.
    every = [max(1, round(1.2 / s)) for s in spacing]
    picture = ndimage.uniform_filter(picture, every)[:: every[0], :: every[1]]
    mm = [s * e for s, e in zip(spacing, every, strict=True)]
    smooth = ndimage.gaussian_filter(picture, 1.0)
    body = smooth > 0.12 * np.percentile(smooth, 99)
    body = ndimage.binary_opening(body, iterations=2)
    parts, count = ndimage.label(body)
    if not count:
        return None
    body = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    body = ndimage.binary_fill_holes(body)
    if not 0.1 < body.mean() < MOST_BODY:
        return None
    # The edge of the picture is no skin: pad with body, so that it counts as inside.
    depth = ndimage.distance_transform_edt(np.pad(body, 1, constant_values=True), sampling=mm)
    depth = depth[1:-1, 1:-1]
    rim = picture[(depth > RIM_MM[0]) & (depth < RIM_MM[1])]
    if rim.size < 50:
        return None
    inside = float(np.percentile(picture[depth > RIM_MM[0]], 90))
    return float(np.percentile(rim, 75)) / inside if inside > 0 else None

"""The edge of a lesion: sharp like a cyst, or ill-defined like edema."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.measurement import Edge
from marrowlight.edema.resolution import Resolution, slice_axis
from marrowlight.study.grid import Grid

SHARP_POINT_SPREADS = 2.0
"""An edge is sharp when it is no wider than this many point spreads: the image itself makes a true
step about one wide, and a drawn outline wanders by about as much again."""

SLANT = 0.5
"""A border that leans by up to 27 degrees against the slice is blurred by up to this share of the
slice distance, however sharp it is."""

OUTLINE_POINT_SPREADS = 1.0
"""SD of the Gaussian that smooths the outline before distances to it are taken."""

CENTRAL_SHARE = 0.6
"""The width is read where the contrast falls from 80 to 20 % of the step, and divided by this."""

REACH_POINT_SPREADS = 8.0
"""How far inside and outside the border the contrast is looked at."""

LEAST_SAMPLES = 12
"""Voxels needed inside and outside to know a level, and at one distance to know its mean."""

LEAST_STEP = 2.0
"""Smallest step of contrast across the border that is looked at, in robust SD."""


class EdgeMeasurement(NamedTuple):
    """Kind of edge, and its width in mm (None if unknown)."""

    kind: Edge
    width_mm: float | None


def sharp_width_mm(seen: Resolution) -> float:
    """Widest edge that is still called sharp in this image, in mm."""
    return max(SHARP_POINT_SPREADS * seen.in_plane_mm, SLANT * seen.across_mm)


def measure_edge(
    lesion: NDArray[np.intp],
    contrast: NDArray[np.float32],
    surround: NDArray[np.bool_],
    grid: Grid,
    seen: Resolution,
) -> EdgeMeasurement:
    """Over which distance the contrast falls across the border of a lesion.

    The mean contrast is taken as a function of the distance to the border within the slice, from
    an outline that was smoothed: a mask that follows the noise would else show
    a step where there is none. The step is the difference between the level inside and outside,
    the width the distance over which the middle 60 % of it happen, divided by 0.6.

    Parameters
    ----------
    lesion : (n, 3) voxel indices
    contrast : (I, J, K) float32, robust SD
    surround : (I, J, K) bool, bone that is neither edema nor cyst
    grid : Grid
    seen : Resolution of the image

    Unknown where the lesion is too small to have an inside, where too little normal bone
    surrounds it, or where it hardly stands out.
    """
    unknown = EdgeMeasurement(Edge.UNKNOWN, None)
    profile = _profile(lesion, contrast, surround, grid, seen)
    if profile is None:
        return unknown
    distance, mean, inner, outer = profile
    if inner - outer < LEAST_STEP:
        return unknown
    fall = (mean - outer) / (inner - outer)
    # From the border outwards and inwards: the first place below 20 % and above 80 %.
    end = _crossing(distance[distance > 0], fall[distance > 0], 0.2, below=True)
    start = _crossing(-distance[distance < 0][::-1], fall[distance < 0][::-1], 0.8, below=False)
    if end is None or start is None:
        return unknown
    width = (start + end) / CENTRAL_SHARE
    return EdgeMeasurement(Edge.SHARP if width <= sharp_width_mm(seen) else Edge.ILL_DEFINED, width)


def _crossing(
    away: NDArray[np.float64], fall: NDArray[np.float64], level: float, *, below: bool
) -> float | None:
    """Distance from the border at which the profile first passes the level, interpolated."""
    passed = np.flatnonzero(fall <= level if below else fall >= level)
    if not passed.size:
        return None
    at = int(passed[0])
    if at == 0:
        return float(away[0])
    share = (level - fall[at - 1]) / (fall[at] - fall[at - 1])
    return float(away[at - 1] + share * (away[at] - away[at - 1]))


def _profile(
    lesion: NDArray[np.intp],
    contrast: NDArray[np.float32],
    surround: NDArray[np.bool_],
    grid: Grid,
    seen: Resolution,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float] | None:
    """(distance to the border in mm, mean contrast there, level inside, level outside).

    Distances are within the slice, negative inside. None if too little is inside or outside.
    """
    from scipy import ndimage

    blur = seen.in_plane_mm
    reach = REACH_POINT_SPREADS * blur
    across = slice_axis(grid)
    steps = [0 if a == across else int(np.ceil(reach / s)) for a, s in enumerate(grid.spacing)]
    low = np.maximum(lesion.min(axis=0) - steps, 0)
    high = np.minimum(lesion.max(axis=0) + steps + 1, grid.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    drawn = np.zeros(tuple(high - low), bool)
    drawn[tuple((lesion - low).T)] = True
    sigma = [
        0 if a == across else OUTLINE_POINT_SPREADS * blur / s for a, s in enumerate(grid.spacing)
    ]
    inside = ndimage.gaussian_filter(drawn.astype(np.float32), sigma) > 0.5

    # Distances within the slice only: a slice is several pixels thick.
    sampling = [1e6 if a == across else s for a, s in enumerate(grid.spacing)]
    pixel = min(s for a, s in enumerate(grid.spacing) if a != across)
    looked_at = drawn | surround[box]
    depth = ndimage.distance_transform_edt(inside, sampling=sampling)[inside & looked_at]
    height = ndimage.distance_transform_edt(~inside, sampling=sampling)[~inside & looked_at]
    distance = np.concatenate([pixel / 2 - depth, height - pixel / 2])
    values = np.concatenate(
        [contrast[box][inside & looked_at], contrast[box][~inside & looked_at]]
    ).astype(np.float64)
    values, distance = values[np.abs(distance) <= reach], distance[np.abs(distance) <= reach]
    core, ring = values[distance <= -blur], values[distance >= 3 * blur]
    if min(core.size, ring.size) < LEAST_SAMPLES:
        return None
    bins = np.floor(distance / pixel).astype(int)
    first = int(bins.min())
    counts = np.bincount(bins - first)
    means = np.bincount(bins - first, values) / np.maximum(counts, 1)
    centers: NDArray[np.float64] = (np.arange(counts.size) + first + 0.5) * np.float64(pixel)
    known = counts >= LEAST_SAMPLES
    # The level inside is that of the deepest part, where the border's own slope has ended.
    deep = values[distance <= min(-blur, float(np.quantile(distance[distance < 0], 0.25)))]
    return centers[known], means[known], float(np.median(deep)), float(np.median(ring))

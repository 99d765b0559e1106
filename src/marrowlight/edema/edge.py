"""The edge of a lesion: sharp like a cyst, or ill-defined like edema."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.lesions import resolution_mm, slice_axis
from marrowlight.edema.measurement import Edge
from marrowlight.study.grid import Grid

SHARP_POINT_SPREADS = 2.0
"""An edge is sharp when it is no wider than this many point spreads: the image itself makes a true
step about one wide, and a drawn outline wanders by about as much again."""

SLANT = 0.5
"""A border that leans by up to 27 degrees against the slice is blurred by up to this share of the
slice distance, however sharp it is."""

OUTER_POINT_SPREADS = 5.0
"""How far outside the border the surrounding marrow is looked at."""

LEAST_SAMPLES = 12
"""Voxels needed inside and outside to know a level."""

LEAST_STEP = 1.0
"""Smallest step of contrast across the border that is looked at, in robust SD."""


class EdgeMeasurement(NamedTuple):
    """Kind of edge, and its width in mm (None if unknown)."""

    kind: Edge
    width_mm: float | None


def sharp_width_mm(grid: Grid) -> float:
    """Widest edge that is still called sharp on this grid, in mm."""
    return max(SHARP_POINT_SPREADS * resolution_mm(grid), SLANT * grid.spacing[slice_axis(grid)])


def measure_edge(
    lesion: NDArray[np.intp],
    contrast: NDArray[np.float32],
    surround: NDArray[np.bool_],
    grid: Grid,
) -> EdgeMeasurement:
    """How fast the contrast falls across the border of a lesion.

    The mean contrast is taken as a function of the distance to the border within the slice. The
    width is the step between inside and outside, divided by its steepest slope.

    Parameters
    ----------
    lesion : (n, 3) voxel indices
    contrast : (I, J, K) float32, robust SD
    surround : (I, J, K) bool, bone that is neither edema nor cyst
    grid : Grid

    Unknown where the lesion is too small to have an inside, where too little normal bone
    surrounds it, or where it hardly stands out.
    """
    from scipy import ndimage

    unknown = EdgeMeasurement(Edge.UNKNOWN, None)
    reach = OUTER_POINT_SPREADS * resolution_mm(grid)
    across = slice_axis(grid)
    steps = [0 if a == across else int(np.ceil(reach / s)) for a, s in enumerate(grid.spacing)]
    low = np.maximum(lesion.min(axis=0) - steps, 0)
    high = np.minimum(lesion.max(axis=0) + steps + 1, grid.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    inside = np.zeros(tuple(high - low), bool)
    inside[tuple((lesion - low).T)] = True

    # Distances within the slice only: a slice is several pixels thick.
    sampling = [1e6 if a == across else s for a, s in enumerate(grid.spacing)]
    pixel = min(s for a, s in enumerate(grid.spacing) if a != across)
    outer = surround[box] & ~inside
    depth = ndimage.distance_transform_edt(inside, sampling=sampling)[inside] - pixel / 2
    height = ndimage.distance_transform_edt(~inside, sampling=sampling)[outer] - pixel / 2
    distance = np.concatenate([-depth, height])
    values = np.concatenate([contrast[box][inside], contrast[box][outer]]).astype(np.float64)
    values, distance = values[np.abs(distance) <= reach], distance[np.abs(distance) <= reach]

    blur = resolution_mm(grid)
    core, ring = values[distance <= -blur], values[distance >= 2 * blur]
    if min(core.size, ring.size) < LEAST_SAMPLES:
        return unknown
    step = float(np.median(core) - np.median(ring))
    if step < LEAST_STEP:
        return unknown
    bins = np.round(distance / pixel - 0.5).astype(int)
    first = bins.min()
    counts = np.bincount(bins - first)
    means = np.bincount(bins - first, values) / np.maximum(counts, 1)
    near = slice(max(-2 - first, 0), max(3 - first, 0))
    enough = counts[near] >= LEAST_SAMPLES // 2
    falls = -np.diff(means[near])[enough[1:] & enough[:-1]] / pixel
    if not falls.size or falls.max() <= 0:
        return unknown
    width = float(step / falls.max())
    return EdgeMeasurement(Edge.SHARP if width <= sharp_width_mm(grid) else Edge.ILL_DEFINED, width)

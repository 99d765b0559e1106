"""Outlines of masks as SVG paths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 2
"""Rounds of corner cutting: a voxel's steps become a curve near it."""


def mask_path(
    mask: NDArray[np.bool_], row_mm: float, column_mm: float, *, blur: float = 0.0
) -> str:
    """The outline of a mask as SVG path data in mm from the upper left corner of the image.

    mask : (rows, columns) bool; row_mm, column_mm : size of a pixel; blur : as for ``outlines``.
    Empty for an empty mask.
    """
    return " ".join(_data(line, row_mm, column_mm) for line in outlines(mask, blur=blur))


def outlines(mask: NDArray[np.bool_], *, blur: float = 0.0) -> list[NDArray[np.float64]]:
    """Closed outlines of a mask, each (n, 2) as (column, row) of pixel centres.

    blur : standard deviation in pixels by which the mask is smoothed first, for drawings; what is
    measured is outlined as it is.
    """
    if not mask.any():
        return []
    from contourpy import LineType, contour_generator

    # A border of background closes the outlines of what touches the edge of the image.
    framed = np.pad(mask.astype(np.float64), 1)
    if blur:
        from scipy import ndimage

        framed = np.pad(ndimage.gaussian_filter(np.pad(framed, 3), blur), 1)
        lines = contour_generator(z=framed, line_type=LineType.Separate).lines(0.5)
        return [_rounded(np.asarray(line)[:-1] - 5.0) for line in lines]
    generator = contour_generator(z=framed, line_type=LineType.Separate)
    return [_rounded(np.asarray(line)[:-1] - 1.0) for line in generator.lines(0.5)]


def _rounded(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chaikin's corner cutting of a closed polygon. Source: Chaikin 1974, CGIP 3:346."""
    for _ in range(ROUNDS):
        following = np.roll(points, -1, axis=0)
        cut = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], axis=1)
        points = cut.reshape(-1, 2)
    return _thinned(points)


def _thinned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without points that lie on the line between their neighbours."""
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    a, b = points - before, after - points
    bend = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    kept: NDArray[np.float64] = points[bend > 1e-6]
    return kept if len(kept) >= 3 else points


def _data(points: NDArray[np.float64], row_mm: float, column_mm: float) -> str:
    x = (points[:, 0] + 0.5) * column_mm
    y = (points[:, 1] + 0.5) * row_mm
    steps = [f"{p:.2f} {q:.2f}" for p, q in zip(x, y, strict=True)]
    return "M" + "L".join(steps) + "Z"

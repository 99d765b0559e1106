"""A bone as registration sees it: its surface in even points, and how far any place is from it.

Nothing here depends on intensities, only on which voxels are bone and where the image ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import Grid, box_around

STEP_MM = 1.0
"""Voxels are merged or interpolated to about this size, whatever the scan was. Unit: mm."""

THICK_MM = 1.5
"""Slices further apart than this are interpolated by shape. Unit: mm."""

MARGIN_MM = 15.0
"""Distances are known this far around a bone; beyond, that of the rim is taken. Unit: mm."""

SMOOTH_MM = 0.8
"""SD of the smoothing that turns voxel steps into a surface with normals. Unit: mm."""

BORDER_MM = 3.0
"""Surface this close to the end of an image, or half a voxel more, does not count: a cut face is
no surface, and the network that drew it saw less there. Estimate. Unit: mm."""

DRAWN_MM = 0.3
"""How well an outline is drawn across its edge, whatever the voxels. Estimate. Unit: mm."""

FEWEST_POINTS = 100
"""About 0.4 cm² of surface: with less there is nothing to lay on anything. Estimate."""

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BoneSurface:
    """One bone of one visit.

    image : Grid
        Of the whole image the bone was drawn on: its field of view.
    grid : Grid
        About 1 mm even, along the axes of the image, around the bone.
    distance : (I, J, K) float32
        On ``grid``: signed distance to the surface in mm, above zero inside.
    points : (n, 3) float64
        RAS+ mm, on the surface, away from the ends of the image.
    normals : (n, 3) float64
        Unit, outward, of each point.
    area_mm2 : float
        Of the surface that ``points`` stand for.
    """

    image: Grid
    grid: Grid
    distance: NDArray[np.float32]
    points: Points
    normals: Points
    area_mm2: float

    def seen(self, points: Points, border_mm: float = BORDER_MM) -> NDArray[np.bool_]:
        """Which of (..., 3) points, RAS+ mm, lie in the image, away from its ends by border_mm."""
        index = self.image.to_index(points)
        rim = np.minimum(index + 0.5, np.asarray(self.image.shape) - 0.5 - index)
        spacing = np.asarray(self.image.spacing)
        keep = border_mm / spacing + (0.5 if border_mm > 0 else 0.0)
        # A few thick slices, or a narrow box, would have no inner part at all.
        keep = np.minimum(keep, 0.2 * np.asarray(self.image.shape))
        return np.asarray((rim >= keep).all(axis=-1))

    def spread_mm2(self, normals: Points) -> NDArray[np.float64]:
        """Variance in mm² of where a surface with (..., 3) unit normals was drawn.

        Along an axis of the image it may lie anywhere within a voxel; a surface that faces the
        next slice is therefore known far less well than one that is cut across.
        """
        along = normals @ (self.image.directions * np.asarray(self.image.spacing))
        return np.asarray((along**2).sum(axis=-1) / 12 + DRAWN_MM**2)

    def distance_mm(self, points: Points) -> NDArray[np.float64]:
        """Signed distance of (..., 3) points to the surface, in mm, above zero inside."""
        from scipy import ndimage

        index = np.moveaxis(self.grid.to_index(points), -1, 0)
        out: NDArray[np.float64] = ndimage.map_coordinates(
            self.distance, index, np.float64, order=1, mode="nearest"
        )
        return out

    def distance_and_slope(self, points: Points) -> tuple[NDArray[np.float64], Points]:
        """Signed distance (...,) and its slope (..., 3) along R, A, S, of (..., 3) points."""
        index = self.grid.to_index(points)
        last = np.asarray(self.grid.shape) - 1
        inner = np.clip(index, 0.0, last - 1e-6)
        low = inner.astype(np.intp)
        part = (inner - low).astype(np.float32)
        _, columns, slices = self.grid.shape
        at = (low[..., 0] * columns + low[..., 1]) * slices + low[..., 2]
        flat = self.distance.ravel()
        x, y, z = part[..., 0], part[..., 1], part[..., 2]
        # The eight corners of the voxel box: value and slope of the linear field inside it.
        c = [flat[at + i] for i in _corner_steps(columns, slices)]
        c00, c01, c10, c11 = (c[k] + (c[k + 4] - c[k]) * x for k in range(4))
        c0, c1 = c00 + (c10 - c00) * y, c01 + (c11 - c01) * y
        value = c0 + (c1 - c0) * z
        along = np.empty(points.shape, np.float64)
        d00, d01, d10, d11 = (c[k + 4] - c[k] for k in range(4))
        d0, d1 = d00 + (d10 - d00) * y, d01 + (d11 - d01) * y
        along[..., 0] = d0 + (d1 - d0) * z
        along[..., 1] = (c10 - c00) + ((c11 - c01) - (c10 - c00)) * z
        along[..., 2] = c1 - c0
        slope = (along / np.asarray(self.grid.spacing)) @ self.grid.directions.T
        return value.astype(np.float64), np.asarray(slope)


def _corner_steps(columns: int, slices: int) -> list[int]:
    """Steps in the flat array to the corners 000, 001, 010, 011, 100, 101, 110, 111."""
    return [i * columns * slices + j * slices + k for i in (0, 1) for j in (0, 1) for k in (0, 1)]


def surface_of(mask: NDArray[np.bool_], grid: Grid) -> BoneSurface | None:
    """The surface of a bone.

    mask : (I, J, K) bool on grid, not empty. Returns None where the image cuts off so much that no
    surface is left.
    """
    share, even = _even(mask, grid)
    spacing = np.asarray(even.spacing)
    smooth = _smoothed(share - np.float32(0.5), even.spacing)
    if not (smooth > 0).any() or (smooth > 0).all():
        return None
    points, normals = _crossings(smooth, even)
    distance = _distance(smooth, even.spacing)
    whole = BoneSurface(grid, even, distance, points, normals, 0.0)
    keep = whole.seen(points)
    if keep.sum() < FEWEST_POINTS:
        return None
    points, normals = points[keep], normals[keep]
    # Lines along the axes meet a surface |n| times per face of a voxel, summed over the axes.
    faces = even.voxel_volume_mm3 / spacing
    area = float((1 / (np.abs(normals @ even.directions) / faces).sum(axis=1)).sum())
    return BoneSurface(grid, even, distance, points, normals, area)


def _even(mask: NDArray[np.bool_], grid: Grid) -> tuple[NDArray[np.float32], Grid]:
    """Share of bone, 0..1, in about even voxels around a bone, and their grid."""
    margin = [int(np.ceil(MARGIN_MM / s)) for s in grid.spacing]
    box = box_around(mask, margin)
    inside = box_around(mask)
    # Beyond the end of the image the bone goes on: repeated there, the cut is no surface.
    short = [
        (max(0, m - i.start), max(0, m - (n - i.stop)))
        for i, n, m in zip(inside, mask.shape, margin, strict=True)
    ]
    part = np.pad(mask[box], short, mode="edge")
    start = [b.start - s[0] for b, s in zip(box, short, strict=True)]
    part_grid = grid.part(start, part.shape)
    share, merged = _merged(part, part_grid)
    for axis in range(3):
        if merged.spacing[axis] > THICK_MM:
            share, merged = _between_slices(share, merged, axis)
    return share, merged


def _merged(part: NDArray[np.bool_], grid: Grid) -> tuple[NDArray[np.float32], Grid]:
    """Voxels finer than a step are merged in blocks."""
    blocks = [max(1, round(STEP_MM / s)) for s in grid.spacing]
    lost = [n % b for n, b in zip(part.shape, blocks, strict=True)]
    kept = part[tuple(slice(0, n - x) for n, x in zip(part.shape, lost, strict=True))]
    i, j, k = (n // b for n, b in zip(kept.shape, blocks, strict=True))
    split = kept.reshape(i, blocks[0], j, blocks[1], k, blocks[2])
    share = split.mean(axis=(1, 3, 5), dtype=np.float32)
    affine = grid.affine.copy()
    affine[:3, :3] *= blocks
    affine[:3, 3] = grid.to_ras([(b - 1) / 2 for b in blocks])
    return share, Grid((i, j, k), affine)


def _between_slices(
    share: NDArray[np.float32], grid: Grid, axis: int
) -> tuple[NDArray[np.float32], Grid]:
    """More slices in between, by shape: distances to the outline in each slice are interpolated.

    Source: Raya & Udupa 1990, IEEE Trans Med Imaging 9:32. A bone ends half-way between its last
    slice and the next.
    """
    gap = grid.spacing[axis]
    times = round(gap / STEP_MM)
    rows, columns = (grid.spacing[a] for a in range(3) if a != axis)
    depth = np.moveaxis(share, axis, 0) - np.float32(0.5)
    for k, here in enumerate(depth):
        smooth = _smoothed(here, (rows, columns))
        if smooth.min() > 0 or smooth.max() <= 0:
            depth[k] = gap if smooth.min() > 0 else -gap
        else:
            depth[k] = _distance(smooth, (rows, columns))
    depth = np.clip(depth, -gap, gap)
    n = len(depth)
    at = (np.arange(n * times - times + 1) / times)[:, None, None]
    low = np.minimum(at.astype(int), n - 2)
    weight = (at - low).astype(np.float32)
    low = low[:, 0, 0]
    finer = depth[low] * (1 - weight) + depth[low + 1] * weight
    affine = grid.affine.copy()
    affine[:3, axis] /= times
    finer = np.moveaxis(finer, 0, axis)
    out = np.clip(0.5 + finer / np.float32(STEP_MM), 0, 1)
    return out.astype(np.float32), Grid((out.shape[0], out.shape[1], out.shape[2]), affine)


def _smoothed(values: NDArray[np.float32], spacing: Sequence[float]) -> NDArray[np.float32]:
    from scipy import ndimage

    sigma = SMOOTH_MM / np.asarray(spacing)
    return np.asarray(
        ndimage.gaussian_filter(values, sigma, mode="nearest", truncate=3.0), np.float32
    )


def _distance(smooth: NDArray[np.float32], spacing: Sequence[float]) -> NDArray[np.float32]:
    """Signed distance to the edge in mm, above zero inside, from a smoothed share less one half.

    smooth : any number of axes. Far from the edge after Maurer 2003, IEEE Trans Pattern Anal Mach
    Intell 25:265.
    """
    import SimpleITK
    from scipy import special

    image = SimpleITK.GetImageFromArray((smooth > 0).astype(np.uint8))
    image.SetSpacing([float(s) for s in reversed(spacing)])
    far = SimpleITK.SignedMaurerDistanceMap(
        image, insideIsPositive=True, squaredDistance=False, useImageSpacing=True
    )
    # Counted from the outermost voxels inside: the edge lies half a voxel further out.
    half = np.float32(np.mean(spacing) / 2)
    out = np.asarray(SimpleITK.GetArrayFromImage(far), np.float32) + half
    # A flat edge smoothed by a Gaussian is an error function: undone, it tells parts of a voxel.
    blur = float(np.sqrt(SMOOTH_MM**2 + STEP_MM**2 / 12))
    close = np.abs(smooth) < 0.42
    out[close] = np.sqrt(2) * blur * special.erfinv(2 * smooth[close])
    return out


def _crossings(values: NDArray[np.float32], grid: Grid) -> tuple[Points, Points]:
    """Where values pass zero along the lines of a grid, and the outward unit normal there."""
    places = []
    for axis in range(3):
        low = np.moveaxis(values, axis, 0)[:-1]
        high = np.moveaxis(values, axis, 0)[1:]
        at = np.argwhere((low > 0) != (high > 0))
        a, b = low[tuple(at.T)], high[tuple(at.T)]
        index = at.astype(np.float64)
        index[:, 0] += a / (a - b)
        # np.moveaxis(values, axis, 0) puts the other two axes behind in their order.
        order = [axis, *[other for other in range(3) if other != axis]]
        place = np.empty_like(index)
        place[:, order] = index
        places.append(place)
    index = np.concatenate(places)
    slope = _slope(values, index) / np.asarray(grid.spacing)
    normals = -(slope @ grid.directions.T)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    keep = length[:, 0] > 1e-6
    return grid.to_ras(index[keep]), normals[keep] / length[keep]


def _slope(values: NDArray[np.float32], index: Points) -> Points:
    """Difference per voxel of values at (n, 3) indices; (n, 3)."""
    from scipy import ndimage

    out = np.empty_like(index)
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = 0.5
        ends = [
            ndimage.map_coordinates(values, (index + s * step).T, order=1, mode="nearest")
            for s in (1, -1)
        ]
        out[:, axis] = ends[0] - ends[1]
    return out

"""An image made ready for a bone network: one orientation, 1 mm pixels, one scale of brightness."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.network import Recipe
from marrowlight.study.grid import Grid
from marrowlight.study.volume import Volume

Array = NDArray[np.float32]

SMOOTH_PIXELS = 1.0
"""Gaussian SD before the percentile is read: single bright pixels shall not set the scale."""

AIR = 0.06
"""Share of the scale below which a smoothed pixel is air. Estimate: noise of a knee scan stays at 1
to 4 % of its brightest tissue."""

AIR_MARGIN_MM = 6.0
"""Air kept around the body, so that skin is seen against something. mm."""

AXES = (
    # slices, rows, columns of a picture, as axes of an (X, Y, Z) array; rows run to inferior or
    # posterior and columns to posterior or left, so both are turned round.
    (0, 2, 1),  # sagittal
    (1, 2, 0),  # coronal
    (2, 1, 0),  # axial
)
PLANE_NAMES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True, eq=False)
class Canonical:
    """A volume whose axes are those of the scan nearest to Right, Anterior, Superior, in order.

    Nothing is turned by interpolation: an oblique scan keeps its own axes.

    Parameters
    ----------
    voxels : (X, Y, Z) float32
    grid : Grid
    slice_axis : int
        0 sagittal, 1 coronal, 2 axial: the axis along which slices were scanned.
    """

    voxels: Array
    grid: Grid
    slice_axis: int

    @property
    def slice_mm(self) -> float:
        """Centre-to-centre distance of the slices. mm."""
        return self.grid.spacing[self.slice_axis]


def canonical(volume: Volume) -> Canonical:
    """A volume in canonical axis order; voxels are moved, never interpolated."""
    order = _nearest_axes(volume.grid.directions)
    affine = volume.grid.affine.copy()
    voxels = volume.voxels.transpose(order)
    affine[:, :3] = affine[:, list(order)]
    for axis in range(3):
        if affine[axis, axis] < 0:
            voxels = np.flip(voxels, axis)
            affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
            affine[:3, axis] *= -1
    return Canonical(voxels, Grid(voxels.shape, affine), order.index(2))


def _nearest_axes(directions: NDArray[np.float64]) -> tuple[int, int, int]:
    """Which voxel axis lies nearest to R, A and S: the assignment with the largest total."""
    size = np.abs(directions)
    best = max(permutations(range(3)), key=lambda p: sum(size[row, p[row]] for row in range(3)))
    return best[0], best[1], best[2]


def resampling(count: int, target: int) -> Array:
    """(target, count) weights that resample a line of pixels: triangle filter, ends kept.

    Finer lines are averaged over the width of a new pixel (no aliasing), coarser ones are
    interpolated linearly. Both lines cover the same length.
    """
    scale = count / target
    width = max(scale, 1.0)
    centres = (np.arange(target) + 0.5) * scale - 0.5
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(count) - centres[:, None]) / width)
    out: Array = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return out


def resize(voxels: NDArray[np.floating], axis: int, target: int) -> Array:
    """An array resampled along one axis to a number of pixels; see ``resampling``."""
    count = voxels.shape[axis]
    if count == target:
        return np.asarray(voxels, np.float32)
    moved = np.tensordot(resampling(count, target), np.asarray(voxels, np.float32), (1, axis))
    out: Array = np.moveaxis(moved, 0, axis)
    return out


def resized_grid(grid: Grid, shape: tuple[int, int, int]) -> Grid:
    """The grid after ``resize``: the same box, other voxels."""
    affine = grid.affine.copy()
    for axis in range(3):
        scale = grid.shape[axis] / shape[axis]
        affine[:3, 3] += grid.affine[:3, axis] * (scale - 1) / 2
        affine[:3, axis] = grid.affine[:3, axis] * scale
    return Grid(shape, affine)


def pixels(grid: Grid, axis: int, mm: float) -> int:
    """How many pixels of a size cover a grid along one axis, at least one."""
    return max(1, round(grid.shape[axis] * grid.spacing[axis] / mm))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A volume as a network wants it: 1 mm in the slice, slices as scanned, air cut off.

    voxels : (X, Y, Z) float32, 0..clip; grid : Grid; slice_axis, slice_mm : as in Canonical.
    """

    voxels: Array
    grid: Grid
    slice_axis: int
    slice_mm: float


def prepare(volume: Volume, recipe: Recipe) -> Prepared:
    """Canonical axes, pixels of recipe.pixel_mm, brightness over the percentile, air cut off."""
    from scipy import ndimage

    base = canonical(volume)
    shape = [
        base.grid.shape[axis]
        if axis == base.slice_axis
        else pixels(base.grid, axis, recipe.pixel_mm)
        for axis in range(3)
    ]
    voxels: Array = base.voxels
    # The axis that loses most goes first, so that the second has less to do.
    for axis in sorted(range(3), key=lambda a: shape[a] / base.grid.shape[a]):
        voxels = resize(voxels, axis, shape[axis])
    sigma = [0.0 if axis == base.slice_axis else SMOOTH_PIXELS for axis in range(3)]
    smooth = ndimage.gaussian_filter(voxels, sigma)
    level = float(np.percentile(smooth, recipe.percentile))
    if not np.isfinite(level) or level <= 0:
        level = 1.0
    scaled = np.clip(voxels / np.float32(level), 0.0, recipe.clip).astype(np.float32)
    grid = resized_grid(base.grid, (shape[0], shape[1], shape[2]))
    box = _body(smooth > AIR * level, grid, base.slice_axis)
    part = grid.part([s.start for s in box], scaled[box].shape)
    return Prepared(np.ascontiguousarray(scaled[box]), part, base.slice_axis, base.slice_mm)


def _body(tissue: NDArray[np.bool_], grid: Grid, slice_axis: int) -> tuple[slice, slice, slice]:
    """The box that holds the body in the slices; every slice is kept."""
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        # A line of pixels counts as body when 1 % of it is tissue: noise alone is less.
        used = np.flatnonzero(tissue.mean(axis=others) > 0.01)
        if axis == slice_axis or not used.size:
            box.append(slice(0, tissue.shape[axis]))
            continue
        margin = round(AIR_MARGIN_MM / grid.spacing[axis])
        low, high = int(used[0]) - margin, int(used[-1]) + margin + 1
        box.append(slice(max(low, 0), min(high, tissue.shape[axis])))
    return box[0], box[1], box[2]


def to_pictures(voxels: Array, plane: int) -> Array:
    """(X, Y, Z) to (slices, rows, columns) as the network sees them; a view."""
    pictures: Array = voxels.transpose(AXES[plane])[:, ::-1, ::-1]
    return pictures


def from_pictures(pictures: Array, plane: int) -> Array:
    """(..., slices, rows, columns) back to (..., X, Y, Z); a view."""
    turned = pictures[..., ::-1, ::-1]
    lead = turned.ndim - 3
    back = np.argsort(AXES[plane])
    out: Array = turned.transpose(*range(lead), *(int(a) + lead for a in back))
    return out

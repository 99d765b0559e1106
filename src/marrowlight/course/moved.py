"""A lesion of one visit on the grid of another, with its volume kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import Grid, box_around
from marrowlight.study.volume import resample

RIM_VOXELS = 3
"""Voxels around a mask that its shape is worked out in."""


def moved_mask(
    mask: NDArray[np.bool_], grid: Grid, matrix: NDArray[np.float64], onto: Grid
) -> NDArray[np.bool_]:
    """A small mask on another grid, with its volume kept, as far as it lies within that grid.

    mask : (I, J, K) bool on grid; matrix : (4, 4), RAS mm of grid to RAS mm of onto. By shape,
    at the level that keeps the volume: of a lesion on three thick
    slices that fall between those of the other grid, a third would be lost otherwise.
    """
    from scipy import ndimage

    out = np.zeros(onto.shape, bool)
    index = np.argwhere(mask).astype(np.float64)
    at = onto.to_index(grid.to_ras(index) @ matrix[:3, :3].T + matrix[:3, 3])
    inside = ((at >= -0.5) & (at <= np.asarray(onto.shape) - 0.5)).all(axis=1)
    count = round(int(inside.sum()) * grid.voxel_volume_mm3 / onto.voxel_volume_mm3)
    if not count:
        return out
    whole = np.pad(mask[(box := box_around(mask))], RIM_VOXELS)
    part = grid.part([s.start - RIM_VOXELS for s in box], whole.shape)
    depth = ndimage.distance_transform_edt(whole, sampling=grid.spacing)
    depth -= ndimage.distance_transform_edt(~whole, sampling=grid.spacing)
    low = np.clip(np.floor(at.min(axis=0)).astype(int) - RIM_VOXELS, 0, onto.shape)
    high = np.clip(np.ceil(at.max(axis=0)).astype(int) + RIM_VOXELS + 1, 0, onto.shape)
    target = onto.part(low.tolist(), tuple((high - low).tolist()))
    moved = Grid(part.shape, matrix @ part.affine)
    there = resample(depth, moved, target, outside=float(depth.min()))
    deepest = np.argpartition(there.ravel(), max(0, there.size - count))[-count:]
    chosen = np.zeros(there.size, bool)
    chosen[deepest] = True
    out[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = chosen.reshape(there.shape)
    return out

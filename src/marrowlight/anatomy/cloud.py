"""A bone as a cloud of even points, whatever the slices were.

Landmarks are found in it, so that they do not depend on the plane and thickness of the slices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.study.grid import Grid, box_around

CLOUD_MM = 1.0
"""Distance between points unless told otherwise. Unit: mm."""

MARGIN_MM = 3.0
"""Kept free around a bone, so that its border is inside. Unit: mm."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """One bone in points.

    bone : LabelledBone
    step_mm : distance between points along R, A and S
    inside : (n, 3) RAS+ mm
    surface : (m, 3) RAS+ mm, those of ``inside`` that have a face neighbour outside the bone; not
    where the image cuts the bone off
    """

    bone: LabelledBone
    step_mm: float
    inside: NDArray[np.float64]
    surface: NDArray[np.float64]

    @property
    def volume_mm3(self) -> float:
        """Volume in mm³."""
        return len(self.inside) * self.step_mm**3


def cloud_of(bones: BoneMap, bone: LabelledBone, step_mm: float = CLOUD_MM) -> Cloud | None:
    """The cloud of a bone; None if it is not in the map or too thin to have one."""
    from scipy import ndimage

    mask = bones.of(bone)
    if not mask.any():
        return None
    part, grid = _merged(mask, bones.grid, step_mm)
    # Beyond the edge of the image the bone goes on: repeated there, the cut is no surface.
    edges = [(2, 2)] * 3
    depth = _depth_mm(np.pad(part, edges, mode="edge"), grid.spacing)
    grid = grid.part((-2, -2, -2), depth.shape)
    even = _even_grid(bones.grid, grid, step_mm)
    matrix = np.linalg.inv(grid.affine) @ even.affine
    deep = ndimage.affine_transform(
        depth, matrix[:3, :3], matrix[:3, 3], output_shape=even.shape, order=1, mode="nearest"
    )
    within = deep > 0
    edge = within & ~ndimage.binary_erosion(within, border_value=1)
    # What lies outside the image is no bone that was seen.
    inside, surface = (even.to_ras(np.argwhere(m).astype(np.float64)) for m in (within, edge))
    seen = [_in_image(p, bones.grid) for p in (inside, surface)]
    if not seen[1].any():
        return None
    return Cloud(bone, step_mm, inside[seen[0]], surface[seen[1]])


def _in_image(points: NDArray[np.float64], grid: Grid) -> NDArray[np.bool_]:
    index = grid.to_index(points)
    return np.asarray(((index > -0.5) & (index < np.array(grid.shape) - 0.5)).all(axis=1))


def _merged(mask: NDArray[np.bool_], grid: Grid, step_mm: float) -> tuple[NDArray[np.bool_], Grid]:
    """The box around a mask with voxels much finer than step_mm merged in blocks by majority."""
    margin = [int(np.ceil(MARGIN_MM / s)) for s in grid.spacing]
    box = box_around(mask, margin)
    part, start = mask[box], [s.start for s in box]
    blocks = [max(1, int(step_mm / s + 1e-6)) for s in grid.spacing]
    if max(blocks) == 1:
        return part, grid.part(start, part.shape)
    short = [-n % b for n, b in zip(part.shape, blocks, strict=True)]
    part = np.pad(part, [(0, n) for n in short], mode="edge")
    shape = [n // b for n, b in zip(part.shape, blocks, strict=True)]
    split = part.reshape(shape[0], blocks[0], shape[1], blocks[1], shape[2], blocks[2])
    merged = split.mean(axis=(1, 3, 5), dtype=np.float32) >= 0.5
    affine = grid.affine.copy()
    affine[:3, :3] *= blocks
    affine[:3, 3] = grid.to_ras([s + (b - 1) / 2 for s, b in zip(start, blocks, strict=True)])
    return merged, Grid((shape[0], shape[1], shape[2]), affine)


def _depth_mm(
    inside: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Signed distance to the edge of the shape, above zero inside."""
    from scipy import ndimage

    if inside.all():
        return np.ones(inside.shape, np.float32)
    depth = ndimage.distance_transform_edt(inside, sampling=spacing)
    depth -= ndimage.distance_transform_edt(~inside, sampling=spacing)
    return np.asarray(depth, np.float32)


def _even_grid(image: Grid, part: Grid, step_mm: float) -> Grid:
    """Points along R, A and S that cover a part of an image.

    They are counted from the middle of the image, so that a mirrored image has mirrored points.
    """
    middle = image.corners().mean(axis=0)
    corners = part.corners()
    low = np.floor((corners.min(axis=0) - middle) / step_mm)
    high = np.ceil((corners.max(axis=0) - middle) / step_mm)
    affine = np.diag([step_mm, step_mm, step_mm, 1.0])
    affine[:3, 3] = middle + low * step_mm
    shape = (high - low + 1).astype(int)
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)

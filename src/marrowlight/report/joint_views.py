"""The patient's own bones, evenly sampled, as they look from six sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.study.grid import Grid, box_around
from marrowlight.study.volume import resample

FINEST_MM = 1.0
MOST_VOXELS = 700_000
"""Even voxels are as fine as ``FINEST_MM``, or coarser where that would take more than this many.
"""

MARGIN_MM = 4.0
LEAST_SMOOTHING_MM, MOST_SMOOTHING_MM = 0.8, 2.5
SMOOTHING_SHARE = 0.4
"""Shapes are smoothed by this share of the distance between slices, within these bounds, so that
thick slices make no steps. Unit: mm."""


@dataclass(frozen=True, slots=True)
class View:
    """A side from which a joint is looked at.

    axes : body axis (0 R, 1 A, 2 S) away from the viewer, down the screen and to its right
    flips : whether each of them runs against the axis
    left, right, top, bottom : letters at the edges
    """

    name: str
    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    left: str
    right: str
    top: str
    bottom: str

    def seen(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """(depth, rows, columns) view of a volume along R, A, S; depth 0 is nearest."""
        depth, rows, columns = (slice(None, None, -1 if flip else 1) for flip in self.flips)
        return voxels.transpose(self.axes)[depth, rows, columns]

    def place(self, index: NDArray[np.floating], shape: tuple[int, ...]) -> tuple[float, float]:
        """(column, row) on the screen of a voxel index along R, A, S of a volume of this shape."""
        out = []
        for axis, flip in zip(self.axes[:0:-1], self.flips[:0:-1], strict=True):
            value = float(index[axis])
            out.append(shape[axis] - 1 - value if flip else value)
        return out[0], out[1]


FRONT = View("from the front", (1, 2, 0), (True, True, True), "R", "L", "S", "I")
BACK = View("from behind", (1, 2, 0), (False, True, False), "L", "R", "S", "I")
FROM_RIGHT = View("from the right", (0, 2, 1), (True, True, False), "P", "A", "S", "I")
FROM_LEFT = View("from the left", (0, 2, 1), (False, True, True), "A", "P", "S", "I")
ABOVE = View("from above", (2, 1, 0), (True, True, False), "L", "R", "A", "P")
BELOW = View("from below", (2, 1, 0), (False, True, True), "R", "L", "A", "P")
VIEWS = (FRONT, FROM_LEFT, FROM_RIGHT, BACK, ABOVE, BELOW)
"""Those that radiologists are used to come first: the patient's right on the left, anterior on the
left."""


@dataclass(frozen=True, eq=False)
class EvenBones:
    """Bones on a grid whose axes are R, A, S and whose voxels are cubes.

    grid : Grid; labels : (I, J, K) uint8, as in the bone map
    """

    grid: Grid
    labels: NDArray[np.uint8]
    smoothing_mm: float

    @property
    def mm(self) -> float:
        """Side of a voxel."""
        return self.grid.spacing[0]


def even_bones(bones: BoneMap) -> EvenBones:
    """The bones on a grid of cubes, smoothed so that thick slices make no steps."""
    from scipy import ndimage

    grid = _even_grid(bones)
    smoothing = float(
        np.clip(max(bones.grid.spacing) * SMOOTHING_SHARE, LEAST_SMOOTHING_MM, MOST_SMOOTHING_MM)
    )
    labels = np.zeros(grid.shape, np.uint8)
    strongest = np.full(grid.shape, 0.5, np.float32)
    for bone in bones.bones:
        inside = bones.of(bone)
        if not inside.any():
            continue
        box = box_around(inside, (1, 1, 1))
        part = bones.grid.part([s.start for s in box], inside[box].shape)
        here = np.asarray(resample(inside[box], part, grid), np.float32)
        here = ndimage.gaussian_filter(here, smoothing / grid.spacing[0])
        # A small or thin bone is not smoothed away.
        here *= 1 / max(0.6, min(1.0, float(here.max())))
        won = here > strongest
        labels[won] = bone.label
        strongest[won] = here[won]
    return EvenBones(grid, labels, smoothing)


def even_zones(
    even: EvenBones, bones: BoneMap, label: int, zones: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The zones of one bone on the even grid, their borders smoothed; 0 outside zones and bone.

    zones : (I, J, K) uint8 on the grid of ``bones``; label : of the bone.
    """
    from scipy import ndimage

    out = np.zeros(even.grid.shape, np.uint8)
    mine = even.labels == label
    if not mine.any():
        return out
    box = box_around(mine, (2, 2, 2))
    part = even.grid.part([s.start for s in box], mine[box].shape)
    known = resample(bones.labels, bones.grid, part, labels=True) == label
    here = resample(zones, bones.grid, part, labels=True)
    if not known.any():
        return out
    # Smoothing has moved the surface a little: what is new takes the zone of what is nearest.
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    here = np.where(mine[box], here[tuple(nearest)], 0)
    strongest = np.full(here.shape, -1.0, np.float32)
    best = np.zeros(here.shape, np.uint8)
    for zone in np.unique(here[mine[box]]).tolist():
        share = (here == zone) & mine[box]
        weight = ndimage.gaussian_filter(share.astype(np.float32), even.smoothing_mm / even.mm)
        won = weight > strongest
        best[won] = zone
        strongest[won] = weight[won]
    out[box] = np.where(mine[box], best, 0)
    return out


def shaded(depth: NDArray[np.float32], seen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(rows, columns) grey of a surface lit from the viewer's upper left.

    depth : voxels from the viewer, where ``seen``.
    """
    from scipy import ndimage

    weight = ndimage.gaussian_filter(seen.astype(np.float32), 1.0)
    smooth = ndimage.gaussian_filter(np.where(seen, depth, 0).astype(np.float32), 1.0)
    smooth = np.where(seen, smooth / np.maximum(weight, 1e-3), 0)
    # Beyond the edge the surface goes on as it is, so that the light there does not jump.
    edge = ndimage.distance_transform_edt(~seen, return_distances=False, return_indices=True)
    down, right = np.gradient(smooth[tuple(edge)])
    down, right = np.clip(down, -3, 3), np.clip(right, -3, 3)
    length = np.sqrt(down**2 + right**2 + 1)
    light = (0.32 * -right + 0.48 * -down + 0.82) / length
    grey: NDArray[np.uint8] = np.clip(118 + 132 * np.clip(light, 0, 1), 0, 255).astype(np.uint8)
    return grey


def _even_grid(bones: BoneMap) -> Grid:
    """Cubes along R, A, S around all bones."""
    box = box_around(bones.mask)
    ends = [(s.start - 0.5, s.stop - 0.5) for s in box]
    corners = bones.grid.to_ras(
        np.array([[i, j, k] for i in ends[0] for j in ends[1] for k in ends[2]])
    )
    low, high = corners.min(axis=0) - MARGIN_MM, corners.max(axis=0) + MARGIN_MM
    size = max(FINEST_MM, float((np.prod(high - low) / MOST_VOXELS) ** (1 / 3)))
    count = np.ceil((high - low) / size).astype(int) + 1
    affine = np.diag([size, size, size, 1.0])
    affine[:3, 3] = low
    return Grid((int(count[0]), int(count[1]), int(count[2])), affine)

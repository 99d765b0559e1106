"""Lesions: which voxels of an edema mask belong to which lesion in which bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.resolution import Resolution
from marrowlight.study.grid import Grid

ROSE_K = 5.0
"""Signal-to-noise ratio of a whole object at which it is told from noise with certainty.
Source: Rose, J Opt Soc Am 1948;38:196."""

FAINTEST_CONTRAST = 2.0
"""Contrast of the faintest voxels that are called edema, in robust SD of normal marrow: 2.5 % of
normal marrow lies above it."""

NEAR_BONE_MM = 4.0
"""Mask voxels up to this far from a bone belong to the nearest bone; others are left out. Unit: mm.
On the four public sacroiliac subjects 2 to 18 % of what readers drew lies outside the bone that
was drawn on T1, and 95 % of that within 4 mm: one slice, or the width of a hand-drawn outline."""


@dataclass(frozen=True, eq=False)
class LesionVoxels:
    """The voxels of one lesion.

    label : label of its bone in the bone map
    edema : (n, 3) int, voxel indices of edema
    cyst : (m, 3) int, voxel indices of cysts that touch it
    """

    label: int
    edema: NDArray[np.intp]
    cyst: NDArray[np.intp]


def minimum_lesion_mm3(seen: Resolution) -> float:
    """Smallest lesion that is counted, in mm³, from the physics of the image.

    An object of contrast ``FAINTEST_CONTRAST`` per resolution element is told from normal marrow
    when its own signal-to-noise ratio reaches ``ROSE_K``, so it must fill
    (ROSE_K / FAINTEST_CONTRAST)² = 6.25 resolution elements. One element is the point spread
    within the slice, squared, times one slice. That many elements in one slice are 2.8 point
    spreads across, so the lesion is also resolved.
    """
    return float((ROSE_K / FAINTEST_CONTRAST) ** 2 * seen.element_mm3)


def assign_to_bones(
    mask: NDArray[np.bool_], labels: NDArray[np.uint8], grid: Grid, reach_mm: float = NEAR_BONE_MM
) -> NDArray[np.uint8]:
    """The bone of each mask voxel.

    Parameters
    ----------
    mask : (I, J, K) bool
    labels : (I, J, K) uint8, 0 outside bone
    grid : Grid of both
    reach_mm : voxels outside bone take the label of the nearest bone voxel up to this far away

    Returns (I, J, K) uint8, 0 outside the mask and where no bone is near.
    """
    bone_of: NDArray[np.uint8] = np.where(mask, labels, 0).astype(np.uint8)
    waiting = np.argwhere(mask & (labels == 0))
    shape = np.asarray(labels.shape)
    for offset in _offsets(grid, reach_mm):
        if not len(waiting):
            break
        there = waiting + offset
        inside = ((there >= 0) & (there < shape)).all(axis=1)
        label = np.zeros(len(waiting), np.uint8)
        label[inside] = labels[tuple(there[inside].T)]
        found = label > 0
        bone_of[tuple(waiting[found].T)] = label[found]
        waiting = waiting[~found]
    return bone_of


def _offsets(grid: Grid, reach_mm: float) -> NDArray[np.intp]:
    """(n, 3) voxel steps of at most reach_mm, nearest first (equal ones in order of RAS place)."""
    # Rows of the inverse bound how many steps along each axis a given distance can span, sheared
    # grids included.
    steps = np.floor(reach_mm * np.linalg.norm(np.linalg.inv(grid.affine[:3, :3]), axis=1) + 1e-9)
    axes = [np.arange(-n, n + 1) for n in steps.astype(int)]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    mm = np.round(offsets @ grid.affine[:3, :3].T, 3)
    distance = np.linalg.norm(mm, axis=1)
    order = np.lexsort((mm[:, 0], mm[:, 1], mm[:, 2], np.round(distance, 3)))
    kept: NDArray[np.intp] = offsets[order][(distance <= reach_mm + 1e-6)[order]]
    return kept[1:]


def split_lesions(
    bone_of: NDArray[np.uint8], cyst: NDArray[np.bool_] | None, grid: Grid
) -> tuple[LesionVoxels, ...]:
    """Connected lesions, each in one bone, by falling volume and then by place.

    Voxels are connected when they share a face, an edge or a corner (26 neighbours): slices are
    several times thicker than pixels, so a lesion that runs obliquely meets itself in the next
    slice only by an edge or a corner. It is also how the published evaluations count. A component
    that spans two bones is two lesions. Cysts keep a lesion together but are not part of it; a
    cyst without edema is no lesion.

    Parameters
    ----------
    bone_of : (I, J, K) uint8, bone of each voxel of edema or cyst, 0 elsewhere
    cyst : (I, J, K) bool or None
    grid : Grid
    """
    from scipy import ndimage

    found: list[LesionVoxels] = []
    for label in np.flatnonzero(np.bincount(bone_of.ravel(), minlength=256)[1:]) + 1:
        mine = bone_of == label
        box = ndimage.find_objects(mine.astype(np.uint8))[0]
        parts, count = ndimage.label(mine[box], np.ones((3, 3, 3)))
        corner = np.array([s.start for s in box])
        where = np.argwhere(parts)
        part = parts[tuple(where.T)]
        where += corner
        is_cyst = (
            np.zeros(len(where), bool) if cyst is None else np.asarray(cyst[tuple(where.T)], bool)
        )
        order = np.argsort(part, kind="stable")
        for rows in np.split(order, np.cumsum(np.bincount(part, minlength=count + 1)[1:])[:-1]):
            edema = where[rows[~is_cyst[rows]]]
            if len(edema):
                found.append(LesionVoxels(int(label), edema, where[rows[is_cyst[rows]]]))
    return tuple(sorted(found, key=lambda lesion: _rank(lesion, grid)))


def _rank(lesion: LesionVoxels, grid: Grid) -> tuple[float, ...]:
    # Rounded, so that storing the same image in another axis order gives the same ids.
    place = np.round(grid.to_ras(lesion.edema.mean(axis=0)), 2) + 0.0
    return (-len(lesion.edema), *place.tolist(), lesion.label)

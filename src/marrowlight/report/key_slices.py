"""Which slices show what was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.measurement import Lesion
from marrowlight.report.display import Display
from marrowlight.study.grid import Grid

MOST_SLICES = 6
"""Pictures in a report, for one that is printed on two pages."""

SPREAD = (0.5, 0.2, 0.8)
"""Where further slices are taken, as shares of the extent of edema across slices."""

TWENTY_SIX = np.ones((3, 3, 3), dtype=int)


@dataclass(frozen=True, eq=False)
class Marks:
    """Connected pieces of the edema mask and the lesions in them.

    labels : (I, J, K) int, 0 is background; names : lesion ids by piece, largest lesion first;
    places : RAS mm by lesion id, its centroid, or its voxel nearest to it if that lies outside (a
    crescent's does).
    """

    labels: NDArray[np.int32]
    names: dict[int, tuple[str, ...]]
    places: dict[str, tuple[float, float, float]]


def lesion_marks(edema: NDArray[np.bool_], display: Display, lesions: tuple[Lesion, ...]) -> Marks:
    """Find the connected piece of each lesion by its voxel of highest contrast, or, where that is
    not known, by the voxel of edema that is nearest to its centre.

    edema : (I, J, K) bool on display.grid.
    """
    from scipy import ndimage

    grid = display.grid
    labels, _ = ndimage.label(edema, TWENTY_SIX)
    voxels = np.argwhere(edema)
    pieces = labels[edema]
    names: dict[int, list[str]] = {}
    places: dict[str, tuple[float, float, float]] = {}
    for lesion in sorted(lesions, key=lambda one: -one.volume_mm3):
        places[lesion.id] = lesion.centroid_ras_mm
        if not len(voxels):
            continue
        peak = _nearest(voxels, grid, lesion.peak_ras_mm or lesion.centroid_ras_mm)
        piece = int(labels[tuple(peak)])
        names.setdefault(piece, []).append(lesion.id)
        middle = np.rint(grid.to_index(lesion.centroid_ras_mm)).astype(int)
        near = _nearest(voxels[pieces == piece], grid, lesion.centroid_ras_mm)
        if (near != middle).any():
            x, y, z = grid.to_ras(near.astype(float)).tolist()
            places[lesion.id] = (x, y, z)
    return Marks(labels, {piece: tuple(ids) for piece, ids in names.items()}, places)


def _nearest(
    voxels: NDArray[np.intp], grid: Grid, ras: tuple[float, float, float]
) -> NDArray[np.intp]:
    """(3,) the voxel index nearest to a point; voxels : (n, 3)."""
    away = (voxels - grid.to_index(ras)) * grid.spacing
    nearest: NDArray[np.intp] = voxels[int(np.argmin(np.einsum("ij,ij->i", away, away)))]
    return nearest


def choose_slices(
    edema: NDArray[np.bool_], bones: NDArray[np.bool_], marks: Marks, display: Display
) -> tuple[int, tuple[int, ...]]:
    """The key slice and all slices to show, in order.

    edema (cysts included), bones : (I, J, K) bool. The key slice has the largest area of lesions
    (of edema, if it is all in specks too small to be lesions); then comes, for each lesion by size,
    the slice where its piece is largest, then slices spread over the extent of edema. Without
    edema: slices spread over the bones.
    """
    across = tuple(a for a in range(3) if a != display.slice_axis)
    area = np.count_nonzero(edema, axis=across)
    if not area.any():
        area = np.count_nonzero(bones, axis=across)
        key = int(np.argmax(area))
        return key, tuple(sorted({key, *_spread(area)}))
    own = _areas(marks.labels, display)
    listed = own[list(marks.names)].sum(axis=0)
    key = int(np.argmax(listed if listed.any() else area))
    chosen = {key}
    for piece in marks.names:
        if len(chosen) >= MOST_SLICES:
            break
        # A piece that is shown nearly as large on a chosen slice needs no slice of its own.
        if own[piece, list(chosen)].max() < 0.75 * own[piece].max():
            chosen.add(int(np.argmax(own[piece])))
    for extra in _spread(area):
        if len(chosen) < 3 and min(abs(extra - c) for c in chosen) >= 2:
            chosen.add(extra)
    return key, tuple(sorted(chosen))


def _areas(labels: NDArray[np.int32], display: Display) -> NDArray[np.intp]:
    """(pieces + 1, slices) number of voxels of each piece on each slice."""
    where = np.nonzero(labels)
    count = display.slices
    cells = labels[where].astype(np.intp) * count + where[display.slice_axis]
    return np.bincount(cells, minlength=(int(labels.max()) + 1) * count).reshape(-1, count)


def _spread(area: NDArray[np.intp]) -> list[int]:
    """Slices at fixed shares of the extent over which there is any area."""
    held = np.flatnonzero(area)
    return [int(held[round(share * (len(held) - 1))]) for share in SPREAD]

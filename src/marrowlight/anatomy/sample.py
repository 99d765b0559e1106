"""Cleaned bones on the grid of a series: the outline between voxels follows the probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.canonical import canonical
from marrowlight.study.grid import Grid, box_around
from marrowlight.study.volume import Volume

EDGE = 0.01
"""How far from one half the field is kept on the side that the label says."""


def sample(
    labels: NDArray[np.uint8], probability: NDArray[np.float32], grid: Grid, onto: Grid
) -> NDArray[np.uint8]:
    """Labels on the grid of the series whose canonical axes ``grid`` has.

    Parameters
    ----------
    labels : (X, Y, Z) uint8 indices of classes, cleaned
    probability : (C, X, Y, Z), where the outline lies between voxels
    grid : of both
    onto : grid of the series; its axes are those of ``grid`` in another order

    Returns
    -------
    (I, J, K) uint8 indices of classes on ``onto``. Voxels beyond ``grid`` are 0.
    """
    # Only the axes are wanted: a stride of zero makes an image of that shape without memory.
    nothing = np.broadcast_to(np.float32(0.0), onto.shape)
    target = canonical(Volume(nothing, onto)).grid
    lines = [_weights(grid, target, axis) for axis in range(3)]
    found = np.zeros(target.shape, np.uint8)
    highest = np.full(target.shape, 0.5, np.float32)
    for c in np.unique(labels[labels > 0]):
        mine = labels == c
        box = box_around(mine, (2, 2, 2))
        inside, p = mine[box], probability[c][box]
        field = np.where(inside, np.maximum(p, 0.5 + EDGE), np.minimum(p, 0.5 - EDGE))
        part, where = _carry(field.astype(np.float32), box, lines)
        if part is None:
            continue
        better = part > highest[where]
        highest[where][better] = part[better]
        found[where][better] = c
    return _back(found, onto)


def _weights(grid: Grid, target: Grid, axis: int) -> NDArray[np.float32]:
    """(n target, n grid) linear interpolation along one axis; rows beyond the grid are zero."""
    index = np.zeros((target.shape[axis], 3))
    index[:, axis] = np.arange(target.shape[axis])
    # The axes run alike, so one coordinate of the other grid is all that changes.
    at = grid.to_index(target.to_ras(index))[:, axis]
    inside = (at >= -0.5) & (at <= grid.shape[axis] - 0.5)
    at = at.clip(0, grid.shape[axis] - 1)
    weights = np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(grid.shape[axis])))
    weights[~inside] = 0.0
    out: NDArray[np.float32] = weights.astype(np.float32)
    return out


def _carry(
    field: NDArray[np.float32], box: tuple[slice, slice, slice], lines: list[NDArray[np.float32]]
) -> tuple[NDArray[np.float32] | None, tuple[slice, slice, slice]]:
    """A box of the field on the target, and the box of the target that it fills."""
    reach = []
    for axis in range(3):
        part = lines[axis][:, box[axis]]
        used = np.flatnonzero(part.any(axis=1))
        if not used.size:
            return None, (slice(0), slice(0), slice(0))
        where = slice(int(used[0]), int(used[-1]) + 1)
        reach.append(where)
        field = np.moveaxis(np.tensordot(part[where], field, (1, axis)), 0, axis)
    return field, (reach[0], reach[1], reach[2])


def _back(found: NDArray[np.uint8], onto: Grid) -> NDArray[np.uint8]:
    """From canonical axis order to that of the series."""
    from marrowlight.study.lattice import reorder

    nothing = np.broadcast_to(np.float32(0.0), onto.shape)
    back = reorder(found, canonical(Volume(nothing, onto)).grid, onto)
    assert back is not None
    return np.ascontiguousarray(back)

"""The same voxels in another order: axes flipped or swapped, nothing interpolated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import GRID_TOLERANCE_MM, Grid


def reorder(voxels: NDArray[Any], grid: Grid, onto: Grid) -> NDArray[Any] | None:
    """Voxels in the axis order of another grid, if both grids are the same set of points.

    One tool stores rows from the back, another from the front; a mask drawn on a converted image
    is often on the same voxels as the original in another order. That is no resampling.

    Parameters
    ----------
    voxels : (I, J, K) array on grid
    grid, onto : Grid

    Returns
    -------
    array of onto.shape, or None if the points differ by more than 0.1 mm anywhere.
    """
    steps = np.linalg.inv(onto.affine) @ grid.affine
    turn = np.rint(steps[:3, :3]).astype(int)
    if not np.array_equal(np.abs(turn) @ np.abs(turn).T, np.eye(3, dtype=int)):
        return None
    axes = [int(np.flatnonzero(turn[row])[0]) for row in range(3)]
    moved = voxels.transpose(axes)
    if moved.shape != onto.shape:
        return None
    flips = [int(turn[row, axes[row]]) for row in range(3)]
    shift = [0 if f > 0 else n - 1 for f, n in zip(flips, onto.shape, strict=True)]
    exact = np.eye(4)
    exact[:3, :3] = turn
    exact[:3, 3] = shift
    if not Grid(grid.shape, onto.affine @ exact).matches(grid, GRID_TOLERANCE_MM):
        return None
    return moved[tuple(slice(None, None, f) for f in flips)]


def plane_in(
    grid: Grid, origin: NDArray[np.float64], along_i: NDArray[np.float64],
    along_j: NDArray[np.float64], shape: tuple[int, int],
) -> tuple[NDArray[np.intp], ...] | None:  # fmt: skip
    """Indices in a grid of every pixel of one picture, if each pixel is a voxel of the grid.

    Parameters
    ----------
    origin : (3,) RAS mm, centre of pixel (0, 0)
    along_i, along_j : (3,) RAS mm, step to the next column and to the next row
    shape : columns, rows

    Returns
    -------
    three (columns, rows) index arrays, or None if any pixel is more than 0.1 mm off or outside.
    """
    i, j = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    ends = np.array([[0, 0], [shape[0] - 1, 0], [0, shape[1] - 1], [shape[0] - 1, shape[1] - 1]])
    corners = origin + ends[:, :1] * along_i + ends[:, 1:] * along_j
    nearest = np.rint(grid.to_index(corners)).astype(int)
    if (nearest < 0).any() or (nearest >= np.array(grid.shape)).any():
        return None
    if np.linalg.norm(grid.to_ras(nearest.astype(float)) - corners, axis=1).max() > (
        GRID_TOLERANCE_MM
    ):
        return None
    # Corners on voxels are not enough: the steps between them must be whole voxels as well.
    inverse = np.linalg.inv(grid.affine[:3, :3])
    step_i = np.rint(inverse @ along_i).astype(int)
    step_j = np.rint(inverse @ along_j).astype(int)
    if not np.array_equal(nearest[3], nearest[0] + step_i * ends[3, 0] + step_j * ends[3, 1]):
        return None
    return tuple(nearest[0][a] + step_i[a] * i + step_j[a] * j for a in range(3))

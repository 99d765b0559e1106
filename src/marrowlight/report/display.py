"""How a slice is shown: the convention of radiology, whatever way it was scanned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import Grid
from marrowlight.study.series import Plane

PLANES = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)
"""Plane whose normal is the R, A or S axis."""

RIGHTWARDS = {
    Plane.SAGITTAL: (0.0, -1.0, 0.0),
    Plane.CORONAL: (-1.0, 0.0, 0.0),
    Plane.AXIAL: (-1.0, 0.0, 0.0),
}
"""Direction in RAS that points to the right of the screen: posterior, left, left."""

UPWARDS = {
    Plane.SAGITTAL: (0.0, 0.0, 1.0),
    Plane.CORONAL: (0.0, 0.0, 1.0),
    Plane.AXIAL: (0.0, 1.0, 0.0),
}
"""Direction in RAS that points to the top of the screen: superior, superior, anterior."""

SLICE_AXIS_RATIO = 1.3
"""The slice axis is K unless another axis is coarser than K by this factor."""

SECOND_LETTER = 0.38
"""An oblique axis gets a second letter where it leans this far (cosine) to another axis."""


@dataclass(frozen=True)
class Display:
    """The way the slices of a grid are laid on the screen.

    Parameters
    ----------
    slice_axis, row_axis, column_axis : int
        Voxel axes across slices, down the screen and to the right of the screen.
    row_flip, column_flip : bool
        Whether the index falls along the screen axis.
    row_mm, column_mm, slice_mm : float
        Centre-to-centre distance of voxels along them.
    plane : Plane
        The nearest body plane.
    left, right, top, bottom : str
        Letters at the edges, e.g. ``R`` or, oblique, ``SA``.
    grid : Grid
    """

    slice_axis: int
    row_axis: int
    column_axis: int
    row_flip: bool
    column_flip: bool
    row_mm: float
    column_mm: float
    slice_mm: float
    plane: Plane
    left: str
    right: str
    top: str
    bottom: str
    grid: Grid

    @property
    def slices(self) -> int:
        """Number of slices."""
        return self.grid.shape[self.slice_axis]

    def slice(self, voxels: NDArray[Any], index: int) -> NDArray[Any]:
        """(rows, columns) view of one slice as seen on the screen, row 0 at the top."""
        rest = [a for a in range(3) if a != self.slice_axis]
        flat = np.moveaxis(voxels, self.slice_axis, 0)[index]
        if rest[0] == self.column_axis:
            flat = flat.T
        if self.row_flip:
            flat = flat[::-1]
        seen: NDArray[Any] = flat[:, ::-1] if self.column_flip else flat
        return seen

    def stack(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """(slices, rows, columns) view of a whole volume as seen on the screen."""
        turned = voxels.transpose(self.slice_axis, self.row_axis, self.column_axis)
        if self.row_flip:
            turned = turned[:, ::-1]
        return turned[:, :, ::-1] if self.column_flip else turned

    def place(self, index: NDArray[np.floating]) -> tuple[float, float, float]:
        """(slice, row, column) on the screen of a voxel index (I, J, K)."""
        row, column = index[self.row_axis], index[self.column_axis]
        if self.row_flip:
            row = self.grid.shape[self.row_axis] - 1 - row
        if self.column_flip:
            column = self.grid.shape[self.column_axis] - 1 - column
        return float(index[self.slice_axis]), float(row), float(column)

    def position(self, index: int) -> str:
        """Where a slice is, along the axis nearest to its normal: ``S 34.2 mm``."""
        middle = np.array([(n - 1) / 2 for n in self.grid.shape])
        middle[self.slice_axis] = index
        axis = PLANES.index(self.plane)
        value = float(self.grid.to_ras(middle)[axis])
        return f"{'RAS'[axis] if value >= 0 else 'LPI'[axis]} {abs(value):.1f} mm"


def display_of(grid: Grid) -> Display:
    """The display of a grid: patient's right on the left in axial and coronal slices, anterior on
    the left in sagittal ones, superior (axial: anterior) on top."""
    slice_axis = _slice_axis(grid)
    directions = grid.directions
    plane = PLANES[int(np.argmax(np.abs(directions[:, slice_axis])))]
    across, up = np.array(RIGHTWARDS[plane]), np.array(UPWARDS[plane])
    a, b = (x for x in range(3) if x != slice_axis)
    choices = ((a, b), (b, a))
    row_axis, column_axis = max(
        choices,
        key=lambda rc: abs(directions[:, rc[0]] @ up) + abs(directions[:, rc[1]] @ across),
    )
    row_flip = bool(directions[:, row_axis] @ up > 0)
    column_flip = bool(directions[:, column_axis] @ across < 0)
    downwards = directions[:, row_axis] * (-1 if row_flip else 1)
    rightwards = directions[:, column_axis] * (-1 if column_flip else 1)
    return Display(
        slice_axis=slice_axis,
        row_axis=row_axis,
        column_axis=column_axis,
        row_flip=row_flip,
        column_flip=column_flip,
        row_mm=grid.spacing[row_axis],
        column_mm=grid.spacing[column_axis],
        slice_mm=grid.spacing[slice_axis],
        plane=plane,
        left=letters(-rightwards),
        right=letters(rightwards),
        top=letters(-downwards),
        bottom=letters(downwards),
        grid=grid,
    )


def letters(direction: NDArray[np.floating]) -> str:
    """Letters of a direction in RAS, the main one first: ``L``, or ``SA`` if it leans."""
    order = np.argsort(-np.abs(direction), kind="stable")[:2]
    names = ["RAS"[i] if direction[i] > 0 else "LPI"[i] for i in order]
    return names[0] + (names[1] if abs(direction[order[1]]) >= SECOND_LETTER else "")


def _slice_axis(grid: Grid) -> int:
    """K, unless another axis is clearly coarser (files that were reoriented by other tools)."""
    coarsest = int(np.argmax(grid.spacing))
    return coarsest if grid.spacing[coarsest] > SLICE_AXIS_RATIO * grid.spacing[2] else 2

"""The grid: where the voxels of an image are in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import GeometryError, GridMismatch

GRID_TOLERANCE_MM = 0.1
"""Two grids are the same if no corner of the image differs by more than this. Unit: mm."""

FARTHEST_MM = 1e6
"""A voxel step or an origin beyond this is damage: no scanner is a kilometre wide. Unit: mm."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Shape and place of a voxel grid in RAS+ millimetres.

    Parameters
    ----------
    shape : tuple of 3 int
        Number of voxels along I, J, K. K is the slice axis as scanned.
    affine : (4, 4) float64 array
        Voxel index to RAS+ mm (voxel centres). Right-handed or not, as scanned: nothing is
        reoriented.

    Raises
    ------
    GeometryError
        If the affine is not finite, not 4x4, flat, or kilometres away.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise GeometryError(
                f"The voxel-to-space matrix is not a finite 4x4 matrix (got {affine.tolist()}).",
                expected="a finite 4x4 affine to RAS+ mm",
            )
        if np.abs(affine).max() > FARTHEST_MM:
            raise GeometryError(
                f"The image lies {np.abs(affine).max():.0e} mm away, or its voxels are as large.",
                expected=f"at most {FARTHEST_MM:.0e} mm",
            )
        if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise GeometryError(
                "The voxel-to-space matrix is flat: its voxels have no volume.",
                expected="three independent axes with spacing above zero",
            )
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise GeometryError(f"An image of shape {self.shape} is not a volume.")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @cached_property
    def spacing(self) -> tuple[float, float, float]:
        """Centre-to-centre distance along I, J, K in mm."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @cached_property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel by centre-to-centre spacing, so that slice gaps are counted. mm³."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @cached_property
    def directions(self) -> NDArray[np.float64]:
        """(3, 3) unit vectors in RAS; column k is the direction of voxel axis k."""
        directions: NDArray[np.float64] = self.affine[:3, :3] / np.asarray(self.spacing)
        return directions

    def to_ras(self, index: NDArray[np.floating] | Sequence[float]) -> NDArray[np.float64]:
        """RAS+ mm of voxel indices; index : (..., 3), result : (..., 3)."""
        ijk = np.asarray(index, dtype=np.float64)
        out: NDArray[np.float64] = ijk @ self.affine[:3, :3].T + self.affine[:3, 3]
        return out

    def to_index(self, ras: NDArray[np.floating] | Sequence[float]) -> NDArray[np.float64]:
        """Fractional voxel indices of points in RAS+ mm; ras : (..., 3), result : (..., 3)."""
        inverse = np.linalg.inv(self.affine)
        out: NDArray[np.float64] = np.asarray(ras, float) @ inverse[:3, :3].T + inverse[:3, 3]
        return out

    def corners(self) -> NDArray[np.float64]:
        """(8, 3) centres of the corner voxels in RAS+ mm."""
        ends = [(0, n - 1) for n in self.shape]
        return self.to_ras(np.array([[i, j, k] for i in ends[0] for j in ends[1] for k in ends[2]]))

    def part(self, start: Sequence[int], shape: tuple[int, ...]) -> Grid:
        """The grid of a box of these voxels; start may be negative, to reach beyond them.

        start : index of its first voxel along I, J, K; shape : its numbers of voxels.
        """
        affine = self.affine.copy()
        affine[:3, 3] = self.to_ras([float(n) for n in start])
        return Grid((shape[0], shape[1], shape[2]), affine)

    def distance_mm(self, other: Grid) -> float:
        """Largest distance between equal corners of two grids in mm; inf if the shapes differ."""
        if self.shape != other.shape:
            return float("inf")
        return float(np.linalg.norm(self.corners() - other.corners(), axis=1).max())

    def matches(self, other: Grid, tolerance_mm: float = GRID_TOLERANCE_MM) -> bool:
        """Whether both grids are the same to within tolerance_mm at every corner."""
        return self.distance_mm(other) <= tolerance_mm

    def require_match(self, other: Grid, *, this: str, that: str) -> None:
        """Raise GridMismatch, with both grids printed, unless they match.

        this, that : names of the two images for the message.
        """
        if not self.matches(other):
            gap = self.distance_mm(other)
            off = "the shapes differ" if np.isinf(gap) else f"corners are up to {gap:.2f} mm apart"
            raise GridMismatch(
                f"{this} and {that} are not on the same grid: {off}.\n"
                f"  {this}: {self.describe()}\n  {that}: {other.describe()}",
                expected=f"the same shape and corners within {GRID_TOLERANCE_MM} mm",
                do="resample one onto the other's grid first, or give the file that belongs to it",
            )

    def describe(self) -> str:
        """Shape, spacing and corners, for messages."""
        shape = "x".join(map(str, self.shape))
        spacing = " x ".join(f"{s:.3f}" for s in self.spacing)
        first, last = self.corners()[0], self.corners()[-1]
        ends = " to ".join("(" + ", ".join(f"{c:.1f}" for c in p) + ")" for p in (first, last))
        return f"{shape} voxels, {spacing} mm, from {ends} RAS mm"


def box_around(
    mask: NDArray[np.bool_], margin: Sequence[int] = (0, 0, 0)
) -> tuple[slice, slice, slice]:
    """The smallest box that holds a mask, with a margin as far as the array reaches.

    mask : (I, J, K) bool, not empty; margin : voxels along I, J, K.
    """
    box = []
    for axis, extra in enumerate(margin):
        used = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        low, high = int(used[0]) - extra, int(used[-1]) + extra + 1
        box.append(slice(max(low, 0), min(high, mask.shape[axis])))
    return box[0], box[1], box[2]

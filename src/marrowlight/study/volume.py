"""A volume: voxels and the grid they stand on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import GridMismatch
from marrowlight.study.grid import Grid


@dataclass(frozen=True, eq=False)
class Volume:
    """An image in memory: no open file, no lazy pixels.

    Parameters
    ----------
    voxels : (I, J, K) float32 array
        Intensities in the scanner's arbitrary units (rescaled where the file says so).
    grid : Grid

    Raises
    ------
    GridMismatch
        If the array and the grid have different shapes.
    """

    voxels: NDArray[np.float32]
    grid: Grid

    def __post_init__(self) -> None:
        if self.voxels.shape != self.grid.shape:
            raise GridMismatch(
                f"An array of shape {self.voxels.shape} does not fit a grid of {self.grid.shape}."
            )
        voxels = np.asarray(self.voxels, dtype=np.float32).view()
        voxels.setflags(write=False)
        object.__setattr__(self, "voxels", voxels)

    @cached_property
    def sha256(self) -> str:
        """``volume_hash`` of this volume, worked out once."""
        return volume_hash(self.voxels, self.grid.affine)


def volume_hash(voxels: NDArray[Any], affine: NDArray[np.float64]) -> str:
    """SHA-256 of voxels and position: the same image gives the same hash whatever its file."""
    digest = hashlib.sha256(np.ascontiguousarray(voxels).data)
    digest.update(np.round(affine, 4).tobytes())
    return digest.hexdigest()


def resample(
    voxels: NDArray[np.generic],
    grid: Grid,
    onto: Grid,
    *,
    labels: bool = False,
    outside: float = 0.0,
) -> NDArray[np.generic]:
    """Resample an image onto another grid: the only way two grids meet.

    voxels : (I, J, K) array on grid; labels : nearest neighbour if true, else linear.
    Returns an array of onto.shape, with the same dtype for labels and float32 otherwise.
    Points beyond the image get ``outside``.
    """
    from scipy import ndimage

    if grid.matches(onto, 1e-4):
        return voxels.copy()
    matrix = np.linalg.inv(grid.affine) @ onto.affine
    moved: NDArray[np.generic] = ndimage.affine_transform(
        voxels if labels else voxels.astype(np.float32),
        matrix[:3, :3],
        matrix[:3, 3],
        output_shape=onto.shape,
        order=0 if labels else 1,
        cval=outside,
        mode="grid-constant" if not labels else "constant",
    )
    return moved

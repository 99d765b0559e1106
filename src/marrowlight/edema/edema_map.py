"""What the finder says of every voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.marrow import MarrowReference
from marrowlight.edema.tissue import Tissue
from marrowlight.notice import Notice
from marrowlight.study.grid import Grid


@dataclass(frozen=True, eq=False)
class EdemaMap:
    """Edema per voxel, on the grid of the fluid-sensitive volume.

    Parameters
    ----------
    probability : (I, J, K) float32
        Share of readers who would mark the voxel, 0..1; 0 away from bone. Calibrated on
        subjects that the finder did not see (``docs/model-cards/edema.md``).
    mask : (I, J, K) bool
        The edema that is measured. Holds no cyst.
    tissue : (I, J, K) uint8
        Labels of ``Tissue``; EDEMA where ``mask``.
    contrast : (I, J, K) float32
        (corrected - marrow.center) / marrow.spread, unit: robust SD of normal marrow; 0 away
        from bone.
    corrected : (I, J, K) float32
        The image without its bias field, scanner's units; unchanged away from bone.
    marrow : MarrowReference
    grid : Grid
    with_t1 : bool
        Whether T1 had a say: it was given and covers the bones.
    warnings : tuple of Notice
    """

    probability: NDArray[np.float32]
    mask: NDArray[np.bool_]
    tissue: NDArray[np.uint8]
    contrast: NDArray[np.float32]
    corrected: NDArray[np.float32]
    marrow: MarrowReference
    grid: Grid
    with_t1: bool
    warnings: tuple[Notice, ...] = ()

    @property
    def cyst(self) -> NDArray[np.bool_]:
        """(I, J, K) bool, voxels taken for cysts."""
        voxels: NDArray[np.bool_] = self.tissue == Tissue.CYST
        return voxels

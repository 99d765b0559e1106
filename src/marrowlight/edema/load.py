"""The intensity-weighted load: how much fluid an edema amounts to, whatever its outline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import Grid

FLUID_POOL_MM3 = 2000.0
"""The brightest voxels of an image, up to this volume, are taken as its free fluid (vessels, joint
fluid, cerebrospinal fluid, bladder). Their median is the reference, so bright specks of less than
half this volume do not move it. Unit: mm³."""


def fluid_contrast(contrast: NDArray[np.float32], grid: Grid) -> float | None:
    """Contrast of free fluid in this image, in robust SD of normal marrow.

    contrast : (I, J, K) float32, of the whole image. The median of its brightest 2 ml. None if the
    image holds less than that or nothing brighter than normal marrow.

    Like the reference of the SPARCC score, which calls edema intense when it is as bright as fluid
    in the same image: vessels, cerebrospinal fluid (Maksymowych, Arthritis Rheum 2005;53:703).
    """
    count = int(FLUID_POOL_MM3 / grid.voxel_volume_mm3)
    bright = contrast[contrast > 0]
    nth = bright.size - count // 2 - 1
    if not 0 < count < contrast.size or nth < 0:
        return None
    return float(np.partition(bright, nth)[nth])


def load_mm3(contrast: NDArray[np.float32], reference: float | None, grid: Grid) -> float | None:
    """Volume of free fluid that would be as bright, in sum, as these voxels are above marrow. mm³.

    contrast : (n,) of the edema voxels; reference : ``fluid_contrast``; None gives None. Each
    voxel counts from 0 (as normal marrow) to 1 (as fluid), so the load never exceeds the mask
    volume. Being a ratio of two contrasts of one image it depends neither on its units nor on its
    noise.
    """
    if reference is None:
        return None
    share = np.clip(contrast.astype(np.float64) / reference, 0.0, 1.0)
    return float(share.sum() * grid.voxel_volume_mm3)

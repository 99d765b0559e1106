"""Texture of trabecular bone: marrow is never even."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import Grid

FINE_MM, COARSE_MM = 0.9, 6.0
"""Widths (SD of a Gaussian) of the trabecular grain and of the slow change of marrow. Unit: mm."""

FINE_SHARE = 0.8
"""Share of the variance that the fine grain has."""


def marrow_texture(grid: Grid, seed: tuple[int, ...]) -> NDArray[np.float32]:
    """(K, I, J) float32, mean 0 and SD 1: a fine grain on a slow change."""
    from scipy import ndimage

    rng = np.random.default_rng([*seed, 4])
    columns, rows, slices = grid.shape
    shape = (slices, columns, rows)
    spacing = (grid.spacing[2], grid.spacing[0], grid.spacing[1])
    fine = rng.standard_normal(shape, dtype=np.float32)
    fine = ndimage.gaussian_filter(fine, [0.5 * FINE_MM / s for s in spacing], truncate=2.5)
    size = [max(int(n * s / COARSE_MM) + 2, 4) for n, s in zip(shape, spacing, strict=True)]
    slow = rng.standard_normal(size).astype(np.float32)
    zoom = [n / m for n, m in zip(shape, size, strict=True)]
    slow = ndimage.zoom(slow, zoom, order=1, grid_mode=True, mode="nearest")
    fine *= np.float32(np.sqrt(FINE_SHARE) / fine.std())
    slow *= np.float32(np.sqrt(1 - FINE_SHARE) / slow.std())
    out: NDArray[np.float32] = fine + slow
    return out

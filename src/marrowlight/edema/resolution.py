"""The resolution of an image: what its voxels can tell apart, which is not always one voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import Grid

POINT_SPREAD = 1.21
"""Full width at half maximum of the point spread in acquired pixels, for k-space sampled to a sharp
limit: the width of the sinc function. Source: Haacke et al., Magnetic Resonance Imaging (1999),
ch. 13."""

COARSEST_SHARE = 0.5
"""Scanners interpolate by 2 at most (zero filling); a lower estimate is texture, not resolution."""

LEAST_SAMPLES = 2000
"""Voxels of normal marrow needed to see how noise is correlated."""

MOST_SAMPLES = 200_000
"""With more marrow than this only every n-th slice is looked at: it is enough, and faster."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an image can tell apart.

    in_plane_mm : full width at half maximum of the point spread within the slice
    across_mm : slice thickness, or the slice distance where that is larger
    sampled : acquired pixels per stored pixel, 1 unless the scanner interpolated
    """

    in_plane_mm: float
    across_mm: float
    sampled: float = 1.0

    @property
    def element_mm3(self) -> float:
        """Volume of one resolution element."""
        return self.in_plane_mm**2 * self.across_mm


def slice_axis(grid: Grid) -> int:
    """The voxel axis across slices: the one with the widest spacing (the last of equals)."""
    spacing = np.round(grid.spacing, 3)
    return int(2 - np.argmax(spacing[::-1]))


def resolution(
    grid: Grid,
    *,
    slice_thickness_mm: float | None = None,
    contrast: NDArray[np.float32] | None = None,
    marrow: NDArray[np.bool_] | None = None,
) -> Resolution:
    """The resolution of the image on a grid.

    Parameters
    ----------
    grid : Grid
    slice_thickness_mm : nominal, where it is known
    contrast : (I, J, K) float32, the image in any unit, not smoothed
    marrow : (I, J, K) bool, normal marrow

    Scanners often store more pixels than they acquired. Then the noise of neighbours is alike, and
    that tells by how much: see ``acquired_share``. Without an image the stored pixel is taken for
    the acquired one.
    """
    across = slice_axis(grid)
    in_plane = [s for axis, s in enumerate(grid.spacing) if axis != across]
    share = 1.0
    if contrast is not None and marrow is not None:
        share = acquired_share(np.moveaxis(contrast, across, 2), np.moveaxis(marrow, across, 2))
    # Sheared slices lie closer to each other than their centres are apart.
    upright = grid.voxel_volume_mm3 / float(np.prod(grid.spacing))
    return Resolution(
        in_plane_mm=POINT_SPREAD * float(np.sqrt(in_plane[0] * in_plane[1])) / share,
        across_mm=max(grid.spacing[across] * upright, slice_thickness_mm or 0.0),
        sampled=share,
    )


def acquired_share(image: NDArray[np.float32], marrow: NDArray[np.bool_]) -> float:
    """Acquired pixels per stored pixel along an edge, from how alike the noise of neighbours is.

    image, marrow : (I, J, K), K across slices. Noise whose k-space was filled to a share f only is
    correlated as sinc(f d) at a distance of d pixels, so the mixed difference over d has the SD
    (1 - sinc(f d)) times that of the noise. The ratio of d = 2 to d = 1 gives f, whatever the
    noise; mixed differences do not see slopes of the image. Returns 0.5 to 1; 1 where there is too
    little marrow or no noise.
    """
    every = 1 + int(np.count_nonzero(marrow)) // MOST_SAMPLES
    image, marrow = image[:, :, ::every], marrow[:, :, ::every]
    spread = []
    for lag in (1, 2):
        corners = [
            (slice(a, a - lag or None), slice(b, b - lag or None))
            for a in (0, lag)
            for b in (0, lag)
        ]
        inside = np.logical_and.reduce([marrow[c] for c in corners])
        at = np.nonzero(inside)
        if len(at[0]) < LEAST_SAMPLES:
            return 1.0
        one, two, three, four = (image[c][at] for c in corners)
        spread.append(float(np.median(np.abs(one - two - three + four))))
    if spread[0] <= 0:
        return 1.0
    shares = np.linspace(COARSEST_SHARE, 1.0, 61)
    ratios = (1 - np.sinc(2 * shares)) / (1 - np.sinc(shares))
    # The ratio falls as the share rises: from 2.8 at 0.5 to 1 at 1.
    return float(np.interp(spread[1] / spread[0], ratios[::-1], shares[::-1]))

"""This patient's normal marrow in this sequence: the unit in which brightness is told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import BadMask, BadVoxels

CORE_DEPTH_MM = 3.0
"""Marrow is read this far from the edge of the bone, clear of cortex and partial volume. mm."""
MIN_CORE_VOXELS = 200
"""Below this the marrow is read from the whole bone instead of its core."""
HISTOGRAM_BINS = 200
HISTOGRAM_SMOOTH_BINS = 6.0
MIN_SPREAD = 0.02
"""Spread over center below which an image has no noise to speak of; keeps contrast finite."""
HALF_SPREAD_TO_SD = 1.4826
"""Median absolute deviation of one half of a normal distribution to its SD."""


@dataclass(frozen=True, slots=True)
class MarrowReference:
    """Normal marrow of one patient in one series.

    Parameters
    ----------
    center : float
        Its most frequent intensity, scanner's units.
    spread : float
        Robust SD from the voxels *below* the center only, scanner's units: edema makes marrow
        brighter, so the lower half stays clean when a third of the bone is edema, and the MAD
        does not.
    voxels : int
        Number of voxels that it was read from.
    source : str
        ``"image"`` or ``"mask given by the user"``.
    """

    center: float
    spread: float
    voxels: int
    source: str

    @property
    def relative(self) -> float:
        """Spread over center."""
        return self.spread / self.center


def mode(values: NDArray[np.floating]) -> float:
    """Most frequent value: peak of the smoothed histogram between percentiles 0.5 and 99."""
    from scipy import ndimage

    low, high = np.percentile(values, [0.5, 99.0])
    if not high > low:
        return float(low)
    counts, edges = np.histogram(values, bins=HISTOGRAM_BINS, range=(float(low), float(high)))
    smooth = ndimage.gaussian_filter1d(counts.astype(float), HISTOGRAM_SMOOTH_BINS)
    peak = int(smooth.argmax())
    return float((edges[peak] + edges[peak + 1]) / 2)


def lower_half_spread(values: NDArray[np.floating], center: float) -> float:
    """Robust SD from the values below center alone."""
    below = center - values[values < center]
    spread = HALF_SPREAD_TO_SD * float(np.median(below)) if below.size else 0.0
    return max(spread, MIN_SPREAD * abs(center), 1e-6)


def marrow_reference(
    image: NDArray[np.floating],
    core: NDArray[np.bool_],
    given: NDArray[np.bool_] | None = None,
) -> MarrowReference:
    """Normal marrow from the core of the bones, or around a given mask.

    image : any shape, bias-corrected, scanner's units
    core : same shape, bone clear of its edge
    given : same shape, normal marrow drawn by the user. It sets the center; the spread is still
        read from the whole core below that center, as a small mask says too little about it.

    Raises BadMask if the given mask is empty, BadVoxels if the marrow holds one single value of
    zero.
    """
    values = image[core]
    if given is not None:
        if not given.any():
            raise BadMask(
                "The mask of normal marrow is empty.",
                do="draw it in the image that is read, or leave it out",
            )
        center, voxels = float(np.median(image[given])), int(given.sum())
        source = "mask given by the user"
    else:
        center, voxels, source = mode(values), int(values.size), "image"
    if center <= 0:
        raise BadVoxels(
            f"The marrow has an intensity of {center:g}: nothing can be compared with it.",
            expected="marrow brighter than zero",
            do="check that the bone mask lies on the bones of this image",
        )
    return MarrowReference(center, lower_half_spread(values, center), voxels, source)


def robust_contrast(image: NDArray[np.floating], marrow: MarrowReference) -> NDArray[np.float32]:
    """(image - center) / spread as float32, unit: robust SD of normal marrow; any shape."""
    return ((image - marrow.center) / marrow.spread).astype(np.float32)

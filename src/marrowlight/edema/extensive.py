"""Extensive edema: the part of the finder that needs no training.

A region of marrow whose mean over a few millimetres stays two robust SD above normal marrow, and
that is too large to be a vessel or noise, is edema whatever T1 says. The brighter it is, the
smaller it may be. This is what carries over to the very extensive case, to other joints and to
phantoms; trained voxel by voxel on small lesions, no classifier found the extensive one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marrowlight.edema.bone_shape import BoneShape
from marrowlight.edema.smooth import Array, pixels, within


@dataclass(frozen=True, slots=True)
class Level:
    """A contrast (robust SD), the smoothing it is read at (mm), and the volume (ml) at which a
    region that exceeds it is as likely edema as not."""

    contrast: float
    sigma_mm: float
    volume_ml: float


LEVELS = (Level(2.0, 3.2, 1.5), Level(3.0, 1.6, 0.6), Level(4.0, 1.6, 0.25))
GATE_WIDTH = 0.15
"""Width of the volume gate in log10 units: half to twice the volume takes it from 0.1 to 0.9."""
CONTRAST_MIDDLE = 2.0
CONTRAST_WIDTH = 0.35
"""Voxel contrast at which the probability is half of its plateau, and how soft that is. SD."""
PLATEAU = 0.92
"""Even in the middle of an extensive edema readers leave voxels out."""
SPREAD_MM = 3.0
"""A region speaks for the voxels this far around it: its own soft edge."""

FINE_SLACK = 0.5
"""By how much a voxel may fall behind its neighbourhood before it counts as outside. SD."""
EDGE_SHARE = 0.3
HEIGHT_MM = 6.0
"""Edge of a bright region: this share of the greatest mean contrast within that distance. Readers
draw around what is visibly brighter, outside the half-height of a soft edge: at 0.5 the most
extensive subject loses a tenth of the volume that they drew. On phantoms, whose truth is defined at
half strength, volumes come out larger for that."""


def extensive_probability(
    z: Array, shape: BoneShape, spacing: tuple[float, float, float]
) -> tuple[Array, Array]:
    """Probability of edema by size and contrast alone.

    z : (I, J, K) robust contrast, slice axis last; spacing : mm.
    Returns (probability, gate), both (I, J, K) float32 0..1; the gate tells where a region lies
    that is large enough at the lowest level: there this part decides alone.
    """
    from scipy import ndimage

    bone = shape.bone.astype(np.float32)
    clipped = np.clip(z, -4.0, 15.0)
    means = {s: within(clipped, bone, s, spacing) for s in {level.sigma_mm for level in LEVELS}}
    voxel_ml = float(np.prod(spacing)) / 1000.0
    gates = []
    for level in LEVELS:
        label, n = ndimage.label(shape.bone & (means[level.sigma_mm] > level.contrast))
        volume = np.bincount(label.ravel(), minlength=n + 1) * voxel_ml
        volume[0] = 0.0
        odds = np.log10(np.maximum(volume, 1e-6) / level.volume_ml) / GATE_WIDTH
        gate = _logistic(odds).astype(np.float32)[label]
        gates.append(ndimage.maximum_filter(gate, size=pixels(SPREAD_MM, spacing)))
    local = 0.5 * (within(clipped, bone, 3.2, spacing) + within(clipped, bone, 1.6, spacing))
    # Smoothing carries a bright lesion beyond its edge: what is fine-scaled must agree, and the
    # edge of a very bright one lies at a share of its height, not at two SD.
    local = np.minimum(local, within(clipped, bone, 0.8, spacing) + FINE_SLACK)
    height = ndimage.maximum_filter(means[LEVELS[0].sigma_mm], size=pixels(HEIGHT_MM, spacing))
    middle = np.maximum(CONTRAST_MIDDLE, EDGE_SHARE * height)
    odds_voxel = (local - middle) / CONTRAST_WIDTH
    probability = PLATEAU * np.maximum.reduce(gates) * _logistic(odds_voxel)
    probability[~shape.bone] = 0.0
    return probability.astype(np.float32), gates[0]


def _logistic(x: np.ndarray) -> np.ndarray:
    from scipy import special

    out: np.ndarray = special.expit(x)
    return out

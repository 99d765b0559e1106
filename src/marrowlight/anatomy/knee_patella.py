"""The patella: its flat side, its ridge and its poles from its shape alone.

Nothing here knows the side: ``x`` runs across the patella towards the right of the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marrowlight.anatomy.cloud import Cloud
from marrowlight.anatomy.frame import NoFrame, Points, unit

SIZE_MM = (18.0, 70.0)
"""Width and height of a patella, from a child of about six to the largest adult. mm."""

RIDGE_HEIGHT = (-0.25, 0.30)
"""The ridge is looked for between these heights from the middle, share of the height: the joint
surface; the apex below has none."""

CREST_MM = 3.0
"""The crest of a row is the middle of what lies within this of its rearmost part. mm."""


@dataclass(frozen=True, eq=False)
class PatellaShape:
    """What is measured of a patella, in mm; coordinates (x, y, z) along ``axes``.

    axes : (3, 3) rows in RAS: across to the right, to the front, up
    middle : (3,) RAS+ mm, centre of mass
    width, height, thickness : its size; ridge : x of the ridge, slope : its x for every mm upwards
    lean : how far the ridge lies to the right of the middle of the width, share of the width
    points : (n, 3) all points of the bone
    """

    axes: Points
    middle: Points
    width: float
    height: float
    thickness: float
    ridge: float
    slope: float
    lean: float
    points: Points


def patella_shape(cloud: Cloud, front: Points, up: Points) -> PatellaShape:
    """Measure a patella. front, up : (3,) rough directions in RAS; only their sense counts, and
    how the patella is turned in its own plane. Raises NoFrame if it does not look like one.
    """
    bone = cloud.inside
    middle = bone.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((bone - middle).T))
    thin = vectors[:, 0] * np.sign(vectors[:, 0] @ front)
    if thin @ front < 0.6:
        raise NoFrame("it does not lie flat in front of the knee")
    up = unit(up - (up @ thin) * thin)
    axes = np.stack([np.cross(thin, up), thin, up])
    points = (bone - middle) @ axes.T
    (left, right), (back, ahead), (low, high) = (
        np.percentile(points[:, a], [1, 99]) for a in range(3)
    )
    width, height = float(right - left), float(high - low)
    if not (SIZE_MM[0] < width < SIZE_MM[1] and SIZE_MM[0] < height < SIZE_MM[1]):
        raise NoFrame(f"it is {width:.0f} mm wide and {height:.0f} mm high, which no patella is")
    ridge, slope = _ridge(points, width, height, cloud.step_mm)
    return PatellaShape(
        axes, middle, width, height, float(ahead - back), ridge, slope,
        (ridge - float(left + right) / 2) / width, points,
    )  # fmt: skip


def _ridge(points: Points, width: float, height: float, step_mm: float) -> tuple[float, float]:
    """x of the ridge at the middle, and its slope, from the crest of every row."""
    thick = max(2.0, step_mm)
    inner = points[np.abs(points[:, 0]) < 0.35 * width]
    rows = np.floor(inner[:, 2] / thick).astype(int)
    found = []
    for row in range(int(RIDGE_HEIGHT[0] * height / thick), int(RIDGE_HEIGHT[1] * height / thick)):
        part = inner[rows == row]
        if len(part) * step_mm**3 < 100.0:
            continue
        behind = part[:, 1] - part[:, 1].min()
        weight = np.clip(CREST_MM - behind, 0, None) ** 2
        found.append(((row + 0.5) * thick, float(np.average(part[:, 0], weights=weight))))
    if len(found) < 4:
        raise NoFrame("no ridge is seen on its back")
    z, x = np.array(found).T
    weight = np.ones(len(z))
    slope, ridge = 0.0, float(np.median(x))
    for _ in range(5):
        middle = np.average(z, weights=weight)
        # A stiff line: a ridge that cannot be told from a flat back stands upright.
        lever = np.sum(weight * (z - middle) ** 2) + 50.0
        mean = np.average(x, weights=weight)
        slope = float(np.sum(weight * (z - middle) * (x - mean)) / lever)
        ridge = float(mean - slope * middle)
        weight = 1 / np.maximum(1.0, np.abs(x - ridge - slope * z) / 1.0)
    return ridge, slope

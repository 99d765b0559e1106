"""The distal femur: its axes, condyles and notch from its shape alone.

Nothing here knows the side: ``x`` runs along the condyles towards the right of the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marrowlight.anatomy.cloud import Cloud
from marrowlight.anatomy.frame import NoFrame, Points, unit

BALL = 0.5
"""Radius of the ball whose bone's centre of mass is the middle of the condyles, as a share of their
width: inside it lie the condyles and the flare above, whatever the field of view. Estimate."""

CENTROID_HEIGHT = np.arange(0.05, 0.83, 0.05)
CENTROID_FORWARD = np.array(
    [-0.001, 0.016, 0.025, 0.028, 0.028, 0.027, 0.028, 0.032,
     0.036, 0.043, 0.042, 0.041, 0.039, 0.038, 0.033, 0.031]
)  # fmt: skip
"""How far in front of the middle of the condyles the cross-sections above lie, by height; both as
shares of the width. The upper ones lie straight above each other: that is the axis of the shaft.
Estimate: mean of 51 knees, scatter 0.01 to 0.02."""

MIN_ABOVE = 0.25
"""The shaft's axis needs this much bone above the middle of the condyles, share of the width."""

WIDTH_MM = (45.0, 115.0)
"""Width of the condyles that is still one, from a child of about six to the largest adult. mm."""

CONDYLE = (0.12, 0.40)
"""The weight-bearing part of a condyle: distance from the middle as a share of the width."""

NOTCH_CELL_MM = 2.0
"""The notch is measured in cells of this size, seen from the side. mm."""


@dataclass(frozen=True, eq=False)
class FemurShape:
    """What is measured of a distal femur, in mm; coordinates (x, y, z) along ``axes``.

    axes : (3, 3) rows in RAS: along the condyles to the right, to the front, up the shaft
    middle : (3,) RAS+ mm, centre of mass of the condyles
    width : of both condyles; distal, posterior : z of the lowest and y of the rearmost part, mean
    of both condyles; notch : x of the middle of the intercondylar notch
    shaft_x : how far the flare above leans to the right of the condyles, share of the width
    points : (n, 3) all points of the bone
    """

    axes: Points
    middle: Points
    width: float
    distal: float
    posterior: float
    notch: float
    shaft_x: float
    points: Points


def femur_shape(cloud: Cloud) -> FemurShape:
    """Measure a distal femur. Raises NoFrame if it does not look like one."""
    bone = cloud.inside
    middle, width, x_axis = _middle(bone)
    axes = _upright(np.array([0.0, 0.0, 1.0]), x_axis)
    center = 0.0
    distal = posterior = 0.0
    for _ in range(8):
        points = (bone - middle) @ axes.T
        height, forward, _ = _sections(points, width, cloud.step_mm)
        if len(height) < 5 or height[-1] < MIN_ABOVE * width:
            raise NoFrame("too little of its shaft is in the image to find its axis")
        # The angle that lays the cross-sections on the mean curve of a femur.
        expected = np.interp(height / width, CENTROID_HEIGHT, CENTROID_FORWARD) * width
        lean = float(height @ (forward - expected) / (height @ height))
        axes = _upright(axes[2] + lean * axes[1], axes[0])
        points = (bone - middle) @ axes.T
        low = points[points[:, 2] < 0.1 * width]
        left, right = np.percentile(low[:, 0], [1, 99])
        width = 0.3 * width + 0.7 * float(right - left)
        if not WIDTH_MM[0] < width < WIDTH_MM[1]:
            raise NoFrame(f"its end is {width:.0f} mm wide, which no femur is")
        center = float(left + right) / 2
        ends = [_condyle_ends(low, center, width, sign, cloud.step_mm) for sign in (-1, 1)]
        distal, posterior = np.mean(ends, axis=0)
        tilt = (ends[1][0] - ends[0][0]) / (0.5 * width)
        turn = (ends[1][1] - ends[0][1]) / (0.5 * width)
        # Both the rear of the condyles and their mass say which way they point.
        axes = _along(axes[2], axes[0] + tilt * axes[2] + 0.5 * turn * axes[1])
        if max(abs(lean), abs(tilt)) < 1e-3:
            break
    points = (bone - middle) @ axes.T
    notch = _notch(points, center, width)
    height, _, side = _sections(points, width, cloud.step_mm)
    flare = (height > 0.25 * width) & (height < 0.5 * width)
    shaft_x = float(np.mean(side[flare]) - center) / width if flare.any() else 0.0
    return FemurShape(axes, middle, width, float(distal), float(posterior), notch, shaft_x, points)


def _middle(bone: Points) -> tuple[Points, float, Points]:
    """Centre of mass in the ball, first guess of the width, and the long axis in the ball."""
    bottom = float(np.percentile(bone[:, 2], 0.2))
    end = bone[bone[:, 2] < bottom + 40.0]
    low, high = np.percentile(end[:, 0], [1, 99])
    width, middle = float(high - low), end.mean(axis=0)
    if not WIDTH_MM[0] < width < WIDTH_MM[1]:
        raise NoFrame(f"its end is {width:.0f} mm wide, which no femur is")
    inside = end
    for _ in range(60):
        away = bone - middle
        inside = away[(away**2).sum(axis=1) < (BALL * width) ** 2]
        if not len(inside):
            raise NoFrame("its condyles are not in the image")
        step = inside.mean(axis=0)
        middle = middle + 1.3 * step
        if np.abs(step).max() < 0.01:
            break
    _, vectors = np.linalg.eigh(np.cov(inside.T))
    long = vectors[:, int(np.argmax(np.abs(vectors[0])))]
    return middle, width, long * np.sign(long[0])


def _upright(up: Points, right: Points) -> Points:
    """Rows right, front, up; up is kept."""
    up = unit(up)
    right = unit(right - (right @ up) * up)
    return np.stack([right, np.cross(up, right), up])


def _along(up: Points, right: Points) -> Points:
    """Rows right, front, up; right is kept."""
    right = unit(right)
    up = unit(up - (up @ right) * right)
    return np.stack([right, np.cross(up, right), up])


def _sections(points: Points, width: float, step_mm: float) -> tuple[Points, Points, Points]:
    """Height, forward and rightward centroid of the cross-sections above the middle, in mm."""
    thick = max(2.0, step_mm)
    part = points[(points[:, 2] > 0) & (np.abs(points[:, 0]) < 0.5 * width)]
    row = (part[:, 2] / thick).astype(int)
    count = np.bincount(row)
    whole = count > 200.0 / step_mm**3
    whole[-2:] = False
    safe = np.maximum(count, 1)
    height = np.asarray((np.arange(len(count)) + 0.5) * thick, np.float64)
    y, x = (np.bincount(row, part[:, axis]) / safe for axis in (1, 0))
    low = whole & (height < 0.8 * width)
    return height[low], y[low], x[low]


def _condyle_ends(
    low: Points, center: float, width: float, sign: int, step_mm: float
) -> tuple[float, float]:
    """Mean z of the lowest and mean y of the rearmost 100 mm³ of a condyle."""
    from_middle = sign * (low[:, 0] - center) / width
    part = low[(from_middle > CONDYLE[0]) & (from_middle < CONDYLE[1])]
    count = int(100.0 / step_mm**3)
    if len(part) < 10 * count:
        raise NoFrame("a condyle is missing")
    return (
        float(np.partition(part[:, 2], count)[:count].mean()),
        float(np.partition(part[:, 1], count)[:count].mean()),
    )


def _notch(points: Points, center: float, width: float) -> float:
    """x of the middle of the intercondylar notch at the back, in mm."""
    back = points[(points[:, 1] < -0.1 * width) & (points[:, 1] > -0.42 * width)]
    back = back[(np.abs(back[:, 0] - center) < 0.4 * width) & (back[:, 2] < 0.25 * width)]
    if not len(back):
        raise NoFrame("its condyles are not in the image")
    y, z = (np.floor(back[:, axis] / NOTCH_CELL_MM).astype(int) for axis in (1, 2))
    cell = (y - y.min()) * (int(z.max() - z.min()) + 1) + (z - z.min())
    x = back[:, 0] - center
    left = np.full(int(cell.max()) + 1, -np.inf)
    right = np.full(int(cell.max()) + 1, np.inf)
    np.maximum.at(left, cell[x < 0], x[x < 0])
    np.minimum.at(right, cell[x >= 0], x[x >= 0])
    both = np.isfinite(left) & np.isfinite(right)
    left, right = left[both], right[both]
    gap, middle = right - left, (right + left) / 2
    notch = (gap > 0.08 * width) & (gap < 0.5 * width)
    if notch.sum() < 10:
        raise NoFrame("no notch is seen between its condyles")
    return float(np.median(middle[notch])) + center

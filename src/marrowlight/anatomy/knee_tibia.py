"""The proximal tibia: its plateau, spines and depth from its shape alone.

Nothing here knows the side: ``x`` runs along the plateau towards the right of the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marrowlight.anatomy.cloud import Cloud
from marrowlight.anatomy.frame import NoFrame, Points, unit

SLAB_MM = (3.0, 13.0)
"""The plateau is measured this far below its plane: above the tuberosity, below worn edges. mm."""

RIM = (0.16, 0.38)
"""Its plane is laid through columns this far from the middle, share of the width: the articular
part of both condyles, without the spines and the rim with its osteophytes."""

COMPARTMENT = (0.12, 0.35)
"""The depth of a compartment is measured this far from the middle, share of the width."""

SPINE_MM = 3.0
"""The spines are what stands higher than this above the plane of the plateau. mm."""

WIDTH_MM = (40.0, 110.0)
"""Width of a plateau, from a child of about six to the largest adult. mm."""


@dataclass(frozen=True, eq=False)
class TibiaShape:
    """What is measured of a proximal tibia, in mm; coordinates (x, y, z) along ``axes``.

    axes : (3, 3) rows in RAS: along the plateau to the right, to the front, up across its plane
    middle : (3,) RAS+ mm, middle of the plateau in its plane
    width : from side to side; back, front : y of the rear and front edge
    left, right : (rear, front) y of the compartment at -x and +x
    spine : x of the middle of the spines
    points : (n, 3) all points of the bone
    """

    axes: Points
    middle: Points
    width: float
    back: float
    front: float
    left: tuple[float, float]
    right: tuple[float, float]
    spine: float
    points: Points


def tibia_shape(cloud: Cloud) -> TibiaShape:
    """Measure a proximal tibia. Raises NoFrame if it does not look like one."""
    bone = cloud.inside
    top = float(np.percentile(bone[:, 2], 99.8))
    middle = bone[bone[:, 2] > top - 20.0].mean(axis=0)
    middle[2] = top - 10.0
    axes = np.eye(3)
    width = 0.0
    for _ in range(10):
        points = (bone - middle) @ axes.T
        slab = _slab(points)
        left, right = np.percentile(slab[:, 0], [1, 99])
        back, front = np.percentile(slab[:, 1], [1, 99])
        width, depth = float(right - left), float(front - back)
        if not WIDTH_MM[0] < width < WIDTH_MM[1]:
            raise NoFrame(f"its plateau is {width:.0f} mm wide, which no tibia has")
        x, y = float(left + right) / 2, float(back + front) / 2
        spread = np.cov(slab[:, :2].T)
        turn = 0.5 * np.arctan2(2 * spread[0, 1], spread[0, 0] - spread[1, 1])
        slope_x, slope_y, height = _plane(points, (x, y), (width, depth), cloud.step_mm)
        at_middle = height + slope_x * x + slope_y * y
        middle = middle + np.array([x, y, at_middle]) @ axes
        up = unit(axes[2] - slope_x * axes[0] - slope_y * axes[1])
        along = axes[0] + np.tan(turn) * axes[1]
        along = unit(along - (along @ up) * up)
        axes = np.stack([along, np.cross(up, along), up])
        if max(abs(turn), abs(slope_x), abs(slope_y)) < 2e-3 and max(abs(x), abs(y)) < 0.1:
            break
    points = (bone - middle) @ axes.T
    slab = _slab(points)
    back, front = np.percentile(slab[:, 1], [1, 99])
    sides = [_compartment(slab, sign, width) for sign in (-1, 1)]
    spines = points[(points[:, 2] > SPINE_MM) & (np.abs(points[:, 0]) < 0.2 * width)]
    if len(spines) * cloud.step_mm**3 < 50.0:
        raise NoFrame("no spines are seen on its plateau")
    return TibiaShape(
        axes, middle, width, float(back), float(front), sides[0], sides[1],
        float(spines[:, 0].mean()), points,
    )  # fmt: skip


def _slab(points: Points) -> Points:
    below = points[(points[:, 2] < -SLAB_MM[0]) & (points[:, 2] > -SLAB_MM[1])]
    if len(below) < 100:
        raise NoFrame("its plateau is not in the image")
    return below


def _compartment(slab: Points, sign: int, width: float) -> tuple[float, float]:
    """y of the rear and front edge of one side."""
    out = sign * slab[:, 0] / width
    part = slab[(out > COMPARTMENT[0]) & (out < COMPARTMENT[1])]
    if len(part) < 100:
        raise NoFrame("one side of its plateau is missing")
    back, front = np.percentile(part[:, 1], [1, 99])
    return float(back), float(front)


def _plane(
    points: Points, center: tuple[float, float], size: tuple[float, float], step_mm: float
) -> tuple[float, float, float]:
    """Slope along x and y, and height at 0, of the plane through the top of the plateau.

    Spines are left out, and columns far from the plane weigh less.
    """
    upper = points[points[:, 2] > -15.0]
    out = np.abs(upper[:, 0] - center[0]) / size[0]
    ahead = np.abs(upper[:, 1] - center[1]) / size[1]
    upper = upper[(out > RIM[0]) & (out < RIM[1]) & (ahead < 0.3)]
    column = np.rint(upper[:, :2] / step_mm).astype(int)
    order = np.lexsort((upper[:, 2], column[:, 1], column[:, 0]))
    upper, column = upper[order], column[order]
    last = np.append((column[1:] != column[:-1]).any(axis=1), True)
    tops = upper[last]
    if len(tops) < 50:
        raise NoFrame("the top of its plateau is not in the image")
    system = np.column_stack([tops[:, :2], np.ones(len(tops))])
    weight = np.ones(len(tops))
    found = np.zeros(3)
    for _ in range(4):
        found, *_ = np.linalg.lstsq(system * weight[:, None], tops[:, 2] * weight, rcond=None)
        weight = np.sqrt(1 / np.maximum(1.0, np.abs(tops[:, 2] - system @ found)))
    return float(found[0]), float(found[1]), float(found[2])

"""Spheres and circles through points."""

from __future__ import annotations

import numpy as np

from marrowlight.anatomy.frame import NoFrame, Points

TRIM_MM = (4.0, 3.0, 2.0, 2.0, 2.0)
"""A point farther from the sphere of the round before takes no part in the next. Unit: mm."""


def fit_sphere(points: Points, center: Points, radius: float) -> tuple[Points, float]:
    """The sphere through most of (n, 3) points, from a guess.

    Returns centre and radius in mm. Raises NoFrame if too few points lie near any sphere.
    """
    for trim in TRIM_MM:
        away = np.linalg.norm(points - center, axis=1)
        near = points[np.abs(away - radius) < trim]
        if len(near) < 30:
            raise NoFrame("its round end is not round")
        # |p|² = 2 p·c + (r² - |c|²) is linear in the centre.
        middle = near.mean(axis=0)
        shifted = near - middle
        system = np.column_stack([2 * shifted, np.ones(len(near))])
        found, *_ = np.linalg.lstsq(system, (shifted**2).sum(axis=1), rcond=None)
        center = found[:3] + middle
        radius = float(np.sqrt(max(found[3] + found[:3] @ found[:3], 0.0)))
    return center, radius


def fit_circle(points: Points) -> tuple[Points, float, float]:
    """The circle through (n, 2) points. Returns centre, radius and the root mean square gap, mm."""
    middle = points.mean(axis=0)
    shifted = points - middle
    system = np.column_stack([2 * shifted, np.ones(len(points))])
    found, *_ = np.linalg.lstsq(system, (shifted**2).sum(axis=1), rcond=None)
    center = found[:2]
    radius = float(np.sqrt(max(found[2] + center @ center, 0.0)))
    gaps = np.linalg.norm(shifted - center, axis=1) - radius
    return center + middle, radius, float(np.sqrt((gaps**2).mean()))

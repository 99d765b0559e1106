"""The dome of the talus: a piece of a cylinder that the tibia rides on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.cloud import CLOUD_MM
from marrowlight.anatomy.frame import NoFrame, Points, unit
from marrowlight.anatomy.shape_fit import fit_circle
from marrowlight.anatomy.solid import Solid

FACING_MM = 8.0
"""Surface of the talus that looks up at the tibia over no more than this is dome. Unit: mm."""

FACING_LEAST = 150
"""Fewer such points (1 mm apart), and the dome is not in the image."""

LOOKS_UP, LOOKS_ASIDE = 0.5, 0.3
"""Cosine between the normal of the surface and up (at least), and the axis (at most)."""

AXIS_TURN_DEG = range(-40, 41, 4)
AXIS_TILT_DEG = range(-16, 17, 4)
"""Where the axis is looked for, from the line tibia to fibula: turned about the leg, tilted. The
axis that was found lay 4 to 16 degrees in front of it in 12 label maps."""

RADIUS_MM = (10.0, 40.0)
"""Radius of a talar dome: 16 to 32 mm in 37 label maps, two of them minors."""

ON_DOME_MM = 1.8
"""Surface this close to the cylinder belongs to it. Unit: mm."""

FIT_SHARE = 0.6
"""This share of the surface that looks up lies within 1 mm of the cylinder. Estimate; 0.81 to 0.94
in 12 label maps."""

NEUTRAL_PITCH_DEG = -20.0
"""The long axis of the talus slopes down to the front by this when the foot stands. It turns the
dome with the foot. Median of 27 weight-bearing label maps (-28 to -16). Unit: degrees."""

ARC_DEG = 60.0
"""The dome reaches at most this far to the front and to the back of straight up: beyond it the
surface may lie on the cylinder by chance. Estimate: a chord of about 33 mm."""

FULL_SHARE = 0.5
"""The dome ends where less than this share of its middle lies on the cylinder."""


@dataclass(frozen=True, eq=False)
class TalarDome:
    """The cylinder of the dome, in body coordinates.

    axis : (3,) unit vector, to lateral
    front, up : (3,) unit vectors at right angles to it and to each other; they turn with the foot
    middle : (2,) where the axis stands along front and up
    radius : mm
    arc_deg : (2,) angles from up at which the dome begins and ends; the first is the front one
    edges_mm : (2, 2) medial and lateral edge along the axis as constant + slope times degrees
    gap_mm : between dome and tibia
    """

    axis: Points
    front: Points
    up: Points
    middle: Points
    radius: float
    arc_deg: tuple[float, float]
    edges_mm: Points
    gap_mm: float

    def polar(self, body: Points) -> tuple[NDArray[np.float64], ...]:
        """Along the axis (mm), angle to the front of up (degrees), depth below the dome (mm)."""
        x = body @ self.front - self.middle[0]
        y = body @ self.up - self.middle[1]
        return body @ self.axis, np.degrees(np.arctan2(x, y)), self.radius - np.hypot(x, y)

    def across(self, body: Points) -> NDArray[np.float64]:
        """(n,) 0 at the medial edge of the dome, 1 at the lateral edge, at that angle."""
        along, angle, _ = self.polar(body)
        held = np.clip(angle, self.arc_deg[1], self.arc_deg[0])
        medial, lateral = self.edges_mm @ np.stack([np.ones_like(held), held])
        share: NDArray[np.float64] = (along - medial) / (lateral - medial)
        return share

    @property
    def center(self) -> Points:
        """(3,) point on the axis in the middle between the edges of the dome, body mm."""
        across = float(self.edges_mm[:, 0].mean()) * self.axis
        out: Points = across + self.middle[0] * self.front + self.middle[1] * self.up
        return out

    def backwards(self, body: Points) -> NDArray[np.float64]:
        """(n,) 0 at the front end of the dome, 1 at its back end, along its arc."""
        angle = self.polar(body)[1]
        share: NDArray[np.float64] = (self.arc_deg[0] - angle) / (self.arc_deg[0] - self.arc_deg[1])
        return share


def talar_dome(talus: Solid, tibia: Solid, up: Points, outwards: Points) -> TalarDome:
    """Fit the dome.

    up : unit vector along the leg; outwards : from the tibia to the fibula, at right angles to it.
    Raises NoFrame with the reason if there is no dome.
    """
    from scipy.spatial import cKDTree

    surface, normals = talus.surface, _normals(talus)
    away, _ = cKDTree(tibia.surface).query(surface, distance_upper_bound=FACING_MM)
    facing = np.isfinite(away) & (normals @ up > LOOKS_UP)
    if facing.sum() < FACING_LEAST:
        raise NoFrame("its dome does not face the tibia within the image")
    axis, front, over, middle, radius = _cylinder(surface[facing], normals[facing], up, outwards)
    front, over, middle = _with_foot(talus.points, axis, front, over, middle)
    dome = TalarDome(
        axis, front, over, middle, radius, (ARC_DEG, -ARC_DEG), np.zeros((2, 2)),
        float(np.median(away[facing])),
    )  # fmt: skip
    along, angle, depth = dome.polar(surface)
    on = (np.abs(depth) < ON_DOME_MM) & (np.abs(normals @ axis) < 0.7)
    span = np.percentile(along[facing & on], [1, 99])
    width = float(np.ptp(span))
    mid = on & (along > span[0] + 0.25 * width) & (along < span[1] - 0.25 * width)
    arc = (_reach(angle[mid], radius, width / 2), -_reach(-angle[mid], radius, width / 2))
    if arc[0] - arc[1] < 40:
        raise NoFrame("its dome is not round: only a small part of it lies on a cylinder")
    inside = on & (angle < arc[0]) & (angle > arc[1])
    inside &= (along > span[0] - 4) & (along < span[1] + 4)
    return TalarDome(
        axis, front, over, middle, radius, arc, _edges(along[inside], angle[inside], arc),
        dome.gap_mm,
    )  # fmt: skip


def _normals(solid: Solid) -> Points:
    """(m, 3) outward unit normals of the surface voxels."""
    from scipy import ndimage

    soft = ndimage.gaussian_filter(np.pad(solid.mask, 4).astype(np.float32), 1.5 / CLOUD_MM)
    slopes = np.stack(np.gradient(soft), axis=-1)[4:-4, 4:-4, 4:-4]
    out = -slopes[solid.edge].astype(np.float64)
    normals: Points = out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    return normals


def _cylinder(
    points: Points, normals: Points, up: Points, outwards: Points
) -> tuple[Points, Points, Points, Points, float]:
    """Axis, front, up, middle and radius of the cylinder that holds the most points."""
    ahead = np.cross(up, outwards)
    ahead = ahead if ahead[1] > 0 else -ahead
    best = -1
    found: tuple[Points, Points, Points, Points, float] | None = None
    for turn in np.radians(AXIS_TURN_DEG):
        for tilt in np.radians(AXIS_TILT_DEG):
            level = np.cos(turn) * outwards + np.sin(turn) * ahead
            axis = unit(level + np.tan(tilt) * up)
            front = unit(ahead - (ahead @ axis) * axis)
            front = unit(front - (front @ up) * up)
            front = unit(front - (front @ axis) * axis)
            over = np.cross(axis, front)
            over = over if over @ up > 0 else -over
            flat = np.stack([points @ front, points @ over], axis=1)
            chosen = flat[np.abs(normals @ axis) < LOOKS_ASIDE]
            for _ in range(2):
                if len(chosen) < 30:
                    break
                middle, radius, _gap = fit_circle(chosen)
                off = np.abs(np.linalg.norm(chosen - middle, axis=1) - radius)
                chosen = chosen[off < 2.0]
            if len(chosen) < 30 or not RADIUS_MM[0] <= radius <= RADIUS_MM[1]:
                continue
            close = int((np.abs(np.linalg.norm(flat - middle, axis=1) - radius) < 1.0).sum())
            if close > best:
                best, found = close, (axis, front, over, middle, radius)
    if found is None or best < FIT_SHARE * len(points):
        raise NoFrame("its dome is not round: no cylinder fits it")
    return found


def _with_foot(
    points: Points, axis: Points, front: Points, up: Points, middle: Points
) -> tuple[Points, Points, Points]:
    """Front, up and middle of the dome turned about its axis as far as the foot is."""
    _, vectors = np.linalg.eigh(np.cov((points - points.mean(axis=0)).T))
    long = vectors[:, -1] if vectors[:, -1] @ front > 0 else -vectors[:, -1]
    turn = np.arctan2(long @ up, long @ front) - np.radians(NEUTRAL_PITCH_DEG)
    center = middle[0] * front + middle[1] * up
    ahead = np.cos(turn) * front + np.sin(turn) * up
    over = np.cos(turn) * up - np.sin(turn) * front
    return ahead, over, np.array([center @ ahead, center @ over])


def _reach(angle: NDArray[np.float64], radius: float, width: float) -> float:
    """How far the middle of the dome lies on the cylinder from straight up, in degrees."""
    step = 5.0
    full = np.radians(step) * radius * width / CLOUD_MM**2
    for start in np.arange(0.0, ARC_DEG, step):
        if ((angle >= start) & (angle < start + step)).sum() < FULL_SHARE * full:
            return float(start)
    return ARC_DEG


def _edges(
    along: NDArray[np.float64], angle: NDArray[np.float64], arc: tuple[float, float]
) -> Points:
    """Medial and lateral edge as straight lines over the angle, from five bands of the dome."""
    bands = np.linspace(arc[1], arc[0], 6)
    middles, ends = [], []
    for low, high in pairwise(bands):
        here = along[(angle >= low) & (angle < high)]
        if len(here) >= 20:
            middles.append((low + high) / 2)
            ends.append(np.percentile(here, [2, 98]))
    if len(ends) < 3:
        raise NoFrame("the edges of its dome were not found")
    system = np.column_stack([np.ones(len(ends)), middles])
    lines, *_ = np.linalg.lstsq(system, np.array(ends), rcond=None)
    edges: Points = lines.T
    return edges

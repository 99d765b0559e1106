"""The proximal femur, measured: head, neck, shaft and trochanters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.cloud import CLOUD_MM
from marrowlight.anatomy.frame import Frame, NoFrame, Points, frame_from, unit
from marrowlight.anatomy.shape_fit import fit_sphere
from marrowlight.anatomy.solid import SideBones
from marrowlight.notice import Notice

PROXIMAL_MM = 130.0
"""The femur below this from its top is not looked at: condyles are as round as heads."""

HEAD_RADIUS_MM = (13.0, 33.0)
"""Radius of the bone of a femoral head, from a school child to a large man. Estimate."""

ROUND_SHARE, ROUND_MM = 0.75, 2.0
"""This share of the surface of the head lies within ROUND_MM of a sphere. Estimate; 0.95 to 1.0 in
28 label maps."""

SEEN_SHARE = 0.9
"""Less of the sphere than this within the image, and the head is cut off. Estimate."""

BACK_COS = 0.4
"""Surface less than 66 degrees from the neck is neck, not head."""

NECK_GROWTH = 1.5
"""The neck ends where its cross-section has grown to this, from its narrowest. Estimate."""

SHAFT_TILT = 0.12
"""Lateral lean of the upper shaft from straight up (7 degrees, tangent): where less than
SHAFT_SEEN_MM of it are in the image its own direction cannot be read. Estimate."""
SHAFT_SEEN_MM = 40.0

LESSER_RADII = (-3.05, -1.75)
"""Where the tip of the lesser trochanter is looked for: height from the middle of the head, in its
radii. Estimate from 28 label maps (-2.8 to -1.8)."""
LESSER_AZIMUTHS_DEG = range(-20, 91, 10)
"""Directions from the shaft in which it is looked for: 0 medial, 90 posterior. Unit: degrees."""
LESSER_PROUD_MM = 3.0
"""The surface stands at least this much farther from the shaft there than above and below it.
Estimate; 3 to 13 mm where the image shows all of it. Unit: mm."""
LESSER_END = 0.6
"""It ends where this share of its height over the shaft is lost. Estimate."""
LESSER_USUAL = 2.75
"""Height of its lower edge below the middle of the head, in radii of the head, where it is not
seen. Estimate from 25 label maps (2.5 to 3.0)."""


@dataclass(frozen=True, eq=False)
class ProximalFemur:
    """What was measured, in body coordinates (lateral, anterior, superior mm).

    center, radius : of the head
    neck : (3,) unit vector from the middle of the head along the neck
    head_end_mm, neck_end_mm : along it, from the middle of the head
    neck_radius_mm : where it is narrowest, of a circle of the same area
    frame : in body coordinates: lateral along the neck, proximal along the shaft; origin center
    tip_mm : height of the greater trochanter in this frame
    shaft_lateral_anterior : (2,) where the axis of the shaft stands in this frame
    shaft_radius_mm : of the shaft
    lesser : (3,) tip of the lesser trochanter, NaN where it was not found
    lesser_end_mm : height of its lower edge in this frame, measured or usual
    """

    center: Points
    radius: float
    neck: Points
    head_end_mm: float
    neck_end_mm: float
    neck_radius_mm: float
    frame: Frame
    tip_mm: float
    shaft_lateral_anterior: Points
    shaft_radius_mm: float
    lesser: Points
    lesser_end_mm: float
    notices: tuple[Notice, ...]


def proximal_femur(group: SideBones) -> ProximalFemur:
    """Measure the upper femur of a side. Raises NoFrame with the reason if it cannot be."""
    solid = group.solid("femur")
    top = float(solid.points[:, 2].max())
    kept = solid.points[:, 2] > top - PROXIMAL_MM
    points = solid.points[kept]
    border = solid.surface[solid.surface[:, 2] > top - PROXIMAL_MM]
    center, radius, neck = _head(points, solid.depths[kept], border)
    _require_head(group, center, radius, neck, border)
    along = (points - center) @ neck
    head_end, neck_end, neck_radius = _neck(along, radius)
    up = _shaft_direction(points, center, radius)
    frame = frame_from(center, up, neck, np.array([0.0, 1.0, 0.0]))
    inside = frame.of(points)
    beyond = inside[along > neck_end]
    if len(beyond) < 50:
        raise NoFrame("nothing of it is in the image beyond the neck")
    shaft, shaft_radius = _shaft(inside, radius)
    lesser, lesser_end, notices = _lesser(frame.of(border), shaft, radius)
    return ProximalFemur(
        center, radius, neck, head_end, neck_end, neck_radius, frame,
        float(beyond[:, 2].max()), shaft, shaft_radius,
        frame.to_ras(lesser[None])[0], lesser_end, notices,
    )  # fmt: skip


def _head(
    points: Points, depths: NDArray[np.float64], border: Points
) -> tuple[Points, float, Points]:
    """Middle and radius of the head and the direction of the neck.

    The head is the largest ball that fits into the upper femur.
    """
    center, radius = points[depths.argmax()], float(depths.max())
    for _ in range(3):
        away = np.linalg.norm(points - center, axis=1)
        ring = points[(away > 1.2 * radius) & (away < 1.6 * radius)]
        if len(ring) < 50:
            raise NoFrame("nothing of it is in the image beyond the head")
        neck = unit(ring.mean(axis=0) - center)
        out = border - center
        back = out @ neck < BACK_COS * np.linalg.norm(out, axis=1)
        center, radius = fit_sphere(border[back], center, radius)
    return center, radius + CLOUD_MM / 2, neck


def _require_head(
    group: SideBones, center: Points, radius: float, neck: Points, border: Points
) -> None:
    """Raise NoFrame unless this is a whole head on a neck that goes down and to the side."""
    if not HEAD_RADIUS_MM[0] <= radius <= HEAD_RADIUS_MM[1]:
        raise NoFrame(f"no femoral head was found (a ball of {radius:.0f} mm radius fits best)")
    ball = _directions()
    ball = ball[ball @ neck < BACK_COS]
    if group.in_image(center + radius * ball).mean() < SEEN_SHARE:
        raise NoFrame("the femoral head is cut off by the edge of the image")
    out = border - center
    away = np.linalg.norm(out, axis=1)
    near = (out @ neck < BACK_COS * away) & (away < 1.5 * radius)
    if (np.abs(away[near] - radius) < ROUND_MM).mean() < ROUND_SHARE:
        raise NoFrame("its upper end is not round: no femoral head was found")
    if neck[2] > 0.2:
        raise NoFrame("its neck points upwards from the head: the image may be upside down")


def _directions(count: int = 400) -> Points:
    """(count, 3) unit vectors spread evenly over the sphere (golden spiral)."""
    k = np.arange(count) + 0.5
    height = 1 - 2 * k / count
    turn = np.pi * (1 + np.sqrt(5)) * k
    flat = np.sqrt(1 - height**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)


def _neck(along: NDArray[np.float64], radius: float) -> tuple[float, float, float]:
    """Where head and neck end along the neck from the middle of the head, and its radius. mm."""
    ends = np.arange(0.4 * radius, 3.2 * radius, CLOUD_MM)
    count, _ = np.histogram(along, bins=ends)
    area = np.convolve(count * CLOUD_MM**2, np.ones(3) / 3, mode="valid")
    middle = (ends[:-1] + CLOUD_MM / 2)[1:-1]
    first = middle < 1.9 * radius
    narrow = int(area[first].argmin())
    thick = float(np.sqrt(area[narrow] / np.pi))
    if thick > 0.95 * radius:
        raise NoFrame("it has no neck: head and shaft were not told apart")
    head_end = float(np.sqrt(radius**2 - thick**2))
    grown = np.flatnonzero((area > NECK_GROWTH * area[narrow]) & (middle > middle[narrow]))
    if not len(grown):
        raise NoFrame("the neck is cut off by the edge of the image")
    return head_end, max(float(middle[grown[0]]), head_end + 5.0), thick


def _shaft_direction(points: Points, center: Points, radius: float) -> Points:
    """Unit vector up the shaft: its own where enough of it is seen, else the usual lean."""
    below = points[points[:, 2] < center[2] - 3.0 * radius]
    usual = np.array([SHAFT_TILT, 0.0, 1.0])
    seen = float(np.ptp(below[:, 2])) if len(below) else 0.0
    if seen < SHAFT_SEEN_MM:
        return unit(usual)
    heights = below[:, 2] - below[:, 2].mean()
    lean = heights @ below / (heights @ heights)
    return unit(np.array([lean[0], lean[1], 1.0]))


def _shaft(inside: Points, radius: float) -> tuple[Points, float]:
    """Where the axis of the shaft stands, and its radius, from what is seen of its lowest part."""
    bottom = float(inside[:, 2].min())
    if bottom < -2.9 * radius:
        low = inside[inside[:, 2] < max(bottom + 0.7 * radius, -4.5 * radius)]
        low = low[low[:, 2] > bottom + 3.0]  # the cut of an oblique image is not level
        area = len(low) / max(float(np.ptp(low[:, 2])), 1.0) * CLOUD_MM**2 if len(low) > 50 else 0.0
        if area > 0:
            return low[:, :2].mean(axis=0), float(np.sqrt(area / np.pi))
    outer = float(np.percentile(inside[inside[:, 2] < -0.5 * radius][:, 0], 99.5))
    return np.array([outer - 1.05 * radius, -0.2 * radius]), 0.62 * radius


def _lesser(
    border: Points, shaft: Points, radius: float
) -> tuple[Points, float, tuple[Notice, ...]]:
    """Tip of the lesser trochanter in the frame of the femur, and the height of its lower edge.

    It is a bump of the surface: farther from the shaft than what lies above and below it.
    """
    out = border[:, :2] - shaft
    away = np.hypot(out[:, 0], out[:, 1])
    azimuth = np.degrees(np.arctan2(-out[:, 1], -out[:, 0]))
    level = border[:, 2] / radius
    heights = np.arange(-1.2, -3.85, -0.1)
    best, tip, end = LESSER_PROUD_MM, np.full(3, np.nan), -LESSER_USUAL * radius
    for direction in LESSER_AZIMUTHS_DEG:
        aside = np.abs(azimuth - direction) < 10
        reach = np.array([_most(away[aside], level[aside], h) for h in heights])
        for n in np.flatnonzero((heights > LESSER_RADII[0]) & (heights < LESSER_RADII[1])):
            below = reach[n : n + 9]
            below = below[below > 0]
            if reach[n] <= 0 or len(below) < 4:
                continue
            over = float(reach[n] - below.min())
            proud = min(over, float(reach[n] - reach[max(0, n - 9) : n + 1].min()))
            if proud <= best:
                continue
            best = proud
            here = border[aside & (np.abs(level - heights[n]) < 0.06)]
            tip = here[np.hypot(*(here[:, :2] - shaft).T).argmax()]
            lost = np.flatnonzero(reach[n] - below > LESSER_END * over)
            end = (float(heights[n]) - 0.1 * float(lost[0]) + 0.05) * radius
    if np.isnan(tip).any():
        text = "The lesser trochanter was not seen: the trochanteric zone ends where it usually is."
        return tip, end, (Notice("lesser-trochanter-not-seen", text),)
    return tip, end, ()


def _most(away: NDArray[np.float64], heights: NDArray[np.float64], height: float) -> float:
    here = away[np.abs(heights - height) < 0.06]
    return float(here.max()) if len(here) else 0.0

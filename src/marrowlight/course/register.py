"""Lay a bone of one visit on the same bone of another: rigid, by shape alone.

Joints bend between visits, so every bone moves on its own. Intensities never take part: scanner,
sequence and field strength may differ, the shape of the bone does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.course.bone_surface import BoneSurface, Points, surface_of
from marrowlight.course.pose import Level, Poses, closer, cost_of, starts, turn_deg
from marrowlight.study.grid import Grid

COARSE = Level(points=150, robust_mm=6.0, kept=0.9)
MIDDLE = Level(points=600, robust_mm=2.5, kept=0.9)
FINE = Level(points=4000, robust_mm=1.0, kept=0.9)
"""From coarse to fine. Estimates: they reach the figures of ``benchmarks/follow_registration``."""

LARGEST_MEAN_DISTANCE_MM = 1.2
"""A registration whose surfaces are further apart on average is refused: twice what real pairs of
femur and tibia reach (0.6 mm after eight years of osteophytes), and below what a mirrored femur or
tibia reaches (2 mm). Estimate from ``benchmarks/follow_registration``. Unit: mm."""

SMALLEST_OVERLAP = 0.85
"""Dice within the common field below which a registration is refused: real pairs reach 0.93, small
bones on thick slices 0.89. Estimate from ``benchmarks/follow_registration``."""

SMALLEST_COMMON_SHARE = 0.3
"""Share of either surface that both visits must show. Estimate."""

SMALLEST_COMMON_CM2 = 8.0
"""Surface that both visits must show; a whole patella has about 40 cm². Estimate. Unit: cm²."""

LARGEST_ROTATION_DEG = 120.0
"""A bone does not turn by more between two visits: a knee bends by about 140 degrees, shared by
two bones in the scanner. Estimate. Unit: degrees."""


@dataclass(frozen=True, eq=False)
class BoneTransform:
    """How one bone of a visit lies on the same bone of another.

    Parameters
    ----------
    bone : str
        Registry id.
    matrix : (4, 4) float64
        RAS+ mm of the moving visit to RAS+ mm of the fixed one: a proper rotation and a shift.
        Identity where nothing could be found.
    mean_surface_distance_mm : float
        Mean distance of either surface to the other, both directions, where both visits show it,
        nothing trimmed; inf where there is none.
    overlap : float
        Dice of the two bones within the field of view of both, 0..1.
    rotation_deg, translation_mm : float
        Size of the turn, and how far the middle of the bone moved.
    accepted : bool
    reason : str
        Why it was refused; empty if accepted.
    """

    bone: str
    matrix: NDArray[np.float64]
    mean_surface_distance_mm: float
    overlap: float
    rotation_deg: float
    translation_mm: float
    accepted: bool
    reason: str


def register_bone(
    fixed: NDArray[np.bool_],
    fixed_grid: Grid,
    moving: NDArray[np.bool_],
    moving_grid: Grid,
    *,
    bone: str,
) -> BoneTransform:
    """The rigid motion that lays a bone of the moving visit on that of the fixed one.

    fixed, moving : (I, J, K) bool on their grids; any plane and slice thickness.
    Never raises for bones that do not fit: the transform is refused and says why.
    """
    if not fixed.any() or not moving.any():
        return _refused(bone, f"One of the visits shows no {_words(bone)}.")
    there, here = surface_of(fixed, fixed_grid), surface_of(moving, moving_grid)
    if there is None or here is None:
        return _refused(bone, f"The image cuts off too much of the {_words(bone)} at one visit.")
    poses = starts(there, here)
    for level, steps, kept in ((COARSE, 6, 60), (COARSE, 12, 8), (MIDDLE, 10, 2)):
        poses = closer(poses, there, here, level, steps)
        cost = cost_of(poses, there, here, level)
        poses = poses.take(np.argsort(cost.total, kind="stable")[:kept])
    poses = closer(poses, there, here, FINE, 15)
    best = int(np.argmin(cost_of(poses, there, here, FINE).total))
    pose = poses.take(np.array([best]))
    return _judged(bone, pose, there, here)


def distance_at(
    fixed: NDArray[np.bool_],
    fixed_grid: Grid,
    moving: NDArray[np.bool_],
    moving_grid: Grid,
    matrix: NDArray[np.float64],
) -> float:
    """Mean surface distance in mm of two bones at a given (4, 4) motion; inf where none is common.

    As ``BoneTransform.mean_surface_distance_mm``.
    """
    there, here = surface_of(fixed, fixed_grid), surface_of(moving, moving_grid)
    if there is None or here is None:
        return float("inf")
    return _apart(Poses(matrix[None, :3, :3], matrix[None, :3, 3]), there, here)[0]


def _judged(bone: str, pose: Poses, fixed: BoneSurface, moving: BoneSurface) -> BoneTransform:
    """The transform with its quality, accepted or refused."""
    away, share, area_cm2 = _apart(pose, fixed, moving)
    overlap = _overlap(pose, fixed, moving)
    angle = float(turn_deg(pose.turn)[0])
    middle = moving.points.mean(axis=0)
    shift = float(np.linalg.norm(pose.apply(middle[None])[0, 0] - middle))
    reason = _reason(_words(bone), away, overlap, share, area_cm2, angle)
    return BoneTransform(
        bone, pose.matrix(), away, overlap, angle, shift, accepted=not reason, reason=reason
    )


def _reason(
    name: str, away: float, overlap: float, share: float, area_cm2: float, angle: float
) -> str:
    if share < SMALLEST_COMMON_SHARE or area_cm2 < SMALLEST_COMMON_CM2:
        return (
            f"The two visits show too little of the same surface of the {name}: {share:.0%} of it, "
            f"{area_cm2:.0f} cm² (at least {SMALLEST_COMMON_SHARE:.0%} and "
            f"{SMALLEST_COMMON_CM2:.0f} cm² are needed)."
        )
    if away > LARGEST_MEAN_DISTANCE_MM:
        return (
            f"The {name} of the two visits does not fit: its surfaces stay {away:.1f} mm apart on "
            f"average (at most {LARGEST_MEAN_DISTANCE_MM} mm are accepted)."
        )
    if overlap < SMALLEST_OVERLAP:
        return (
            f"The {name} of the two visits does not fit: the overlap is {_down(overlap)} (at least "
            f"{SMALLEST_OVERLAP} is needed)."
        )
    if angle > LARGEST_ROTATION_DEG:
        return f"The {name} would have turned by {angle:.0f} degrees, which no joint allows."
    return ""


def _down(share: float) -> str:
    """A share with two digits, never rounded up to the limit that it misses."""
    return f"{math.floor(share * 100) / 100:.2f}"


def _apart(pose: Poses, fixed: BoneSurface, moving: BoneSurface) -> tuple[float, float, float]:
    """Mean surface distance in mm, the share of surface that both show, and its area in cm²."""
    moved, back = pose.apply(moving.points)[0], pose.undo(fixed.points)[0]
    there, here = fixed.seen(moved), moving.seen(back)
    share = min(float(there.mean()), float(here.mean()))
    if not there.any() or not here.any():
        return float("inf"), 0.0, 0.0
    away = [
        np.abs(fixed.distance_mm(moved[there])).mean(),
        np.abs(moving.distance_mm(back[here])).mean(),
    ]
    area = min(fixed.area_mm2 * here.mean(), moving.area_mm2 * there.mean()) / 100
    return float(np.mean(away)), share, float(area)


def _overlap(pose: Poses, fixed: BoneSurface, moving: BoneSurface) -> float:
    """Dice of the bones within the field of view of both, 0..1."""
    step = 2
    part = fixed.distance[::step, ::step, ::step]
    index = np.stack(np.meshgrid(*[np.arange(n) * step for n in part.shape], indexing="ij"), -1)
    places: Points = fixed.grid.to_ras(index.reshape(-1, 3).astype(float))
    back = pose.undo(places)[0]
    common = fixed.seen(places, 0.0) & moving.seen(back, 0.0)
    one = part.ravel()[common] > 0
    two = moving.distance_mm(back[common]) > 0
    total = int(one.sum()) + int(two.sum())
    return 2 * int((one & two).sum()) / total if total else 0.0


def _refused(bone: str, reason: str) -> BoneTransform:
    return BoneTransform(bone, np.eye(4), float("inf"), 0.0, 0.0, 0.0, False, reason)


def _words(bone: str) -> str:
    return bone.replace("_", " ")

"""Many poses of one bone, brought closer to another together: the search of a registration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.course.bone_surface import BoneSurface, Points

STEP_DEG = 30.0
"""Distance between two rotations that are started from. Estimate. Unit: degrees."""

LARGEST_TURN_DEG = 100.0
"""Starts reach this far: a knee bends by up to 90 degrees between visits, and a bone then turns by
a part of that in the scanner. Estimate. Unit: degrees."""

SHIFTS_MM = (0.0, -25.0, 25.0)
"""Starts along the long axis of the bone, whose shaft ends at another level. Unit: mm."""

FAR_MM = 12.0
"""Distances above this count as this. Unit: mm."""

UNSEEN_MM = 2.0
"""Cost of surface that the other visit does not show, so that no pose wins by sliding out of the
image. Estimate. Unit: mm."""

TURN_MM = 0.3
"""Cost of a turn by 90 degrees: of two poses that fit alike the smaller turn is taken. Estimate.
Unit: mm."""


@dataclass(frozen=True, eq=False)
class Poses:
    """S rigid motions: moved = turn @ point + shift.

    turn : (S, 3, 3); shift : (S, 3), mm
    """

    turn: NDArray[np.float64]
    shift: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.shift)

    def take(self, which: NDArray[np.intp]) -> Poses:
        return Poses(self.turn[which], self.shift[which])

    def apply(self, points: Points) -> Points:
        """(n, 3) points; returns (S, n, 3)."""
        return np.asarray(points @ self.turn.transpose(0, 2, 1) + self.shift[:, None])

    def undo(self, points: Points) -> Points:
        """(n, 3) moved points taken back; returns (S, n, 3)."""
        return np.asarray((points - self.shift[:, None]) @ self.turn)

    def rotate(self, vectors: Points) -> Points:
        """(n, 3) directions, turned only; returns (S, n, 3)."""
        return np.asarray(vectors @ self.turn.transpose(0, 2, 1))

    def rotate_back(self, vectors: Points) -> Points:
        """(n, 3) directions, turned back; returns (S, n, 3)."""
        return np.asarray(vectors @ self.turn)

    def matrix(self, which: int = 0) -> NDArray[np.float64]:
        """(4, 4) of one pose."""
        out = np.eye(4)
        out[:3, :3], out[:3, 3] = self.turn[which], self.shift[which]
        return out


@dataclass(frozen=True, eq=False)
class Cost:
    """How well poses fit.

    mean_mm : (S,) mean distance of the nearer part of the surface that both visits show
    share : (S,) share of the surface that both visits show, the smaller of both directions
    total : (S,) what is compared: mean with what is unseen and the turn
    """

    mean_mm: NDArray[np.float64]
    share: NDArray[np.float64]
    total: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Level:
    """One step from coarse to fine.

    points : surface points of each bone that take part; robust_mm : distances above this lose
    weight; kept : share of points, the nearest, that takes part
    """

    points: int
    robust_mm: float
    kept: float


def thinned(points: Points, normals: Points, count: int) -> tuple[Points, Points]:
    """About ``count`` points in an order that a seed fixes."""
    if len(points) <= count:
        return points, normals
    which = np.random.default_rng(7).permutation(len(points))[:count]
    return points[which], normals[which]


def starts(fixed: BoneSurface, moving: BoneSurface) -> Poses:
    """Rotations by a grid and from the principal axes, centers laid on each other, shifted along
    the long axis of the fixed bone."""
    turns = [*_grid_of_turns(), *_axes_turns(fixed.points, moving.points)]
    there, here = fixed.points.mean(axis=0), moving.points.mean(axis=0)
    long = _axes(fixed.points)[:, 0]
    turn = np.repeat(np.array(turns), len(SHIFTS_MM), axis=0)
    along = np.tile(np.array(SHIFTS_MM), len(turns))
    return Poses(turn, there + along[:, None] * long - turn @ here)


def rodrigues(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """(S, 3) rotation vectors in radians to (S, 3, 3) rotations."""
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.from_rotvec(vectors).as_matrix())


def turn_deg(turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angle of (..., 3, 3) rotations in degrees."""
    trace = np.trace(turn, axis1=-2, axis2=-1)
    return np.asarray(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))))


def cost_of(poses: Poses, fixed: BoneSurface, moving: BoneSurface, level: Level) -> Cost:
    """How well each pose fits."""
    off, there, _, _, _ = _residuals(poses, fixed, moving, level)
    both = [_trimmed(np.abs(o), s, level.kept) for o, s in zip(off, there, strict=True)]
    shares = [s.mean(axis=1) for s in there]
    share = np.minimum(shares[0], shares[1])
    mean = (both[0] + both[1]) / 2
    total = mean + UNSEEN_MM * (1 - share) + TURN_MM * turn_deg(poses.turn) / 90
    return Cost(mean, share, np.where(share > 0.05, total, np.inf))


def closer(
    poses: Poses, fixed: BoneSurface, moving: BoneSurface, level: Level, steps: int
) -> Poses:
    """Gauss-Newton steps of all poses towards the least distance of either surface to the other."""
    for _ in range(steps):
        off, there, arms, slopes, trust = _residuals(poses, fixed, moving, level)
        center = poses.apply(moving.points.mean(axis=0)[None])
        normal, right = np.zeros((len(poses), 6, 6)), np.zeros((len(poses), 6))
        for o, s, arm, slope, known in zip(off, there, arms, slopes, trust, strict=True):
            size = np.abs(o)
            weight = np.where(s & (size <= _limit(size, s, level.kept)), known, 0.0)
            weight /= (1 + (o / level.robust_mm) ** 2) ** 2
            weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-6)
            row = np.concatenate([np.cross(arm - center, slope), slope], axis=2)
            scaled = row * weight[:, :, None]
            normal += scaled.transpose(0, 2, 1) @ row
            right -= (scaled * o[:, :, None]).sum(axis=1)
        # Damping holds back what the surface does not fix, such as the turn of a round shaft.
        damp = np.diag([1.0, 1.0, 1.0, 1e-3, 1e-3, 1e-3])
        move = np.linalg.solve(normal + damp, right[:, :, None])[:, :, 0]
        turn, shift = move[:, :3], move[:, 3:]
        turn *= np.minimum(1, 0.35 / np.maximum(np.linalg.norm(turn, axis=1), 1e-9))[:, None]
        shift *= np.minimum(1, 15.0 / np.maximum(np.linalg.norm(shift, axis=1), 1e-9))[:, None]
        more = rodrigues(turn)
        pivot = center[:, 0]
        place = ((poses.shift - pivot)[:, None] @ more.transpose(0, 2, 1))[:, 0] + pivot + shift
        poses = Poses(more @ poses.turn, place)
        if np.abs(move).max() < 1e-4:
            break
    return poses


def _residuals(
    poses: Poses, fixed: BoneSurface, moving: BoneSurface, level: Level
) -> tuple[list[Points], list[NDArray[np.bool_]], list[Points], list[Points], list[Points]]:
    """For moving points in the fixed visit, then fixed points in the moving one: signed distance
    (S, n), whether the other visit shows the place, place in fixed space, slope there, and how far
    the place of both surfaces is known, as a weight (S, n)."""
    ours, our_normals = thinned(moving.points, moving.normals, level.points)
    theirs, their_normals = thinned(fixed.points, fixed.normals, level.points)
    moved, back = poses.apply(ours), poses.undo(theirs)
    off_there, slope_there = fixed.distance_and_slope(moved)
    off_back, slope_back = moving.distance_and_slope(back)
    off = [np.clip(o, -FAR_MM, FAR_MM) for o in (off_there, off_back)]
    place = [moved, np.broadcast_to(theirs, back.shape)]
    # A push of the moving bone moves its points one way, and the fixed points in it the other way.
    slope = [slope_there, -slope_back @ poses.turn.transpose(0, 2, 1)]
    trust = [
        1 / (moving.spread_mm2(our_normals) + fixed.spread_mm2(poses.rotate(our_normals))),
        1 / (fixed.spread_mm2(their_normals) + moving.spread_mm2(poses.rotate_back(their_normals))),
    ]
    return off, [fixed.seen(moved), moving.seen(back)], place, slope, trust


def _limit(size: Points, there: NDArray[np.bool_], kept: float) -> Points:
    """(S, 1) distance that the nearest share ``kept`` of the points lies within."""
    order = np.sort(np.where(there, size, np.inf), axis=1)
    last = np.maximum(np.ceil(there.sum(axis=1) * kept).astype(int) - 1, 0)
    return np.asarray(np.take_along_axis(order, last[:, None], axis=1))


def _trimmed(size: Points, there: NDArray[np.bool_], kept: float) -> Points:
    """(S,) mean of the nearest share of the points that both visits show; FAR_MM where none is."""
    use = there & (size <= _limit(size, there, kept))
    count = use.sum(axis=1)
    mean = np.where(use, size, 0).sum(axis=1) / np.maximum(count, 1)
    return np.where(count > 0, mean, FAR_MM)


def _grid_of_turns() -> list[NDArray[np.float64]]:
    axes = np.array(
        [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if i or j or k],
        float,
    )
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    angles = np.radians(np.arange(STEP_DEG, LARGEST_TURN_DEG, STEP_DEG))
    turns = [np.zeros((1, 3)), *[axes * angle for angle in angles]]
    return list(rodrigues(np.concatenate(turns)))


def _axes(points: Points) -> NDArray[np.float64]:
    """(3, 3) principal axes, the longest first, as columns of a proper rotation."""
    _, axes = np.linalg.eigh(np.cov(points.T))
    axes = axes[:, ::-1]
    return np.asarray(axes * np.array([1, 1, np.sign(np.linalg.det(axes))]))


def _axes_turns(fixed: Points, moving: Points) -> list[NDArray[np.float64]]:
    """Principal axes on principal axes: the proper sign flips that turn by no more than allowed."""
    there, here = _axes(fixed), _axes(moving)
    flips = [np.diag(s) for s in ((1.0, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))]
    turns = [np.asarray(there @ flip @ here.T) for flip in flips]
    return [turn for turn in turns if float(turn_deg(turn)) <= LARGEST_TURN_DEG]

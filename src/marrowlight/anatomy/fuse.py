"""Several series of one visit on one grid: which to take, and their mean in space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.planes import UNSEEN, PlaneVote, SeriesVote
from marrowlight.study.grid import Grid
from marrowlight.study.series import Role, Series

MOST_SERIES = 3
"""Series of one visit that are fused; a fourth would cost time and add little."""

ROLE_WORTH = {
    Role.T1: 1.0,
    Role.PD: 1.0,
    Role.T2: 0.95,
    Role.CONTRAST: 0.6,
    Role.OTHER: 0.6,
    Role.PD_FS: 0.7,
    Role.T2_FS: 0.65,
    Role.DIXON_WATER: 0.65,
    Role.GRE_FS: 0.65,
    Role.STIR: 0.55,
}
"""How well bone is seen, 0..1. Without fat suppression marrow is bright between black cortex, and
bright edema at the edge does not look like soft tissue. Estimates, in that order by the trial."""

COARSE_SLICE_MM = 8.0
COARSE_PIXEL_MM = 2.0
"""Slice distance and pixel size at which the worth has fallen to a third. Estimates. mm."""

SAME_WORTH = 0.05
"""Series whose worth differs by less than this are taken in the order of the study."""

OTHER_PLANE, OTHER_ROLE = 6, 2
"""What another plane and another contrast add, in steps of SAME_WORTH. Estimates."""

OVERLAP_LEAST = 0.3
"""A further series is fused if it covers at least this share of the best one's box."""

AGREEMENT_LEAST = 0.75
"""Dice of any bone between a further series and the best one below which the patient moved or one
of them is wrong; the further series is then left out, and a notice says so. Estimate."""


@dataclass(frozen=True, eq=False)
class Fused:
    """Class probabilities of a study on one grid, and who said what.

    probability : (C, X, Y, Z) float32, class 0 background; grid : canonical axes of the best
    series; votes : one per plane and series, labels on the same grid; classes : registry ids.
    """

    probability: NDArray[np.float32]
    grid: Grid
    votes: tuple[PlaneVote, ...]
    classes: tuple[str, ...]


def worth(series: Series) -> float:
    """How good a series is to draw bone on, 0..1: its contrast, its slices, its pixels."""
    along, slice_mm = sorted(series.volume.grid.spacing[:2]), series.volume.grid.spacing[2]
    pixel = max(along[1] - 0.6, 0.0)
    thick = max(slice_mm - 1.0, 0.0)
    role = ROLE_WORTH[series.role]
    return role * math.exp(-thick / COARSE_SLICE_MM) * math.exp(-pixel / COARSE_PIXEL_MM)


def choose_series(series: Sequence[Series]) -> tuple[Series, ...]:
    """The series to draw bone on, best first, at most three.

    After the best one, series of another plane come before those of the same plane, and series of
    another contrast before those of the same: what differs adds most.
    """
    left = sorted(series, key=lambda s: -round(worth(s) / SAME_WORTH))
    chosen: list[Series] = []
    while left and len(chosen) < MOST_SERIES:
        planes = {s.plane for s in chosen}
        roles = {s.role for s in chosen}
        best = max(
            left,
            key=lambda s: (
                round(worth(s) / SAME_WORTH)
                + OTHER_PLANE * (bool(chosen) and s.plane not in planes)
                + OTHER_ROLE * (bool(chosen) and s.role not in roles)
            ),
        )
        chosen.append(best)
        left.remove(best)
    return tuple(chosen)


def fuse(
    votes: Sequence[SeriesVote], weights: Sequence[float], classes: tuple[str, ...]
) -> tuple[Fused, tuple[int, ...]]:
    """The weighted mean of several series on the grid of the first.

    Parameters
    ----------
    votes : the best series first; weights : ``worth`` of each; classes : of the probabilities

    Returns
    -------
    Fused, and the indices of the series that went into it: one that covers too little of the
    first, or that contradicts it, is left out.
    """
    first = votes[0]
    total = first.probability.astype(np.float32) * np.float32(weights[0])
    weight = np.full(first.grid.shape, weights[0], np.float32)
    planes = [_weighted(v, weights[0]) for v in first.planes]
    used = [0]
    for index, other in enumerate(votes[1:], start=1):
        moved, seen = _carried(other, first.grid)
        if seen.mean() < OVERLAP_LEAST or not _agree(first, moved, seen):
            continue
        total += moved * np.float32(weights[index])
        weight[seen] += np.float32(weights[index])
        planes += [
            _weighted(_moved_vote(v, other.grid, first.grid), weights[index]) for v in other.planes
        ]
        used.append(index)
    total /= weight
    return Fused(total, first.grid, tuple(planes), classes), tuple(used)


def _weighted(vote: PlaneVote, weight: float) -> PlaneVote:
    return PlaneVote(vote.name, vote.weight * weight, vote.labels)


def _carried(vote: SeriesVote, onto: Grid) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Probabilities of a series on another grid, zero beyond its box, and where it saw."""
    from marrowlight.study.volume import resample

    moved = np.zeros((len(vote.probability), *onto.shape), np.float32)
    for c in range(1, len(vote.probability)):
        moved[c] = resample(vote.probability[c].astype(np.float32), vote.grid, onto)
    seen = _inside(vote.grid, onto)
    moved[:, ~seen] = 0.0
    moved[0] = np.where(seen, 1.0 - moved[1:].sum(axis=0), 0.0)
    return moved, seen


def _inside(grid: Grid, onto: Grid) -> NDArray[np.bool_]:
    """Voxels of ``onto`` whose centre lies within the box of ``grid``."""
    matrix = np.linalg.inv(grid.affine) @ onto.affine
    i, j, k = np.ogrid[tuple(slice(n) for n in onto.shape)]
    inside = np.ones(onto.shape, bool)
    for axis in range(3):
        m = matrix[axis]
        index = m[0] * i + m[1] * j + m[2] * k + m[3]
        inside &= (index >= -0.5) & (index <= grid.shape[axis] - 0.5)
    return inside


def _moved_vote(vote: PlaneVote, grid: Grid, onto: Grid) -> PlaneVote:
    from scipy import ndimage

    matrix = np.linalg.inv(grid.affine) @ onto.affine
    labels = ndimage.affine_transform(
        vote.labels, matrix[:3, :3], matrix[:3, 3],
        output_shape=onto.shape, order=0, mode="constant", cval=UNSEEN,
    )  # fmt: skip
    return PlaneVote(vote.name, vote.weight, labels)


def _agree(first: SeriesVote, moved: NDArray[np.float32], seen: NDArray[np.bool_]) -> bool:
    """Whether two series call the same voxels bone, where both see."""
    mine = (first.probability[0] < 0.5) & seen
    theirs = (moved[0] < 0.5) & seen
    both = int(mine.sum()) + int(theirs.sum())
    return not both or 2 * int((mine & theirs).sum()) >= AGREEMENT_LEAST * both

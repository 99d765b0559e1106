"""One click instead: a point that the user says is in a bone, and the bone that follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.clean import fill_holes, put_back
from marrowlight.anatomy.expect import Expected
from marrowlight.anatomy.registry import find_bone
from marrowlight.errors import UsageError
from marrowlight.study.grid import Grid

Array = NDArray[np.float32]
Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

STEP_MM = 2.0
"""Bones compete on a grid of about this step; finer would cost seconds and decide nothing. mm."""

BALL_MM = 3.0
"""A click stands for this much around it: its brightness is read there. mm."""

CORE_MM = 3.0
"""Bones that nobody pointed at hold their ground from this depth on. mm."""

BARRIER = 60.0
"""Crossing what is certainly no bone costs as much as this many times the way through bone."""

MISSED = 0.3
"""Probability of any bone below which the network missed the bone under the click, so that
brightness has to tell."""

LIKE_SPREAD = 0.18
"""SD of the brightness that is taken for the same tissue, at least, as a share of it. Estimate:
marrow of one bone varies by 10 to 15 % in a knee scan with coil shading."""

SUPPORTS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Support from which a voxel is bone; the next is tried where the bone would become too large."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A point in a bone.

    bone : registry id; point : RAS+ mm.
    """

    bone: str
    point: tuple[float, float, float]

    def __str__(self) -> str:
        return f"{self.bone}=" + ",".join(f"{c:g}" for c in self.point)


def parse_seed(text: str) -> Seed:
    """``"femur=12.5,-30,4"`` to a Seed; R, A and S in mm.

    Raises UsageError on anything else, and for a bone that nobody knows.
    """
    name, equals, numbers = text.partition("=")
    try:
        point = [float(n) for n in numbers.split(",")]
    except ValueError:
        point = []
    if not equals or not name.strip() or len(point) != 3 or not all(map(math.isfinite, point)):
        raise UsageError(
            f"{text!r} does not say which bone is where.",
            where="--seed",
            expected="bone=X,Y,Z in mm to the right, to the front and upwards, e.g. "
            "femur=12.5,-30,4",
        )
    return Seed(find_bone(name).id, (point[0], point[1], point[2]))


def check_seeds(seeds: Sequence[Seed], grid: Grid, bones: Sequence[str]) -> None:
    """Raise UsageError for a seed outside the image, or of a bone that is not drawn here.

    grid : of the series that bone is drawn on; bones : registry ids that can be drawn.
    """
    for seed in seeds:
        if seed.bone not in bones:
            raise UsageError(
                f"The {find_bone(seed.bone).name.lower()} is not drawn in this joint.",
                where=f"--seed {seed}",
                expected="one of " + ", ".join(bones),
            )
        index = grid.to_index(seed.point)
        if (index < -0.5).any() or (index > np.array(grid.shape) - 0.5).any():
            raise UsageError(
                "The point lies outside the image.",
                where=f"--seed {seed}",
                expected=f"a point in RAS mm within {grid.describe()}",
                do="viewers that show LPS have the first two signs the other way round",
            )


def grow(
    labels: Labels,
    probability: Array,
    brightness: Array,
    grid: Grid,
    classes: Sequence[str],
    seeds: Sequence[Seed],
    expect: Expected,
) -> Labels:
    """Labels in which every seeded bone is the piece that holds its seed.

    From its seed each bone spreads over what is likely bone, and where the network saw none under
    the seed, over what is as bright as the tissue there. It meets the other bones, which hold
    their ground, at equal cost of the way. The result is no larger than is expected of the bone.

    Parameters
    ----------
    labels : (X, Y, Z) indices of classes, cleaned
    probability : (C, X, Y, Z) of the classes; changed in place to agree with the result
    brightness : (X, Y, Z) of the best series
    grid, classes, expect : as for ``clean``
    seeds : within the grid
    """
    places = [_voxel(seed, grid) for seed in seeds]
    if all(labels[at] == list(classes).index(s.bone) for s, at in zip(seeds, places, strict=True)):
        # The automatic answer already has every seed in its bone.
        return labels
    support = _support(probability, brightness, labels, grid, places)
    owner = _compete(labels, support, grid, classes, seeds, places)
    out = labels.copy()
    seeded = {list(classes).index(s.bone) for s in seeds}
    claimed = np.isin(owner, list(seeded))
    # A voxel that changes hands leaves its old bone, and so does a seeded bone elsewhere.
    out[np.isin(out, list(seeded)) | (claimed & (support >= SUPPORTS[0]))] = 0
    for c in sorted(seeded):
        at = [p for s, p in zip(seeds, places, strict=True) if s.bone == classes[c]]
        known = expect.bone(classes[c])
        most = known.volume_ml[1] * 1000 if known else math.inf
        mine = _sized((owner == c) & (out == 0), support, grid, at, most)
        out[mine] = c
        put_back(out, support, grid, c)
        fill_holes(out, grid, c, solid=known is not None and known.solid)
    _agree(probability, labels, out)
    return out


def _voxel(seed: Seed, grid: Grid) -> tuple[int, int, int]:
    """The voxel of a seed; one just beyond the cropped air is moved to the border."""
    index = np.rint(grid.to_index(seed.point)).astype(int)
    x, y, z = (int(i) for i in index.clip(0, np.array(grid.shape) - 1))
    return x, y, z


def _ball(at: tuple[int, int, int], grid: Grid, radius_mm: float) -> tuple[slice, slice, slice]:
    """A small box around a voxel."""
    reach = [max(1, round(radius_mm / s)) for s in grid.spacing]
    box = [slice(max(0, i - r), i + r + 1) for i, r in zip(at, reach, strict=True)]
    return box[0], box[1], box[2]


def _support(
    probability: Array, brightness: Array, labels: Labels, grid: Grid,
    places: Sequence[tuple[int, int, int]],
) -> Array:  # fmt: skip
    """(X, Y, Z) 0..1, how likely a voxel is bone, by the network or by its brightness."""
    from scipy import ndimage

    support: Array = (1.0 - probability[0]).astype(np.float32)
    for at in places:
        near = _ball(at, grid, BALL_MM)
        if labels[at] or float(support[near].mean()) >= MISSED:
            continue
        smooth = ndimage.gaussian_filter(brightness, [1.0 / s for s in grid.spacing])
        level = float(np.median(smooth[near]))
        spread = max(float(smooth[near].std()) * 1.5, LIKE_SPREAD * level, 1e-6)
        like = np.exp(-0.5 * ((smooth - level) / spread) ** 2).astype(np.float32)
        # Thin bridges of the same brightness lead out of the bone: they are opened.
        solid = ndimage.grey_opening(like, [2 * max(1, round(2.0 / s)) + 1 for s in grid.spacing])
        support = np.maximum(support, solid)
    return support


def _compete(
    labels: Labels, support: Array, grid: Grid, classes: Sequence[str],
    seeds: Sequence[Seed], places: Sequence[tuple[int, int, int]],
) -> Labels:  # fmt: skip
    """(X, Y, Z) the class that reaches each voxel at the lowest cost."""
    from scipy import ndimage
    from scipy.sparse import csgraph

    steps = [max(1, round(STEP_MM / s)) for s in grid.spacing]
    thin = tuple(slice(s // 2, None, s) for s in steps)
    coarse = ndimage.uniform_filter(support, steps)[thin]
    shape = coarse.shape
    sources = np.zeros(shape, np.uint8)
    for c in range(1, len(classes)):
        mine = labels == c
        if not mine.any():
            continue
        part, _ = ndimage.label(mine)
        for seed, at in zip(seeds, places, strict=True):
            if seed.bone != classes[c] and part[at]:
                mine &= part != part[at]
        deep = ndimage.distance_transform_edt(mine, sampling=grid.spacing) > CORE_MM
        sources[(deep if deep.any() else mine)[thin]] = c
    for seed, at in zip(seeds, places, strict=True):
        cell = tuple(min((i - t.start) // t.step if i >= t.start else 0, n - 1)
                     for i, t, n in zip(at, thin, shape, strict=True))  # fmt: skip
        sources[cell] = list(classes).index(seed.bone)
    start = np.flatnonzero(sources)
    graph = _graph(coarse, [s * m for s, m in zip(grid.spacing, steps, strict=True)])
    _, _, nearest = csgraph.dijkstra(
        graph, directed=False, indices=start, min_only=True, return_predecessors=True
    )
    reached = np.where(nearest >= 0, sources.ravel()[nearest.clip(0)], 0).reshape(shape)
    index = [np.minimum(np.arange(n) // s, m - 1)
             for n, s, m in zip(labels.shape, steps, shape, strict=True)]  # fmt: skip
    out: Labels = reached[np.ix_(*index)].astype(np.uint8)
    return out


def _graph(support: Array, spacing: Sequence[float]) -> object:
    """Sparse graph of a grid: neighbours by face, cost of the way between them."""
    from scipy import sparse

    number = np.arange(support.size).reshape(support.shape)
    rows, columns, costs = [], [], []
    price = 1.0 + BARRIER * (1.0 - support.astype(np.float64).clip(0, 1))
    for axis, mm in enumerate(spacing):
        a = [slice(None)] * 3
        b = [slice(None)] * 3
        a[axis], b[axis] = slice(None, -1), slice(1, None)
        one, two = tuple(a), tuple(b)
        rows.append(number[one].ravel())
        columns.append(number[two].ravel())
        costs.append((mm * (price[one] + price[two]) / 2).ravel())
    every = (np.concatenate(costs), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.coo_matrix(every, shape=(support.size, support.size)).tocsr()


def _sized(
    region: Mask, support: Array, grid: Grid, places: Sequence[tuple[int, int, int]], most: float
) -> Mask:
    """What hangs on to the seeds within a region, at the lowest support that is not too large."""
    from scipy import ndimage

    mine = np.zeros(region.shape, bool)
    for least in SUPPORTS:
        inside = region & (support >= least)
        for at in places:
            inside[_ball(at, grid, BALL_MM / 2)] |= region[_ball(at, grid, BALL_MM / 2)]
        part, _ = ndimage.label(ndimage.binary_opening(inside) if least > SUPPORTS[0] else inside)
        held = {int(n) for at in places for n in np.unique(part[_ball(at, grid, BALL_MM)])} - {0}
        mine = np.isin(part, list(held))
        if mine.sum() * grid.voxel_volume_mm3 <= most:
            break
    return mine


def _agree(probability: Array, before: Labels, after: Labels) -> None:
    """Make probabilities agree with changed labels, in place."""
    changed = before != after
    for c in range(len(probability)):
        now = changed & (after == c)
        probability[c][changed & (after != c)] *= np.float32(0.5)
        probability[c][now] = np.maximum(probability[c][now], np.float32(0.6))

"""One series through the network in three planes: as scanned, and cut anew in the other two.

Averaging the three planes was the largest gain of the trial that came before: Dice between
contrasts of one knee rose from 0.84 to 0.96.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.canonical import (
    Array,
    Prepared,
    from_pictures,
    pixels,
    resize,
    resized_grid,
    to_pictures,
)
from marrowlight.anatomy.network import MULTIPLE, BoneNetwork
from marrowlight.study.grid import Grid

SLAB_MM = 2.0
"""Slices that are cut anew, and scanned ones that are thinner, are averaged to this step. mm."""

WIDEST_SLAB_MM = 4.0
"""A large field of view may be cut in steps up to this, to stay within the budget. mm."""

BUDGET_MEGAPIXELS = 14.0
"""What the network may see of one study. Estimate: 1.7 megapixels a second on two cores."""

RESLICED_HALF_MM = 1.5
"""Distance of slices at which a plane cut anew counts half as much as the scanned one: its pixels
are then as long as that in one direction. Estimate. mm."""

LEAST_WEIGHT = 0.1
"""A plane that would count for less than this is not run. Slices further apart than 4.5 mm."""

THINNEST_MM = 32.0
"""A stack that is thinner from its first to its last slice is not cut anew: such a cut would be a
strip. mm."""

BATCH_PIXELS = 400_000
"""Pixels that go through the network at once; keeps memory below 0.5 GB."""

FINE_VOXELS = 9_000_000
"""The map of probabilities is coarser than 1 mm where it would have more voxels than this."""


@dataclass(frozen=True, eq=False)
class PlaneVote:
    """What one plane of one series says alone.

    name : e.g. "s1 coronal"; weight : its share in the mean; labels : uint8, index of the class
    with the largest probability, UNSEEN where this plane saw nothing.
    """

    name: str
    weight: float
    labels: NDArray[np.uint8]


UNSEEN = 255
"""In a vote: this voxel was not seen."""


@dataclass(frozen=True, eq=False)
class SeriesVote:
    """What one series says of every voxel of its own box.

    probability : (C, X, Y, Z) float16, mean of its planes; grid : of X, Y, Z;
    planes : the votes of the planes alone, on the same grid.
    """

    probability: NDArray[np.float16]
    grid: Grid
    planes: tuple[PlaneVote, ...]


@dataclass(frozen=True)
class Cut:
    """A plane to run: 0 sagittal, 1 coronal, 2 axial; its weight; megapixels per step of 1 mm."""

    plane: int
    weight: float
    scanned: bool
    mm2: float
    length_mm: float


def cuts_of(ready: Prepared, planes: str) -> tuple[Cut, ...]:
    """The planes in which a volume is run, the scanned one first.

    planes : "acquired" or "three", from the recipe of the network.
    """
    size = [n * s for n, s in zip(ready.grid.shape, ready.grid.spacing, strict=True)]
    out = []
    for plane in sorted(range(3), key=lambda p: p != ready.slice_axis):
        scanned = plane == ready.slice_axis
        weight = 1.0 if scanned else 1.0 / (1.0 + (ready.slice_mm / RESLICED_HALF_MM) ** 2)
        thin = size[ready.slice_axis] < THINNEST_MM
        if not scanned and (planes == "acquired" or weight < LEAST_WEIGHT or thin):
            continue
        area = float(np.prod(size)) / size[plane]
        out.append(Cut(plane, weight, scanned, area, size[plane]))
    return tuple(out)


def slab_within_budget(volumes: Sequence[Prepared], planes: str) -> float:
    """The step between pictures, in mm, at which a study stays within the budget."""
    per_mm = 0.0
    for ready in volumes:
        for cut in cuts_of(ready, planes):
            if not cut.scanned or ready.slice_mm < SLAB_MM:
                per_mm += cut.mm2 * cut.length_mm / 1e6
    return float(np.clip(per_mm / BUDGET_MEGAPIXELS, SLAB_MM, WIDEST_SLAB_MM))


def run_planes(
    network: BoneNetwork, ready: Prepared, keep: Sequence[int], slab_mm: float, name: str
) -> SeriesVote:
    """All planes of one volume through the network.

    Parameters
    ----------
    network : BoneNetwork
    ready : Prepared
    keep : channels of the network that this joint has, background (0) first
    slab_mm : step of pictures that are cut anew
    name : of the series, for the votes

    Returns
    -------
    SeriesVote
        Class c of the result is channel keep[c]; probabilities are those given one of ``keep``.
    """
    from marrowlight.anatomy.canonical import PLANE_NAMES

    fine = _even(ready, network.recipe.pixel_mm)
    target = _coarse_enough(fine.grid)
    grid = resized_grid(fine.grid, target)
    total: Array | None = None
    weights = 0.0
    votes = []
    for cut in cuts_of(ready, network.recipe.planes):
        pictures, step = _pictures(ready, fine, cut, slab_mm)
        seen = np.concatenate(list(_run(network, pictures, step, keep)))
        own = _onto(seen, cut.plane, target)
        votes.append(
            PlaneVote(
                f"{name} {PLANE_NAMES[cut.plane]}", cut.weight, own.argmax(0).astype(np.uint8)
            )
        )
        own *= np.float32(cut.weight)
        total = own if total is None else total + own
        weights += cut.weight
    assert total is not None
    total /= np.float32(weights)
    return SeriesVote(total.astype(np.float16), grid, tuple(votes))


def joint_shares(
    network: BoneNetwork, ready: Prepared, slab_mm: float, pictures: int = 6
) -> NDArray[np.float64]:
    """(J,) mean share of each joint over central pictures of every plane; sums to 1.

    pictures : how many of each plane, from the middle half of the stack.
    """
    from scipy import special

    fine = _even(ready, network.recipe.pixel_mm)
    total = np.zeros(len(network.joints))
    weights = 0.0
    for cut in cuts_of(ready, network.recipe.planes):
        stack, step = _pictures(ready, fine, cut, slab_mm)
        count = len(stack)
        some = np.unique(np.linspace(count * 0.25, count * 0.75, pictures).astype(int))
        some = some.clip(0, count - 1)
        for batch in _batches(some, stack.shape[1:]):
            _, logits = network.run(_with_neighbours(stack, batch, step, network.recipe.gap_mm))
            shares = special.softmax(logits.astype(np.float64), axis=1)
            total += cut.weight * shares.sum(axis=0)
            weights += cut.weight * len(batch)
    return total / weights


def _even(ready: Prepared, mm: float) -> Prepared:
    """The volume with the distance of slices resampled to the pixel size as well."""
    axis = ready.slice_axis
    count = pixels(ready.grid, axis, mm)
    voxels = resize(ready.voxels, axis, count)
    return Prepared(voxels, resized_grid(ready.grid, voxels.shape), axis, ready.slice_mm)


def _coarse_enough(grid: Grid) -> tuple[int, int, int]:
    """Shape of the map of probabilities: that of the grid, or coarser where it would be large."""
    shrink = max(1.0, (float(np.prod(grid.shape)) / FINE_VOXELS) ** (1 / 3))
    x, y, z = (max(1, round(n / shrink)) for n in grid.shape)
    return x, y, z


def _pictures(ready: Prepared, fine: Prepared, cut: Cut, slab_mm: float) -> tuple[Array, float]:
    """The stack (slices, rows, columns) of one cut and the distance of its slices in mm."""
    if cut.scanned and ready.slice_mm >= SLAB_MM:
        return to_pictures(ready.voxels, cut.plane), ready.slice_mm
    source = ready if cut.scanned else fine
    count = pixels(source.grid, cut.plane, slab_mm)
    stack = resize(source.voxels, cut.plane, count)
    return to_pictures(stack, cut.plane), cut.length_mm / count


def _run(
    network: BoneNetwork, stack: Array, step_mm: float, keep: Sequence[int]
) -> Iterator[NDArray[np.float16]]:
    """Probabilities (n, C, rows, columns) of batches of pictures, in order."""
    rows, columns = stack.shape[1:]
    top, left = _padding(rows)[0], _padding(columns)[0]
    for batch in _batches(np.arange(len(stack)), stack.shape[1:]):
        slices = _with_neighbours(stack, batch, step_mm, network.recipe.gap_mm)
        logits = network.run(slices)[0][:, list(keep), top : top + rows, left : left + columns]
        logits = np.exp(logits - logits.max(axis=1, keepdims=True))
        logits /= logits.sum(axis=1, keepdims=True)
        yield logits.astype(np.float16)


def _batches(which: NDArray[np.intp], picture: Sequence[int]) -> Iterator[NDArray[np.intp]]:
    size = max(1, BATCH_PIXELS // int(np.prod([n + sum(_padding(n)) for n in picture])))
    for start in range(0, len(which), size):
        yield which[start : start + size]


def _with_neighbours(stack: Array, which: NDArray[np.intp], step_mm: float, gap_mm: float) -> Array:
    """(n, 3, H, W): slices with those about gap_mm before and after, padded with air."""
    apart = max(1, round(gap_mm / step_mm))
    near = np.stack([which - apart, which, which + apart], axis=1).clip(0, len(stack) - 1)
    room = [_padding(n) for n in stack.shape[1:]]
    return np.pad(stack[near], [(0, 0), (0, 0), *room])


def _padding(count: int) -> tuple[int, int]:
    """Pixels before and after a line that make its length a multiple of 16."""
    missing = -count % MULTIPLE
    return missing // 2, missing - missing // 2


def _onto(seen: NDArray[np.float16], plane: int, shape: tuple[int, int, int]) -> Array:
    """(slices, C, rows, columns) to (C, X, Y, Z) on the map of probabilities."""
    out = np.empty((seen.shape[1], *shape), np.float32)
    for c in range(seen.shape[1]):
        one: Array = from_pictures(seen[:, c].astype(np.float32), plane)
        for axis in sorted(range(3), key=lambda a: shape[a] / one.shape[a]):
            one = resize(one, axis, shape[axis])
        out[c] = one
    return out

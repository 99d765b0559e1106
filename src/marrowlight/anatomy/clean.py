"""Labels from class probabilities, cleaned by knowledge: one piece per bone, no holes, no notches.

Cortex: the outline is that of the whole bone, cortex included; see ``weights/networks.yaml`` for
the rule by which marrow is told from it later.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.expect import Expected, Levels
from marrowlight.study.grid import Grid, box_around

Array = NDArray[np.float32]
Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

SMOOTH_MM = 0.8
"""Gaussian SD by which probabilities are smoothed in space before labels are taken. mm."""

CLOSE_MM = 2.0
"""Notches narrower than twice this are bone, whatever was seen in them. mm."""

PUT_BACK_MM = 16.0
"""Notches narrower than twice this are bone where the network was in doubt: bright edema at the
edge looks like soft tissue and is carved out of the bone, up to 7 mm deep in the trial. mm."""

PUT_BACK_SLACK_MM = 1.0
"""What is put back may bulge this far out of the closed notch: bone is convex, its closing flat."""

DOUBT = 0.33
"""Probability of any bone from which the network was in doubt."""

DEEP_MM = 2.5
"""Doubt has to reach this deep into a notch: along every outline lies a thinner layer of it. mm."""

PUT_BACK_REACH_MM = 5.0
"""From there what is put back spreads this far through doubt. mm."""

JOINT_GUARD_MM = 1.5
"""Nothing is put back this close to another bone: that is joint space. mm."""

TOUCHING = 0.3
"""A stray piece whose surface touches another bone over at least this share belongs to it."""

SECTION_HOLE_MM2 = 160.0
"""Largest hole in one section of a solid bone that is filled: a lesion of 7 mm radius. The notch
between the condyles is several times as large. mm²."""

LEAST_PIECE_MM3 = 50.0
"""Smaller stray pieces are not asked whom they touch. mm³."""

PART_OF_MAIN = 0.04
"""A bone that may have several pieces keeps those above this share of the largest."""

LOOSE_PIECE_MM3 = 1500.0
"""A bone of any number of pieces keeps those above this. mm³."""

NAMELESS = "bone"
"""Several bones drawn as one: its notches are the joints between them and are left open."""

PART_WITHIN_MM = 20.0
"""A bone that may have several pieces keeps those no further than this from one another. mm."""


def clean(
    probability: Array, grid: Grid, classes: Sequence[str], expect: Expected
) -> tuple[Labels, Array]:
    """Labels of one limb.

    Parameters
    ----------
    probability : (C, X, Y, Z), class 0 background
    grid : Grid, canonical axes
    classes : registry ids of the C classes, "background" first
    expect : what is expected of this joint

    Returns
    -------
    (X, Y, Z) uint8 indices of classes, and the smoothed probabilities that they were taken from.
    """
    from scipy import ndimage

    p = np.empty_like(probability, dtype=np.float32)
    sigma = [SMOOTH_MM / s for s in grid.spacing]
    for c in range(len(p)):
        ndimage.gaussian_filter(probability[c], sigma, output=p[c], truncate=3.0)
    for level in expect.levels:
        by_level(p, grid, classes, level)
    labels: Labels = p.argmax(axis=0).astype(np.uint8)
    if not labels.any():
        return labels, p
    for _ in range(2):
        for c, name in enumerate(classes):
            if c and (known := expect.bone(name)) is not None:
                _one_piece(labels, p, grid, c, known.pieces)
    for c, name in enumerate(classes):
        if c and (labels == c).any():
            known = expect.bone(name)
            if name != NAMELESS:
                put_back(labels, 1.0 - p[0], grid, c)
            fill_holes(labels, grid, c, solid=known is not None and known.solid)
    return labels, p


def by_level(p: Array, grid: Grid, classes: Sequence[str], level: Levels) -> None:
    """Give each shaft to the bone of its level, in place; p : (C, X, Y, Z).

    The joint is the level above which most of the upper and below which most of the lower bone
    lies. Upside down there is none, and nothing is changed.
    """
    if level.upper not in classes or level.lower not in classes:
        return
    up, low = list(classes).index(level.upper), list(classes).index(level.lower)
    above = p[up].sum(axis=(0, 1)).astype(float)
    below = p[low].sum(axis=(0, 1)).astype(float)
    # At each level: how much lies right if this is the joint, and if the image is upside down.
    upright = _sums(below) + above.sum() - _sums(above)
    inverted = _sums(above) + below.sum() - _sums(below)
    if min(above.sum(), below.sum()) <= 0 or inverted.max() >= upright.max():
        return
    joint = int(upright.argmax())
    margin = round(level.margin_mm / grid.spacing[2])
    top, bottom = min(joint + margin, len(above)), max(joint - margin, 0)
    p[up, :, :, top:] += p[low, :, :, top:]
    p[low, :, :, top:] = 0.0
    p[low, :, :, :bottom] += p[up, :, :, :bottom]
    p[up, :, :, :bottom] = 0.0


def _sums(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n + 1,) sums of everything before each level."""
    return np.concatenate([[0.0], np.cumsum(line)])


def _one_piece(labels: Labels, p: Array, grid: Grid, c: int, pieces: int) -> None:
    """Keep the piece (or pieces) that is the bone; give away or drop the rest. In place."""
    from scipy import ndimage

    mine = labels == c
    if not mine.any():
        return
    box = _box(mine, grid, 2.0)
    part, count = ndimage.label(mine[box])
    if count < 2:
        return
    weight = np.bincount(part.ravel(), p[c][box].ravel(), minlength=count + 1).astype(np.float64)
    weight[0] = 0.0
    voxels = np.bincount(part.ravel(), minlength=count + 1).astype(np.float64)
    size: NDArray[np.float64] = voxels * grid.voxel_volume_mm3
    keep = _kept(part, weight, size, grid, pieces)
    keep[0] = True
    inside = labels[box]
    boxes = ndimage.find_objects(part)
    for piece in np.flatnonzero(~keep & (size >= LEAST_PIECE_MM3)):
        near = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in boxes[int(piece) - 1] or ())
        where = part[near] == piece
        if owner := _touched(inside[near], where, c):
            p[owner][box][near][where] += p[c][box][near][where]
            p[c][box][near][where] = 0.0
            inside[near][where] = owner
            keep[piece] = True
    stray = ~keep[part]
    p[c][box][stray] = 0.0
    rest = p[(slice(None), *box)][:, stray]
    # What no class claims is background, also for the outline between voxels.
    rest[0] = np.maximum(rest[0], 1.0 - rest[1:].sum(axis=0))
    p[0][box][stray] = rest[0]
    inside[stray] = rest.argmax(axis=0)


def _kept(
    part: NDArray[np.int32], weight: NDArray[np.float64], size: NDArray[np.float64],
    grid: Grid, pieces: int,
) -> Mask:  # fmt: skip
    """Which of the pieces stay; entry 0 is background."""
    main = int(weight.argmax())
    keep = np.zeros(len(weight), bool)
    keep[main] = True
    if pieces == 1:
        return keep
    if pieces == 0:
        return keep | (size >= LOOSE_PIECE_MM3)
    from scipy import ndimage

    # Pieces that stand one beside the other, each near to the next, make one row.
    far = ndimage.distance_transform_edt(part == 0, sampling=grid.spacing)
    row, _ = ndimage.label(far <= PART_WITHIN_MM / 2)
    same = np.asarray(ndimage.maximum(row, part, np.arange(len(weight))))
    parts = (weight >= PART_OF_MAIN * weight[main]) & (same == same[main])
    ranked = np.flatnonzero(parts)[np.argsort(-weight[parts], kind="stable")]
    keep[ranked[:pieces]] = True
    return keep


def _touched(labels: Labels, piece: Mask, c: int) -> int:
    """The class that a piece of class c touches over most of its surface, or 0."""
    from scipy import ndimage

    around = labels[ndimage.binary_dilation(piece) & ~piece]
    if not around.size:
        return 0
    counts = np.bincount(around, minlength=c + 1)
    counts[0], counts[c] = 0, 0
    owner = int(counts.argmax())
    return owner if counts[owner] >= TOUCHING * around.size else 0


def put_back(labels: Labels, any_bone: Array, grid: Grid, c: int) -> None:
    """Close notches in a bone, in place: narrow ones always, wider ones where there was doubt.

    labels : (X, Y, Z); any_bone : (X, Y, Z) probability of any bone; c : the class.
    """
    from scipy import ndimage

    mine = labels == c
    box = _box(mine, grid, PUT_BACK_MM + 2.0)
    mine, likely = mine[box], any_bone[box]
    notch = closing(mine, grid.spacing, CLOSE_MM)
    notch |= _carved(mine, (likely >= DOUBT) & ~mine, grid)
    others = (labels[box] > 0) & ~mine
    if others.any():
        steps = max(1, round(JOINT_GUARD_MM / min(grid.spacing)))
        notch &= ~ndimage.binary_dilation(others, iterations=steps)
    # Only what hangs on to the bone: a doubtful spot in the middle of a notch is none.
    part, _ = ndimage.label(notch | mine)
    notch &= np.isin(part, np.unique(part[mine]))
    labels[box][notch & (labels[box] == 0)] = c


def closing(mask: Mask, spacing: Sequence[float], radius_mm: float) -> Mask:
    """A mask closed by a ball; beyond the border of the array nothing is known and nothing lost."""
    closed: Mask = _closing_depth(mask, spacing, radius_mm) > 0
    return closed


def _closing_depth(mask: Mask, spacing: Sequence[float], radius_mm: float) -> Array:
    """mm by which a voxel lies inside the mask closed by a ball; negative outside, no less than
    -radius_mm."""
    from scipy import ndimage

    away = ndimage.distance_transform_edt(~mask, sampling=spacing)
    if float(away.max()) <= radius_mm:
        return np.full(mask.shape, np.inf, np.float32)
    back = ndimage.distance_transform_edt(away <= radius_mm, sampling=spacing)
    depth: Array = (back - radius_mm).astype(np.float32)
    return depth


def _carved(mine: Mask, doubt: Mask, grid: Grid) -> Mask:
    """Doubtful voxels of a notch that is too deep to be the halo of an outline.

    The notch is what closing by PUT_BACK_MM fills, on every second voxel: fast enough.
    """
    from scipy import ndimage

    spacing = [2 * s for s in grid.spacing]
    depth = _closing_depth(mine[::2, ::2, ::2], spacing, PUT_BACK_MM)
    index = [np.minimum((np.arange(n) + 1) // 2, m - 1)
             for n, m in zip(mine.shape, depth.shape, strict=True)]  # fmt: skip
    inside = depth[np.ix_(*index)]
    deep = doubt & (inside > DEEP_MM)
    if not deep.any():
        return deep
    steps = round(PUT_BACK_REACH_MM / min(grid.spacing))
    found: Mask = ndimage.binary_dilation(
        deep, iterations=steps, mask=doubt & (inside > -PUT_BACK_SLACK_MM)
    )
    return found


def fill_holes(labels: Labels, grid: Grid, c: int, *, solid: bool) -> None:
    """Fill what a bone encloses, in place; solid : also what it encloses in one slice alone.

    A hole in a bone is edema, a cyst or an implant: all of that is inside the bone.
    """
    from scipy import ndimage

    mine = labels == c
    if not mine.any():
        return
    box = box_around(mine, (1, 1, 1))
    filled: Mask = ndimage.binary_fill_holes(mine[box])
    if solid:
        for axis in range(3):
            area = grid.voxel_volume_mm3 / grid.spacing[axis]
            _fill_sections(np.moveaxis(filled, axis, 0), round(SECTION_HOLE_MM2 / area))
    labels[box][filled & (labels[box] == 0)] = c


def _fill_sections(sections: Mask, largest: int) -> None:
    """Fill holes of at most so many pixels in every section, in place; sections : (n, ...)."""
    from scipy import ndimage

    for section in sections:
        if not section.any():
            continue
        holes = ndimage.binary_fill_holes(section) & ~section
        if holes.any():
            part, _ = ndimage.label(holes)
            small = np.bincount(part.ravel()) <= largest
            small[0] = False
            section |= small[part]


def _box(mask: Mask, grid: Grid, margin_mm: float) -> tuple[slice, slice, slice]:
    return box_around(mask, [int(np.ceil(margin_mm / s)) for s in grid.spacing])

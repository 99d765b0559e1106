"""The joint surface, as far as bones alone tell: where one bone faces another across a gap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap

JOINT_GAP_MM = 8.0
"""Widest gap between two bones that is still a joint space (cartilage of both and fluid): the
patellofemoral gap, the widest of hip, knee and ankle, stays below it. Unit: mm."""

FACING_TOLERANCE_MM = 2.0
"""Two surface points face each other when going to the nearest point of the other bone and back
ends this close to the start, beyond one voxel. Unit: mm."""

CONTACT_MM = 2.0
"""A lesion touches the joint surface when its nearest voxel is this close or closer: the
subchondral plate (1 to 1.5 mm) holds no marrow. Unit: mm."""


def joint_surfaces(bones: BoneMap) -> dict[int, Surface]:
    """Joint surface of each bone, where it is known.

    A voxel at the border of a bone is joint surface if another named bone is nearest within
    ``JOINT_GAP_MM`` and that bone's nearest voxel leads back to it. Nothing is said of a bone
    without a name (one mask for all bone) or without a neighbour in the image.

    Returns the border voxels that face another bone, by label; what is not known is absent.
    """
    from scipy.spatial import cKDTree

    named = [b for b in bones.bones if b.bone != "bone"]
    if len(named) < 2:
        return {}
    border = {b.label: _border(bones, b.label) for b in named}
    trees = {label: cKDTree(points) for label, points in border.items() if len(points)}
    slack = FACING_TOLERANCE_MM + max(bones.grid.spacing)
    surface: dict[int, list[NDArray[np.float64]]] = {}
    for one, tree in trees.items():
        for other, facing in trees.items():
            if one == other:
                continue
            gap, nearest = facing.query(border[one], distance_upper_bound=JOINT_GAP_MM)
            near = np.isfinite(gap)
            if not near.any():
                continue
            _, back = tree.query(border[other][nearest[near]])
            drift = np.linalg.norm(border[one][back] - border[one][near], axis=1)
            surface.setdefault(one, []).append(border[one][near][drift <= slack])
    joined = {label: np.unique(np.concatenate(p), axis=0) for label, p in surface.items()}
    return {label: Surface(points) for label, points in joined.items() if len(points)}


def _border(bones: BoneMap, label: int) -> NDArray[np.float64]:
    """(n, 3) RAS+ mm of the voxels of a bone that have a face neighbour outside it."""
    from scipy import ndimage

    mask = bones.labels == label
    found = ndimage.find_objects(mask.astype(np.uint8))
    if not found:
        return np.empty((0, 3))
    box = found[0]
    # Beyond the edge of the image the bone goes on: that cut is no surface.
    inside = np.pad(mask[box], 1, constant_values=False)
    for axis, (part, size) in enumerate(zip(box, mask.shape, strict=True)):
        for end, cut in ((0, part.start == 0), (-1, part.stop == size)):
            if cut:
                at = [slice(None)] * 3
                beside = list(at)
                at[axis] = slice(end, None) if end else slice(0, 1)
                beside[axis] = slice(-2, -1) if end else slice(1, 2)
                inside[tuple(at)] = inside[tuple(beside)]
    edge = inside & ~ndimage.binary_erosion(inside, border_value=1)
    index = np.argwhere(edge[1:-1, 1:-1, 1:-1]) + np.array([s.start for s in box])
    return bones.grid.to_ras(index.astype(np.float64))


class Surface:
    """A joint surface that distances are measured to.

    points : (n, 3) RAS+ mm, at least one
    """

    def __init__(self, points: NDArray[np.float64]) -> None:
        from scipy.spatial import cKDTree

        self._tree = cKDTree(points)

    def distance_mm(self, points: NDArray[np.float64]) -> float:
        """Smallest distance in mm between (n, 3) points, RAS+ mm, and the surface."""
        return float(self._tree.query(points)[0].min())

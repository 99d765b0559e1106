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
ends this close to the start, beyond half a voxel. Unit: mm."""

CONTACT_MM = 2.0
"""A lesion touches the joint surface when its nearest voxel is this close or closer: the
subchondral plate (1 to 1.5 mm) holds no marrow. Unit: mm."""


SUBCHONDRAL_MM = 10.0
"""Marrow this close to the joint surface is subchondral: the depth to which RAMRIS reads marrow
edema below a joint. Source: Ostergaard 2003, J Rheumatol 30:1385. Unit: mm."""


class Surface:
    """The joint surface of one bone, within the border of that bone.

    joint : (n, 3) RAS+ mm of border voxels that face another bone, at least one
    border : (m, 3) RAS+ mm of all border voxels
    """

    def __init__(self, joint: NDArray[np.float64], border: NDArray[np.float64]) -> None:
        from scipy.spatial import cKDTree

        self._joint, self._border = cKDTree(joint), cKDTree(border)

    @property
    def points(self) -> NDArray[np.float64]:
        """(n, 3) RAS+ mm, centres of the border voxels that face another bone."""
        return np.asarray(self._joint.data, np.float64)

    def distance_mm(self, points: NDArray[np.float64]) -> float:
        """Smallest distance in mm between (n, 3) points, RAS+ mm, and the joint surface."""
        return float(self.distances_mm(points).min())

    def distances_mm(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) distance in mm of each of (n, 3) points, RAS+ mm, to the joint surface."""
        away: NDArray[np.float64] = self._joint.query(points)[0]
        return away

    def contact(self, points: NDArray[np.float64]) -> bool | None:
        """Whether (n, 3) points, RAS+ mm, touch the joint surface.

        None if they touch a border that faces no bone: the back of a femoral condyle is joint
        surface too, but in an extended knee nothing lies opposite it.
        """
        if self.distance_mm(points) <= CONTACT_MM:
            return True
        return None if self._border.query(points)[0].min() <= CONTACT_MM else False


def joint_surfaces(bones: BoneMap) -> dict[int, Surface]:
    """Joint surface of each bone, where it is known.

    A voxel at the border of a bone is joint surface if another named bone is nearest within
    ``JOINT_GAP_MM`` and that bone's nearest voxel leads back to it. Nothing is said of a bone
    without a name (one mask for all bone) or without a neighbour in the image.

    Returns surfaces by label; what is not known is absent.
    """
    from scipy.spatial import cKDTree

    named = [b for b in bones.bones if b.bone != "bone"]
    if len(named) < 2:
        return {}
    border = {b.label: _border(bones, b.label) for b in named}
    border = {label: points for label, points in border.items() if len(points)}
    slack = FACING_TOLERANCE_MM + max(bones.grid.spacing) / 2
    joint: dict[int, list[NDArray[np.float64]]] = {}
    for one, other in ((a, b) for a in border for b in border if a != b):
        mine, theirs = _beside(border[one], border[other]), _beside(border[other], border[one])
        if not len(mine) or not len(theirs):
            continue
        gap, nearest = cKDTree(theirs).query(mine, distance_upper_bound=JOINT_GAP_MM)
        near = np.isfinite(gap)
        _, back = cKDTree(mine).query(theirs[nearest[near]])
        drift = np.linalg.norm(mine[back] - mine[near], axis=1)
        joint.setdefault(one, []).append(mine[near][drift <= slack])
    joined = {label: np.unique(np.concatenate(p), axis=0) for label, p in joint.items()}
    return {label: Surface(p, border[label]) for label, p in joined.items() if len(p)}


def _beside(points: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points that lie in the other's box with a joint gap around it; the rest faces nothing."""
    low, high = other.min(axis=0) - JOINT_GAP_MM, other.max(axis=0) + JOINT_GAP_MM
    kept: NDArray[np.float64] = points[((points >= low) & (points <= high)).all(axis=1)]
    return kept


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

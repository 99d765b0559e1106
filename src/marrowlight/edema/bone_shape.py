"""The shape of the bones: how deep a voxel lies, and how near to where two bones face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.marrow import CORE_DEPTH_MM, MIN_CORE_VOXELS
from marrowlight.edema.smooth import Array, distance_inside

RIM_MM = 2.0
"""The stated rule for voxels outside the given bone: up to this far they may be edema, if the
lesion that they belong to lies mostly in bone. Readers put 2 to 17 % of their consensus there."""
GAP_MM = 4.8
"""Bones no further apart than twice this face each other: the space between is the joint."""
FAR_MM = 40.0


@dataclass(frozen=True, eq=False)
class BoneShape:
    """Geometry of a bone mask, slice by slice.

    Parameters
    ----------
    bone : (I, J, K) bool
    depth : (I, J, K) float32
        mm to the edge of the bone; negative outside.
    gap : (I, J, K) float32
        mm to the nearest joint space (where two bones face each other), at most 40.
    core : (I, J, K) bool
        Bone clear of cortex and partial volume.
    """

    bone: NDArray[np.bool_]
    depth: Array
    gap: Array
    core: NDArray[np.bool_]

    @property
    def exposed(self) -> NDArray[np.bool_]:
        """(I, J, K) bool, voxels with no bone behind them in the slice before or after.

        Their slice cuts the side of a bone, so they hold a part of whatever lies beside it. What
        lies beyond the first and the last slice is not known and counts as bone.
        """
        behind = np.pad(self.bone, ((0, 0), (0, 0), (1, 1)), constant_values=True)
        bare: NDArray[np.bool_] = ~(behind[:, :, :-2] & behind[:, :, 2:])
        return bare

    @property
    def reach(self) -> NDArray[np.bool_]:
        """(I, J, K) bool, where edema may be: bone and its rim."""
        near: NDArray[np.bool_] = self.depth >= -RIM_MM
        return near


def bone_shape(bone: NDArray[np.bool_], spacing: tuple[float, float, float]) -> BoneShape:
    """Geometry of a bone mask; bone : (I, J, K) bool, spacing : mm, slice axis last."""
    outside = distance_inside(~bone, spacing)
    inside = distance_inside(bone, spacing)
    closed = distance_inside(outside <= GAP_MM, spacing) > GAP_MM
    space = closed & ~bone
    gap = np.full(bone.shape, FAR_MM, np.float32)
    with_space = space.any(axis=(0, 1))
    if with_space.any():
        gap[:, :, with_space] = np.minimum(
            distance_inside(~space[:, :, with_space], spacing), FAR_MM
        )
    core = inside > CORE_DEPTH_MM
    for fallback in (1.5, 0.0):
        if core.sum() >= MIN_CORE_VOXELS:
            break
        core = inside > fallback
    return BoneShape(bone, (inside - outside).astype(np.float32), gap, core)

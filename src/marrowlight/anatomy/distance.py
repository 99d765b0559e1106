"""How deep every voxel of bone lies: below the surface of its bone, and from the joint."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.surface import Surface, joint_surfaces
from marrowlight.study.grid import box_around


def joint_distance_mm(
    bones: BoneMap, surfaces: Mapping[int, Surface] | None = None
) -> NDArray[np.float32]:
    """Distance of every voxel of bone to the joint surface of its own bone.

    surfaces : of ``joint_surfaces(bones)``, if worked out before.
    Returns (I, J, K) float32 in mm between voxel centres, 0 on the joint surface; NaN outside bone
    and in a bone whose joint surface is not known.
    """
    from scipy import ndimage

    known = joint_surfaces(bones) if surfaces is None else surfaces
    distance = np.full(bones.grid.shape, np.nan, np.float32)
    for bone in bones.bones:
        if bone.label not in known:
            continue
        inside = bones.of(bone)
        box = box_around(inside)
        start = np.array([s.start for s in box])
        index = np.rint(bones.grid.to_index(known[bone.label].points)).astype(int) - start
        away = np.ones(inside[box].shape, bool)
        away[tuple(index.T)] = False
        gap = ndimage.distance_transform_edt(away, sampling=bones.grid.spacing)
        distance[box][inside[box]] = gap[inside[box]]
    return distance


def depth_mm(bones: BoneMap, bone: LabelledBone) -> NDArray[np.float32]:
    """Depth of every voxel of a bone below its surface.

    Where the image cuts a bone off there is no surface: it goes on beyond.
    Returns (I, J, K) float32 in mm, from voxel centre to the nearest centre outside the bone less
    half a voxel; NaN outside the bone,
    inf in a bone that fills the image.
    """
    from scipy import ndimage

    inside = bones.of(bone)
    depth = np.full(bones.grid.shape, np.nan, np.float32)
    if not inside.any():
        return depth
    box = box_around(inside, (1, 1, 1))
    part = inside[box]
    if part.all():
        depth[inside] = np.inf
        return depth
    inner = ndimage.distance_transform_edt(part, sampling=bones.grid.spacing)
    depth[box][part] = inner[part] - min(bones.grid.spacing) / 2
    return depth

"""Bones in a mirror: the other side of the body."""

from __future__ import annotations

import numpy as np

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.study.grid import Grid
from marrowlight.study.study import Side

OTHER = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}


def mirrored(bones: BoneMap) -> BoneMap:
    """The same voxels with x of their place turned round, and sides swapped."""
    turned = np.diag([-1.0, 1.0, 1.0, 1.0]) @ bones.grid.affine
    swapped = tuple(LabelledBone(b.label, b.bone, OTHER.get(b.side, b.side)) for b in bones.bones)
    return BoneMap(bones.labels, Grid(bones.grid.shape, turned), swapped, bones.source)

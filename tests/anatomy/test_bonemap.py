"""Bones carried to another grid keep their names, all of them."""

import numpy as np
import pytest

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.study.grid import Grid

BONES = (LabelledBone(1, "femur"), LabelledBone(2, "tibia"), LabelledBone(4, "patella"))


def three_boxes():
    labels = np.zeros((40, 40, 20), np.uint8)
    labels[10:30, 5:20, 11:18] = 1
    labels[10:30, 5:20, 2:9] = 2
    labels[14:26, 25:35, 8:14] = 4
    return BoneMap(labels, Grid(labels.shape, np.diag([1.0, 1.0, 3.0, 1.0])), BONES, "made")


@pytest.mark.parametrize("turn", [0.0, 0.001, 0.05])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_every_bone_is_carried_onto_another_grid(turn, shift):
    bones = three_boxes()
    affine = bones.grid.affine.copy()
    c, s = np.cos(turn), np.sin(turn)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ affine[:3, :3]
    affine[:3, 3] = shift
    # One slice more: even with the same axes it is another grid, and points fall on voxels.
    moved = bones.onto(Grid((40, 40, 21), affine))
    for bone in BONES:
        before, after = bones.of(bone).sum(), moved.of(bone).sum()
        assert after == pytest.approx(before, rel=0.12), bone.bone

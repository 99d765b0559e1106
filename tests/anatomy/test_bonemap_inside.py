"""A bone without its rim: what is read for edema where a network drew the outline."""

from __future__ import annotations

import numpy as np

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.study.grid import Grid


def block(spacing=(1.0, 1.0, 1.0), shape=(30, 30, 30), part=slice(5, 25)):
    labels = np.zeros(shape, np.uint8)
    labels[part, part, part] = 1
    grid = Grid(shape, np.diag([*spacing, 1.0]))
    return BoneMap(labels, grid, (LabelledBone(1, "femur"),), "made")


def test_the_rim_goes_all_round():
    bones = block().inside(2.0)
    assert bones.mask.sum() == 16**3
    assert bones.mask[15, 15, 15]


def test_a_thick_slice_loses_nothing_along_its_normal():
    bones = block(spacing=(0.5, 0.5, 4.0)).inside(2.0)
    assert bones.mask.any(axis=(0, 1)).sum() == 20
    assert bones.mask.any(axis=(1, 2)).sum() == 20 - 2 * 4


def test_where_the_image_cuts_the_bone_it_goes_on():
    bones = block(part=slice(0, 25)).inside(2.0)
    assert bones.mask[0, 10, 10]
    assert not bones.mask[24, 10, 10]


def test_a_bone_that_is_all_rim_is_kept():
    thin = block(part=slice(10, 12))
    assert np.array_equal(thin.inside(2.0).labels, thin.labels)

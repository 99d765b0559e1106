"""Which voxels belong to which lesion, and how small a lesion may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowlight.edema.lesions import (
    FAINTEST_CONTRAST,
    ROSE_K,
    assign_to_bones,
    minimum_lesion_mm3,
    split_lesions,
)
from marrowlight.edema.resolution import POINT_SPREAD, Resolution
from marrowlight.study.grid import Grid
from tests.edema.shapes import box, grids, upright


def test_voxels_that_meet_at_a_corner_are_one_lesion() -> None:
    grid = upright((10, 10, 6))
    mask = box(grid, (1, 1, 1), (4, 4, 3)) | box(grid, (4, 4, 3), (7, 7, 5))
    (lesion,) = split_lesions(mask.astype(np.uint8), None, grid)
    assert len(lesion.edema) == 36


def test_lesions_come_by_falling_volume_then_by_place() -> None:
    grid = upright((20, 10, 6))
    mask = box(grid, (1, 1, 1), (3, 3, 3))
    mask |= box(grid, (5, 1, 1), (9, 5, 3)) | box(grid, (12, 1, 1), (14, 3, 3))
    found = split_lesions(mask.astype(np.uint8), None, grid)
    assert [len(x.edema) for x in found] == [32, 8, 8]
    assert found[1].edema[:, 0].max() < found[2].edema[:, 0].min()


@given(grids(shape=(14, 12, 8)), st.integers(0, 2**32 - 1), st.floats(0.5, 6.0))
@settings(deadline=None, max_examples=30)
def test_every_mask_voxel_goes_to_the_nearest_bone_in_reach(
    grid: Grid, seed: int, reach: float
) -> None:
    rng = np.random.default_rng(seed)
    labels = np.zeros(grid.shape, np.uint8)
    for n in (1, 2, 3):
        corner = rng.integers(0, (10, 8, 5))
        labels[tuple(slice(c, c + 3) for c in corner)] = n
    mask = rng.random(grid.shape) < 0.1
    got = assign_to_bones(mask, labels, grid, reach)
    bone_at = np.argwhere(labels > 0)
    bone_mm = grid.to_ras(bone_at.astype(float))
    for voxel in np.argwhere(mask):
        here = got[tuple(voxel)]
        if labels[tuple(voxel)]:
            assert here == labels[tuple(voxel)]
            continue
        away = np.linalg.norm(bone_mm - grid.to_ras(voxel.astype(float)), axis=1)
        if abs(away.min() - reach) < 1e-3:
            continue
        assert (here > 0) == (away.min() < reach)
        if here:
            own = labels[tuple(bone_at.T)] == here
            assert away[own].min() == pytest.approx(away.min(), abs=2e-3)
    assert not got[~mask].any()


def test_the_minimum_is_what_stands_out_from_the_noise_of_this_resolution() -> None:
    seen = Resolution(in_plane_mm=POINT_SPREAD * 0.5, across_mm=3.0)
    elements = (ROSE_K / FAINTEST_CONTRAST) ** 2
    assert minimum_lesion_mm3(seen) == pytest.approx(elements * (POINT_SPREAD * 0.5) ** 2 * 3.0)

"""Canonical orientation, resampling and brightness."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowlight.anatomy.canonical import (
    canonical,
    from_pictures,
    prepare,
    resampling,
    resize,
    resized_grid,
    to_pictures,
)
from marrowlight.study.grid import Grid
from marrowlight.study.volume import Volume
from tests.anatomy.made_knee import BrightnessNetwork, paint, sagittal_grid

RECIPE = BrightnessNetwork().recipe


def turned(order, flips, tilt=0.0):
    """A volume whose every voxel holds x + 100 y + 10000 z of its own place."""
    shape, spacing = (9, 7, 5), (1.0, 2.0, 3.0)
    axes = np.eye(3)[:, list(order)] * np.array(flips) * np.array(spacing)
    turn = np.eye(3)
    c, s = np.cos(tilt), np.sin(tilt)
    turn[1:, 1:] = [[c, -s], [s, c]]
    affine = np.eye(4)
    affine[:3, :3] = turn @ axes
    affine[:3, 3] = (-4, 11, 3)
    grid = Grid(shape, affine)
    x, y, z = grid.to_ras(np.indices(shape).reshape(3, -1).T).T
    return Volume((x + 100 * y + 10000 * z).reshape(shape).astype(np.float32), grid)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (1, -1, -1), (-1, -1, -1)])
def test_axes_run_to_right_anterior_superior_and_voxels_stay_where_they_are(order, flips):
    volume = turned(order, flips, tilt=0.3)
    found = canonical(volume)
    assert (np.diag(found.grid.directions) > 0.9).all()
    x, y, z = found.grid.to_ras(np.indices(found.grid.shape).reshape(3, -1).T).T
    expected = (x + 100 * y + 10000 * z).reshape(found.grid.shape)
    assert np.allclose(found.voxels, expected, atol=0.05)
    assert found.slice_axis == order[2]
    assert found.slice_mm == pytest.approx(3.0)


def test_an_axial_picture_shows_anterior_on_top_and_right_on_the_left():
    voxels = np.zeros((4, 5, 6), np.float32)
    voxels[3, 4, 2] = 1.0  # most right, most anterior
    picture = to_pictures(voxels, 2)[2]
    assert picture.shape == (5, 4)
    assert picture[0, 0] == 1.0


def test_a_sagittal_picture_shows_superior_on_top_and_anterior_on_the_left():
    voxels = np.zeros((4, 5, 6), np.float32)
    voxels[1, 4, 5] = 1.0
    assert to_pictures(voxels, 0)[1][0, 0] == 1.0


def test_a_coronal_picture_shows_superior_on_top_and_right_on_the_left():
    voxels = np.zeros((4, 5, 6), np.float32)
    voxels[3, 2, 5] = 1.0
    assert to_pictures(voxels, 1)[2][0, 0] == 1.0


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_pictures_come_back(plane):
    voxels = np.random.default_rng(1).random((4, 5, 6)).astype(np.float32)
    assert np.array_equal(from_pictures(to_pictures(voxels, plane), plane), voxels)
    two = np.stack([voxels, -voxels])
    pictures = np.stack([to_pictures(v, plane) for v in two])
    assert np.array_equal(from_pictures(pictures, plane), two)


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_a_flat_line_stays_flat_and_a_ramp_keeps_its_mean(count, target):
    weights = resampling(count, target)
    assert np.allclose(weights.sum(axis=1), 1.0, atol=1e-5)
    ramp = weights @ np.arange(count)
    assert ramp.mean() == pytest.approx((count - 1) / 2, abs=0.35)
    assert (np.diff(ramp) >= -1e-4).all()


def test_fine_stripes_are_averaged_and_not_aliased():
    stripes = np.tile([0.0, 1.0], 60)[:, None, None].astype(np.float32)
    assert np.abs(resize(stripes, 0, 30) - 0.5).max() < 0.05


def test_a_resized_image_stays_in_place():
    grid = sagittal_grid(pixel=0.5, slice_mm=3.0)
    heights = grid.to_ras(np.indices(grid.shape).reshape(3, -1).T)[:, 2]
    heights = heights.reshape(grid.shape).astype(np.float32)
    axis = 1
    smaller = resize(heights, axis, 75)
    there = resized_grid(grid, smaller.shape)
    index = np.indices(smaller.shape)[:, 5:-5, 5:-5, 5:-5].reshape(3, -1).T
    assert np.allclose(smaller[5:-5, 5:-5, 5:-5].ravel(), there.to_ras(index)[:, 2], atol=0.02)


def test_brightness_does_not_depend_on_the_scanner():
    grid = sagittal_grid(pixel=1.6, slice_mm=4.0)
    image = paint(grid)
    one = prepare(Volume(image, grid), RECIPE)
    other = prepare(Volume(image * 731.0, grid), RECIPE)
    assert np.allclose(one.voxels, other.voxels, atol=1e-4)
    assert one.voxels.max() <= RECIPE.clip


def test_air_is_cut_off_and_the_body_is_not():
    grid = sagittal_grid(pixel=1.0, slice_mm=4.0)
    wide = np.zeros((grid.shape[0] + 80, *grid.shape[1:]), np.float32)
    wide[40:-40] = paint(grid)
    affine = grid.affine.copy()
    affine[:3, 3] -= 40 * affine[:3, 0]
    ready = prepare(Volume(wide, Grid(wide.shape, affine)), RECIPE)
    assert ready.grid.shape[1] < wide.shape[0] - 40
    assert ready.slice_axis == 0
    assert ready.grid.shape[0] == grid.shape[2]
    # 116 mm of body from front to back.
    used = np.flatnonzero(ready.voxels.max(axis=(0, 2)) > 0.2)
    assert used[0] > 0
    assert used[-1] < ready.grid.shape[1] - 1
    assert 110 <= len(used) <= 120


def test_an_image_of_zeros_does_no_harm():
    grid = sagittal_grid(pixel=2.0, slice_mm=4.0)
    ready = prepare(Volume(np.zeros(grid.shape, np.float32), grid), RECIPE)
    assert not ready.voxels.any()

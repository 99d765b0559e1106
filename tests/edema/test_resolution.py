"""What an image can tell apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowlight.edema.resolution import POINT_SPREAD, acquired_share, resolution, slice_axis
from marrowlight.study.grid import Grid
from tests.edema.shapes import grids, rotation, upright


def interpolated(share: float, seed: int = 0) -> np.ndarray:
    """(200, 200, 5) noise of which k-space holds only this share along each edge."""
    noise = np.random.default_rng(seed).normal(size=(200, 200, 5))
    k = np.fft.fftshift(np.fft.fft2(noise, axes=(0, 1)), axes=(0, 1))
    kept = np.abs(np.arange(200) - 100) <= share * 100
    k *= kept[:, None, None] * kept[None, :, None]
    image = np.fft.ifft2(np.fft.ifftshift(k, axes=(0, 1)), axes=(0, 1)).real
    return np.asarray(image, np.float32)


@given(grids())
@settings(deadline=None)
def test_an_element_grows_with_pixel_and_slice_and_not_with_the_way_of_storing(grid: Grid) -> None:
    element = resolution(grid).element_mm3
    for axis in range(3):
        stretched = grid.affine.copy()
        stretched[:, axis] *= 2
        assert resolution(Grid(grid.shape, stretched)).element_mm3 > element
    for order in ([1, 0, 2], [2, 0, 1]):
        moved = Grid((9, 9, 9), grid.affine[:, [*order, 3]])
        assert resolution(moved).element_mm3 == pytest.approx(element)


def test_overlapping_slices_count_by_their_thickness_and_gaps_by_their_distance() -> None:
    grid = upright((10, 10, 10), (0.5, 0.5, 1.5))
    assert resolution(grid, slice_thickness_mm=3.0).across_mm == 3.0
    assert resolution(grid, slice_thickness_mm=1.0).across_mm == pytest.approx(1.5)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_slices_run_along_the_widest_spacing(order: tuple[int, int, int]) -> None:
    spacing = np.array([0.4, 0.4, 3.0])[list(order)]
    affine = np.eye(4)
    affine[:3, :3] = rotation((20, 30, 40)) * spacing
    grid = Grid((5, 5, 5), affine)
    assert slice_axis(grid) == order.index(2)
    assert resolution(grid).in_plane_mm == pytest.approx(POINT_SPREAD * 0.4)


@pytest.mark.parametrize("share", [1.0, 0.9, 0.75, 0.6, 0.5])
def test_interpolation_is_seen_in_the_noise(share: float) -> None:
    image = interpolated(share)
    assert acquired_share(image, np.ones(image.shape, bool)) == pytest.approx(share, abs=0.03)


@given(st.floats(0.01, 1000), st.floats(-2, 2), st.floats(-2, 2))
@settings(deadline=None, max_examples=10)
def test_neither_the_unit_nor_a_slope_of_the_image_matters(
    unit: float, along: float, over: float
) -> None:
    image = interpolated(0.75)
    i, j, _ = np.indices(image.shape)
    sloped = ((image + along * i + over * j) * unit).astype(np.float32)
    everywhere = np.ones(image.shape, bool)
    assert acquired_share(sloped, everywhere) == pytest.approx(
        acquired_share(image, everywhere), abs=0.01
    )


def test_too_little_marrow_or_no_noise_leaves_the_stored_pixel() -> None:
    image = interpolated(0.5)
    little = np.zeros(image.shape, bool)
    little[:20, :20] = True
    assert acquired_share(image, little) == 1.0
    assert acquired_share(np.zeros_like(image), np.ones(image.shape, bool)) == 1.0


def test_the_slice_axis_may_be_stored_first() -> None:
    image = interpolated(0.5)
    grid = Grid((5, 200, 200), np.diag([3.0, 0.5, 0.5, 1.0]))
    turned = np.ascontiguousarray(np.moveaxis(image, 2, 0))
    seen = resolution(grid, contrast=turned, marrow=np.ones(turned.shape, bool))
    assert seen.in_plane_mm == pytest.approx(2 * POINT_SPREAD * 0.5, rel=0.05)


def test_the_sacroiliac_images_are_interpolated_by_two(data: Path) -> None:
    import nibabel as nib

    folder = data / "sij" / "1012"
    image = nib.load(folder / "stir.nii.gz")
    voxels = image.get_fdata(dtype=np.float32)
    bone = np.asanyarray(nib.load(folder / "bone.nii.gz").dataobj) > 0
    seen = resolution(Grid(voxels.shape, image.affine), contrast=voxels, marrow=bone)
    assert seen.sampled == pytest.approx(0.5, abs=0.05)

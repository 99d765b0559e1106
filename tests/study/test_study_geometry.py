"""Where voxels are in space: exact, whatever the order of files, frames and slices."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_files import (
    enhanced_set,
    oblique_grid,
    picture,
    save,
    slice_sets,
    write_nifti,
    write_series,
)

from marrowlight.errors import AmbiguousOrientation, SliceError, UnreadableFile
from marrowlight.study.grid import Grid
from marrowlight.study.open import open_study

POSITION_MM = 0.001

angles = st.floats(-1.2, 1.2)
grids = st.builds(
    oblique_grid,
    shape=st.tuples(st.integers(3, 12), st.integers(3, 12), st.integers(3, 9)),
    spacing=st.tuples(st.floats(0.2, 2.0), st.floats(0.2, 2.0), st.floats(0.5, 8.0)),
    turn=st.tuples(angles, angles, angles),
    origin=st.tuples(*[st.floats(-200, 200)] * 3),
)


def same_points(grid: Grid, voxels: np.ndarray, other: Grid, others: np.ndarray) -> None:
    """Every voxel of one image is in the other, at the same place, with the same value."""
    index = np.indices(grid.shape).reshape(3, -1).T
    there = other.to_index(grid.to_ras(index))
    nearest = np.rint(there).astype(int)
    assert np.abs(other.to_ras(nearest) - grid.to_ras(index)).max() < POSITION_MM
    assert grid.voxel_volume_mm3 == pytest.approx(other.voxel_volume_mm3, rel=1e-4)
    np.testing.assert_array_equal(voxels[tuple(index.T)], others[tuple(nearest.T)])


@settings(max_examples=25, deadline=None)
@given(grid=grids, seed=st.integers(0, 1000), gap=st.floats(0.0, 1.0))
def test_dicom_of_any_oblique_grid_comes_back_exactly(grid: Grid, seed: int, gap: float) -> None:
    voxels = picture(grid.shape, seed)
    thick = max(grid.spacing[2] - gap, 0.1)
    sets = slice_sets(voxels, grid, SliceThickness=round(thick, 4), SeriesDescription="STIR")
    random.Random(seed).shuffle(sets)
    for n, one in enumerate(sets):
        one.InstanceNumber = n + 1  # A lie: files and numbers are in no order.
    with tempfile.TemporaryDirectory() as folder:
        save(sets, Path(folder))
        found = open_study(folder).series[0].volume
    same_points(grid, voxels, found.grid, found.voxels)


@settings(max_examples=10, deadline=None)
@given(grid=grids, seed=st.integers(0, 1000))
def test_enhanced_frames_in_any_order_come_back_exactly(grid: Grid, seed: int) -> None:
    voxels = picture(grid.shape, seed)
    order = list(range(grid.shape[2]))
    random.Random(seed).shuffle(order)
    with tempfile.TemporaryDirectory() as folder:
        save([enhanced_set(voxels, grid, order, SeriesDescription="STIR")], Path(folder))
        found = open_study(folder).series[0].volume
    same_points(grid, voxels, found.grid, found.voxels)


@settings(max_examples=15, deadline=None)
@given(grid=grids, seed=st.integers(0, 1000))
def test_nifti_of_any_oblique_grid_comes_back_exactly(grid: Grid, seed: int) -> None:
    voxels = picture(grid.shape, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = write_nifti(Path(folder) / "stir.nii.gz", voxels, grid)
        found = open_study(path).series[0].volume
    assert found.grid.matches(grid, 0.01)
    np.testing.assert_array_equal(found.voxels, voxels)


def test_left_stays_left(tmp_path: Path) -> None:
    """A bright voxel 50 mm to the left of the patient is at x = -50 in RAS, in DICOM and NIfTI."""
    affine = np.diag([-1.0, -1.0, 4.0, 1.0])
    affine[:3, 3] = [60.0, 30.0, 0.0]
    grid = Grid((121, 61, 5), affine)
    voxels = np.ones(grid.shape, np.int16)
    i, j, k = np.rint(grid.to_index([-50.0, 10.0, 8.0])).astype(int)
    voxels[i, j, k] = 900
    save(slice_sets(voxels, grid, SeriesDescription="STIR"), tmp_path / "dicom")
    write_nifti(tmp_path / "nifti" / "stir.nii.gz", voxels, grid)
    for kind in ("dicom", "nifti"):
        volume = open_study(tmp_path / kind, series=[("stir", tmp_path / kind)]).series[0].volume
        brightest = np.unravel_index(volume.voxels.argmax(), volume.voxels.shape)
        np.testing.assert_allclose(volume.grid.to_ras(np.array(brightest)), [-50, 10, 8], atol=1e-4)


def test_gaps_between_slices_count_in_the_voxel_volume(tmp_path: Path) -> None:
    grid = oblique_grid(spacing=(0.5, 0.5, 4.0))
    write_series(tmp_path, grid=grid, SliceThickness=3.0)
    series = open_study(tmp_path).primary
    assert series.slice_thickness_mm == 3.0
    assert series.volume.grid.voxel_volume_mm3 == pytest.approx(0.5 * 0.5 * 4.0)


def test_a_missing_slice_is_refused_and_its_place_named(tmp_path: Path) -> None:
    paths = write_series(tmp_path)
    paths[2].unlink()
    with pytest.raises(SliceError, match=r"missing: 1 between slice 2 and 3 \(at .* mm") as caught:
        open_study(tmp_path)
    assert "STIR" in str(caught.value)


def test_an_uneven_slice_is_refused_and_a_small_unevenness_noted(tmp_path: Path) -> None:
    grid = oblique_grid(turn=(0, 0, 0))
    for name, shift, error in (("small", 0.1, None), ("large", 1.2, SliceError)):
        sets = slice_sets(picture(), grid, SeriesDescription="STIR")
        x, y, z = map(float, sets[3].ImagePositionPatient)
        sets[3].ImagePositionPatient = [round(x + shift, 4), y, z]
        save(sets, tmp_path / name)
        if error:
            with pytest.raises(error, match="unevenly spaced"):
                open_study(tmp_path / name)
        else:
            codes = [n.code for n in open_study(tmp_path / name).primary.notices]
            assert "slices-slightly-uneven" in codes


def test_a_differing_duplicate_slice_is_refused(tmp_path: Path) -> None:
    sets = slice_sets(picture(), oblique_grid(), SeriesDescription="STIR")
    sets += slice_sets(picture(seed=1), oblique_grid(), SeriesDescription="STIR",
                       SeriesInstanceUID=sets[0].SeriesInstanceUID,
                       StudyInstanceUID=sets[0].StudyInstanceUID)[2:3]  # fmt: skip
    save(sets, tmp_path)
    with pytest.raises(SliceError, match="more than once and differ: 2 images at slice 3"):
        open_study(tmp_path)


def test_the_same_files_twice_are_counted_once(tmp_path: Path) -> None:
    sets = slice_sets(picture(), oblique_grid(), SeriesDescription="STIR")
    save(sets, tmp_path / "a")
    save(sets, tmp_path / "copy of a")
    study = open_study(tmp_path)
    assert study.primary.volume.grid.shape == (20, 16, 6)
    assert "duplicate-images" in [n.code for n in study.primary.notices]


def test_echoes_and_time_points_of_one_series_are_split(tmp_path: Path) -> None:
    uid = {"SeriesInstanceUID": "1.2.9", "StudyInstanceUID": "1.2.8"}
    for echo in (1, 2):
        for time in (1, 2, 3):
            sets = slice_sets(
                picture(seed=10 * echo + time), oblique_grid(), SeriesDescription="PD T2", **uid,
                EchoTime=15.0 * echo, EchoNumbers=echo, TemporalPositionIdentifier=time,
                RepetitionTime=3000.0,
            )  # fmt: skip
            save(sets, tmp_path, f"e{echo}t{time}_")
    study = open_study(tmp_path)
    assert len(study.series) == 6
    for one in study.series:
        echo = 1 if one.sequence["te_ms"] == 15.0 else 2
        time = next(t for t in (1, 2, 3) if f"time {t} of 3" in one.description)
        np.testing.assert_array_equal(
            np.sort(one.volume.voxels, axis=None),
            np.sort(picture(seed=10 * echo + time), axis=None).astype(np.float32),
        )


def test_blank_edge_slices_of_several_time_points_are_no_copies(tmp_path: Path) -> None:
    uid = {"SeriesInstanceUID": "1.2.9", "StudyInstanceUID": "1.2.8"}
    for time in (1, 2):
        voxels = picture(seed=time)
        voxels[:, :, 0] = 0
        save(slice_sets(voxels, oblique_grid(), SeriesDescription="STIR", **uid,
                        TemporalPositionIdentifier=time), tmp_path, f"t{time}_")  # fmt: skip
    assert [s.volume.grid.shape[2] for s in open_study(tmp_path).series] == [6, 6]


def test_two_parallel_stacks_in_one_series_are_not_filled_up(tmp_path: Path) -> None:
    """Both knees in one series: the gap between them is named, and nothing is invented."""
    uid = {"SeriesInstanceUID": "1.2.9", "StudyInstanceUID": "1.2.8"}
    for n, x in enumerate((-80.0, 60.0)):
        grid = oblique_grid(turn=(0, 0, 0), origin=(x, 0.0, 0.0))
        sets = slice_sets(picture(seed=n), grid, SeriesDescription="STIR", **uid)
        save(sets, tmp_path, f"k{n}_")
    with pytest.raises(SliceError, match=r"between slice 6 and 7"):
        open_study(tmp_path)


def test_nifti_whose_forms_disagree_is_refused_with_the_way_out(tmp_path: Path) -> None:
    grid = oblique_grid()
    image = nib.Nifti1Image(picture(), grid.affine)
    image.set_sform(grid.affine, 1)
    moved = grid.affine.copy()
    moved[0, 3] += 5.0
    image.set_qform(moved, 1)
    path = tmp_path / "stir.nii"
    nib.save(image, path)
    with pytest.raises(
        AmbiguousOrientation, match=r"stir.nii place its corners up to 5.00 mm"
    ) as e:
        open_study(path)
    assert "--nifti-orientation" in str(e.value)
    by_sform = open_study(path, nifti_orientation="sform").primary.volume.grid
    by_qform = open_study(path, nifti_orientation="qform").primary.volume.grid
    assert by_sform.matches(grid, 0.01)
    assert by_sform.distance_mm(by_qform) == pytest.approx(5.0, abs=0.01)


def test_nifti_without_any_form_says_that_its_place_is_unknown(tmp_path: Path) -> None:
    image = nib.Nifti1Image(picture(), None)
    image.header.set_zooms((0.5, 0.5, 3.0))
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    nib.save(image, tmp_path / "stir.nii.gz")
    study = open_study(tmp_path)
    assert study.primary.volume.grid.voxel_volume_mm3 == pytest.approx(0.75)
    assert "orientation-unknown" in [n.code for n in study.primary.notices]
    assert study.side.value == "unknown"


def test_nifti_in_metres_becomes_millimetres(tmp_path: Path) -> None:
    grid = oblique_grid()
    image = nib.Nifti1Image(picture(), grid.affine / 1000 + np.diag([0, 0, 0, 0.999]))
    image.header.set_xyzt_units("meter")
    nib.save(image, tmp_path / "stir.nii.gz")
    assert open_study(tmp_path).primary.volume.grid.matches(grid, 0.01)


def test_four_dimensions_are_split_or_refused(tmp_path: Path) -> None:
    grid = oblique_grid()
    several = np.stack([picture(seed=n) for n in range(3)], axis=3)
    write_nifti(tmp_path / "echoes" / "t2.nii.gz", several, grid)
    study = open_study(tmp_path / "echoes")
    assert [s.description for s in study.series] == [f"t2 (volume {n} of 3)" for n in (1, 2, 3)]
    many = np.random.default_rng(0).integers(0, 900, (6, 6, 4, 40)).astype(np.int16)
    write_nifti(tmp_path / "bold" / "stir.nii.gz", many, grid)
    with pytest.raises(UnreadableFile, match=r"stir\.nii\.gz holds 40 volumes"):
        open_study(tmp_path / "bold")

"""What lies in the folder of a reading."""

from __future__ import annotations

import gzip
import json
import stat
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowlight.report.atomic import EXPLANATION, OUTPUTS
from marrowlight.report.files import write_reading
from marrowlight.report.nifti import nifti_bytes, probability_bytes
from marrowlight.stages import Stages
from marrowlight.study.grid import Grid
from tests.report.example import SAGITTAL, result

SOURCE = {"identity": {"patient_id": "PAT-4711"}, "paths": {"inputs": ["/data/Doe^Jane"]}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("reading") / "out"
    stages = Stages()
    report = write_reading(
        place, result(), source=SOURCE, run=lambda: {"seconds": stages.seconds}, stages=stages
    )
    assert report == place / "report.html"
    return place


def test_every_output_is_there_and_nothing_else(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == set(OUTPUTS) - {EXPLANATION}


def test_only_source_json_says_whose_reading_it_is(folder: Path) -> None:
    for path in folder.iterdir():
        content = path.read_bytes()
        if path.name.endswith(".gz"):
            content = gzip.decompress(content)
        found = b"PAT-4711" in content or b"Doe^Jane" in content
        assert found == (path.name == "source.json"), path.name
    assert stat.S_IMODE((folder / "source.json").stat().st_mode) == 0o600


def test_run_json_is_written_last_and_knows_the_time_of_the_report(folder: Path) -> None:
    seconds = json.loads((folder / "run.json").read_text())["seconds"]
    assert {"encode masks", "report", "write"} <= set(seconds)


def test_masks_stand_on_the_grid_with_the_labels_of_the_reading(folder: Path) -> None:
    one = result()
    for name, dtype in (
        ("edema", np.uint8),
        ("bones", np.uint8),
        ("edema_probability", np.float32),
    ):
        image = nib.load(folder / f"{name}.nii.gz")
        assert image.get_data_dtype() == dtype
        np.testing.assert_allclose(image.affine, SAGITTAL.affine, atol=1e-5)
    edema = np.asarray(nib.load(folder / "edema.nii.gz").dataobj)
    np.testing.assert_array_equal(edema, one.edema.astype(np.uint8))
    bones = np.asarray(nib.load(folder / "bones.nii.gz").dataobj)
    assert set(np.unique(bones)) - {0} == {b.label for b in one.reading.regions[0].bones}


def test_the_same_reading_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_reading(tmp_path, result(), source=SOURCE, run={}, overwrite=True)
    for name in set(OUTPUTS) - {"run.json", EXPLANATION}:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_a_measured_mask_without_an_image_has_no_probability(tmp_path: Path) -> None:
    write_reading(tmp_path, result(image=False), source={}, run={})
    assert {p.name for p in tmp_path.iterdir()} == set(OUTPUTS) - {
        EXPLANATION,
        "edema_probability.nii.gz",
    }
    assert "No image was given" in (tmp_path / "report.html").read_text(encoding="utf-8")


angles = st.floats(-3.1, 3.1)


@given(angles, angles, angles, st.tuples(*[st.floats(0.2, 6)] * 3), st.booleans())
@settings(deadline=None, max_examples=60)
def test_any_oblique_grid_comes_back(
    a: float, b: float, c: float, spacing: tuple[float, float, float], mirrored: bool
) -> None:
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz", (a, b, c)).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([*spacing[:2], -spacing[2] if mirrored else spacing[2]])
    affine[:3, 3] = (12.5, -80, 33)
    grid = Grid((5, 4, 3), affine)
    voxels = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
    image = nib.Nifti1Image.from_bytes(gzip.decompress(nifti_bytes(voxels, grid, "test")))
    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert image.header["sform_code"] == 1
    assert Grid(grid.shape, image.get_sform()).distance_mm(grid) < 1e-4
    if image.header["qform_code"]:
        assert Grid(grid.shape, image.get_qform()).distance_mm(grid) < 0.05
    np.testing.assert_allclose(image.header.get_zooms(), grid.spacing, rtol=1e-5)


def test_a_grid_as_scanners_write_it_has_both_forms() -> None:
    data = nifti_bytes(np.zeros(SAGITTAL.shape, np.uint8), SAGITTAL, "sagittal")
    header = nib.Nifti1Image.from_bytes(gzip.decompress(data)).header
    assert (header["sform_code"], header["qform_code"]) == (1, 1)


def test_a_sheared_grid_keeps_its_sform_and_claims_no_qform() -> None:
    affine = np.diag([1.0, 1.0, 4.0, 1.0])
    affine[1, 2] = 1.0
    grid = Grid((40, 40, 20), affine)
    data = nifti_bytes(np.zeros(grid.shape, np.uint8), grid, "gantry tilt")
    image = nib.Nifti1Image.from_bytes(gzip.decompress(data))
    assert image.get_qform(coded=True)[1] == 0
    np.testing.assert_allclose(image.affine, affine)


def test_probabilities_keep_three_digits() -> None:
    values = np.linspace(0, 1, 60, dtype=np.float32).reshape(5, 4, 3)
    data = probability_bytes(values, Grid((5, 4, 3), np.eye(4)))
    image = nib.Nifti1Image.from_bytes(gzip.decompress(data))
    np.testing.assert_allclose(np.asarray(image.dataobj), values, atol=1 / 2048)

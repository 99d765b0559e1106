"""Several series of one study: one is primary, the others stand beside it, nothing is added."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from marrowlight.phantom.phantom import make_phantom
from marrowlight.phantom.spec import PhantomSpec
from marrowlight.phantom.write import write_phantom
from marrowlight.study.series import Plane
from tests.cli.running import run_cli


@pytest.fixture(scope="module")
def two_planes(tmp_path_factory):
    """One knee scanned sagittal and coronal; bones drawn on the sagittal series."""
    folder = tmp_path_factory.mktemp("planes")
    exam = folder / "exam"
    exam.mkdir()
    for plane in (Plane.SAGITTAL, Plane.CORONAL):
        spec = PhantomSpec(plane=plane, pixel_mm=1.0, slice_mm=4.0)
        made = write_phantom(make_phantom(spec), folder / plane)
        for path in (made / "nifti").glob("*.nii.gz"):
            shutil.copy(path, exam / f"{plane}_{path.name}")
    return folder


def read(capsys, two_planes, out, *more):
    bones = two_planes / "sagittal" / "truth" / "bones.nii.gz"
    return run_cli(
        capsys, "read", two_planes / "exam", "--bones", bones, "--bone-labels", "registry",
        "--joint", "knee", "--side", "right", "-o", out, *more,
    )  # fmt: skip


def test_each_plane_is_measured_and_none_is_added(two_planes, tmp_path, capsys):
    seen = read(capsys, two_planes, tmp_path / "out", "--json")
    assert seen.code == 0, seen.err
    reading = json.loads(seen.out)["reading"]
    assert [s["primary"] for s in reading["series"]] == [True, False]
    assert {s["plane"] for s in reading["series"]} == {"sagittal", "coronal"}
    first, second = (s["regions"][0]["edema"] for s in reading["series"])
    assert reading["regions"][0]["edema"] == first
    reader = next(i for i in first["intervals"] if i["kind"] == "reader_agreement")
    assert reader["low_mm3"] < second["volume_mm3"] < reader["high_mm3"]
    assert reading["primary_reason"]


def test_the_other_planes_can_be_left_out(two_planes, tmp_path, capsys):
    seen = read(capsys, two_planes, tmp_path / "out", "--json", "--only-primary")
    reading = json.loads(seen.out)["reading"]
    assert len(reading["series"]) == 1


def test_bones_of_another_plane_are_carried_over_and_that_is_said(two_planes, tmp_path, capsys):
    exam = tmp_path / "exam"
    exam.mkdir()
    shutil.copy(next((two_planes / "coronal" / "nifti").glob("pdfs*")), exam / "pdfs.nii.gz")
    shutil.copy(two_planes / "sagittal" / "nifti" / "t1w.nii.gz", exam / "t1w.nii.gz")
    bones = two_planes / "sagittal" / "truth" / "bones.nii.gz"
    seen = run_cli(
        capsys, "read", exam, "--bones", bones, "--bone-labels", "registry", "-o",
        tmp_path / "out", "--json", "--joint", "knee",
    )  # fmt: skip
    assert seen.code == 0, seen.err
    reading = json.loads(seen.out)["reading"]
    assert "bones-carried-over" in {w["code"] for w in reading["warnings"]}
    primary = nib.load(exam / "pdfs.nii.gz")
    carried = nib.load(tmp_path / "out" / "bones.nii.gz")
    assert carried.shape == primary.shape
    truth = nib.load(two_planes / "coronal" / "truth" / "bones.nii.gz")
    both = (np.asanyarray(carried.dataobj) == 1) & (np.asanyarray(truth.dataobj) == 1)
    sizes = [(np.asanyarray(i.dataobj) == 1).sum() for i in (carried, truth)]
    assert 2 * both.sum() / sum(sizes) > 0.85

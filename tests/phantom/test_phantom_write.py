"""What is written: a valid DICOM study, NIfTI and truth, all in one place in space."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from small_phantom import small

from marrowlight.errors import OutputExists, OutputNotWritable
from marrowlight.phantom import Phantom, make_phantom, write_phantom
from marrowlight.study.grid import Grid
from marrowlight.study.open import open_study
from marrowlight.study.series import Role
from marrowlight.study.study import Joint, Side


@pytest.fixture(scope="module")
def folder(knee: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_phantom(knee, tmp_path_factory.mktemp("knee"))


def test_the_folder_holds_what_was_promised(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == ["dicom", "nifti", "truth"]
    assert sorted(p.name for p in (folder / "nifti").iterdir()) == ["pdfs.nii.gz", "t1w.nii.gz"]
    names = {p.name for p in (folder / "truth").iterdir()}
    assert names == {"bones.nii.gz", "edema.nii.gz", "lesions.nii.gz", "truth.json"}


def test_nifti_and_truth_are_on_the_grid_of_the_scan(knee: Phantom, folder: Path) -> None:
    for name, expected in {
        "nifti/pdfs": knee.volume("pdfs").voxels,
        "truth/bones": knee.bones.labels,
        "truth/edema": knee.edema,
    }.items():
        image = nib.load(folder / f"{name}.nii.gz")
        assert np.array_equal(np.asanyarray(image.dataobj), expected)
        assert np.allclose(image.get_sform(), image.get_qform(), atol=1e-4)
        assert knee.grid.distance_mm(Grid(image.shape, image.affine)) < 0.01


def test_truth_json_says_the_exact_volume(knee: Phantom, folder: Path) -> None:
    truth = json.loads((folder / "truth" / "truth.json").read_text())
    assert truth == json.loads(json.dumps(knee.truth))
    assert truth["edema_volume_mm3"] == 5350
    assert [x["site"] for x in truth["lesions"]] == ["medial_condyle", "lateral_plateau"]
    edema = np.asanyarray(nib.load(folder / "truth" / "edema.nii.gz").dataobj)
    assert edema.sum() * knee.grid.voxel_volume_mm3 == truth["edema_voxel_volume_mm3"]


def test_the_dicom_study_is_read_as_the_joint_that_it_is(knee: Phantom, folder: Path) -> None:
    study = open_study(folder / "dicom")
    assert (study.joint, study.side) == (Joint.KNEE, Side.RIGHT)
    assert [s.role for s in study.series] == [Role.PD_FS, Role.T1]
    assert study.primary.volume.grid.distance_mm(knee.grid) < 0.01
    assert np.array_equal(study.primary.volume.voxels, knee.volume().voxels)
    assert not study.set_aside
    assert not study.notices


@pytest.mark.parametrize(
    ("joint", "side", "sequence", "plane"),
    [
        ("hip", "left", "stir", "coronal"),
        ("ankle", "right", "t2fs", "sagittal"),
        ("knee", "left", "dixon_water", "axial"),
    ],
)
def test_every_joint_side_sequence_and_plane_is_read_back(
    joint: str, side: str, sequence: str, plane: str, tmp_path: Path
) -> None:
    spec = small(joint=joint, side=side, sequence=sequence, plane=plane, pixel_mm=1.5, samples=1)
    phantom = make_phantom(spec)
    study = open_study(write_phantom(phantom, tmp_path / "out") / "dicom")
    assert (study.joint.value, study.side.value) == (joint, side)
    assert study.primary.role.value == sequence
    assert study.primary.plane.value == plane
    assert study.primary.volume.grid.distance_mm(phantom.grid) < 0.01


def test_files_are_the_same_from_run_to_run(knee: Phantom, folder: Path, tmp_path: Path) -> None:
    again = write_phantom(knee, tmp_path / "again")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(folder)).read_bytes()


def test_identifiers_are_shared_and_unique_as_dicom_asks(folder: Path) -> None:
    slices = [pydicom.dcmread(p) for p in sorted((folder / "dicom").rglob("*.dcm"))]
    assert len({ds.StudyInstanceUID for ds in slices}) == 1
    assert len({ds.FrameOfReferenceUID for ds in slices}) == 1
    assert len({ds.SeriesInstanceUID for ds in slices}) == 2
    assert len({ds.SOPInstanceUID for ds in slices}) == len(slices)
    assert all(len(ds.SOPInstanceUID) <= 64 for ds in slices)
    assert {ds.BodyPartExamined for ds in slices} == {"KNEE"}
    assert {ds.Laterality for ds in slices} == {"R"}


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dciodvfy is not installed (dicom3tools)")
def test_dciodvfy_finds_no_error(folder: Path) -> None:
    for series in sorted((folder / "dicom").iterdir()):
        first = sorted(series.iterdir())[0]
        out = subprocess.run(["dciodvfy", str(first)], capture_output=True, text=True, check=False)
        assert "Error" not in out.stdout + out.stderr


def test_dcm2niix_puts_voxels_where_we_do(knee: Phantom, folder: Path, tmp_path: Path) -> None:
    dcm2niix = pytest.importorskip("dcm2niix")
    command = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "%s", "-o", str(tmp_path)]
    source = str(folder / "dicom" / "01_pdfs")
    subprocess.run([*command, source], check=True, capture_output=True)
    (path,) = tmp_path.glob("*.nii")
    image = nib.load(path)
    voxels = np.asanyarray(image.dataobj)
    other = Grid(voxels.shape, image.affine)
    index = np.argwhere(knee.lesions == 1)
    there = np.rint(other.to_index(knee.grid.to_ras(index))).astype(int)
    assert np.allclose(other.to_ras(there), knee.grid.to_ras(index), atol=0.01)
    assert np.array_equal(voxels[tuple(there.T)], knee.volume().voxels[tuple(index.T)])


def test_what_is_there_is_kept_unless_overwriting_is_allowed(
    knee: Phantom, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    (out / "truth").mkdir(parents=True)
    (out / "truth" / "mine.txt").write_text("keep")
    with pytest.raises(OutputExists, match="truth"):
        write_phantom(knee, out)
    assert (out / "truth" / "mine.txt").read_text() == "keep"
    write_phantom(knee, out, overwrite=True)
    assert (out / "truth" / "truth.json").exists()
    assert not list(out.glob(".phantom-*"))


def test_a_folder_that_cannot_be_written_is_named(knee: Phantom, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(OutputNotWritable, match="could not be written") as caught:
        write_phantom(knee, blocked / "out")
    assert str(blocked) in str(caught.value)

"""Bad input gets a clear error and nothing is lost: file, what was found, expected, what to do."""

import errno
import json
import os
import shutil

import nibabel as nib
import numpy as np
import pydicom
import pytest

from tests.cli.running import run_cli


def read(capsys, inputs, bones, out, *more):
    return run_cli(
        capsys, "read", inputs, "--bones", bones, "--bone-labels", "registry", "-o", out, *more
    )


def change(folder, **tags):
    """Write other values into every file of a folder."""
    for path in sorted(folder.rglob("*.dcm")):
        dataset = pydicom.dcmread(path)
        for name, value in tags.items():
            setattr(dataset, name, value)
        dataset.save_as(path)


def saved_like(path, voxels, like):
    nib.save(nib.Nifti1Image(voxels, nib.load(like).affine), path)
    return path


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    yield folder
    # Whatever went wrong, nothing half written stays.
    left = [p.name for p in tmp_path.rglob("*") if p.name.startswith(".marrowlight")]
    assert not left


def refused(seen, *words):
    assert seen.code == 3, seen.err
    assert "Traceback" not in seen.err
    for word in words:
        assert word.lower() in seen.err.lower()
    assert "what to do" in seen.err.lower() or "expected" in seen.err.lower()


def test_an_empty_folder(tmp_path, exam, out, capsys):
    (tmp_path / "empty").mkdir()
    refused(read(capsys, tmp_path / "empty", exam.bones, out), "0 files")


def test_a_path_that_is_not_there(tmp_path, exam, out, capsys):
    seen = read(capsys, tmp_path / "nowhere", exam.bones, out)
    assert seen.code in (2, 3)
    assert "nowhere" in seen.err


def test_no_image(tmp_path, exam, out, capsys):
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "letter.txt").write_text("no image here")
    refused(read(capsys, folder, exam.bones, out), "image")


def test_only_a_localiser(exam, out, capsys):
    shutil.rmtree(exam.dicom / "02_t1w")
    change(exam.dicom, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    refused(read(capsys, exam.dicom, exam.bones, out), "localiser")


def test_only_t1(exam, out, capsys):
    seen = read(capsys, exam.dicom / "02_t1w", exam.bones, out)
    refused(seen, "fluid-sensitive", "--series stir=")


def test_a_truncated_file(exam, out, capsys):
    path = exam.fluid / "0007.dcm"
    path.write_bytes(path.read_bytes()[:4000])
    refused(read(capsys, exam.dicom, exam.bones, out), "0007.dcm")


def test_text_renamed_to_dcm(exam, out, capsys):
    (exam.fluid / "notes.dcm").write_text("this is no DICOM file\n" * 50)
    seen = read(capsys, exam.dicom, exam.bones, out)
    # The images are whole; the stray file is named and the reading says that something was left.
    assert seen.code in (0, 3)
    found = json.loads((out / "reading.json").read_text())
    assert any("notes.dcm" in a["name"] for a in found["set_aside"])


def test_a_truncated_nifti(exam, out, capsys):
    path = next(exam.nifti.glob("pdfs*"))
    path.write_bytes(path.read_bytes()[:20000])
    refused(read(capsys, exam.nifti, exam.bones, out), "pdfs")


def test_corrupt_compressed_pixels(exam, out, capsys):
    from pydicom.uid import RLELossless

    for path in exam.fluid.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless)
        if path.name == "0007.dcm":
            dataset.PixelData = dataset.PixelData[:120] + b"\xff" * 600
        dataset.save_as(path)
    refused(read(capsys, exam.dicom, exam.bones, out), "0007.dcm")


@pytest.mark.parametrize("kind", ["not a number", "same value"])
def test_an_image_without_content(exam, out, capsys, kind):
    path = next(exam.nifti.glob("pdfs*"))
    voxels = np.asanyarray(nib.load(path).dataobj).astype(np.float32)
    if kind == "not a number":
        voxels[60:80, 60:80] = np.nan
    else:
        voxels[:] = 7
    saved_like(path, voxels, path)
    refused(read(capsys, exam.nifti, exam.bones, out), "pdfs", kind)


def test_a_mask_on_another_grid(tmp_path, exam, out, capsys):
    image = nib.load(exam.bones)
    affine = image.affine.copy()
    affine[0, 3] += 1.0
    moved = tmp_path / "moved.nii.gz"
    nib.save(nib.Nifti1Image(np.asanyarray(image.dataobj), affine), moved)
    refused(read(capsys, exam.dicom, moved, out), "moved.nii.gz", "1.00 mm apart", "image s")


def test_an_empty_mask(tmp_path, exam, out, capsys):
    shape = nib.load(exam.bones).shape
    empty = saved_like(tmp_path / "empty.nii.gz", np.zeros(shape, np.uint8), exam.bones)
    refused(read(capsys, exam.dicom, empty, out), "empty")


def test_a_mask_with_unknown_labels(tmp_path, exam, out, capsys):
    labels = np.asanyarray(nib.load(exam.bones).dataobj).copy()
    labels[labels == 2] = 77
    mask = saved_like(tmp_path / "odd.nii.gz", labels, exam.bones)
    refused(read(capsys, exam.dicom, mask, out), "77", "--bone-labels")


def test_a_mask_whose_labels_nobody_named(exam, out, capsys):
    seen = run_cli(capsys, "read", exam.dicom, "--bones", exam.bones, "-o", out)
    refused(seen, "--bone-labels", "1, 2, 3, 4")


def test_two_patients(exam, out, capsys):
    change(exam.dicom / "02_t1w", PatientID="another", PatientName="Another^One")
    seen = read(capsys, exam.dicom, exam.bones, out)
    refused(seen, "patient")
    assert "another" not in seen.err.lower().replace("another patient", "")


def test_missing_slices(exam, out, capsys):
    (exam.fluid / "0007.dcm").unlink()
    refused(read(capsys, exam.dicom, exam.bones, out), "missing")


def test_a_head(exam, out, capsys):
    change(exam.dicom, BodyPartExamined="HEAD", SeriesDescription="t2 stir cor head",
           StudyDescription="Head", ProtocolName="head")  # fmt: skip
    refused(read(capsys, exam.dicom, exam.bones, out), "head")


def test_a_real_head(data, exam, out, capsys):
    refused(read(capsys, data / "dicom" / "head_canon", exam.bones, out), "head")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_folder_that_cannot_be_written(tmp_path, exam, capsys):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    seen = read(capsys, exam.dicom, exam.bones, locked / "out")
    assert seen.code == 1
    assert "cannot be written" in seen.err


def test_an_output_folder_that_is_a_file(tmp_path, exam, capsys):
    (tmp_path / "file").write_text("x")
    seen = read(capsys, exam.dicom, exam.bones, tmp_path / "file")
    assert seen.code == 1
    assert "file" in seen.err


def test_a_folder_that_holds_a_reading(exam, out, capsys):
    assert read(capsys, exam.dicom, exam.bones, out, "--quiet").code == 0
    before = (out / "reading.json").read_bytes()
    seen = read(capsys, exam.dicom, exam.bones, out)
    assert seen.code == 1
    assert "--overwrite" in seen.err
    assert (out / "reading.json").read_bytes() == before
    assert read(capsys, exam.dicom, exam.bones, out, "--overwrite", "--quiet").code == 0


@pytest.mark.parametrize("what", ["full disk", "interrupt"])
def test_a_reading_survives_what_breaks_off_the_next(exam, out, capsys, monkeypatch, what):
    assert read(capsys, exam.dicom, exam.bones, out, "--quiet").code == 0
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    stop = OSError(errno.ENOSPC, "No space left on device") if what == "full disk" else None

    def broken(*_args, **_kwargs):
        raise stop or KeyboardInterrupt

    monkeypatch.setattr("os.fsync", broken)
    seen = read(capsys, exam.dicom, exam.bones, out, "--overwrite")
    monkeypatch.undo()
    assert seen.code == (1 if stop else 130)
    assert ("full" if stop else "interrupted") in seen.err
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_inputs_are_never_changed(exam, out, capsys):
    before = {p: p.read_bytes() for p in exam.folder.rglob("*") if p.is_file()}
    read(capsys, exam.dicom, exam.bones, out, "--quiet")
    assert {p: p.read_bytes() for p in exam.folder.rglob("*") if p.is_file()} == before


def test_errors_for_machines(tmp_path, exam, out, capsys):
    (tmp_path / "empty").mkdir()
    seen = read(capsys, tmp_path / "empty", exam.bones, out, "--json")
    assert seen.code == 3
    error = json.loads(seen.out)["error"]
    assert error["kind"] == "NoImages"
    assert error["exit_code"] == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--series", "stirr=x.nii"], "ROLE=FILE"),
        (["--series", "stir=nowhere.nii"], "nowhere.nii"),
        (["--bone-labels", "1=femurr"], "Did you mean 'femur'"),
        (["--joint", "elbow"], "elbow"),
    ],
)
def test_wrong_words_are_usage_errors(exam, out, capsys, words, told):
    seen = run_cli(capsys, "read", exam.dicom, "--bones", exam.bones, "-o", out, *words)
    assert seen.code == 2
    assert told in seen.err


def test_no_name_id_or_date_reaches_the_screen(exam, out, capsys):
    change(exam.dicom, PatientName="Planted^Name", PatientID="PLANTED-7", StudyDate="19991231")
    for inputs in (exam.dicom, exam.dicom / "02_t1w"):
        seen = read(capsys, inputs, exam.bones, out, "--overwrite")
        for secret in ("planted", "19991231", "1999-12-31"):
            assert secret not in (seen.out + seen.err).lower()

"""``marrowlight export``: documents of a reading, all of them or none, never those of another."""

import json
import shutil
import stat
from io import BytesIO

import nibabel as nib
import numpy as np
import pydicom
import pytest

from tests.cli.running import run_cli

DICOM = {"seg.dcm", "seg_all.dcm", "sr.dcm", "report.dcm"}
TABLES = {f"{name}.{kind}" for name in ("bones", "lesions", "zones") for kind in ("csv", "parquet")}
ALL = DICOM | TABLES | {"report.pdf", "fhir.json", "export.json"}


@pytest.fixture(scope="module")
def done(small_exam, tmp_path_factory):
    """A reading of the small exam; tests must not change it."""
    from marrowlight.cli.app import run

    out = tmp_path_factory.mktemp("reading") / "out"
    words = ["read", small_exam.dicom, "--bones", small_exam.bones, "--bone-labels", "registry"]
    assert run([*map(str, words), "-o", str(out), "--quiet"]) == 0
    return out


@pytest.fixture
def reading(done, tmp_path):
    """A copy that a test may add to."""
    return shutil.copytree(done, tmp_path / "out")


def export(capsys, folder, *words):
    return run_cli(capsys, "export", folder, *words)


def test_everything_is_made_when_nothing_is_named(reading, capsys):
    seen = export(capsys, reading)
    assert seen.code == 0, seen.err
    assert {p.name for p in (reading / "export").iterdir()} == ALL
    assert "seg.dcm" in seen.out
    for path in (reading / "export").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_only_what_is_named_is_made(reading, capsys):
    assert export(capsys, reading, "--seg", "--sr").code == 0
    assert {p.name for p in (reading / "export").iterdir()} == {
        "seg.dcm", "seg_all.dcm", "sr.dcm", "export.json"
    }  # fmt: skip


def test_the_probability_is_made_on_request(reading, capsys):
    assert export(capsys, reading, "--probability").code == 0
    seg = pydicom.dcmread(reading / "export" / "probability.dcm")
    assert seg.SegmentationType == "FRACTIONAL"


def test_the_documents_are_objects_of_the_study_that_was_read(reading, small_exam, capsys):
    export(capsys, reading, "--seg", "--sr", "--pdf")
    source = pydicom.dcmread(next(small_exam.fluid.glob("*.dcm")))
    found = [pydicom.dcmread(reading / "export" / name) for name in sorted(DICOM)]
    for one in found:
        assert one.StudyInstanceUID == source.StudyInstanceUID
        assert one.PatientID == source.PatientID
        assert "not verified" in one.SeriesDescription
    assert len({one.SeriesInstanceUID for one in found} | {source.SeriesInstanceUID}) == 5


def test_exporting_again_gives_the_same_objects(reading, capsys):
    export(capsys, reading)
    before = {p.name: p.read_bytes() for p in (reading / "export").iterdir()}
    assert export(capsys, reading, "--overwrite").code == 0
    assert {p.name: p.read_bytes() for p in (reading / "export").iterdir()} == before


def test_reading_again_gives_the_same_uids(reading, small_exam, tmp_path, capsys):
    words = ["read", small_exam.dicom, "--bones", small_exam.bones, "--bone-labels", "registry"]
    run_cli(capsys, *words, "-o", tmp_path / "again", "--quiet")
    export(capsys, reading, "--seg")
    export(capsys, tmp_path / "again", "--seg")
    one, two = (pydicom.dcmread(f / "export" / "seg.dcm") for f in (reading, tmp_path / "again"))
    assert one.SOPInstanceUID == two.SOPInstanceUID
    assert one.PixelData == two.PixelData


def test_volumes_are_equal_in_json_sr_and_the_mask(reading, capsys):
    export(capsys, reading, "--seg", "--sr", "--csv")
    told = json.loads((reading / "reading.json").read_text())
    mask = nib.load(reading / "edema.nii.gz")
    voxel = abs(np.linalg.det(mask.affine[:3, :3]))
    seg = pydicom.dcmread(reading / "export" / "seg.dcm")
    whole = pydicom.dcmread(reading / "export" / "seg_all.dcm")
    total = told["regions"][0]["edema"]["volume_mm3"]
    for one in (seg, whole):
        assert one.pixel_array.sum() == np.asanyarray(mask.dataobj).sum()
        assert one.pixel_array.sum() * voxel == pytest.approx(total, rel=1e-4)
    sr = pydicom.dcmread(reading / "export" / "sr.dcm")
    numbers = [float(i.value) for i in sr.iterall() if i.keyword == "NumericValue"]
    for bone in told["regions"][0]["bones"]:
        assert any(abs(n - bone["edema"]["volume_mm3"]) < 1e-3 for n in numbers)


def test_an_archive_gets_one_segmentation(reading, capsys):
    from marrowlight.export.write import exported_dicom

    export(capsys, reading)
    assert {path.name for path in exported_dicom(reading)} == DICOM - {"seg_all.dcm"}


def test_documents_that_are_there_are_kept(reading, capsys):
    export(capsys, reading, "--seg")
    seen = export(capsys, reading, "--seg")
    assert seen.code == 1
    assert "--overwrite" in seen.err


def test_documents_of_an_earlier_reading_are_never_kept_beside_new_ones(
    reading, small_exam, capsys
):
    export(capsys, reading, "--seg", "--sr")
    words = ["read", small_exam.dicom, "--bones", small_exam.bones, "--bone-labels", "registry"]
    more = ["--side", "left", "-o", reading, "--overwrite", "--quiet"]
    assert run_cli(capsys, *words, *more).code == 0
    seen = export(capsys, reading, "--fhir")
    assert seen.code == 1
    assert "earlier reading" in seen.err
    assert export(capsys, reading, "--fhir", "--overwrite").code == 0
    assert {p.name for p in (reading / "export").iterdir()} == {"fhir.json", "export.json"}


def test_a_reading_of_nifti_says_what_needs_dicom(small_exam, tmp_path, capsys):
    out = tmp_path / "out"
    run_cli(capsys, "read", small_exam.nifti, "--bones", small_exam.bones, "--bone-labels",
            "registry", "--joint", "knee", "-o", out, "--quiet")  # fmt: skip
    seen = export(capsys, out, "--json")
    assert seen.code == 0
    told = json.loads(seen.out)
    assert {"seg", "sr", "pdf in DICOM"} == set(told["skipped"])
    assert "fhir.json" in told["files"]
    assert "report.pdf" in told["files"]
    asked = export(capsys, out, "--seg", "--overwrite")
    assert asked.code == 3
    assert "no DICOM" in asked.err


def test_a_negative_reading_still_gives_one_of_each(small_exam, tmp_path, capsys):
    mask = nib.load(small_exam.edema)
    empty = tmp_path / "none.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros(mask.shape, np.uint8), mask.affine), empty)
    out = tmp_path / "out"
    run_cli(capsys, "measure", "--bones", small_exam.bones, "--bone-labels", "registry",
            "--edema", empty, "--image", small_exam.dicom, "-o", out, "--quiet")  # fmt: skip
    assert export(capsys, out).code == 0
    assert {p.name for p in (out / "export").iterdir()} == ALL - {"seg_all.dcm"}
    assert not pydicom.dcmread(out / "export" / "seg.dcm").pixel_array.any()


def test_no_reading_no_documents(tmp_path, capsys):
    seen = export(capsys, tmp_path)
    assert seen.code == 3
    assert "marrowlight read" in seen.err


def test_a_course_of_other_visits_is_refused(reading, tmp_path, capsys):
    course = {"schema": "marrowlight.course/1"}
    (tmp_path / "course.json").write_text(json.dumps(course))
    seen = export(capsys, reading, "--sr", "--course", tmp_path / "course.json")
    assert seen.code == 3
    assert not (reading / "export").exists()


def test_a_record_that_was_changed_is_refused(reading, capsys):
    source = json.loads((reading / "source.json").read_text())
    source["series"][0]["dicom"]["frames"] = "none"
    (reading / "source.json").write_text(json.dumps(source))
    seen = export(capsys, reading, "--seg")
    assert seen.code == 3
    assert "source.json" in seen.err


def test_missing_slices_in_the_record_are_no_document(reading, capsys):
    source = json.loads((reading / "source.json").read_text())
    primary = json.loads((reading / "reading.json").read_text())["primary_series"]
    for one in source["series"]:
        if one["id"] == primary:
            one["dicom"]["frames"].pop()
    (reading / "source.json").write_text(json.dumps(source))
    seen = export(capsys, reading, "--seg")
    assert seen.code == 3
    assert "same grid" in seen.err
    assert not (reading / "export").exists()


def test_from_python(reading):
    import marrowlight as ml

    done = ml.export_reading(reading, wanted=["sr"])
    assert set(done.files) == {"sr.dcm"}
    assert pydicom.dcmread(BytesIO(done.files["sr.dcm"].read_bytes())).Modality == "SR"
    with pytest.raises(ml.errors.UsageError, match="no document 'xml'"):
        ml.export_reading(reading, wanted=["xml"])

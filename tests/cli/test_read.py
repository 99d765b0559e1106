"""``marrowlight read`` on a phantom whose truth is known: every output, every promise."""

import json
import stat

import nibabel as nib
import numpy as np
import pytest

from tests.cli.running import run_cli

FILES = {
    "report.html", "reading.json", "edema.nii.gz", "edema_probability.nii.gz", "bones.nii.gz",
    "source.json", "run.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def done(small_exam, tmp_path_factory):
    """One reading of the small exam from DICOM."""
    from marrowlight.cli.app import run

    out = tmp_path_factory.mktemp("read") / "out"
    words = ["read", small_exam.dicom, "--bones", small_exam.bones, "--bone-labels", "registry"]
    assert run([str(w) for w in (*words, "-o", out, "--quiet")]) == 0
    return out


def reading(folder):
    return json.loads((folder / "reading.json").read_text())


def test_every_output_is_there_and_nothing_else(done):
    assert {p.name for p in done.iterdir()} == FILES


def test_the_contract_names_joint_side_and_bones(done):
    found = reading(done)
    assert found["schema"] == "marrowlight.reading/1"
    (region,) = found["regions"]
    assert (region["joint"], region["side"]) == ("knee", "right")
    assert [b["bone"] for b in region["bones"]] == ["femur", "tibia", "fibula", "patella"]


def test_the_large_lesion_is_found_where_it_is(done, small_exam):
    truth = json.loads((small_exam.folder / "truth" / "truth.json").read_text())["lesions"][0]
    largest = reading(done)["regions"][0]["edema"]["lesions"][0]
    assert largest["bone"] == "femur"
    assert np.linalg.norm(np.subtract(largest["centroid_ras_mm"], truth["centroid_ras_mm"])) < 8


def test_masks_stand_on_the_primary_grid_and_agree_with_the_numbers(done, small_exam):
    edema, bones = nib.load(done / "edema.nii.gz"), nib.load(done / "bones.nii.gz")
    truth = nib.load(small_exam.bones)
    assert np.allclose(edema.affine, truth.affine, atol=1e-3)
    assert np.array_equal(np.asanyarray(bones.dataobj), np.asanyarray(truth.dataobj))
    voxel = abs(np.linalg.det(edema.affine[:3, :3]))
    volume = np.asanyarray(edema.dataobj).sum() * voxel
    assert volume == pytest.approx(reading(done)["regions"][0]["edema"]["volume_mm3"], rel=1e-5)


def test_probability_is_a_probability(done):
    probability = np.asanyarray(nib.load(done / "edema_probability.nii.gz").dataobj)
    assert probability.min() >= 0
    assert probability.max() <= 1


def test_two_named_intervals_hold_the_volume(done):
    edema = reading(done)["regions"][0]["edema"]
    kinds = {i["kind"]: i for i in edema["intervals"]}
    assert set(kinds) == {"reader_agreement", "repeatability"}
    assert all(i["low_mm3"] <= edema["volume_mm3"] <= i["high_mm3"] for i in kinds.values())


def test_only_the_source_identifies(done):
    source = json.loads((done / "source.json").read_text())
    patient = source["identity"]["patient_id"]
    assert patient
    assert stat.S_IMODE((done / "source.json").stat().st_mode) == 0o600
    uid = source["series"][0]["uids"]["study"]
    for name in FILES - {"source.json"}:
        content = (done / name).read_bytes()
        assert patient.encode() not in content
        assert uid.encode() not in content


def test_the_run_record_names_roles_not_paths(done, small_exam):
    text = (done / "run.json").read_text()
    assert str(small_exam.folder) not in text
    record = json.loads(text)
    assert record["peak_memory_mb"] > 10
    assert {"find edema", "measure", "report"} <= set(record["seconds"])


def test_the_same_input_gives_the_same_reading(done, small_exam, tmp_path, capsys):
    again = tmp_path / "again"
    words = ["read", small_exam.dicom, "--bones", small_exam.bones, "--bone-labels", "registry"]
    assert run_cli(capsys, *words, "-o", again, "--quiet").code == 0
    for name in FILES - {"source.json", "run.json"}:
        assert (again / name).read_bytes() == (done / name).read_bytes(), name


def test_nifti_and_dicom_of_one_exam_give_one_volume(done, small_exam, tmp_path, capsys):
    out = tmp_path / "out"
    seen = run_cli(
        capsys, "read", small_exam.nifti, "--bones", small_exam.bones, "--bone-labels", "registry",
        "--joint", "knee", "--side", "right", "-o", out, "--json",
    )  # fmt: skip
    assert seen.code == 0
    volume = json.loads(seen.out)["reading"]["regions"][0]["edema"]["volume_mm3"]
    assert volume == pytest.approx(reading(done)["regions"][0]["edema"]["volume_mm3"], rel=0.02)


def test_a_person_sees_a_table_and_the_way_to_the_report(small_exam, tmp_path, capsys):
    seen = run_cli(
        capsys, "read", small_exam.dicom, "--bones", small_exam.bones, "--bone-labels", "registry",
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert "Femur" in seen.out
    assert f"Report: {tmp_path / 'out' / 'report.html'}" in seen.out


def test_measure_gives_the_truth_back(small_exam, tmp_path, capsys):
    seen = run_cli(
        capsys, "measure", "--bones", small_exam.bones, "--bone-labels", "registry", "--edema",
        small_exam.edema, "--image", small_exam.dicom, "-o", tmp_path / "out", "--json",
    )  # fmt: skip
    assert seen.code == 0
    measured = json.loads(seen.out)["reading"]["regions"][0]["edema"]
    mask = nib.load(small_exam.edema)
    volume = np.asanyarray(mask.dataobj).sum() * abs(np.linalg.det(mask.affine[:3, :3]))
    assert measured["volume_mm3"] == pytest.approx(volume, rel=1e-5)
    assert measured["lesions"][0]["contrast"] > 2


def test_measure_without_an_image_leaves_contrast_unmeasured(small_exam, tmp_path, capsys):
    seen = run_cli(
        capsys, "measure", "--bones", small_exam.bones, "--bone-labels", "registry", "--edema",
        small_exam.edema, "-o", tmp_path / "out", "--json", "--joint", "knee",
    )  # fmt: skip
    lesions = json.loads(seen.out)["reading"]["regions"][0]["edema"]["lesions"]
    assert lesions[0]["contrast"] is None
    assert (tmp_path / "out" / "report.html").exists()


def test_demo_compares_with_its_truth(tmp_path, capsys):
    seen = run_cli(capsys, "demo", "-o", tmp_path / "demo", "--json")
    assert seen.code == 0
    found = json.loads(seen.out)["comparison"]
    assert found["lesions_found"] >= 1
    assert found["dice"] > 0.6

"""``marrowlight bones``, and reading without a mask: what is written, said and refused."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from tests.cli.found_bones import WEIGHTS, put, truth_found
from tests.cli.running import run_cli


@pytest.fixture
def finder(monkeypatch, small_exam):
    """The network finds all bones."""
    return put(monkeypatch, truth_found(small_exam.bones))


@pytest.fixture
def without(monkeypatch, small_exam):
    """The network does not read some bones."""
    return lambda *names: put(monkeypatch, truth_found(small_exam.bones, without=names))


def bones(capsys, exam, out, *more):
    return run_cli(capsys, "bones", exam.dicom, "-o", out, *more)


def test_the_label_map_its_names_and_a_picture_are_written(finder, small_exam, tmp_path, capsys):
    seen = bones(capsys, small_exam, tmp_path / "b.nii.gz")
    assert seen.code == 0, seen.err
    assert {p.name for p in tmp_path.iterdir()} == {"b.nii.gz", "b.json", "b.png"}
    written, truth = nib.load(tmp_path / "b.nii.gz"), nib.load(small_exam.bones)
    np.testing.assert_allclose(written.affine, truth.affine, atol=1e-4)
    np.testing.assert_array_equal(np.asanyarray(written.dataobj), np.asanyarray(truth.dataobj))
    record = json.loads((tmp_path / "b.json").read_text())
    assert record["schema"] == "marrowlight.bones/1"
    femur = record["labels"][0]
    assert (femur["label"], femur["bone"], femur["side"]) == (1, "femur", "right")
    assert (femur["confidence"], femur["cut_off"]) == (0.93, True)
    assert record["joint"] == "knee"
    assert record["versions"]["bone_weights"] == WEIGHTS


def test_a_person_sees_a_table_and_where_to_look(finder, small_exam, tmp_path, capsys):
    seen = bones(capsys, small_exam, tmp_path / "b.nii.gz")
    assert "Femur, right" in seen.out
    assert "93" in seen.out
    assert str(tmp_path / "b.png") in seen.out


def test_a_bone_that_was_not_read_is_named_with_its_reason(without, small_exam, tmp_path, capsys):
    without("fibula")
    seen = bones(capsys, small_exam, tmp_path / "b.nii.gz")
    assert seen.code == 0
    record = json.loads((tmp_path / "b.json").read_text())
    assert [b["bone"] for b in record["not_read"]] == ["fibula"]
    assert "planes do not agree" in record["not_read"][0]["reason"]
    assert "fibula was not read" in seen.err


def test_a_joint_without_a_main_bone_is_read_in_part(without, small_exam, tmp_path, capsys):
    without("tibia")
    seen = bones(capsys, small_exam, tmp_path / "b.nii.gz", "--json")
    assert seen.code == 3
    assert json.loads(seen.out)["partial"] is True
    assert (tmp_path / "b.nii.gz").exists()


def test_the_picture_shows_outlines_and_goes_where_it_is_told(finder, small_exam, tmp_path, capsys):
    picture = tmp_path / "seen.png"
    seen = bones(capsys, small_exam, tmp_path / "b.nii.gz", "--picture", picture, "--quiet")
    assert seen.out == ""
    assert not (tmp_path / "b.png").exists()
    pixels = np.asarray(Image.open(picture).convert("RGB"), int)
    coloured = np.ptp(pixels, axis=-1) > 60
    assert coloured.sum() > 2000


def test_nothing_is_replaced_unless_asked(finder, small_exam, tmp_path, capsys):
    (tmp_path / "b.json").write_text("mine")
    seen = bones(capsys, small_exam, tmp_path / "b.nii.gz")
    assert seen.code == 1
    assert "--overwrite" in seen.err
    assert [p.name for p in tmp_path.iterdir()] == ["b.json"]
    assert not finder.studies
    assert bones(capsys, small_exam, tmp_path / "b.nii.gz", "--overwrite", "-q").code == 0


@pytest.mark.parametrize("words", [("-o", "bones.mha"), ("-o", "b.nii.gz", "--picture", "b.jpg")])
def test_a_name_that_fits_no_format_is_a_usage_error(finder, small_exam, words, capsys):
    seen = run_cli(capsys, "bones", small_exam.dicom, *words)
    assert seen.code == 2
    assert not finder.studies


def test_an_interrupted_write_leaves_what_was_there(
    finder, small_exam, tmp_path, capsys, monkeypatch
):
    assert bones(capsys, small_exam, tmp_path / "b.nii.gz", "-q").code == 0
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def broken(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", broken)
    assert bones(capsys, small_exam, tmp_path / "b.nii.gz", "--overwrite").code == 130
    monkeypatch.undo()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_the_side_file_names_the_labels_when_the_map_is_read_again(
    finder, small_exam, tmp_path, capsys
):
    path = tmp_path / "b.nii.gz"
    assert bones(capsys, small_exam, path, "-q").code == 0
    seen = run_cli(
        capsys, "read", small_exam.dicom, "--bones", path, "-o", tmp_path / "out", "--json"
    )
    assert seen.code == 0, seen.err
    (region,) = json.loads(seen.out)["reading"]["regions"]
    assert [b["bone"] for b in region["bones"]] == ["femur", "tibia", "fibula", "patella"]
    assert {b["side"] for b in region["bones"]} == {"right"}
    # Without its side file the same map is nameless.
    shutil.copy(path, tmp_path / "alone.nii.gz")
    alone = run_cli(
        capsys, "read", small_exam.dicom, "--bones", tmp_path / "alone.nii.gz", "-o",
        tmp_path / "out2",
    )  # fmt: skip
    assert alone.code == 3
    assert "--bone-labels" in alone.err


def test_a_broken_side_file_is_refused_and_a_foreign_one_ignored(
    finder, small_exam, tmp_path, capsys
):
    path = tmp_path / "b.nii.gz"
    assert bones(capsys, small_exam, path, "-q").code == 0
    record = json.loads((tmp_path / "b.json").read_text())
    record["labels"] = [{"label": "one"}]
    (tmp_path / "b.json").write_text(json.dumps(record))
    words = ["read", small_exam.dicom, "--bones", path, "-o", tmp_path / "out"]
    seen = run_cli(capsys, *words)
    assert (seen.code, "b.json" in seen.err) == (3, True)
    (tmp_path / "b.json").write_text(json.dumps({"EchoTime": 0.03}))
    seen = run_cli(capsys, *words, "--bone-labels", "registry", "-q")
    assert seen.code == 0, seen.err


def test_read_finds_the_bones_where_none_are_given(finder, small_exam, tmp_path, capsys):
    seen = run_cli(capsys, "read", small_exam.dicom, "-o", tmp_path / "out", "--json")
    assert seen.code == 0, seen.err
    reading = json.loads(seen.out)["reading"]
    (region,) = reading["regions"]
    assert (region["bones"][0]["bone"], region["bones"][0]["confidence"]) == ("femur", 0.93)
    assert region["not_read"] == []
    assert reading["versions"]["bone_weights"] == WEIGHTS
    assert "bones-planes-differ" in {w["code"] for w in reading["warnings"]}
    assert any("network" in text for text in region["joint_evidence"])
    assert len(finder.studies) == 1
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["options"]["bones"] == "found"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Found by the bone network." in page


def test_read_with_a_mask_asks_no_network(finder, small_exam, tmp_path, capsys):
    seen = run_cli(
        capsys, "read", small_exam.dicom, "--bones", small_exam.bones, "--bone-labels", "registry",
        "-o", tmp_path / "out", "--json",
    )  # fmt: skip
    reading = json.loads(seen.out)["reading"]
    assert not finder.studies
    assert reading["versions"]["bone_weights"] is None
    assert {b["confidence"] for b in reading["regions"][0]["bones"]} == {None}


def test_what_was_not_read_is_in_the_reading_and_in_the_exit_code(
    without, small_exam, tmp_path, capsys
):
    without("fibula")
    seen = run_cli(capsys, "read", small_exam.dicom, "-o", tmp_path / "a", "--json")
    reading = json.loads(seen.out)["reading"]
    (missed,) = reading["regions"][0]["not_read"]
    assert (missed["bone"], missed["side"]) == ("fibula", "right")
    assert "bone-not-read" in {w["code"] for w in reading["warnings"]}
    assert seen.code == 0
    without("femur", "fibula")
    seen = run_cli(capsys, "read", small_exam.dicom, "-o", tmp_path / "b", "--json")
    reading = json.loads(seen.out)["reading"]
    assert seen.code == 3
    assert {"main-bone-not-read", "bone-not-read"} <= {w["code"] for w in reading["warnings"]}
    assert "planes do not agree" in (tmp_path / "b" / "report.html").read_text()


def test_the_joint_that_the_network_sees_counts_where_the_files_are_silent(
    finder, small_exam, tmp_path, capsys
):
    folder = tmp_path / "silent"
    folder.mkdir()
    for n, path in enumerate(sorted(small_exam.nifti.glob("*.nii.gz"))):
        shutil.copy(path, folder / f"x{n}_{path.name}")
    seen = run_cli(capsys, "read", folder, "-o", tmp_path / "out", "--json")
    assert seen.code == 0, seen.err
    (region,) = json.loads(seen.out)["reading"]["regions"]
    assert region["joint"] == "knee"


@pytest.mark.parametrize(
    "words",
    [
        ["--seed", "femur=1,2"],
        ["--seed", "femur"],
        ["--seed", "femurr=1,2,3"],
        ["--bone-labels", "1=femur"],
    ],
)
def test_words_that_make_no_sense_are_usage_errors(finder, small_exam, tmp_path, capsys, words):
    seen = run_cli(capsys, "read", small_exam.dicom, "-o", tmp_path / "out", *words)
    assert seen.code == 2, seen.err
    assert not finder.studies


def test_a_seed_reaches_the_network_and_goes_with_no_mask(finder, small_exam, tmp_path, capsys):
    seed = ["--seed", "femur=10,-5,30.5", "--seed", "tibia=10,-5,-30"]
    assert run_cli(capsys, "read", small_exam.dicom, "-o", tmp_path / "a", *seed, "-q").code == 0
    assert [(s.bone, s.point) for s in finder.seeds] == [
        ("femur", (10, -5, 30.5)), ("tibia", (10, -5, -30)),
    ]  # fmt: skip
    seen = run_cli(
        capsys, "read", small_exam.dicom, "--bones", small_exam.bones, "--bone-labels", "registry",
        "-o", tmp_path / "b", *seed,
    )  # fmt: skip
    assert seen.code == 2
    assert "--seed" in seen.err

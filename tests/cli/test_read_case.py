"""``marrowlight read --case``: the image fills the case, and the report says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import run_cli

CASE = "joint: knee\nside: right\nage: 24\nsex: male\npresent: [acute_trauma]\nabsent: [fever]\n"


def words(exam: Any, case: Path, out: Path) -> list[object]:
    return ["read", exam.dicom, "--bones", exam.bones, "--bone-labels", "registry", "--case", case,
            "-o", out, "--quiet"]  # fmt: skip


def test_the_report_and_the_explanation_say_why(
    small_exam: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case, out = tmp_path / "case.yaml", tmp_path / "out"
    case.write_text(CASE)
    assert run_cli(capsys, *words(small_exam, case, out)).code == 0
    told = json.loads((out / "explanation.json").read_text())
    assert told["case"]["present"].count("acute_trauma") == 1
    assert "bme_present" in told["case"]["present"], "the image said so"
    assert told["case"]["values"]["bme_volume_ml"] > 0
    seen = {one["finding"]: one for one in told["seen"]}
    assert seen["bme_present"]["state"] == "present"
    assert seen["mri_effusion"]["state"] == "unknown"
    assert told["ranking"][0]["cause"] == "bone_contusion"
    page = (out / "report.html").read_text()
    assert 'id="causes"' in page
    record = json.loads((out / "run.json").read_text())
    assert record["options"]["case"] == "given"
    assert "explain" in record["seconds"]
    assert str(case) not in (out / "run.json").read_text()
    assert str(case) in (out / "source.json").read_text()


def test_a_case_of_another_joint_is_refused_and_nothing_is_written(
    small_exam: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case, out = tmp_path / "case.yaml", tmp_path / "out"
    case.write_text("joint: hip\nage: 24\n")
    seen = run_cli(capsys, *words(small_exam, case, out))
    assert seen.code == 3
    assert "right knee" in seen.err
    assert "hip" in seen.err
    assert not out.exists()


def test_a_mistake_in_the_case_is_told_before_the_images_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case, out = tmp_path / "case.yaml", tmp_path / "out"
    case.write_text("joint: knee\npresent: [fevre]\n")
    seen = run_cli(capsys, "read", tmp_path / "no-exam", "--case", case, "-o", out)
    assert seen.code != 0
    assert "fever" in seen.err, "did you mean"


def test_a_person_sees_the_causes_in_the_terminal_and_a_machine_in_json(
    small_exam: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case.yaml"
    case.write_text(CASE.replace("absent: [fever]", "absent: []").replace("[ac", "[fever, ac"))
    seen = run_cli(capsys, *words(small_exam, case, tmp_path / "a")[:-1])
    assert seen.out.index("Not to be missed (now)") < seen.out.index("Why it may be there")
    machine = run_cli(capsys, *words(small_exam, case, tmp_path / "b")[:-1], "--json")
    assert json.loads(machine.out)["explanation"]["flags"]

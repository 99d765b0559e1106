"""``marrowlight follow``: visits in, what changed out; and what happens to bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from marrowlight.output import write_result
from marrowlight.report.schema import shipped_schema
from marrowlight.study.study import Side
from tests.cli.running import Outcome, run_cli
from tests.course.made_visit import Ball, made_visit, result_of
from tests.course.test_compare import known

LARGE, SMALL = Ball("femur", (4, 0, 22), 14), Ball("femur", (4, 0, 22), 7)
TIBIA = Ball("tibia", (0, 0, -22), 9)
CASE = "joint: knee\nside: left\nage: 24\nsex: male\npresent: [acute_trauma]\nabsent: [fever]\n"


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bones that have not moved: the search for how they did is tested elsewhere."""
    monkeypatch.setattr("marrowlight.course.register.register_bone", known())


def visit(
    folder: Path, balls: list[Ball], *, date: str = "", patient: str = "", **more: Any
) -> Path:
    """The output folder of a reading."""
    write_result(folder, result_of(made_visit(balls, **more)))
    record = json.loads((folder / "source.json").read_text())
    record["identity"] = {"study_date": date, "patient_id": patient}
    (folder / "source.json").write_text(json.dumps(record))
    return folder


def course_of(out: Path) -> dict[str, Any]:
    course: dict[str, Any] = json.loads((out / "course.json").read_text())
    jsonschema.validate(course, shipped_schema("course"))
    return course


def refused(outcome: Outcome, out: Path, code: int, *words: str) -> None:
    assert outcome.code == code, outcome.err
    assert not out.exists()
    for word in words:
        assert word in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.usefixtures("still")
def test_dates_order_the_visits_and_are_written_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = visit(tmp_path / "late 2024-03-27", [SMALL, TIBIA], date="20240327", patient="Doe-77")
    early = visit(tmp_path / "early", [LARGE, TIBIA], date="20240131", patient="Doe-77")
    out = tmp_path / "out"
    outcome = run_cli(capsys, "follow", late, early, "-o", out)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith(
        "Edema in the femur shrank from 11.4 to 1.4 ml over 8 weeks (more than measurement error); "
        "tibia stable."
    )
    course = course_of(out)
    assert [v["weeks"] for v in course["visits"]] == [0, 8]
    assert [v["name"] for v in course["visits"]] == ["early", "visit 1"]
    assert {v["weeks_source"] for v in course["visits"]} == {"dates"}
    assert "put-in-order" in {one["code"] for one in course["limits"]}
    for file in out.iterdir():
        text = file.read_bytes().decode("latin-1")
        for secret in ("Doe-77", "20240131", "2024-01-31", "20240327", "2024-03-27"):
            assert secret not in text, file.name
    assert {f.name for f in out.iterdir()} == {
        "course.json", "report.html", "run.json", "edema_visit1.nii.gz", "edema_visit2.nii.gz"
    }  # fmt: skip


@pytest.mark.usefixtures("still")
def test_weeks_that_are_given_go_before_dates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    visits = [
        visit(tmp_path / "a", [LARGE], date="20240131"),
        visit(tmp_path / "b", [SMALL], date="20240201"),
    ]
    outcome = run_cli(capsys, "follow", *visits, "--weeks", "2,8", "-o", tmp_path / "out", "--json")
    assert outcome.code == 0
    told = json.loads(outcome.out)
    assert told["course"] == course_of(tmp_path / "out")
    assert [v["weeks"] for v in told["course"]["visits"]] == [0, 6]
    assert {"weeks-given", "weeks-against-dates"} <= {
        one["code"] for one in told["course"]["limits"]
    }


@pytest.mark.parametrize(
    ("weeks", "said"),
    [("6,0", "do not rise"), ("0,0", "do not rise"), ("0", "1 time(s)"), ("a,b", "no weeks"),
     ("0,inf", "do not rise"), ("nan,3", "do not rise")],
)  # fmt: skip
def test_weeks_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], weeks: str, said: str
) -> None:
    visits = [visit(tmp_path / "a", [LARGE]), visit(tmp_path / "b", [SMALL])]
    outcome = run_cli(capsys, "follow", *visits, "--weeks", weeks, "-o", tmp_path / "out")
    refused(outcome, tmp_path / "out", 2, said, "--weeks")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--side", "right"), "read as side left, which --side right cannot change"),
        (("--joint", "hip"), "read as joint knee, which --joint hip cannot change"),
    ],
)
def test_a_reading_is_not_called_another_side_or_joint_in_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: tuple[str, str], said: str
) -> None:
    visits = [visit(tmp_path / "a", [LARGE]), visit(tmp_path / "b", [SMALL])]
    out = tmp_path / "out"
    outcome = run_cli(capsys, "follow", *visits, "--weeks", "0,6", *asked, "-o", out)
    refused(outcome, out, 3, said, "read the study again")


def test_a_course_is_no_visit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    course = tmp_path / "course"
    course.mkdir()
    (course / "course.json").write_text("{}")
    visits = [visit(tmp_path / "a", [LARGE]), course]
    outcome = run_cli(capsys, "follow", *visits, "--weeks", "0,6", "-o", tmp_path / "out")
    refused(outcome, tmp_path / "out", 3, "output of `marrowlight follow`")


def test_without_dates_the_weeks_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    visits = [visit(tmp_path / "a", [LARGE], date="20240131"), visit(tmp_path / "b", [SMALL])]
    outcome = run_cli(capsys, "follow", *visits, "-o", tmp_path / "out")
    refused(outcome, tmp_path / "out", 2, "visit 2", "--weeks")


def test_two_visits_of_one_day_need_weeks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    visits = [
        visit(tmp_path / "a", [LARGE], date="20240131"),
        visit(tmp_path / "b", [SMALL], date="20240131"),
    ]
    outcome = run_cli(capsys, "follow", *visits, "-o", tmp_path / "out")
    refused(outcome, tmp_path / "out", 2, "same date", "--weeks")


def test_two_patients_are_refused_and_not_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    visits = [
        visit(tmp_path / "a", [LARGE], date="20240131", patient="Doe-77"),
        visit(tmp_path / "b", [SMALL], date="20240331", patient="Roe-88"),
    ]
    outcome = run_cli(capsys, "follow", *visits, "-o", tmp_path / "out")
    refused(outcome, tmp_path / "out", 3, "not of one patient", "visit 2")
    assert "Doe" not in outcome.err
    assert "Roe" not in outcome.err


def test_the_same_visit_twice_is_no_course(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = visit(tmp_path / "a", [LARGE])
    outcome = run_cli(capsys, "follow", one, one, "--weeks", "0,6", "-o", tmp_path / "out")
    refused(outcome, tmp_path / "out", 3, "Only one of 2", "same images as visit 1")


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("odd", ["twice", "right", "broken", "absent"])
def test_a_visit_that_cannot_be_used_is_left_out_and_the_others_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], odd: str
) -> None:
    first = visit(tmp_path / "a", [LARGE, TIBIA])
    last = visit(tmp_path / "c", [SMALL, TIBIA])
    between, why = {
        "twice": (first, "same images"),
        "right": (visit(tmp_path / "r", [LARGE], side=Side.RIGHT), "right knee, not left knee"),
        "broken": (visit(tmp_path / "b", [SMALL]), "no edema.nii.gz"),
        "absent": (tmp_path / "nowhere", "no file or folder"),
    }[odd]
    if odd == "broken":
        (between / "edema.nii.gz").unlink()
    outcome = run_cli(
        capsys, "follow", first, between, last, "--weeks", "0,4,8", "-o", tmp_path / "out"
    )
    assert outcome.code == 3
    course = course_of(tmp_path / "out")
    assert [v["weeks"] for v in course["visits"]] == [0, 8]
    assert why in course["left_out"][0]["reason"]
    assert "was left out" in outcome.err
    assert outcome.out.startswith("Edema in the femur shrank")


def test_another_side_alone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    visits = [visit(tmp_path / "a", [LARGE]), visit(tmp_path / "r", [LARGE], side=Side.RIGHT)]
    outcome = run_cli(capsys, "follow", *visits, "--weeks", "0,6", "-o", tmp_path / "out")
    refused(outcome, tmp_path / "out", 3, "Only one of 2", "another joint or side")


@pytest.mark.usefixtures("still")
def test_a_visit_without_a_fluid_sensitive_series(
    small_exam: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    visits = [visit(tmp_path / "a", [LARGE]), visit(tmp_path / "b", [SMALL])]
    t1 = next(p for p in small_exam.dicom.iterdir() if "t1" in p.name)
    outcome = run_cli(
        capsys, "follow", *visits, t1, "--weeks", "0,4,8", "-o", tmp_path / "out", "-q"
    )
    assert outcome.code == 3, outcome.err
    (left_out,) = course_of(tmp_path / "out")["left_out"]
    assert "No fluid-sensitive" in left_out["reason"]


def test_one_visit_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run_cli(
        capsys, "follow", visit(tmp_path / "a", [LARGE]), "-o", tmp_path / "out", "--json"
    )
    assert outcome.code == 2
    assert json.loads(outcome.out)["error"]["kind"] == "UsageError"


@pytest.mark.usefixtures("still")
def test_what_is_there_is_not_replaced_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    visits = [visit(tmp_path / n, [LARGE, b]) for n, b in (("a", TIBIA), ("b", SMALL))]
    third = visit(tmp_path / "c", [SMALL])
    out = tmp_path / "out"
    words = ["follow", *visits, "-o", out, "-q", "--weeks"]
    assert run_cli(capsys, "follow", *visits, third, "-o", out, "--weeks", "0,4,9").code == 0
    assert (out / "edema_visit3.nii.gz").exists()
    again = run_cli(capsys, *words, "0,4")
    assert again.code == 1
    assert "--overwrite" in again.err
    assert run_cli(capsys, *words, "0,4", "--overwrite").code == 0
    assert not (out / "edema_visit3.nii.gz").exists()
    assert len(course_of(out)["visits"]) == 2
    over = run_cli(capsys, "follow", *visits, "--weeks", "0,4", "-o", visits[0], "--overwrite")
    assert over.code == 1
    assert "reading of one visit" in over.err


@pytest.mark.usefixtures("still")
def test_a_case_brings_an_explanation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "case.yaml").write_text(CASE)
    visits = [visit(tmp_path / "a", [LARGE]), visit(tmp_path / "b", [SMALL])]
    outcome = run_cli(
        capsys, "follow", *visits, "--weeks", "0,8", "--case", tmp_path / "case.yaml",
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    told = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert "acute_trauma" in told["case"]["present"]
    assert told["ranking"]


@pytest.mark.slow
def test_a_digital_knee_from_files_to_report(
    small_exam: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first visit is a reading, the second too; their bones are laid on each other."""
    from marrowlight.phantom import EdemaSpec, PhantomSpec, make_phantom, write_phantom

    later = PhantomSpec(pixel_mm=1.0, slice_mm=4.0, edema=(EdemaSpec("lateral_plateau", 1500),))
    write_phantom(make_phantom(later), tmp_path / "later")
    folders = []
    for name, exam in (("first", small_exam.folder), ("second", tmp_path / "later")):
        folders.append(tmp_path / name)
        outcome = run_cli(
            capsys, "read", exam / "dicom", "--bones", exam / "truth" / "bones.nii.gz",
            "--bone-labels", "registry", "-o", folders[-1], "-q",
        )  # fmt: skip
        assert outcome.code == 0, outcome.err
    outcome = run_cli(capsys, "follow", *folders, "--weeks", "0,12", "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    course = course_of(tmp_path / "out")
    femur = next(b for b in course["bones"] if b["bone"] == "femur")
    assert femur["verdict"] == "resolved"
    assert {r["bone"] for r in course["registration"] if r["accepted"]} >= {"femur", "tibia"}
    assert max(r["mean_surface_distance_mm"] for r in course["registration"]) < 0.5
    assert course["protocol_match"] == "matched"
    import nibabel as nib

    masks = [nib.load(tmp_path / "out" / f"edema_visit{n}.nii.gz") for n in (1, 2)]
    assert np.allclose(masks[0].affine, masks[1].affine)
    assert "resolved" in (tmp_path / "out" / "report.html").read_text()

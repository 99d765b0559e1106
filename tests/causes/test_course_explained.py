"""A case explained with its course: what is said of it, and what the command line refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from marrowlight.causes.case import Case
from marrowlight.course.course import Course, Fate
from marrowlight.errors import NotThisJoint, UnreadableFile
from marrowlight.explain_case import explain
from marrowlight.explanation import Explanation
from marrowlight.study.study import Joint, Side
from marrowlight.written_file import course_from
from tests.causes.course_made import course
from tests.cli.running import run_cli

HIP = Case(Joint.HIP, age=38, sex="male", present=frozenset({"sudden_onset", "bme_diffuse"}))
FALLS = course({"femur": [30, 8, 1.5]}, [0, 10, 24], joint=Joint.HIP)
STAYS = course({"femur": [30, 30]}, [0, 16], joint=Joint.HIP)


def chance(told: Explanation, cause: str) -> float:
    return next(r.probability for r in told.ranking if r.cause == cause)


@pytest.fixture
def hip_case(tmp_path: Path) -> Path:
    path = tmp_path / "case.yaml"
    path.write_text("joint: hip\nside: left\nage: 38\nsex: male\npresent: [sudden_onset]\n")
    return path


def written(measured: Course, folder: Path) -> Path:
    path = folder / "course.json"
    path.write_text(measured.model_dump_json(by_alias=True), encoding="utf-8")
    return path


def test_a_course_moves_the_ranking_and_is_named_among_the_reasons() -> None:
    plain, fell, stayed = explain(HIP), explain(HIP, FALLS), explain(HIP, STAYS)
    transient = "transient_osteoporosis_bmes"
    assert chance(stayed, transient) < chance(plain, transient) < chance(fell, transient)
    row = next(r for r in stayed.ranking if r.cause == transient)
    reason = next(w for w in row.against if w.finding == "course")
    assert reason.name == "Course since the last visit"
    assert reason.state == "unchanged after 16 weeks"
    assert reason.bits < -0.5
    assert reason.words in ("slightly against", "against", "strongly against")
    assert reason.p is not None
    assert reason.p[1] < 0.2
    assert "polTOH" in reason.source
    assert sum(h.probability for h in stayed.hypotheses) == pytest.approx(1)


def test_without_a_course_the_explanation_has_none() -> None:
    assert explain(HIP).course is None
    assert json.loads(explain(HIP).model_dump_json(by_alias=True))["course"] is None


def test_the_course_is_compared_with_the_leading_causes() -> None:
    told = explain(HIP, FALLS)
    assert told.course is not None
    assert [c.cause for c in told.course.compared] == list(told.first_view)
    by_cause = {c.cause: c for c in told.course.compared}
    transient = by_cause["transient_osteoporosis_bmes"]
    assert transient.fits == "fits (5% left)"
    assert transient.observed_log_ratio == pytest.approx(-2.996, abs=0.01)
    assert transient.expected_log_ratio < -1
    stays = explain(HIP, STAYS).course
    assert stays is not None
    other = {c.cause: c for c in stays.compared}["transient_osteoporosis_bmes"]
    assert other.fits.startswith(("unusual", "does not fit"))
    assert [a.code for a in stays.alerts] == ["not_fading"]


@pytest.mark.parametrize("measured", [FALLS, STAYS])
def test_the_popular_weeks_are_set_against_the_literature_with_every_course(
    measured: Course,
) -> None:
    told = explain(HIP, measured).course
    assert told is not None
    assert "within three to four weeks" in told.weeks_text
    assert "6 to 12 months" in told.weeks_text
    assert f"These visits span {told.weeks:g} weeks." in told.weeks_text
    assert "polTOH" in told.weeks_source


def test_after_four_weeks_nothing_can_be_said_yet() -> None:
    early = explain(HIP, course({"femur": [30, 28]}, [0, 4], joint=Joint.HIP)).course
    assert early is not None
    assert "says nothing" in early.weeks_text
    assert early.alerts == ()


def test_edema_that_is_gone_is_known_to_flags_and_criteria_and_counted_once() -> None:
    gone = course({"femur": [30, 0]}, [0, 26], joint=Joint.HIP)
    told = explain(HIP, gone)
    assert "bme_resolved_on_followup" in told.case.present
    reasons = {w.finding for r in told.ranking for w in (*r.for_, *r.against)}
    assert "course" in reasons
    assert "bme_resolved_on_followup" not in reasons
    stated = explain(HIP.but("bme_resolved_on_followup", False), gone)
    assert "bme_resolved_on_followup" in stated.case.absent


def test_a_joint_without_ranking_still_has_alerts() -> None:
    moved = course(
        {"sacrum": [5, 1], "ilium": [0, 6]},
        [0, 12],
        joint=Joint.SACROILIAC,
        fates={"ilium": Fate.MOVED_BONE},
    )
    told = explain(Case(Joint.SACROILIAC), moved)
    assert told.ranking == ()
    assert told.course is not None
    assert [a.code for a in told.course.alerts] == ["new_place"]
    assert told.course.compared == ()
    assert told.course.look_again.weeks == (6, 8)


def test_a_course_of_another_joint_or_side_is_refused() -> None:
    with pytest.raises(NotThisJoint):
        explain(Case(Joint.KNEE), FALLS)
    with pytest.raises(NotThisJoint):
        explain(Case(Joint.HIP, side=Side.RIGHT), FALLS)


def test_every_word_of_a_course_has_a_source() -> None:
    told = explain(HIP, STAYS).course
    assert told is not None
    assert all(a.source for a in told.alerts)
    assert all(c.source for c in told.compared)
    assert told.look_again.source


def test_the_command_line_joins_case_and_course(capsys, hip_case: Path, tmp_path: Path) -> None:
    file = written(STAYS, tmp_path)
    for given in (file, tmp_path):
        done = run_cli(capsys, "explain", hip_case, "--course", given)
        assert done.code == 0, done.err
        assert "Course: unchanged after 16 weeks." in done.out + done.err
        assert "Look again in" in done.out + done.err
    done = run_cli(capsys, "explain", hip_case, "--course", file, "--json")
    assert json.loads(done.out)["course"]["alerts"][0]["code"] == "not_fading"


def test_the_command_line_refuses_a_course_that_does_not_belong(
    capsys, hip_case: Path, tmp_path: Path
) -> None:
    knee = written(course({"femur": [3, 2]}, [0, 8]), tmp_path)
    done = run_cli(capsys, "explain", hip_case, "--course", knee)
    assert done.code == 3
    assert "The course is of the left knee, the case of the left hip." in done.err
    done = run_cli(capsys, "explain", hip_case, hip_case, "--course", knee)
    assert done.code == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "no JSON"),
        ("[]", "schema"),
        ('{"schema": "marrowlight.course/9"}', "marrowlight.course/9"),
        ('{"schema": "marrowlight.course/1"}', "summary"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_file_that_is_no_course_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "course.json"
    path.write_text(text)
    with pytest.raises(UnreadableFile, match=told):
        course_from(path)


def test_a_course_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="cannot be read"):
        course_from(tmp_path)


def test_a_course_survives_the_file_and_fields_of_later_versions(tmp_path: Path) -> None:
    path = written(FALLS, tmp_path)
    assert course_from(path) == FALLS
    data = json.loads(path.read_text())
    data["later"] = 1
    path.write_text(json.dumps(data))
    assert course_from(path) == FALLS

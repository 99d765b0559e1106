"""The interview: what is asked next, what answers mean, and the case that is saved."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from marrowlight.causes.case import Case
from marrowlight.causes.finding import Finding
from marrowlight.causes.knowledge import knowledge
from marrowlight.interview import BadAnswer, Interview, Question, case_text, command_of
from marrowlight.study.study import Joint, Side
from tests.cli.running import Outcome, run_cli

ORDER = (
    "corticosteroid_use", "symptom_duration_weeks", "bme_site", "xr_normal",
    "xr_regional_osteopenia", "fever",
)  # fmt: skip


def best(case: Case, most: int) -> Sequence[Finding]:
    """A fixed order, without what is known."""
    known = case.present | case.absent | set(case.values)
    return [knowledge().findings[name] for name in ORDER if name not in known][:most]


def asked(interview: Interview) -> str:
    question = interview.next_question(best)
    return question.id if question else ""


def said(interview: Interview, *answers: str) -> Interview:
    """The interview after these answers to whatever is asked."""
    for answer in answers:
        question = interview.next_question(best)
        assert question is not None
        interview = interview.answer(question, answer)
    return interview


def hip(*answers: str) -> Interview:
    return said(Interview.start(), "44", "m", "hip", *answers)


def test_age_sex_and_joint_come_first_and_then_the_most_informative() -> None:
    interview, order = Interview.start(), []
    for answer in ("44", "m", "hip", "y", "12"):
        order.append(asked(interview))
        interview = said(interview, answer)
    assert order == ["age", "sex", "joint", "corticosteroid_use", "symptom_duration_weeks"]
    case = interview.case
    assert (case.age, case.sex, case.joint) == (44, "male", Joint.HIP)
    assert case.present == {"corticosteroid_use"}
    assert case.values == {"symptom_duration_weeks": 12}


def test_a_pregnancy_is_asked_where_there_may_be_one() -> None:
    assert asked(said(Interview.start(), "31", "f", "hip")) == "pregnancy"
    assert said(Interview.start(), "31", "f", "hip", "3").case.pregnancy == "trimester_3"
    assert asked(said(Interview.start(), "70", "f", "hip")) == ORDER[0]
    assert asked(hip()) == ORDER[0]


def test_a_question_can_be_skipped_and_does_not_return() -> None:
    interview = hip("")
    assert asked(interview) == ORDER[1]
    assert interview.case == hip().case
    assert asked(said(interview, "?", "", "")) == "xr_regional_osteopenia"


def test_one_can_go_back_and_answer_anew() -> None:
    interview = hip("y").back()
    assert asked(interview) == ORDER[0]
    assert said(interview, "n").case.absent == {"corticosteroid_use"}
    assert asked(hip().back().back().back()) == "age"
    with pytest.raises(BadAnswer, match="first"):
        Interview.start().back()


def test_what_is_known_is_not_asked_again() -> None:
    start = Interview.start(
        Case(joint=Joint.KNEE, age=50, sex="male", present=frozenset(ORDER[:1]))
    )
    assert asked(start) == ORDER[1]


def test_nothing_left_to_ask_ends_it() -> None:
    assert hip("y", "12", "1", "n", "n", "n").next_question(best) is None


def test_what_contradicts_is_neither_asked_nor_taken() -> None:
    normal = hip("", "", "", "y")
    assert asked(normal) == "fever", "a normal radiograph leaves no osteopenia to ask for"
    question = Question("xr_regional_osteopenia", "?", "y or n")
    with pytest.raises(BadAnswer, match="contradicts"):
        normal.answer(question, "y")


@pytest.mark.parametrize(
    ("before", "bad"),
    [
        ((), "old"), ((), "150"), ((), "-1"), ((), "nan"), (("44",), "x"), (("44", "m"), "elbow"),
        (("44", "m"), "sacroiliac"), (("44", "m"), ""), (("44", "m", "hip"), "maybe"),
        (("44", "m", "hip", "y"), "long"), (("44", "m", "hip", "y"), "-3"),
        (("44", "m", "hip", "y", "12"), "99"), (("44", "m", "hip", "y", "12"), "moon"),
    ],
)  # fmt: skip
def test_a_bad_answer_gets_a_hint_and_changes_nothing(before: tuple[str, ...], bad: str) -> None:
    interview = said(Interview.start(), *before)
    question = interview.next_question(best)
    assert question is not None
    with pytest.raises(BadAnswer) as caught:
        interview.answer(question, bad)
    assert len(str(caught.value)) > 8


def test_place_and_duration_are_asked_after_the_first_few() -> None:
    names = ("corticosteroid_use", "fever", "diabetes", "acute_trauma", "known_malignancy")

    def few(case: Case, most: int) -> Sequence[Finding]:
        return [knowledge().findings[n] for n in names if case.state(n) is None][:most]

    interview, order = hip(), []
    for _ in range(7):
        question = interview.next_question(few)
        assert question is not None
        order.append(question.id)
        interview = interview.skip(question)
    assert order == [*names[:4], "bme_site", "symptom_duration_weeks", names[4]]


def test_an_answer_that_no_case_may_hold_is_not_taken() -> None:
    meniscus = Question("meniscal_root_tear_or_extrusion", "?", "y or n")
    with pytest.raises(BadAnswer, match="cannot be at the hip"):
        hip().answer(meniscus, "y")


def test_a_place_is_chosen_by_number_or_name() -> None:
    question = hip("", "").next_question(best)
    assert question is not None
    assert question.id == "bme_site"
    assert "femoral_head" in question.choices
    assert "patella" not in question.choices, "only sites of this joint"
    number = 1 + question.choices.index("femoral_neck")
    assert hip("", "", str(number)).case.values == {"bme_site": "femoral_neck"}
    assert hip("", "", "femoral neck").case.values == {"bme_site": "femoral_neck"}
    with pytest.raises(BadAnswer, match="femoral neck"):
        hip("", "").answer(question, "femoral nek")


def test_commands_are_no_answers() -> None:
    assert command_of(" B ") == "back"
    assert command_of("q") == "stop"
    assert command_of("no") is None
    assert command_of("") is None


def test_the_case_text_holds_what_is_known() -> None:
    case = Case(joint=Joint.HIP, age=44.0, sex="male", side=Side.LEFT, present=frozenset({"fever"}),
                absent=frozenset({"diabetes"}), values={"bme_site": "femoral_head"})  # fmt: skip
    assert yaml.safe_load(case_text(case)) == {
        "joint": "hip", "side": "left", "age": 44, "sex": "male", "present": ["fever"],
        "absent": ["diabetes"], "values": {"bme_site": "femoral_head"},
    }  # fmt: skip


def ask(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    lines: str,
    *words: object,
) -> Outcome:
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    return run_cli(capsys, "ask", *words)


def test_an_interview_by_pipe_saves_a_case_that_can_be_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from marrowlight.causes.case_file import read_case

    out = tmp_path / "case.yaml"
    seen = ask(capsys, monkeypatch, "44\nm\nhip\nperhaps\ny\nb\nn\n\nq\n", "-o", out)
    assert seen.code == 0, seen.err
    case = read_case(out)
    assert (case.age, case.sex, case.joint) == (44, "male", Joint.HIP)
    assert len(case.present | case.absent) == 1
    assert "Say y or n" in seen.out
    assert " was " in seen.out, "the list is seen to move"
    assert seen.out.count("[") >= 6
    assert [p.name for p in tmp_path.iterdir()] == ["case.yaml"]


def test_the_end_of_the_input_saves_what_is_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "case.yaml"
    assert ask(capsys, monkeypatch, "44\n", "--joint", "knee", "-o", out, "-q").code == 0
    assert yaml.safe_load(out.read_text())["age"] == 44


def test_without_a_joint_nothing_is_saved(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "case.yaml"
    seen = ask(capsys, monkeypatch, "44\nm\n", "-o", out)
    assert seen.code == 2
    assert "joint" in seen.err
    assert not out.exists()


def test_a_case_file_is_replaced_only_when_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "case.yaml"
    out.write_text("joint: knee\n")
    seen = ask(capsys, monkeypatch, "44\nq\n", "--joint", "hip", "-o", out)
    assert seen.code == 1
    assert "--overwrite" in seen.err
    assert out.read_text() == "joint: knee\n"
    assert ask(capsys, monkeypatch, "44\nq\n", "--joint", "hip", "-o", out, "--overwrite").code == 0
    assert yaml.safe_load(out.read_text())["joint"] == "hip"


def test_an_interview_goes_on_from_a_case(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    start, out = tmp_path / "start.yaml", tmp_path / "case.yaml"
    start.write_text("joint: hip\nage: 30\nsex: female\npresent: [fever]\n")
    assert ask(capsys, monkeypatch, "2\nq\n", start, "-o", out).code == 0
    found = yaml.safe_load(out.read_text())
    assert (found["age"], found["pregnancy"], found["present"]) == (30, "trimester_2", ["fever"])
    seen = ask(capsys, monkeypatch, "", start, "--joint", "knee", "-o", tmp_path / "x.yaml")
    assert seen.code == 2

"""Case files: what is read, and each mistake with a message that helps."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from marrowlight.causes.case import Case
from marrowlight.causes.case_file import LARGEST_BYTES, case_from, read_case
from marrowlight.errors import CaseError, UnreadableFile
from marrowlight.study.study import Joint, Side

FULL = """\
joint: hip
age: 46
sex: M
side: right
visit_date: 2026-03-21
pathway: steroid_or_alcohol
present: [sudden_onset, corticosteroid_use]
absent: [acute_trauma]
values:
  symptom_duration_weeks: 5
  bme_site: femoral_head
note: for people
"""


def written(folder: Path, text: str, name: str = "case.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str, name: str = "case.yaml") -> str:
    with pytest.raises(CaseError) as error:
        read_case(written(folder, text, name))
    assert name in str(error.value)
    return str(error.value)


def test_everything_that_a_case_may_say(tmp_path: Path) -> None:
    case = read_case(written(tmp_path, FULL))
    assert case == Case(
        joint=Joint.HIP,
        age=46.0,
        sex="male",
        side=Side.RIGHT,
        visit_date=date(2026, 3, 21),
        pathway="steroid_or_alcohol",
        present=frozenset({"sudden_onset", "corticosteroid_use"}),
        absent=frozenset({"acute_trauma"}),
        values={"symptom_duration_weeks": 5.0, "bme_site": "femoral_head"},
        name="case.yaml",
    )


def test_json_says_the_same(tmp_path: Path) -> None:
    text = '{"joint": "knee", "age": 70, "present": ["fever"], "values": {"crp_mg_l": 40}}'
    case = read_case(written(tmp_path, text, "case.json"))
    assert (case.joint, case.age, case.present) == (Joint.KNEE, 70.0, {"fever"})
    assert case.values == {"crp_mg_l": 40.0}


@pytest.mark.parametrize(
    ("word", "joint"),
    [("ankle_foot", Joint.ANKLE), ("Foot", Joint.ANKLE), ("si", Joint.SACROILIAC)],
)
def test_other_words_for_a_joint(word: str, joint: Joint) -> None:
    assert case_from({"joint": word}).joint is joint


def test_a_joint_alone_is_a_case() -> None:
    assert case_from({"joint": "knee"}) == Case(joint=Joint.KNEE)


def test_unknown_words_and_empty_values_leave_things_unknown() -> None:
    data = {
        "joint": "knee", "sex": "unknown", "age": None, "present": None,
        "values": {"symptom_duration_weeks": None}, "pregnancy": "not_applicable",
    }  # fmt: skip
    assert case_from(data) == Case(joint=Joint.KNEE)


def test_a_pregnancy_among_the_values_is_a_pregnancy() -> None:
    case = case_from({"joint": "hip", "values": {"pregnancy_status": "trimester_3"}})
    assert case.pregnancy == "trimester_3"
    assert not case.values


WRONG = {
    "empty file": ("", ["No joint is named", "joint: hip, knee, ankle"]),
    "unknown joint": ("joint: elbow\n", ["'elbow'", "one of hip"]),
    "nearly a joint": ("joint: kneee\n", ["did you mean knee"]),
    "both": (
        "joint: knee\npresent: [fever]\nabsent: [fever]\n",
        ["'fever' is both present and absent"],
    ),
    "excluded": (
        "joint: knee\npresent: [xr_normal, xr_regional_osteopenia]\n",
        ["xr_normal", "xr_regional_osteopenia", "both present"],
    ),
    "negative age": ("joint: knee\nage: -3\n", ["age: -3", "0 to 120"]),
    "impossible age": ("joint: knee\nage: 140\n", ["age: 140", "0 to 120"]),
    "no age": ("joint: knee\nage: old\n", ["age: 'old'"]),
    "age that is true": ("joint: knee\nage: yes\n", ["age: True"]),
    "age that is no number": ("joint: knee\nage: .nan\n", ["age: nan"]),
    "sex": ("joint: knee\nsex: x\n", ["sex: 'x'", "female, male or unknown"]),
    "side": ("joint: knee\nside: middle\n", ["side: 'middle'", "left"]),
    "date": ("joint: knee\nvisit_date: soon\n", ["visit_date", "2026-03-21"]),
    "unknown id": ("joint: knee\npresent: [fevre]\n", ["'fevre'", "did you mean fever"]),
    "id like none": ("joint: knee\nabsent: [zzzzzz]\n", ["'zzzzzz'", "marrowlight ask"]),
    "number as id": ("joint: knee\npresent: [7]\n", ["'7' is no known finding"]),
    "word for a list": ("joint: knee\npresent: fever\n", ["present is no list", "[finding"]),
    "finding as key": ("joint: knee\nfever: true\n", ["'fever' is no key", "under present"]),
    "key mistyped": ("joint: knee\npresnt: [fever]\n", ["did you mean present"]),
    "key like none": ("joint: knee\nqqq: 1\n", ["'qqq'", "one of age"]),
    "value as finding": (
        "joint: knee\npresent: [symptom_duration_weeks]\n",
        ["has a value", "values:"],
    ),
    "finding as value": ("joint: knee\nvalues: {fever: 39}\n", ["present: [fever]"]),
    "value mistyped": ("joint: knee\nvalues: {bme_sight: patella}\n", ["did you mean bme_site"]),
    "number as value name": ("joint: knee\nvalues: {1: 2}\n", ["'1' has no value"]),
    "option": ("joint: knee\nvalues: {bme_site: patela}\n", ["'patela'", "did you mean patella"]),
    "option like none": ("joint: knee\nvalues: {bme_site: qqq}\n", ["'qqq'", "one of"]),
    "out of range": ("joint: knee\nvalues: {crp_mg_l: -4}\n", ["crp_mg_l: -4", "mg/L"]),
    "no number": ("joint: knee\nvalues: {crp_mg_l: high}\n", ["crp_mg_l: 'high'", "a number from"]),
    "infinite": ("joint: knee\nvalues: {crp_mg_l: .inf}\n", ["crp_mg_l: inf"]),
    "list of values": ("joint: knee\nvalues: [crp_mg_l]\n", ["values", "finding: value"]),
    "nested value": ("joint: knee\nvalues: {crp_mg_l: [1, 2]}\n", ["values: something is nested"]),
    "nested finding": ("joint: knee\npresent: [[fever]]\n", ["present: something is nested"]),
    "nested joint": ("joint: [knee]\n", ["joint: something is nested"]),
    "pathway": ("joint: knee\npathway: traum\n", ["'traum'", "did you mean trauma"]),
    "pathway like none": ("joint: knee\npathway: qqqq\n", ["one of clinic"]),
    "nested pathway": ("joint: knee\npathway: [trauma]\n", ["pathway: something is nested"]),
    "pathway against finding": (
        "joint: knee\npathway: trauma\nabsent: [acute_trauma]\n",
        ["pathway is 'trauma'", "'acute_trauma' is absent"],
    ),
    "pregnancy": ("joint: hip\npregnancy: trimester_4\n", ["did you mean trimester_"]),
    "pregnant man": ("joint: hip\nsex: male\npregnancy: trimester_3\n", ["A man", "pregnant"]),
    "pregnant child": ("joint: hip\nage: 4\npregnancy: trimester_1\n", ["Pregnancy at 4 years"]),
    "pregnant at 70": ("joint: hip\nage: 70\npregnancy: postpartum\n", ["Pregnancy at 70 years"]),
    "tabs": ("joint: knee\npresent:\n\t- fever\n", ["tab", "line 3", "spaces"]),
    "no yaml": ("joint: [knee\n", ["no YAML", "line"]),
    "key twice": ("joint: knee\npresent: [fever]\npresent: []\n", ["'present'", "twice", "line 3"]),
    "list": ("- joint\n- knee\n", ["list", "joint: hip"]),
    "word": ("knee\n", ["str", "joint: hip"]),
    "python": ("joint: !!python/object/apply:os.getcwd []\n", ["no YAML"]),
    "control signs": ("joint: kn\x01ee\n", ["no YAML"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told(tmp_path: Path, text: str, words: list[str]) -> None:
    message = refused(tmp_path, text)
    for word in words:
        assert word in message, message


WRONG_JSON = {
    "cut": ('{"joint": "knee",\n "age": ', ["no JSON", "line 2"]),
    "key twice": ('{"joint": "knee", "joint": "hip"}', ["'joint' is there twice"]),
    "deep": ("[" * 50_000 + "]" * 50_000, ["nested"]),
    "number": ("7", ["int", "joint: hip"]),
}


@pytest.mark.parametrize(("text", "words"), WRONG_JSON.values(), ids=WRONG_JSON)
def test_a_mistake_in_json_is_told(tmp_path: Path, text: str, words: list[str]) -> None:
    message = refused(tmp_path, text, "case.json")
    for word in words:
        assert word in message, message


def test_a_finding_of_another_joint_is_told(tmp_path: Path) -> None:
    from marrowlight.causes.knowledge import knowledge

    finding = next(f for f in knowledge().findings.values() if f.joints and f.three_valued)
    joint = next(j for j in (Joint.KNEE, Joint.ANKLE, Joint.HIP) if j not in finding.joints)
    text = f"joint: {joint.value}\npresent: [{finding.id}]\n"
    assert f"'{finding.id}' cannot be at the {joint.value}" in refused(tmp_path, text)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff\xfe")
    with pytest.raises(CaseError, match="no text"):
        read_case(path)


def test_a_huge_file(tmp_path: Path) -> None:
    path = written(tmp_path, "#" * (LARGEST_BYTES + 1))
    with pytest.raises(CaseError, match=f"{LARGEST_BYTES + 1} bytes"):
        read_case(path)


def test_aliases_that_grow_without_end_are_not_written_out(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}]\n"
        for old, new in zip("abcdefghijk", "bcdefghijkl", strict=True)
    )
    message = refused(tmp_path, f"{bomb}joint: *l\n")
    assert "'a' is no key" in message
    message = refused(tmp_path, f"note:\n  - {bomb.splitlines()[0][3:]}\njoint: *a\n")
    assert "joint: something is nested" in message


@pytest.mark.parametrize("name", ["nowhere.yaml", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read_case(tmp_path / name)


def test_a_case_of_another_joint_than_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "joint: hip\n")
    with pytest.raises(CaseError, match="of the hip") as error:
        read_case(path, joint=Joint.KNEE)
    assert "a case of the knee" in str(error.value)
    assert read_case(written(tmp_path, "age: 40\n"), joint=Joint.KNEE).joint is Joint.KNEE

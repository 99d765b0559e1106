"""What to do next: gain against burden and harm, and what must not be done in this patient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from marrowlight.causes.case import Case
from marrowlight.causes.knowledge import Knowledge, knowledge
from marrowlight.causes.next_test import NextTest, best_questions, gains, next_test
from marrowlight.causes.posterior import evidence_of
from marrowlight.causes.test_to_do import check_tests
from marrowlight.causes.test_to_do import tests as known_tests
from marrowlight.causes.what_if import WhatIf, what_if
from marrowlight.causes.yaml_file import YamlFile
from marrowlight.errors import KnowledgeError
from marrowlight.explain_case import explain
from marrowlight.study.study import Joint
from tests.causes.made_cases import askable, case

HIP = {"joint": "hip", "age": 33, "sex": "female", "present": ["sudden_onset", "bme_diffuse"]}
TESTS = Path(str(resources.files("marrowlight.causes").joinpath("data/tests.yaml")))


def asked(one: Case, known: Knowledge | None = None) -> WhatIf:
    return what_if(evidence_of(one, known))


def step(one: Case) -> NextTest:
    found = next_test(asked(one))
    assert found is not None
    return found


def named(found: NextTest) -> set[str]:
    return {found.id, *(s.id for s in found.others)}


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Leave only some tests to choose from."""

    def leave(*ids: str) -> None:
        kept = tuple(t for t in known_tests() if t.id in ids)
        assert len(kept) == len(ids)
        monkeypatch.setattr("marrowlight.causes.next_test.tests", lambda: kept)

    return leave


def test_nobody_pregnant_is_sent_to_contrast_or_ct() -> None:
    for trimester in ("trimester_1", "trimester_2", "trimester_3"):
        found = step(case(**HIP, pregnancy=trimester))
        assert not named(found) & {"contrast_mri", "ct"}
        assert {r.id for r in found.not_now} == {"contrast_mri", "ct"}
        assert all(r.why and r.source for r in found.not_now)


@pytest.mark.parametrize("id_", ["contrast_mri", "ct"])
def test_even_where_contrast_or_ct_would_be_best(only: Callable[..., None], id_: str) -> None:
    only(id_)
    assert step(case(**HIP)).id == id_
    only(id_, "ask")
    pregnant = step(case(**HIP, pregnancy="trimester_2"))
    assert (pregnant.id, pregnant.others) == ("ask", ())
    assert [r.id for r in pregnant.not_now] == [id_]


@pytest.mark.parametrize("pregnancy", [None, "not_pregnant", "postpartum"])
def test_who_is_not_known_to_be_pregnant_has_no_such_limit(pregnancy: str | None) -> None:
    assert step(case(**HIP, pregnancy=pregnancy)).not_now == ()


@pytest.mark.parametrize("id_", [t.id for t in known_tests() if t.needs_any])
def test_a_test_that_needs_a_finding_waits_for_it(only: Callable[..., None], id_: str) -> None:
    only(id_)
    test = next(t for t in known_tests() if t.id == id_)
    open_ = case("knee", age=20, present=["fever"])
    assert next_test(asked(open_)) is None
    assert next_test(asked(open_.but(test.needs_any[0], False))) is None
    assert step(open_.but(test.needs_any[0], True)).id == id_


def test_harm_decides_between_two_causes_that_are_equally_open() -> None:
    one = case("knee", age=30)
    heavy = knowledge().causes["osteoid_osteoma"].model_copy(update={"harm": 10})
    light = knowledge().causes["osteoid_osteoma"].model_copy(update={"harm": 1})
    told = []
    for cause in (heavy, light):
        known = replace(knowledge(), causes={**knowledge().causes, cause.id: cause})
        look = asked(one, known)
        told.append(gains(look)[look.findings.index("nidus_mri")])
    assert told[0] > 2 * told[1]


def test_a_light_test_comes_before_a_heavy_one_that_tells_as_much() -> None:
    found = step(case(**HIP))
    for other in found.others:
        assert found.gain_bits / found.burden**0.5 >= other.gain_bits / other.burden**0.5
    assert found.burden <= 4


def test_what_is_asked_is_unknown_and_can_be_at_this_joint() -> None:
    one = case("ankle", age=50, present=["diabetes"], absent=["fever"])
    found = step(one)
    for each in (found, *found.others):
        assert not set(each.asks) & (one.present | one.absent)
        assert set(each.asks) <= {f.id for f in askable(one.joint)}
        assert len(each.asks) == len(each.questions)
        assert each.gain_bits > 0
        assert len(each.between) == 2
        assert each.reason


def test_cautions_are_those_of_this_patient(only: Callable[..., None]) -> None:
    only("aspiration")
    plain = ["joint_warm_red_swollen", "mri_effusion", "fever"]
    assert step(case("knee", present=plain)).cautions == ()
    (caution,) = step(case("knee", present=[*plain, "anticoagulant"])).cautions
    assert "anticoag" in caution


def test_nothing_is_named_where_nothing_is_left_to_learn() -> None:
    everything = Case(
        joint=Joint.KNEE, absent=frozenset(f.id for f in knowledge().findings.values())
    )
    assert next_test(asked(everything)) is None


def test_the_best_question_is_the_one_that_settles_most() -> None:
    look = asked(case(**HIP))
    best = best_questions(look, 3)
    order = sorted(range(len(look.findings)), key=lambda k: -gains(look)[k])
    assert best[0].id == look.findings[order[0]] or best[0].seen_by != "software"
    assert len({f.id for f in best}) == 3
    assert (gains(look) > -1e-9).all(), "on average knowing more never widens"


def change(folder: Path, old: str, new: str) -> tuple[YamlFile, int]:
    text = TESTS.read_text(encoding="utf-8")
    assert old in text
    path = folder / "tests.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return YamlFile(path), text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("answers: [rf_or_anti_ccp_positive", "answers: [rheuma", "'rheuma'"),
        ("answers: [rf_or_anti_ccp_positive", "answers: [crp_mg_l", "'crp_mg_l'"),
        ("source: [dce2017]", "source: [nobody]", "'nobody'"),
        ("burden: 12", "burden: 13", "burden"),
        ("kind: puncture", "knd: puncture", "kind"),
        ("when: kidney", "when: liver", "when"),
    ],
)
def test_a_mistake_in_the_file_of_tests_names_its_line(
    tmp_path: Path, old: str, new: str, word: str
) -> None:
    file, line = change(tmp_path, old, new)
    with pytest.raises(KnowledgeError) as error:
        check_tests(file, knowledge())
    message = str(error.value)
    assert "tests.yaml, line" in message
    assert word in message
    named_line = int(message.split("tests.yaml, line ")[1].split("\n")[0])
    assert abs(named_line - line) <= 14, "the entry, or the key itself"


def test_two_tests_of_one_id_are_refused(tmp_path: Path) -> None:
    file, _ = change(tmp_path, "- id: serology", "- id: blood")
    with pytest.raises(KnowledgeError, match="one id"):
        check_tests(file, knowledge())


def test_an_urgent_flag_puts_the_test_that_can_clear_it_first() -> None:
    hot = case("knee", present=["joint_warm_red_swollen", "fever", "mri_effusion"])
    told = explain(hot)
    assert any(f.cause.startswith("infection") and f.urgency == "now" for f in told.flags)
    assert told.next_test is not None
    assert told.next_test.id == "aspiration"
    assert next_test(asked(hot)).id != "aspiration"


CHILD = {"joint": "hip", "age": 4, "present": ["fever", "cannot_bear_weight", "mri_effusion"]}


def test_a_septic_hip_of_a_child_is_aspirated_before_anything_is_read_again() -> None:
    told = explain(case(**CHILD, values={"crp_mg_l": 80}))
    assert {f.cause for f in told.flags} > {"infection_osteomyelitis_septic_arthritis"}
    assert told.next_test is not None
    assert told.next_test.id == "aspiration"


def test_no_joint_is_aspirated_beside_a_diabetic_wound() -> None:
    signs = ["diabetes", "penetrating_wound_or_ulcer", "joint_warm_red_swollen"]
    told = explain(case(joint="ankle", age=61, present=signs, values={"crp_mg_l": 60}))
    assert told.next_test is not None
    assert told.next_test.id != "aspiration"
    assert "aspiration" in {ruled.id for ruled in told.next_test.not_now}


def test_sensation_lost_in_a_diabetic_wound_does_not_make_it_charcot() -> None:
    signs = ["diabetes", "penetrating_wound_or_ulcer", "joint_warm_red_swollen"]
    foot = {"joint": "ankle", "age": 61, "values": {"crp_mg_l": 60}}
    told = explain(case(**foot, present=[*signs, "peripheral_neuropathy"]))
    assert told.ranking[0].cause == "infection_osteomyelitis_septic_arthritis"
    assert explain(case(**foot, present=signs)).ranking[0].probability == pytest.approx(
        told.ranking[0].probability, abs=0.005
    )


def test_what_cannot_be_sought_is_not_said_to_narrow() -> None:
    for pregnancy, sought in (("trimester_3", False), ("not_pregnant", True)):
        told = explain(case(**HIP, pregnancy=pregnancy))
        asked_for = {m.finding for one in told.ranking for m in one.missing}
        assert ("dce_subchondral_nonperfused" in asked_for) is sought


def test_a_hidden_hip_fracture_is_looked_for_on_the_mri_at_hand() -> None:
    signs = ["acute_trauma", "cannot_bear_weight"]
    told = explain(case(joint="hip", age=83, present=signs))
    assert told.next_test is not None
    assert "nonsubchondral_fracture_line" in told.next_test.asks
    assert told.next_test.id == "same_mri"

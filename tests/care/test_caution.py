"""Conditions on a case: they hold, they do not, or nobody knows."""

import pytest

from marrowlight.care.caution import When
from marrowlight.causes.case import Case
from marrowlight.causes.knowledge import knowledge
from marrowlight.study.study import Joint


def case(**known: object) -> Case:
    return Case(Joint.HIP, **known)  # type: ignore[arg-type]


KIDNEY = When(finding="kidney_disease", value="egfr", below=60)


@pytest.mark.parametrize(("when", "patient", "holds"), [
    (When(finding="anticoagulant"), case(present=frozenset({"anticoagulant"})), True),
    (When(finding="anticoagulant"), case(absent=frozenset({"anticoagulant"})), False),
    (When(finding="anticoagulant"), case(), None),
    (KIDNEY, case(values={"egfr": 59.0}), True),
    (KIDNEY, case(values={"egfr": 60.0}), False),
    (KIDNEY, case(absent=frozenset({"kidney_disease"})), False),
    (KIDNEY, case(absent=frozenset({"kidney_disease"}), values={"egfr": 40.0}), True),
    (KIDNEY, case(), None),
    (When(under=18), case(age=17.9), True),
    (When(under=18), case(age=18), False),
    (When(under=18), case(), None),
    (When(from_age=75), case(age=75), True),
    (When(pregnant=True), case(pregnancy="trimester_1"), True),
    (When(pregnant=True), case(pregnancy="postpartum"), False),
    (When(pregnant=True), case(values={"gestation_weeks": 9.0}), True),
    (When(pregnant=True), case(sex="female", age=30), None),
    (When(pregnant=True), case(sex="female", age=70), False),
    (When(pregnant=True), case(sex="male"), False),
    (When(trimester=(3,)), case(pregnancy="trimester_2"), False),
    (When(trimester=(3,), value="gestation_weeks", above=20), case(pregnancy="trimester_3"), True),
    (When(trimester=(3,), value="gestation_weeks", above=20),
     case(pregnancy="trimester_2", values={"gestation_weeks": 20.0}), True),
    (When(trimester=(3,), value="gestation_weeks", above=20),
     case(pregnancy="trimester_2", values={"gestation_weeks": 19.0}), False),
    (When(postpartum=True), case(pregnancy="postpartum"), True),
    (When(finding="breastfeeding"), case(sex="male"), False),
    (When(finding="breastfeeding"), case(sex="female", age=30), None),
])  # fmt: skip
def test_a_condition_holds_or_not_or_is_unknown(
    when: When, patient: Case, holds: bool | None
) -> None:
    assert when.holds(patient) is holds


def test_what_to_ask_is_said_in_words() -> None:
    findings = dict(knowledge().findings)
    assert When(finding="anticoagulant").asks(findings) == "Anticoagulant"
    assert When(value="egfr", below=35).asks(findings) == "Kidney function (eGFR)"
    assert When(trimester=(3,), value="gestation_weeks", above=20).asks(findings) == "Pregnancy"
    assert When(under=18).asks(findings) == "Age"


@pytest.mark.parametrize("wrong", [
    {}, {"value": "egfr"}, {"below": 35}, {"under": -1}, {"trimester": [4]}, {"pregnant": False},
])  # fmt: skip
def test_a_condition_without_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        When.model_validate(wrong)

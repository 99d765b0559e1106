"""What in a patient speaks against an option, as data, and whether it holds for a case."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from marrowlight.causes.case import Case
from marrowlight.causes.finding import Finding
from marrowlight.causes.probability import STRICT, Sourced

Level = Literal["avoid", "caution"]
"""``avoid``: not for this patient; ``caution``: only with care, or only part of it."""

GESTATION = "gestation_weeks"
"""The finding with the completed weeks of a pregnancy; where given, there is one."""

CHILDBEARING = (12.0, 55.0)
"""Ages, in years, between which an unstated pregnancy is worth asking about. Estimate."""

OF_WOMEN = frozenset({"breastfeeding", "planning_pregnancy"})
"""Findings that need not be asked where no pregnancy is possible."""

Age = Annotated[float, Field(ge=0, le=120)]


class When(BaseModel):
    """Conditions on a case, any one of which is enough.

    pregnant : a pregnancy; trimester : in one of these; postpartum : after birth; under, from_age :
    years; finding : it is present; value : a number that is ``below`` (exclusive) or ``above``
    (inclusive) a limit in the unit of that finding.
    """

    model_config = STRICT

    pregnant: Literal[True] | None = None
    trimester: tuple[Literal[1, 2, 3], ...] = ()
    postpartum: Literal[True] | None = None
    under: Age | None = None
    from_age: Age | None = None
    finding: str | None = None
    value: str | None = None
    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _whole(self) -> When:
        if not self.model_fields_set:
            raise ValueError("a condition is needed")
        if (self.value is None) != (self.below is None and self.above is None):
            raise ValueError("'value' goes with 'below' or 'above', and they with it")
        return self

    def holds(self, case: Case) -> bool | None:
        """True, False, or None where nothing about it is known.

        One known answer settles the condition: an eGFR in range also answers for kidney disease.
        """
        answers = [answer for answer in self._answers(case) if answer is not None]
        return any(answers) if answers else None

    def asks(self, findings: dict[str, Finding]) -> str:
        """What to find out where it is not known, in words."""
        if self.finding is not None:
            return findings[self.finding].name
        if self.value is not None and self.value != GESTATION:
            return findings[self.value].name
        if self.under is not None or self.from_age is not None:
            return "Age"
        return "Pregnancy"

    def _answers(self, case: Case) -> list[bool | None]:
        answers: list[bool | None] = []
        if self.pregnant or self.trimester or self.postpartum:
            answers.append(self._pregnancy(case))
        for limit, below in ((self.under, True), (self.from_age, False)):
            if limit is not None:
                answers.append(None if case.age is None else (case.age < limit) == below)
        if self.finding is not None:
            state = case.state(self.finding)
            if state is None and self.finding in OF_WOMEN and not _of_childbearing_age(case):
                state = False
            answers.append(state)
        if self.value is not None:
            answers.append(self._number(case))
        return answers

    def _pregnancy(self, case: Case) -> bool | None:
        if self.postpartum and case.pregnancy == "postpartum":
            return True
        if self.pregnant and is_pregnant(case):
            return True
        if any(case.pregnancy == f"trimester_{number}" for number in self.trimester):
            return True
        return None if _may_be_pregnant(case) else False

    def _number(self, case: Case) -> bool | None:
        number = case.values.get(self.value or "")
        if not isinstance(number, (int, float)):
            return False if self.value == GESTATION and not _may_be_pregnant(case) else None
        low = self.below is not None and number < self.below
        return low or (self.above is not None and number >= self.above)


class Caution(Sourced):
    """Why an option is unwise, or needs care, when a condition holds."""

    when: When
    level: Level
    text: str = Field(min_length=8)


def is_pregnant(case: Case) -> bool:
    """True where a pregnancy, or its week, is stated."""
    return case.pregnant or GESTATION in case.values


def _may_be_pregnant(case: Case) -> bool:
    return case.pregnancy is None and _of_childbearing_age(case)


def _of_childbearing_age(case: Case) -> bool:
    if case.sex == "male":
        return False
    youngest, oldest = CHILDBEARING
    return case.age is None or youngest <= case.age <= oldest

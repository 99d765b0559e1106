"""An interview about one patient: which question comes next, and what an answer means.

Values only: nothing is printed or read here. Each answer gives a new interview; the old one is kept
to go back to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from marrowlight.causes.case import Case, Pregnancy, Sex
from marrowlight.causes.case_file import case_from
from marrowlight.causes.finding import Finding
from marrowlight.causes.knowledge import JOINTS, SITE, knowledge
from marrowlight.causes.near import nearest
from marrowlight.errors import CaseError
from marrowlight.study.study import Joint, Side

Word = TypeVar("Word")

BestQuestions = Callable[[Case, int], Sequence[Finding]]
"""The most informative unknown findings of a case, best first, at most so many."""

BACK, STOP = "back", "stop"
_COMMANDS = {"b": BACK, "back": BACK, "q": STOP, "quit": STOP, "stop": STOP, "exit": STOP}
_SKIP = frozenset({"", "?", "s", "skip", "unknown", "don't know", "dont know"})
_YES = frozenset({"y", "yes", "1", "+", "present", "true"})
_NO = frozenset({"n", "no", "0", "-", "absent", "false"})
_SEXES: Mapping[str, Sex] = {
    "f": "female", "female": "female", "w": "female", "woman": "female",
    "m": "male", "male": "male", "man": "male",
}  # fmt: skip
_JOINTS = {
    "h": Joint.HIP, "hip": Joint.HIP, "k": Joint.KNEE, "knee": Joint.KNEE,
    "a": Joint.ANKLE, "ankle": Joint.ANKLE, "foot": Joint.ANKLE, "ankle_foot": Joint.ANKLE,
}  # fmt: skip
_PREGNANCIES: Mapping[str, Pregnancy] = {
    "n": "not_pregnant", "no": "not_pregnant", "1": "trimester_1", "2": "trimester_2",
    "3": "trimester_3", "p": "postpartum", "postpartum": "postpartum",
}  # fmt: skip

EVERYBODY_KNOWS = (SITE, "symptom_duration_weeks")
"""Findings with a value, which no expected gain is worked out for. They cost nothing to answer, so
they are asked once the first questions are through."""

FIRST_THROUGH = 4
"""Questions about findings that come before these."""

OLDEST = 120.0
"""Years."""

FERTILE = (11.0, 56.0)
"""Ages in years between which a pregnancy is asked for; wide, so that none is overlooked."""


class BadAnswer(ValueError):
    """An answer that cannot be taken; its text tells the person what can."""


@dataclass(frozen=True)
class Question:
    """One question. id : of a finding, or of what is asked first; choices : numbered from 1."""

    id: str
    text: str
    how: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Interview:
    """Where an interview stands.

    case : what is known; its joint is unknown at first. passed : questions that were answered or
    skipped. before : the interview one question ago.
    """

    case: Case
    passed: frozenset[str] = frozenset()
    before: Interview | None = None

    @classmethod
    def start(cls, case: Case | None = None) -> Interview:
        """A new interview, or one that goes on from a case."""
        return cls(case or Case(joint=Joint.UNKNOWN))

    @property
    def can_rank(self) -> bool:
        """Whether enough is known to rank causes: the joint."""
        return self.case.joint in JOINTS

    def next_question(self, best: BestQuestions) -> Question | None:
        """The next question; None when nothing is left that would tell anything."""
        for question in _first_questions(self.case):
            if question.id not in self.passed:
                return question
        if not self.can_rank:
            return None
        barred = _excluded(self.case)
        through = len(self.passed & knowledge().findings.keys())
        if through >= FIRST_THROUGH:
            for name in EVERYBODY_KNOWS:
                if name not in self.passed and name not in self.case.values:
                    return _question_of(knowledge().findings[name], self.case.joint)
        most = 1 + through + len(barred)
        for finding in best(self.case, most):
            if finding.id not in self.passed and finding.id not in barred:
                return _question_of(finding, self.case.joint)
        return None

    def skip(self, question: Question) -> Interview:
        """Leave a question unanswered. Raises BadAnswer for the joint: nothing works without."""
        if question.id == "joint":
            raise BadAnswer(f"The joint is needed: {question.how}.")
        return Interview(self.case, self.passed | {question.id}, self)

    def answer(self, question: Question, text: str) -> Interview:
        """The interview after an answer; an empty one skips. Raises BadAnswer with a hint."""
        said = text.strip().lower()
        if said in _SKIP:
            return self.skip(question)
        if question.id in knowledge().findings:
            case = _with_finding(self.case, question, said)
        else:
            case = _with_first(self.case, question, said)
        _check(case)
        return Interview(case, self.passed | {question.id}, self)

    def back(self) -> Interview:
        """One question back. Raises BadAnswer at the first."""
        if self.before is None:
            raise BadAnswer("This is the first question.")
        return self.before


def command_of(text: str) -> str | None:
    """``BACK``, ``STOP``, or None where the text is an answer."""
    return _COMMANDS.get(text.strip().lower())


def _check(case: Case) -> None:
    """Raise BadAnswer where the case file could not be read again."""
    if case.joint is Joint.UNKNOWN:
        return
    import yaml

    try:
        case_from(yaml.safe_load(case_text(case)))
    except CaseError as error:
        raise BadAnswer(f"{error.found} Expected: {error.expected}.") from None


def _first_questions(case: Case) -> list[Question]:
    """What is asked of everybody, as far as it is not known."""
    asked = []
    if case.age is None:
        asked.append(Question("age", "How old is the patient?", "years, such as 47 or 0.5"))
    if case.sex is None:
        asked.append(Question("sex", "Female or male?", "f or m"))
    if case.joint is Joint.UNKNOWN:
        asked.append(Question("joint", "Which joint shows the edema?", "hip, knee or ankle"))
    youngest, oldest = FERTILE
    if (
        case.sex == "female"
        and case.pregnancy is None
        and (case.age is None or youngest <= case.age <= oldest)
    ):
        text = "Pregnant, or has she given birth in the last six months?"
        how = "n, 1, 2 or 3 for the trimester, p for after birth"
        asked.append(Question("pregnancy", text, how))
    return asked


def _question_of(finding: Finding, joint: Joint) -> Question:
    if finding.kind == "number":
        how = f"{finding.low:g} to {finding.high:g} {finding.unit}"
        return Question(finding.id, finding.question, how)
    if finding.kind == "category":
        choices = finding.options
        if finding.id == SITE:
            choices = tuple(dict.fromkeys((*knowledge().sites_of(joint), "other")))
        how = f"a number from 1 to {len(choices)}"
        return Question(finding.id, finding.question, how, choices)
    return Question(finding.id, finding.question, "y or n")


def _with_first(case: Case, question: Question, said: str) -> Case:
    if question.id == "age":
        age = _number(said)
        if age is None or not 0 <= age <= OLDEST:
            raise BadAnswer(f"The age is a number of years from 0 to {OLDEST:g}.")
        return replace(case, age=age)
    if question.id == "sex":
        return replace(case, sex=_chosen(_SEXES, said, question))
    if question.id == "pregnancy":
        return replace(case, pregnancy=_chosen(_PREGNANCIES, said, question))
    if said in ("sacroiliac", "sij", "si"):
        raise BadAnswer(f"At the sacroiliac joint causes cannot be ranked. Say {question.how}.")
    return replace(case, joint=_chosen(_JOINTS, said, question))


def _with_finding(case: Case, question: Question, said: str) -> Case:
    finding = knowledge().findings[question.id]
    if finding.kind == "number":
        number = _number(said)
        if number is None:
            raise BadAnswer(f"A number is needed: {question.how}.")
        low, high = finding.low or 0.0, math.inf if finding.high is None else finding.high
        if not low <= number <= high:
            raise BadAnswer(f"{number:g} is out of range: {question.how}.")
        return replace(case, values={**case.values, finding.id: number})
    if finding.kind == "category":
        return replace(case, values={**case.values, finding.id: _option(question, said)})
    if said not in _YES | _NO:
        raise BadAnswer("Say y or n; Enter skips, b goes back, q stops and saves.")
    if said in _YES:
        clash = case.present & (set(finding.excludes) | _excluding(finding.id))
        if clash:
            other = knowledge().findings[min(clash)].name
            raise BadAnswer(f"That contradicts what is present already: {other}.")
    return case.but(finding.id, said in _YES)


def _option(question: Question, said: str) -> str:
    if said.isdecimal() and 1 <= int(said) <= len(question.choices):
        return question.choices[int(said) - 1]
    name = said.replace(" ", "_")
    if name in question.choices:
        return name
    near = nearest(name, question.choices)
    hint = f" Did you mean {', '.join(n.replace('_', ' ') for n in near)}?" if near else ""
    raise BadAnswer(f"Say {question.how}, or its name.{hint}")


def _chosen(words: Mapping[str, Word], said: str, question: Question) -> Word:
    if said not in words:
        raise BadAnswer(f"Say {question.how}.")
    return words[said]


def _number(said: str) -> float | None:
    try:
        number = float(said.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _excluding(finding: str) -> set[str]:
    """Findings that name this one as excluded."""
    return {f.id for f in knowledge().findings.values() if finding in f.excludes}


def _excluded(case: Case) -> set[str]:
    """Findings that cannot be present beside those that are."""
    found = knowledge().findings
    named = {e for one in case.present for e in found[one].excludes}
    return named | {f for one in case.present for f in _excluding(one)}


def case_text(case: Case) -> str:
    """A case as the text of a case file (YAML), findings in alphabetical order."""
    import yaml

    data: dict[str, object] = {"joint": case.joint.value}
    if case.side is not Side.UNKNOWN:
        data["side"] = case.side.value
    for name in ("age", "sex", "pregnancy", "pathway"):
        value = getattr(case, name)
        if value is not None:
            data[name] = _short(value)
    if case.visit_date is not None:
        data["visit_date"] = case.visit_date.isoformat()
    data["present"] = sorted(case.present)
    data["absent"] = sorted(case.absent)
    data["values"] = {name: _short(value) for name, value in sorted(case.values.items())}
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text


def _short(value: object) -> object:
    """47 and not 47.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value

"""What can be done next (``data/tests.yaml``): what it answers, and what it costs the patient."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from marrowlight.causes.case import Case
from marrowlight.causes.knowledge import Knowledge, knowledge
from marrowlight.causes.probability import STRICT, Sourced
from marrowlight.causes.yaml_file import YamlFile
from marrowlight.errors import KnowledgeError

When = Literal["always", "pregnant", "child", "kidney", "anticoagulant", "diabetic_wound"]

CHILD = 18.0
"""Years below which a patient is a child here."""

KIDNEY = ("kidney_disease",)
BLOOD = ("anticoagulant",)
WOUND = {"penetrating_wound_or_ulcer", "diabetes"}


class Limit(Sourced):
    """Something about the patient that forbids a test, or asks for care with it."""

    when: When
    text: str

    def holds(self, case: Case) -> bool:
        """True where it applies to this patient; what is unknown does not."""
        return {
            "always": True,
            "pregnant": case.pregnant,
            "child": case.age is not None and case.age < CHILD,
            "kidney": any(f in case.present for f in KIDNEY),
            "anticoagulant": any(f in case.present for f in BLOOD),
            "diabetic_wound": case.present >= WOUND,
        }[self.when]


class Test(Sourced):
    """One test. burden : 1 (a question) to 12 (a biopsy), an estimate; answers : findings that it
    settles; best : only so many of them are counted, the most telling; needs_any : it makes sense
    only where one of these is present; clears : causes that it can prove or exclude while a flag
    for them stands; not_if, caution : limits; reason : why it separates."""

    __test__ = False  # no test of pytest

    id: str
    name: str
    kind: str
    burden: Annotated[float, Field(ge=1, le=12)]
    answers: tuple[str, ...] = Field(min_length=1)
    best: int = Field(default=6, ge=1)
    needs_any: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    not_if: tuple[Limit, ...] = ()
    caution: tuple[Limit, ...] = ()
    reason: str = ""


class Tests(BaseModel):
    """The file ``tests.yaml``."""

    __test__ = False
    model_config = STRICT
    version: Literal[1]
    tests: tuple[Test, ...]


@lru_cache(maxsize=1)
def tests() -> tuple[Test, ...]:
    """All tests of the package, checked against its findings and references."""
    file = YamlFile(resources.files("marrowlight.causes").joinpath("data/tests.yaml"))
    return check_tests(file, knowledge())


def may_be_sought(finding: str, case: Case) -> bool:
    """False where every test that settles a finding is forbidden in this patient."""
    ways = [test for test in tests() if finding in test.answers]
    return not ways or any(not any(x.holds(case) for x in test.not_if) for test in ways)


def check_tests(file: YamlFile, known: Knowledge) -> tuple[Test, ...]:
    """The tests of a file; a finding or source that is not known raises ``KnowledgeError``."""
    found = file.parse(Tests).tests
    for index, test in enumerate(found):
        here = ("tests", index)
        for field in ("answers", "needs_any"):
            for id_ in getattr(test, field):
                finding = known.findings.get(id_)
                if finding is None or (field == "answers" and finding.background is None):
                    raise file.fail((*here, field), f"'{id_}' is no finding that can be asked.")
        for cause in test.clears:
            if cause not in known.causes:
                raise file.fail((*here, "clears"), f"'{cause}' is no known cause.")
        for part in (test, *test.not_if, *test.caution):
            for key in part.source:
                if key != "estimate" and key not in known.references:
                    raise file.fail(here, f"'{key}' is no known source.")
    if len({t.id for t in found}) < len(found):
        raise KnowledgeError("Two tests have one id.", where=file.name)
    return found

"""The explanation: why edema may be there, for one case. The contract that machines key on.

``explanation.json`` is ``Explanation`` as JSON. Within ``marrowlight.explanation/1`` fields are
only added, never renamed, removed or changed in meaning.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from marrowlight.care.care import Care, CareOption, LeftOut, SetRight
from marrowlight.causes.cause import Pattern
from marrowlight.causes.course_meaning import CourseMeaning
from marrowlight.causes.flag import Flag
from marrowlight.causes.look import Seen
from marrowlight.causes.necrosis import Necrosis
from marrowlight.causes.next_test import NextTest
from marrowlight.causes.ranked import VALUE, Hypothesis, Ranked
from marrowlight.reading import DISCLAIMER
from marrowlight.study.study import Joint, Side

__all__ = [
    "Care",
    "CaseUsed",
    "CourseMeaning",
    "ExpectedCourse",
    "Explanation",
    "Flag",
    "Hypothesis",
    "Necrosis",
    "NextTest",
    "Noted",
    "PathwayUsed",
    "Ranked",
]  # fmt: skip

SCHEMA: Literal["marrowlight.explanation/1"] = "marrowlight.explanation/1"

FIRST_VIEW = 5
"""Causes that are shown before anything is unfolded."""


class CaseUsed(BaseModel):
    """What was known when causes were ranked, findings settled by numbers included."""

    model_config = VALUE
    joint: Joint
    side: Side
    age: float | None
    sex: str | None
    pregnancy: str | None
    present: tuple[str, ...]
    absent: tuple[str, ...]
    values: dict[str, float | str]


class PathwayUsed(BaseModel):
    """The pathway of entry. stated : by the case, else inferred; counted : the findings that its
    shares already contain."""

    model_config = VALUE
    id: str
    name: str
    stated: bool
    counted: tuple[str, ...]


class ExpectedCourse(BaseModel):
    """What is to be expected with time, for one cause. weeks : low, median, high."""

    model_config = VALUE
    cause: str
    name: str
    pattern: Pattern
    weeks: tuple[float, float, float]
    text: str
    source: tuple[str, ...]


class Noted(BaseModel):
    """Something the reader must know, with a stable code."""

    model_config = VALUE
    code: str
    text: str

    def __str__(self) -> str:
        return self.text


class Explanation(BaseModel):
    """Why edema may be there, in one patient at one visit.

    ranking : all causes, most probable first, reasons for those of the first view; first_view : ids
    of at most five; hypotheses : sum to one, most probable first; expected_course : of the leading
    cause, course_of_others : of the other causes of the first view; care and what goes with it : as
    ``Care``. A joint without priors has an empty ranking and a notice.
    """

    model_config = VALUE

    schema_: Literal["marrowlight.explanation/1"] = Field(default=SCHEMA, alias="schema")
    case: CaseUsed
    pathway: PathwayUsed | None
    ranking: tuple[Ranked, ...]
    first_view: tuple[str, ...]
    hypotheses: tuple[Hypothesis, ...]
    flags: tuple[Flag, ...]
    next_test: NextTest | None
    necrosis: Necrosis | None
    care: tuple[CareOption, ...]
    care_first: tuple[str, ...]
    care_list: Literal["general", "child", "pregnancy"]
    care_left_out: tuple[LeftOut, ...]
    care_notes: tuple[str, ...]
    care_disclaimer: str
    corrections: tuple[SetRight, ...]
    expected_course: ExpectedCourse | None
    course_of_others: tuple[ExpectedCourse, ...]
    notices: tuple[Noted, ...]
    seen: tuple[Seen, ...] = Field(
        default=(), description="What the software looked for in the image, where there was one."
    )
    course: CourseMeaning | None = Field(
        default=None,
        description="What the course since an earlier visit means, where one is given.",
    )
    knowledge: str = Field(description="SHA-256 of the data files of causes.")
    disclaimer: str = DISCLAIMER

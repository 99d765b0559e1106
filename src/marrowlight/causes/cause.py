"""One cause of edema, as its data file states it (``data/causes/<id>.yaml``)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from marrowlight.causes.probability import STRICT, Chance, Range, Sourced
from marrowlight.study.study import Joint

Band = Literal["0-12", "13-19", "20-39", "40-59", "60+"]
BANDS: tuple[Band, ...] = ("0-12", "13-19", "20-39", "40-59", "60+")
"""Bands of age in completed years; the last is open."""

Group = Literal[
    "trauma", "mechanical", "degenerative", "inflammatory", "primary", "vascular", "infection",
    "tumour", "neurogenic", "variant", "iatrogenic", "metabolic",
]  # fmt: skip

Pattern = Literal["resolves", "fluctuates", "migrates", "progresses", "persists"]


class Fact(Sourced):
    """A figure worth teaching, in our words."""

    text: str = Field(min_length=8)


class FindingGiven(Chance):
    """P(finding present | this cause, in a person whose MRI shows edema).

    joint : where it holds; everywhere when not given. A row for the joint takes precedence.
    """

    finding: str
    joint: Joint | None = None


class Ages(Sourced):
    """Share of people with this cause by age band; the shares add up to one."""

    bands: dict[Band, Annotated[float, Field(gt=0, lt=1)]]

    @model_validator(mode="after")
    def _whole(self) -> Ages:
        if set(self.bands) != set(BANDS):
            raise ValueError(f"every age band is needed: {', '.join(BANDS)}")
        if abs(sum(self.bands.values()) - 1) > 0.011:
            raise ValueError(f"the shares add up to {sum(self.bands.values()):.3f}, not 1")
        return self


class Women(Chance):
    """Share of women among those with this cause.

    joint : where it holds; not_pregnant : the row counts only people who cannot be pregnant by age.
    """

    joint: Joint | None = None
    not_pregnant: bool = False


class Prior(Sourced):
    """Share of this cause among adults and adolescents with edema on MRI of the joint."""

    p: Range


class Place(BaseModel):
    """Where in a joint this cause is usually seen.

    text : in words; usual : sites (options of the finding ``bme_site``), most usual
    first, empty where it is rare.
    """

    model_config = STRICT
    text: str = Field(min_length=3)
    usual: tuple[str, ...] = ()


class Weeks(BaseModel):
    """Time to clear, or to change for the worse: weeks, low to high is the usual range."""

    model_config = STRICT
    low: Annotated[float, Field(gt=0)]
    median: Annotated[float, Field(gt=0)]
    high: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _in_order(self) -> Weeks:
        if not self.low <= self.median <= self.high:
            raise ValueError("low, median and high weeks are out of order")
        return self


class Course(Sourced):
    """What happens with time."""

    weeks: Weeks
    pattern: Pattern
    text: str = Field(min_length=8)


class Cause(BaseModel):
    """A cause of edema in the marrow.

    harm : how bad it is to miss it, 1 (nothing lost) to 10 (life or limb), an estimate; weighs the
    next test. women : the row of the joint takes precedence. pregnant : share of pregnant or
    postpartum among women of 18 to 45 with this cause.
    """

    model_config = STRICT

    id: str
    name: str = Field(min_length=3)
    short: str = Field(min_length=2, max_length=28)
    also_called: tuple[str, ...] = ()
    group: Group
    harm: Annotated[int, Field(ge=1, le=10)]
    summary: str = Field(min_length=40)
    places: dict[Joint, Place]
    who: str = Field(min_length=8)
    risk_factors: tuple[str, ...] = ()
    prior: dict[Joint, Prior]
    ages: Ages
    women: tuple[Women, ...] = Field(min_length=1)
    pregnant: Chance
    findings: tuple[FindingGiven, ...] = Field(min_length=1)
    facts: tuple[Fact, ...] = ()
    laboratory: str
    separates: tuple[str, ...] = Field(min_length=1)
    red_flags: tuple[str, ...] = ()
    next_step: str
    course: Course
    read: tuple[str, ...] = Field(default=(), description="Further references.")

    def share_of_women(self, joint: Joint, *, not_pregnant: bool = False) -> Women:
        """The row that holds for a joint, best the one for people who cannot be pregnant."""
        rows = [
            w for w in self.women if w.joint in (None, joint) and not_pregnant >= w.not_pregnant
        ]
        return max(rows, key=lambda w: (w.joint == joint, w.not_pregnant))

    def given(self, finding: str, joint: Joint) -> FindingGiven | None:
        """P(finding | this cause) at a joint, or None where no row names the finding."""
        rows = [r for r in self.findings if r.finding == finding and r.joint in (None, joint)]
        return next((r for r in rows if r.joint == joint), rows[0] if rows else None)

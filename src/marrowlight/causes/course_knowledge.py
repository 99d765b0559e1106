"""The course that each cause is expected to take (``data/courses.yaml``), loaded and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from marrowlight.causes.cause import Pattern
from marrowlight.causes.knowledge import Knowledge, knowledge
from marrowlight.causes.probability import ESTIMATE, STRICT, Chance, Sourced
from marrowlight.causes.yaml_file import YamlFile

Way = Literal["fades", "fluctuates", "grows", "stays"]
WAYS: tuple[Way, ...] = ("fades", "fluctuates", "grows", "stays")
"""What an amount of edema can do with time; every patient does one of these."""

Positive = Annotated[float, Field(gt=0)]

TWENTIETH = 4.3219
"""Half-times until a twentieth is left, ln(20) / ln(2): then edema counts as cleared."""


def _in_order(value: tuple[float, float, float]) -> tuple[float, float, float]:
    low, middle, high = value
    if not low <= middle <= high:
        raise ValueError(f"[low, middle, high] is out of order: {low}, {middle}, {high}")
    return value


class Spread(Sourced):
    """A positive figure that differs from patient to patient: nine of ten lie from low to high."""

    range: Annotated[tuple[Positive, Positive, Positive], AfterValidator(_in_order)]
    note: str = ""


class Figure(Sourced):
    """One number of the model."""

    value: Positive
    note: str = ""


class Clearing(Figure):
    """value : bits by which clearing edema speaks for ``than`` against this cause at most."""

    than: str


class Model(BaseModel):
    """What holds for all causes; every figure says in its note what it is."""

    model_config = STRICT
    memory: Figure
    stays: Figure
    fades: Figure
    grows: Figure
    start: Figure
    nothing: Figure
    most_growth: Figure
    strange: Figure
    most_bits: Figure
    uncertain_bits: Figure
    uncertain_error: Figure


class Defaults(BaseModel):
    """Spreads of causes that state none of their own."""

    model_config = STRICT
    swing: Spread
    doubling: Spread


class CourseOf(BaseModel):
    """The course of one cause, untreated unless a note says otherwise.

    ways : share of patients that goes each way. Weeks: seen, from onset to the first MRI; peak,
    from onset to the largest amount; plateau, at the largest; half, in which a fading amount
    halves; clears, from onset until a twentieth is left; doubling, in which a growing amount
    doubles. swing : SD of the change of ln(volume) over a long interval; swing and doubling of the
    defaults where None. new_place : chance in a year. clearing : how little edema that clears
    may tell this cause from a look-alike.
    """

    model_config = STRICT
    cause: str
    pattern: Pattern
    ways: dict[Way, Chance]
    seen: Spread
    peak: Spread
    plateau: Spread
    clears: Spread
    half: Spread
    swing: Spread | None = None
    doubling: Spread | None = None
    new_place: Chance
    clearing: Clearing | None = None

    @property
    def source(self) -> tuple[str, ...]:
        """All references behind this course, in the order in which they are met."""
        parts = [*self.ways.values(), self.clears, self.half, self.new_place]
        parts += [p for p in (self.swing, self.doubling, self.clearing) if p is not None]
        keys = dict.fromkeys(k for p in parts for k in p.source if k != ESTIMATE)
        return tuple(keys) or (ESTIMATE,)

    @property
    def should_fade(self) -> bool:
        """True where edema that does not fade is a surprise."""
        return self.pattern in ("resolves", "migrates")

    @property
    def fluctuates(self) -> bool:
        """True where up and down is the rule."""
        return self.pattern == "fluctuates"


class CourseFile(BaseModel):
    """The file ``courses.yaml``."""

    model_config = STRICT
    version: Literal[1]
    model: Model
    defaults: Defaults
    courses: tuple[CourseOf, ...]


@dataclass(frozen=True, eq=False)
class CourseKnowledge:
    """model : what holds for all; defaults : spreads of causes that state none; courses : by cause,
    in the order of the causes."""

    model: Model
    defaults: Defaults
    courses: Mapping[str, CourseOf]


@lru_cache(maxsize=1)
def course_knowledge() -> CourseKnowledge:
    """The courses of this package. A file that breaks its rules raises ``KnowledgeError``."""
    file = YamlFile(resources.files("marrowlight.causes").joinpath("data/courses.yaml"))
    return load_courses(file, knowledge())


def load_courses(file: YamlFile, known: Knowledge) -> CourseKnowledge:
    """Check a file of courses against the causes and references that are known."""
    parsed = file.parse(CourseFile)
    check_sources(file, known)
    found: dict[str, CourseOf] = {}
    for index, row in enumerate(parsed.courses):
        here = ("courses", index)
        cause = known.causes.get(row.cause)
        if cause is None or row.cause in found:
            raise file.fail((*here, "cause"), f"'{row.cause}' is no known cause, or there twice.")
        if row.pattern != cause.course.pattern:
            raise file.fail(
                (*here, "pattern"),
                f"'{row.pattern}' is not the pattern of {row.cause}.",
                cause.course.pattern,
            )
        if set(row.ways) != set(WAYS):
            raise file.fail((*here, "ways"), "Every way is needed.", ", ".join(WAYS))
        total = sum(row.ways[way].p[1] for way in WAYS)
        if abs(total - 1) > 0.011:
            raise file.fail((*here, "ways"), f"The middles add up to {total:.2f}, not 1.")
        if row.clearing is not None and row.clearing.than not in known.causes:
            raise file.fail((*here, "clearing"), f"'{row.clearing.than}' is no known cause.")
        found[row.cause] = row
    if missing := [c for c in known.causes if c not in found]:
        raise file.fail(("courses",), f"'{missing[0]}' has no course.", "one for every cause")
    return CourseKnowledge(parsed.model, parsed.defaults, {c: found[c] for c in known.causes})


def check_sources(file: YamlFile, known: Knowledge) -> None:
    """Every ``source`` of a file is a known reference or an estimate; raises ``KnowledgeError``."""

    def walk(node: object, where: tuple[str | int, ...]) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "source" and isinstance(value, list):
                    for one in value:
                        if one != ESTIMATE and one not in known.references:
                            raise file.fail((*where, key), f"'{one}' is no known source.")
                else:
                    walk(value, (*where, str(key)))
        elif isinstance(node, list):
            for index, value in enumerate(node):
                walk(value, (*where, index))

    walk(file.data, ())

"""What in a measured course asks for a second look, and when to look again (``alerts.yaml``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from marrowlight.causes.course_given import GivenCourse, amount, name_of
from marrowlight.causes.course_knowledge import Figure, check_sources, course_knowledge
from marrowlight.causes.course_likelihood import share_below
from marrowlight.causes.knowledge import Knowledge, knowledge
from marrowlight.causes.probability import STRICT, Sourced
from marrowlight.causes.ranked import VALUE
from marrowlight.causes.yaml_file import YamlFile
from marrowlight.course.course import BoneCourse, Verdict
from marrowlight.study.study import Joint

UNUSUAL = 0.16
"""Share of patients beyond which growth is more than the ups and downs of a cause: one SD."""

Code = Literal["not_fading", "grew_late", "new_place", "surface_grew"]


class Alert(BaseModel):
    """Something in a course that asks for a second look.

    code : stable; text : one line; why : numbers of this patient first; do : what to do; source :
    reference keys.
    """

    model_config = VALUE
    code: Code
    text: str
    why: tuple[str, ...]
    do: str
    source: tuple[str, ...]


class LookAgain(BaseModel):
    """When the next MRI tells something. weeks : earliest and latest from now; why : why not
    before; cause : whose course it follows, None for the general rule."""

    model_config = VALUE
    weeks: tuple[float, float]
    why: str
    source: tuple[str, ...]
    cause: str | None = None


class AlertRule(Sourced):
    """The words of one alert; when it fires is told by the limits of the file."""

    code: Code
    text: str = Field(min_length=8)
    why: str = Field(min_length=8)
    why_fluctuates: str | None = None
    do: str = Field(min_length=12)


class Limits(BaseModel):
    """Numbers of the alerts; each says in its note what it is."""

    model_config = STRICT
    fading_weeks: Figure
    fading_share: Figure
    growth_weeks: Figure
    least_weeks: Figure
    under_surface: Figure


class Again(Sourced):
    """One row of ``look_again``: weeks, earliest and latest."""

    weeks: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(gt=0)]]
    why: str = Field(min_length=12)


class AgainRules(BaseModel):
    """When to look again: in general, after an alert, and by leading cause."""

    model_config = STRICT
    default: Again
    alerted: Again
    causes: dict[str, Again]


class AlertFile(BaseModel):
    """The file ``alerts.yaml``. bearing : bones that carry load, by joint, and what to call the
    part of them that does."""

    model_config = STRICT
    version: Literal[1]
    limits: Limits
    bearing: dict[Joint, tuple[str, ...]]
    bearing_names: dict[Joint, dict[str, str]]
    alerts: tuple[AlertRule, ...]
    look_again: AgainRules


@lru_cache(maxsize=1)
def alert_rules() -> AlertFile:
    """The alerts of this package. A file that breaks its rules raises ``KnowledgeError``."""
    file = YamlFile(resources.files("marrowlight.causes").joinpath("data/alerts.yaml"))
    return load_alerts(file, knowledge())


def load_alerts(file: YamlFile, known: Knowledge) -> AlertFile:
    """Check a file of alerts against the causes and references that are known."""
    parsed = file.parse(AlertFile)
    check_sources(file, known)
    for cause, row in parsed.look_again.causes.items():
        here = ("look_again", "causes", cause)
        if cause not in known.causes:
            raise file.fail(here, f"'{cause}' is no known cause.")
        if row.weeks[0] > row.weeks[1]:
            raise file.fail((*here, "weeks"), "The earliest week lies after the latest.")
    codes = [rule.code for rule in parsed.alerts]
    if sorted(codes) != sorted(set(codes)) or len(codes) < len(Code.__args__):  # type: ignore[attr-defined]
        raise file.fail(("alerts",), "Every code is needed once.")
    return parsed


def alerts_of(
    given: GivenCourse, leading: Sequence[str], before: Mapping[str, float] | None = None
) -> tuple[Alert, ...]:
    """The alerts of a measured course.

    leading : ids of the leading causes, most probable first; before : probability by cause without
    the course: edema that does not fade speaks against the very causes that should, and is no less
    a surprise. Only ``not_fading`` asks for them.
    """
    rules = alert_rules()
    should = _should_fade(before or {}, rules)
    found = {
        "not_fading": _not_fading(given, should, rules),
        "grew_late": _grew_late(given, rules),
        "new_place": _new_place(given),
        "surface_grew": _surface_grew(given, rules),
    }
    names = {c: about.short for c, about in knowledge().causes.items()}
    first = leading[0] if leading else None
    return tuple(
        _alert(rule, facts, should if rule.code == "not_fading" else first, names, given)
        for rule in rules.alerts
        if (facts := found[rule.code])
    )


def _usual(cause: str, given: GivenCourse) -> bool:
    """Whether a growth like the measured one is nothing unusual in a cause."""
    whole = given.whole
    return whole is not None and share_below(cause, whole, given.onset) < 1 - UNUSUAL


def _should_fade(before: Mapping[str, float], rules: AlertFile) -> str | None:
    """The most probable of the causes that should fade, where they are probable enough."""
    courses = course_knowledge().courses
    fading = {c: p for c, p in before.items() if courses[c].should_fade}
    if sum(fading.values()) < rules.limits.fading_share.value:
        return None
    return max(fading, key=lambda c: fading[c])


def look_again(given: GivenCourse, leading: Sequence[str], alerts: Sequence[Alert]) -> LookAgain:
    """When to look again and why not earlier: by the leading cause, or after an alert."""
    rules, first = alert_rules().look_again, leading[0] if leading else None
    row, cause = rules.default, None
    if first is not None and first in rules.causes:
        row, cause = rules.causes[first], first
    if alerts and row.weeks[0] >= rules.alerted.weeks[0]:
        row, cause = rules.alerted, None
    return LookAgain(weeks=row.weeks, why=row.why, source=row.source, cause=cause)


def _alert(
    rule: AlertRule,
    facts: Sequence[str],
    first: str | None,
    names: Mapping[str, str],
    given: GivenCourse,
) -> Alert:
    why = rule.why
    words: dict[str, str] = {}
    source = rule.source
    if first is not None:
        about = course_knowledge().courses[first]
        low, _, high = about.plateau.range
        words = {"name": names[first], "low": f"{low:g}", "high": f"{high:g}"}
        if rule.why_fluctuates is not None and about.fluctuates and _usual(first, given):
            why = rule.why_fluctuates
        if rule.code == "not_fading":
            source = tuple(dict.fromkeys((*rule.source, *about.plateau.source)))
    return Alert(
        code=rule.code,
        text=rule.text,
        why=(*facts, why.format(**words)),
        do=rule.do,
        source=source,
    )


def _not_fading(given: GivenCourse, should: str | None, rules: AlertFile) -> list[str]:
    whole, limits = given.whole, rules.limits
    if should is None or whole is None or whole.uncertain or whole.fell:
        return []
    since = whole.end + (given.onset or 0.0)
    if since < limits.fading_weeks.value or whole.weeks < limits.least_weeks.value:
        return []
    less = share_below(should, whole, given.onset)
    facts = [
        f"After {whole.weeks:g} weeks: {amount(whole.log_ratio)}; {amount(-whole.sdc)} or less "
        "would be a fall.",
        f"By then {less:.0%} of patients with it have less left.",
    ]
    if given.onset is not None:
        facts.append(f"Symptoms began about {since:g} weeks before the last visit.")
    return facts


def _grew_late(given: GivenCourse, rules: AlertFile) -> list[str]:
    """Growth between visits of which the later is at least so many weeks after the first."""
    limit, begun = rules.limits.growth_weeks.value, given.onset or 0.0
    facts = []
    for bone in _bones(given):
        for step in bone.steps:
            start, end = _weeks(given, step.from_visit), _weeks(given, step.to_visit)
            if step.verdict is not Verdict.GREW or end + begun < limit or step.log_ratio is None:
                continue
            facts.append(
                f"{name_of(bone.bone).capitalize()}: x{math.exp(step.log_ratio):.1f} from week "
                f"{start:g} to {end:g}; x{math.exp(step.sdc_log_ratio):.1f} would be noise."
            )
    return facts


def _new_place(given: GivenCourse) -> list[str]:
    return [f"New: {place}." for place in given.places] if given.watched else []


def _surface_grew(given: GivenCourse, rules: AlertFile) -> list[str]:
    facts = []
    bearing = rules.bearing.get(given.joint, ())
    names = rules.bearing_names.get(given.joint, {})
    for bone in _bones(given):
        if bone.bone not in bearing:
            continue
        for track in bone.lesions:
            shares = [a.subchondral_share for a in track.at if a.subchondral_share is not None]
            if track.verdict is not Verdict.GREW or not shares or track.log_ratio is None:
                continue
            if shares[-1] >= rules.limits.under_surface.value:
                facts.append(
                    f"{names.get(bone.bone, name_of(bone.bone)).capitalize()}: "
                    f"x{math.exp(track.log_ratio):.1f} in {given.weeks:g} weeks, {shares[-1]:.0%} "
                    "of it within 10 mm of the surface."
                )
    return facts


def _bones(given: GivenCourse) -> Iterator[BoneCourse]:
    yield from given.measured.bones


def _weeks(given: GivenCourse, visit: int) -> float:
    visits = given.measured.visits
    return visits[visit].weeks - visits[0].weeks

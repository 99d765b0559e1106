"""What a measured course means: compared with what each leading cause would do, and alerts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from marrowlight.causes.course_alerts import Alert, LookAgain, alerts_of, look_again
from marrowlight.causes.course_expected import expected_log_ratio
from marrowlight.causes.course_given import GivenCourse, amount
from marrowlight.causes.course_knowledge import course_knowledge
from marrowlight.causes.course_likelihood import share_below
from marrowlight.causes.knowledge import knowledge
from marrowlight.causes.ranked import VALUE, Probability

COMMON, RARE = 0.16, 0.025
"""Shares of patients beyond which, on either side, a course is called unusual, or not fitting: one
and two SD of a normal distribution."""

POPULAR_WEEKS = 4.0
"""The upper end of what popular texts give."""


class Compared(BaseModel):
    """A measured course beside that which one cause is expected to take.

    expected_log_ratio : mean of ln(after / before); expected_sd : its SD over patients, measurement
    error not included; observed_log_ratio : None where no amount was compared; below : share of
    patients with this cause who fall as far or further; fits : in words.
    """

    model_config = VALUE
    cause: str
    name: str
    expected_log_ratio: float
    expected_sd: float
    observed_log_ratio: float | None
    below: Probability | None
    fits: str
    source: tuple[str, ...]


class CourseMeaning(BaseModel):
    """What a measured course means.

    weeks : from the first visit to the last; state : in a few words; alerts; look_again; compared :
    for the leading causes, most probable first; weeks_text : the popular weeks against those of the
    literature; note : how far this can be trusted.
    """

    model_config = VALUE
    weeks: float
    state: str
    summary: str
    alerts: tuple[Alert, ...]
    look_again: LookAgain
    compared: tuple[Compared, ...]
    weeks_text: str
    weeks_source: tuple[str, ...]
    note: str


NOTE = (
    "The expected courses are rough: estimates around few published weeks, and untreated unless "
    "they say otherwise. So a course counts for no more than {most:g} bits between two causes, and "
    "for {least:g} where the change is uncertain."
)


def meaning_of(
    given: GivenCourse,
    leading: Sequence[str],
    popular: tuple[str, str, tuple[str, ...]],
    before: Mapping[str, float] | None = None,
) -> CourseMeaning:
    """What a course means for one patient.

    leading : ids of causes, most probable first, none where causes are not ranked; popular : what
    popular texts say of the weeks, what was found, and its sources; before : probability by cause,
    the course not counted.
    """
    alerts = alerts_of(given, leading, before)
    said, right, source = popular
    model = course_knowledge().model
    return CourseMeaning(
        weeks=given.weeks,
        state=given.state,
        summary=given.measured.summary,
        alerts=alerts,
        look_again=look_again(given, leading, alerts),
        compared=tuple(compared(given, cause) for cause in leading),
        weeks_text=weeks_text(given, leading, said, right),
        weeks_source=tuple(dict.fromkeys((*source, *_sources(leading)))),
        note=NOTE.format(most=model.most_bits.value, least=model.uncertain_bits.value),
    )


def compared(given: GivenCourse, cause: str) -> Compared:
    """A measured course beside the expected one of a cause."""
    whole = given.whole
    start, end = (whole.start, whole.end) if whole is not None else (0.0, given.weeks)
    mean, sd = expected_log_ratio(cause, start, end, given.onset)
    below = share_below(cause, whole, given.onset) if whole is not None else None
    return Compared(
        cause=cause,
        name=knowledge().causes[cause].name,
        expected_log_ratio=round(mean, 3),
        expected_sd=round(sd, 3),
        observed_log_ratio=None if whole is None else round(whole.log_ratio, 3),
        below=None if below is None else min(max(round(below, 4), 0.0), 1.0),
        fits=_fits(given, below),
        source=course_knowledge().courses[cause].source,
    )


def weeks_text(given: GivenCourse, leading: Sequence[str], said: str, right: str) -> str:
    """The popular three to four weeks beside the literature, and beside this patient."""
    parts = [f"Popular texts: {said} The literature: {right}"]
    if leading:
        about = knowledge().causes[leading[0]]
        parts.append(f"{about.name}: {about.course.text}")
    parts.append(f"These visits span {given.weeks:g} weeks.")
    if given.whole is not None and given.weeks <= POPULAR_WEEKS and not given.whole.gone:
        parts.append("That edema is still there after so short a time says nothing.")
    return " ".join(parts)


def _sources(leading: Sequence[str]) -> tuple[str, ...]:
    return knowledge().causes[leading[0]].course.source if leading else ()


def _fits(given: GivenCourse, below: float | None) -> str:
    whole = given.whole
    if whole is None or below is None:
        return "not compared"
    if whole.uncertain:
        return "cannot be told: the change is uncertain"
    usual = "gone" if whole.gone else amount(whole.log_ratio)
    if not (whole.fell or whole.grew):
        usual = "unchanged"
    if whole.gone:
        # How far it would have fallen is not known; only that it fell so soon can be unusual.
        return f"fits ({usual})" if below >= COMMON else _sooner(usual, below)
    if below < COMMON:
        return _sooner(usual, below)
    if below > 1 - COMMON:
        word = "does not fit" if below > 1 - RARE else "unusual"
        return f"{word}: {usual}, higher than in {math.floor(100 * below)}% of patients"
    return f"fits ({usual})"


def _sooner(usual: str, below: float) -> str:
    word = "does not fit" if below < RARE else "unusual"
    return f"{word}: {usual}, lower than in {math.floor(100 * (1 - below))}% of patients"

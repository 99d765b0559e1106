"""What a course means, for the page of a comparison: alerts, causes, when to look again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from marrowlight.report.amount import THIN
from marrowlight.report.cause_views import FlagView
from marrowlight.report.causes import Cited, share
from marrowlight.report.follow_page import ratio_words
from marrowlight.report.page import as_sentence
from marrowlight.report.timeline import SERIES, Ribbon

if TYPE_CHECKING:
    from marrowlight.causes.course_meaning import CourseMeaning
    from marrowlight.explanation import Explanation

LEAST_PROBABLE = 0.1
"""The expected course of a cause is drawn if it is at least this probable, or leads."""

RIBBON_STEPS = 60
"""Weeks at which an expected course is worked out."""

BEYOND = 1.6
"""How far beyond the last visit expected courses are worked out, as a factor of its weeks."""

BEYOND_WEEKS = 10.0


@dataclass(frozen=True)
class AlertLine:
    """Something that asks for a second look."""

    name: str
    why: tuple[str, ...]
    do: str


@dataclass(frozen=True)
class CauseLine:
    """One leading cause, and how the course fits it."""

    name: str
    share: str
    range: str
    expected: str
    fits: str


@dataclass(frozen=True)
class Meaning:
    """The section on what a course means."""

    state: str
    flags: tuple[FlagView, ...]
    alerts: tuple[AlertLine, ...]
    causes: tuple[CauseLine, ...]
    look_again: tuple[str, ...]
    test: str
    """The next test, empty where none is left."""
    popular: str
    note: str
    sources: tuple[str, ...]
    notices: tuple[str, ...]


def follow_meaning(explanation: Explanation | None) -> Meaning | None:
    """The section of an explanation that weighed a course; None where there is none."""
    if explanation is None or explanation.course is None:
        return None
    course, cited = explanation.course, Cited()
    ranked = {one.cause: one for one in explanation.ranking}
    flags = tuple(
        FlagView(
            what=one.what,
            why=as_sentence("; ".join(one.why)),
            rule_out=cited.mark(as_sentence(one.rule_out), one.source),
            now=one.urgency == "now",
        )
        for one in explanation.flags
    )
    alerts = tuple(
        AlertLine(one.text, one.why, cited.mark(one.do, one.source)) for one in course.alerts
    )
    causes = tuple(
        CauseLine(
            name=one.name,
            share=share(ranked[one.cause].probability) if one.cause in ranked else "",
            range=_between(ranked[one.cause].low, ranked[one.cause].high)
            if one.cause in ranked
            else "",
            expected=cited.mark(_usual(one.expected_log_ratio, one.expected_sd), one.source),
            fits=one.fits,
        )
        for one in course.compared
    )
    return Meaning(
        state=course.state,
        flags=flags,
        alerts=alerts,
        causes=causes,
        look_again=_look_again(course, cited),
        test=explanation.next_test.name if explanation.next_test else "",
        popular=cited.mark(course.weeks_text, course.weeks_source),
        note=course.note,
        sources=cited.listed(),
        notices=tuple(one.text for one in explanation.notices),
    )


def expected_ribbons(explanation: Explanation | None, weeks: float) -> tuple[Ribbon, ...]:
    """The expected courses of the leading causes, as shares of the amount at the first visit.

    weeks : from the first visit to the last. Empty where no course was weighed.
    """
    if explanation is None or explanation.course is None:
        return ()
    from marrowlight.causes.case import Case
    from marrowlight.causes.course_expected import expected_ribbon
    from marrowlight.causes.course_given import onset_of

    used = explanation.case
    onset = onset_of(Case(joint=used.joint, values=dict(used.values)), weeks)
    times = np.linspace(0, max(BEYOND * weeks, weeks + BEYOND_WEEKS), RIBBON_STEPS + 1)
    leading = [
        one
        for place, one in enumerate(explanation.ranking[:SERIES])
        if place == 0 or one.probability >= LEAST_PROBABLE
    ]
    found = []
    for one in leading:
        low, middle, high = expected_ribbon(one.cause, times, 1.0, onset)
        found.append(
            Ribbon(
                _lower(one.short),
                tuple(times.tolist()),
                tuple(low.tolist()),
                tuple(middle.tolist()),
                tuple(high.tolist()),
            )
        )
    return tuple(found)


def _look_again(course: CourseMeaning, cited: Cited) -> tuple[str, ...]:
    early, late = course.look_again.weeks
    when = f"In {early:g} to {late:g} weeks." if late > early else f"In {early:g} weeks."
    if late <= 0:
        when = "Now."
    return when, cited.mark(course.look_again.why, course.look_again.source)


def _usual(log_ratio: float, sd: float) -> str:
    """The ratio to the first visit that two of three patients show."""
    return f"{ratio_words(log_ratio - sd)} to {ratio_words(log_ratio + sd)}"


def _between(low: float, high: float) -> str:
    return f"{100 * low:.0f} to {100 * high:.0f}{THIN}%"


def _lower(text: str) -> str:
    """Without a capital at the start, unless the word is an abbreviation."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]

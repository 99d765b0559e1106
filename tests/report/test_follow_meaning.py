"""What a course means: alerts come first, when to look again, ribbons from what is known."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from marrowlight.causes.case import Case
from marrowlight.causes.flag import Flag
from marrowlight.course.course_result import CourseResult
from marrowlight.explain_case import explain
from marrowlight.report.follow import follow_html
from marrowlight.report.follow_meaning import expected_ribbons, follow_meaning
from marrowlight.report.timeline import SERIES
from marrowlight.study.study import Joint, Side
from tests.report.follow_example import Plan, followed
from tests.report.test_html import EVIL, Page

CASE = Case(
    joint=Joint.KNEE, side=Side.LEFT, age=34, sex="male",
    present=frozenset({"bme_present", "acute_trauma"}),
)  # fmt: skip
GROWING = (Plan(0, 7.0), Plan(8, 8.0, moved=True), Plan(16, 11.0, 6.0))


@pytest.fixture(scope="module")
def result() -> CourseResult:
    one = followed(GROWING)
    return replace(one, explanation=explain(CASE, course=one.course))


@pytest.fixture(scope="module")
def text(result: CourseResult) -> str:
    return Page(follow_html(result)).text


def test_without_a_case_there_is_no_section_and_no_ribbon() -> None:
    one = followed()
    assert follow_meaning(one.explanation) is None
    assert expected_ribbons(one.explanation, 14) == ()
    plain = follow_html(one)
    assert 'id="meaning"' not in plain
    alone = explain(CASE)
    assert follow_meaning(alone) is None, "no course was weighed"


def test_alerts_stand_first_with_their_reasons(result: CourseResult, text: str) -> None:
    explanation = result.explanation
    assert explanation is not None
    assert explanation.course is not None
    assert explanation.course.alerts
    section = text[text.index("What the course means") :]
    for alert in explanation.course.alerts:
        assert alert.text in section
        assert alert.do.rstrip(".") in section
        for reason in alert.why:
            assert reason in section
    first = explanation.ranking[0]
    assert section.index(explanation.course.alerts[0].text) < section.index(first.name)


def test_flags_and_alerts_are_named_beside_the_sentence(result: CourseResult) -> None:
    feverish = Case(
        joint=Joint.KNEE, side=Side.LEFT, age=34, sex="male",
        present=frozenset({"bme_present", "fever", "night_pain"}),
    )  # fmt: skip
    explanation = explain(feverish, course=result.course)
    assert explanation.flags
    assert explanation.course is not None
    source = follow_html(replace(result, explanation=explanation))
    text = Page(source[source.index('<section id="changed"') : source.index("<svg")]).text
    for flag in explanation.flags:
        assert flag.what in text
    for alert in explanation.course.alerts:
        assert alert.text in text
    section = Page(source[source.index('<section id="meaning"') :]).text
    for flag in explanation.flags:
        assert flag.rule_out.rstrip(".") in section
    assert section.index(explanation.flags[0].what) < section.index(explanation.ranking[0].name)


def test_causes_when_to_look_again_and_the_popular_weeks(result: CourseResult, text: str) -> None:
    meaning = follow_meaning(result.explanation)
    assert meaning is not None
    assert len(meaning.causes) == 5
    for one in meaning.causes:
        assert one.name in text
        assert one.fits in text
        assert re.search(r"^×\s[\d.]+ to ×\s[\d.]+ \[", one.expected)
    assert re.match(r"In \d+ to \d+ weeks\.", meaning.look_again[0])
    assert "three to four weeks" in meaning.popular
    assert meaning.popular in text


def test_every_reference_is_listed(result: CourseResult, text: str) -> None:
    meaning = follow_meaning(result.explanation)
    assert meaning is not None
    section = text[text.index("What the course means") : text.index("Bones over the visits")]
    cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", section) for n in group.split(",")}
    assert cited == set(range(1, len(meaning.sources) + 1))


def test_ribbons_are_those_of_the_leading_causes(result: CourseResult) -> None:
    explanation = result.explanation
    assert explanation is not None
    ribbons = expected_ribbons(explanation, 16)
    assert 1 <= len(ribbons) <= SERIES
    assert ribbons[0].name.lower() == explanation.ranking[0].short.lower()
    for one in ribbons:
        assert one.weeks[0] == 0
        assert one.weeks[-1] > 16, "what comes next is seen"
        assert one.low[0] == pytest.approx(1, abs=0.02)
        assert one.high[0] == pytest.approx(1, abs=0.02)
        low, middle, high = (np.array(v) for v in (one.low, one.middle, one.high))
        assert (low <= middle).all()
        assert (middle <= high).all()
    assert "ribbon r1" in follow_html(result)


def test_outside_text_cannot_act(result: CourseResult) -> None:
    explanation = result.explanation
    assert explanation is not None
    assert explanation.course is not None
    alert = explanation.course.alerts[0].model_copy(update={"text": EVIL, "why": (EVIL,)})
    flag = Flag(
        id="x",
        cause="x",
        what=EVIL,
        why=(EVIL,),
        rule_out=EVIL,
        urgency="now",
        source=("estimate",),
    )
    course = explanation.course.model_copy(update={"alerts": (alert,), "state": EVIL})
    first = explanation.ranking[0].model_copy(update={"short": EVIL, "name": EVIL})
    evil = explanation.model_copy(
        update={"course": course, "flags": (flag,), "ranking": (first, *explanation.ranking[1:])}
    )
    page = Page(follow_html(replace(result, explanation=evil)))
    assert not page.all("img")
    assert len(page.all("script")) == len(Page(follow_html(result)).all("script"))
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)

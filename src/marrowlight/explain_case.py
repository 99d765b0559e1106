"""From a case to its explanation: ranking, reasons, flags, next test, course and care."""

from __future__ import annotations

import numpy as np

from marrowlight.care.care_for import care_for
from marrowlight.care.care_knowledge import care_knowledge
from marrowlight.causes.case import Case
from marrowlight.causes.course_given import GivenCourse, given_course, with_course
from marrowlight.causes.course_meaning import CourseMeaning, meaning_of
from marrowlight.causes.draws import Floats
from marrowlight.causes.finding import Finding
from marrowlight.causes.flag import Flag
from marrowlight.causes.flags import flags_of
from marrowlight.causes.knowledge import JOINTS, SITE, Knowledge, knowledge
from marrowlight.causes.necrosis import necrosis_or_transient
from marrowlight.causes.next_test import best_questions as _best_questions
from marrowlight.causes.next_test import next_test
from marrowlight.causes.posterior import (
    Evidence,
    blocks_of,
    counted,
    evidence_of,
    marginal,
    posterior,
    shares,
)
from marrowlight.causes.ranked import Hypothesis, Ranked
from marrowlight.causes.weigh import missing, reasons, weights
from marrowlight.causes.what_if import WhatIf, shifts, what_if
from marrowlight.course.course import Course
from marrowlight.explanation import (
    FIRST_VIEW,
    CaseUsed,
    ExpectedCourse,
    Explanation,
    Noted,
    PathwayUsed,
)

WIDE = 0.25
"""A range of a probability wider than this asks for what would narrow it. Estimate."""

WEEKS_SAID = "three_to_four_weeks"
"""What popular texts say of the weeks (``care/data/corrections.yaml``), shown with every course."""

ENDS = (5.0, 95.0)
"""Percentiles of the draws between which a probability is said to lie."""


def explain(case: Case, course: Course | None = None) -> Explanation:
    """Why edema may be there.

    Parameters
    ----------
    case : Case
        What is known; make it with ``case_from`` or ``read_case``, which check it.
    course : Course, optional
        How the edema changed since earlier visits (``course.json`` of ``marrowlight follow``): it
        is weighed as evidence, and the explanation says what it means.

    Returns
    -------
    Explanation
        Exact over single causes, pairs that go together, and none of them. A joint without priors
        (sacroiliac) has an empty ranking and says so.

    Raises
    ------
    NotThisJoint
        The course is of another joint or side than the case.
    """
    known = knowledge()
    given = given_course(course, case) if course is not None else None
    if given is not None:
        case = with_course(case, given)
    if case.joint not in JOINTS:
        return _unranked(case, known, given)
    evidence = evidence_of(case, known, given)
    every = posterior(evidence)
    ranking, asked = _ranked(evidence, every)
    order = [r.cause for r in ranking]
    chances = {r.cause: r.probability for r in ranking}
    flags = flags_of(evidence.case, chances)
    care = care_for(evidence.case, order, chances, flags)
    space = evidence.space
    best = np.argsort(-every[0], kind="stable")
    return Explanation(
        case=_used(evidence.case),
        pathway=_pathway(evidence),
        ranking=ranking,
        first_view=tuple(order[:FIRST_VIEW]),
        hypotheses=tuple(
            Hypothesis(causes=space.names[i], probability=float(every[0, i])) for i in best
        ),
        flags=flags,
        next_test=next_test(asked, [f.cause for f in flags if f.urgency == "now"]),
        necrosis=necrosis_or_transient(evidence.case, chances),
        care=care.options,
        care_first=care.first,
        care_list=care.list,
        care_left_out=care.left_out,
        care_notes=care.notes,
        care_disclaimer=care.disclaimer,
        corrections=care.corrections,
        expected_course=_course(order[0], known),
        course_of_others=tuple(_course(c, known) for c in order[1:FIRST_VIEW]),
        notices=_notices(evidence, flags),
        course=_meaning(given, order[:FIRST_VIEW], evidence),
        knowledge=known.sha256,
    )


def best_questions(case: Case, most: int = 1) -> list[Finding]:
    """The unknown findings that would settle most if a person were asked for them, best first."""
    if case.joint not in JOINTS:
        return []
    return _best_questions(what_if(evidence_of(case)), most)


def _ranked(evidence: Evidence, every: Floats) -> tuple[tuple[Ranked, ...], WhatIf]:
    known = evidence.known
    chance = marginal(evidence.space, every)
    low, high = np.percentile(chance[1:], ENDS, axis=0)
    low, high = np.minimum(low, chance[0]), np.maximum(high, chance[0])
    bits = weights(evidence)
    asked = what_if(evidence)
    shift = shifts(asked)
    ranking = []
    for place, i in enumerate(np.argsort(-chance[0], kind="stable")):
        cause = known.causes[evidence.space.causes[int(i)]]
        shown = place < FIRST_VIEW
        for_, against = reasons(evidence, bits[i], cause.id) if shown else ((), ())
        ranking.append(
            Ranked(
                cause=cause.id,
                name=cause.name,
                short=cause.short,
                group=cause.group,
                probability=float(chance[0, i]),
                low=float(low[i]),
                high=float(high[i]),
                wide=bool(high[i] - low[i] > WIDE),
                for_=for_,
                against=against,
                missing=missing(asked, shift, int(i)) if shown else (),
            )
        )
    return tuple(ranking), asked


def _used(case: Case) -> CaseUsed:
    return CaseUsed(
        joint=case.joint,
        side=case.side,
        age=case.age,
        sex=case.sex,
        pregnancy=case.pregnancy,
        present=tuple(sorted(case.present)),
        absent=tuple(sorted(case.absent)),
        values=dict(sorted(case.values.items())),
    )


def _pathway(evidence: Evidence) -> PathwayUsed | None:
    entry = evidence.entry
    if entry is None:
        return None
    return PathwayUsed(
        id=entry.id,
        name=entry.name,
        stated=evidence.stated,
        counted=tuple(sorted(evidence.taken)),
    )


def _course(cause: str, known: Knowledge) -> ExpectedCourse:
    about = known.causes[cause]
    weeks = about.course.weeks
    return ExpectedCourse(
        cause=cause,
        name=about.name,
        pattern=about.course.pattern,
        weeks=(weeks.low, weeks.median, weeks.high),
        text=about.course.text,
        source=about.course.source,
    )


def _meaning(
    given: GivenCourse | None, leading: list[str], evidence: Evidence | None = None
) -> CourseMeaning | None:
    """What a course means; what led before it was counted is told by the evidence."""
    if given is None:
        return None
    before: dict[str, float] = {}
    if evidence is not None:
        rest = [i for i, name in enumerate(evidence.names) if name != "course"]
        blocks = blocks_of(tuple(evidence.names[i] for i in rest), evidence.known)
        without = shares(evidence.log_prior[0] + counted(evidence.logs[0][:, rest], blocks))
        chance = marginal(evidence.space, without)
        before = dict(zip(evidence.space.causes, map(float, chance), strict=True))
    popular = care_knowledge().corrections[WEEKS_SAID]
    return meaning_of(given, leading, (popular.said, popular.right, popular.source), before)


def _notices(evidence: Evidence, flags: tuple[Flag, ...]) -> tuple[Noted, ...]:
    case, notes = evidence.case, []
    if not evidence.names and not evidence.taken:
        notes.append(
            Noted(
                code="priors-only",
                text="Nothing is known of this patient but the joint: these are the priors alone.",
            )
        )
    if case.state("bme_present") is False:
        notes.append(
            Noted(
                code="no-edema",
                text="No edema is present. The ranking holds for people who have it.",
            )
        )
    entry = evidence.entry
    if entry and evidence.stated and entry.shares and case.joint not in entry.shares:
        notes.append(
            Noted(
                code="pathway-without-shares",
                text=f"For '{entry.name}' no shares are known at this joint; the priors of the "
                "joint hold.",
            )
        )
    site = case.values.get(SITE)
    if site not in (None, "other", *evidence.known.sites_of(case.joint)):
        notes.append(
            Noted(
                code="site-not-counted",
                text=f"The site {str(site).replace('_', ' ')} is none where causes at the "
                f"{case.joint.value} are known to lie: it was not counted.",
            )
        )
    for id_, value in case.values.items():
        for rule in evidence.known.findings[id_].implies:
            state = case.state(rule.finding)
            if isinstance(value, int | float) and (
                (state is False and value >= rule.above) or (state is True and value < rule.below)
            ):
                finding = evidence.known.findings[rule.finding]
                notes.append(
                    Noted(
                        code="number-against-finding",
                        text=f"{evidence.known.findings[id_].name} {value:g} does not fit "
                        f"'{finding.name}' {'present' if state else 'absent'}; what is stated "
                        "was kept.",
                    )
                )
    return tuple(notes)


def _unranked(case: Case, known: Knowledge, given: GivenCourse | None) -> Explanation:
    flags = flags_of(case, {})
    care = care_for(case, (), {}, flags)
    return Explanation(
        case=_used(case),
        pathway=None,
        ranking=(),
        first_view=(),
        hypotheses=(),
        flags=flags,
        next_test=None,
        necrosis=None,
        care=care.options,
        care_first=care.first,
        care_list=care.list,
        care_left_out=care.left_out,
        care_notes=care.notes,
        care_disclaimer=care.disclaimer,
        corrections=care.corrections,
        expected_course=None,
        course_of_others=(),
        notices=(
            Noted(
                code="no-priors",
                text=f"No causes are ranked for this joint ({case.joint.value}): nobody has "
                "published how often each cause is behind edema there, and we do not guess.",
            ),
        ),
        course=_meaning(given, []),
        knowledge=known.sha256,
    )

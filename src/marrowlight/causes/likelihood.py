"""What each known finding says about each hypothesis."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from marrowlight.causes.case import Case
from marrowlight.causes.draws import LEAST, Floats, drawn
from marrowlight.causes.hypotheses import hypotheses
from marrowlight.causes.knowledge import SITE, Knowledge
from marrowlight.causes.table import table, together

DURATION = "symptom_duration_weeks"

USUAL = (0.6, 0.75, 0.88)
"""Share of a cause's lesions that lie at its usual sites, an estimate; the rest at the others.

The usual sites are listed most usual first; the k-th has a part in proportion to 1 / k, an
estimate.
"""

LATE = 0.1
"""Share of lesions of a cause that resolves which are still there at any time. Estimate."""


def settled(case: Case, known: Knowledge) -> Case:
    """The case with what it says without naming it.

    A CRP of 30 is a raised one; on a stated pathway of injury there was an injury; who is or was
    pregnant is a woman. A finding that is stated keeps its state.
    """
    if case.sex is None and case.pregnancy not in (None, "not_pregnant"):
        case = replace(case, sex="female")
    if case.pathway is not None:
        for finding in known.pathways[case.pathway].means:
            if case.state(finding) is None:
                case = case.but(finding, True)
    for id_, value in case.values.items():
        for rule in known.findings[id_].implies:
            if case.state(rule.finding) is None and isinstance(value, int | float):
                if value >= rule.above:
                    case = case.but(rule.finding, True)
                elif value < rule.below:
                    case = case.but(rule.finding, False)
    return case


def of_findings(case: Case, known: Knowledge, ids: list[str], draws: int | None = None) -> Floats:
    """ln P(state of the finding | hypothesis), (S, H, len(ids)); every id is known in the case.

    draws : only so many rows, the middles first; all by default.
    """
    numbers, space = table(case.joint, known), hypotheses(known)
    columns = [numbers.column(f) for f in ids]
    alone = numbers.alone[:draws, :, columns]
    background = numbers.background[:draws, None, columns]
    a, b = alone[:, space.pairs[:, 0]], alone[:, space.pairs[:, 1]]
    pairs = np.empty_like(a)
    for k, id_ in enumerate(ids):
        kind = known.findings[id_].kind
        pairs[:, :, k] = together(kind, a[:, :, k], b[:, :, k], background[:, :, k])
    p = np.clip(np.concatenate([alone, pairs, background], axis=1), LEAST, 1 - LEAST)
    present = np.array([case.state(f) is True for f in ids])
    logs: Floats = np.log(np.where(present, p, 1 - p))
    return logs


def of_site(case: Case, known: Knowledge) -> Floats | None:
    """ln P(site | hypothesis), (S, H); None where the site is unknown or no cause names it."""
    sites, space = known.sites_of(case.joint), hypotheses(known)
    site = case.values.get(SITE)
    if site not in sites:
        return None
    share = drawn([USUAL], stream=9)
    even = 1 / len(sites)
    columns = []
    for cause in space.causes:
        usual = [s for s in known.causes[cause].places[case.joint].usual if s in sites]
        if not usual or len(usual) == len(sites):
            columns.append(np.full_like(share, even))
        elif site in usual:
            ranks = 1 / np.arange(1, len(usual) + 1)
            columns.append(share * ranks[usual.index(site)] / ranks.sum())
        else:
            columns.append((1 - share) / (len(sites) - len(usual)))
    alone = np.concatenate(columns, axis=1)
    both = (alone[:, space.pairs[:, 0]] + alone[:, space.pairs[:, 1]]) / 2
    logs: Floats = np.log(np.concatenate([alone, both, np.full_like(share, even)], axis=1))
    return logs


def of_duration(case: Case, known: Knowledge) -> Floats | None:
    """ln P(edema is still there after so many weeks | hypothesis), (1, H); None if unknown.

    Only causes whose course resolves are weighed; the time to clear is taken as log-normal over the
    range of the course (5th to 95th percentile).
    """
    weeks = case.values.get(DURATION)
    if not isinstance(weeks, int | float) or weeks <= 0:
        return None
    space = hypotheses(known)
    alone = []
    for cause in space.causes:
        course = known.causes[cause].course
        stay = 1.0
        if course.pattern == "resolves":
            low, middle, high = course.weeks.low, course.weeks.median, course.weeks.high
            width = math.log(high / middle) if weeks > middle else math.log(middle / low)
            z = math.log(weeks / middle) / max(width / 1.645, 0.05)
            stay = LATE + (1 - LATE) * 0.5 * math.erfc(z / math.sqrt(2))
        alone.append(stay)
    p = np.array([alone])
    both = np.maximum(p[:, space.pairs[:, 0]], p[:, space.pairs[:, 1]])
    logs: Floats = np.log(np.concatenate([p, both, np.ones((1, 1))], axis=1))
    return logs


def speaking(case: Case, known: Knowledge, taken: frozenset[str]) -> list[str]:
    """Findings that are known and count, in the order of the knowledge."""
    return [
        f.id
        for f in known.findings.values()
        if f.background is not None and case.state(f.id) is not None and f.id not in taken
    ]

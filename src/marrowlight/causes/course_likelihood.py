"""How well a measured course fits each hypothesis: one item of evidence, bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import log_ndtr, ndtr

from marrowlight.causes.course_expected import (
    PATIENTS,
    change,
    expected_log_ratio,
    patients,
    shares_of,
)
from marrowlight.causes.course_given import MIGRATED, RESOLVED, Change, GivenCourse
from marrowlight.causes.course_knowledge import WAYS, CourseKnowledge, Way, course_knowledge
from marrowlight.causes.draws import Floats, drawn
from marrowlight.causes.hypotheses import Hypotheses, hypotheses
from marrowlight.causes.knowledge import Knowledge

YEAR = 365.25 / 7
"""Weeks."""

STRANGE_SD = float(np.log(100) / 1.96)
"""SD of ln(ratio) of a course that follows none of the ways: a hundredth to a hundredfold."""

CLEARED = float(np.log(20))
"""Fall of ln(volume) from which edema counts as cleared: a twentieth is left."""

FOLLOWUP = frozenset({RESOLVED, MIGRATED})
"""Findings that say what a course says: where one is measured they are not counted as well."""

Kind = Literal["fell", "stable", "grew"]


@dataclass(frozen=True, eq=False)
class CourseSaid:
    """What a course says. logs : (S, H), ln P(course | hypothesis) less the best of its row;
    p : by cause, P(the amount changed the way it did | cause), low, middle, high, or of a new place
    where no amount was compared; given : the course."""

    logs: Floats
    p: dict[str, tuple[float, float, float]]
    given: GivenCourse


def of_course(given: GivenCourse, known: Knowledge) -> CourseSaid | None:
    """ln P(measured course | hypothesis), (S, H); None where the course says nothing.

    Steps between visits are taken as independent within a patient. Two causes together follow the
    more persistent of the two; none of the causes the mean of all. No course speaks by more than
    ``most_bits`` between two hypotheses, nor by more than ``uncertain_bits`` if nothing is sure.
    """
    if not given.speaks:
        return None
    courses, space = course_knowledge(), hypotheses(known)
    ways = _ways(courses)
    sure = tuple(c for c in given.changes if not c.uncertain)
    vague = tuple(c for c in given.changes if c.uncertain)
    total = np.zeros((ways.shape[0], len(space.names)))
    # A new place can be told even where amounts cannot.
    for changes, bits in ((sure, None), (vague, courses.model.uncertain_bits.value)):
        if not changes:
            continue
        part = _over_space(_amounts(given, changes, ways, courses), given, space)
        if bits is not None:
            part = _bounded(part, bits)
        elif given.whole is not None and given.whole.fell:
            part = _clearing(part, courses, space)
        total += part
    places = _places(given, courses)
    if places is not None:
        total += _places_over_space(places, given, space)
    model = courses.model
    most = model.most_bits if sure or given.places or not vague else model.uncertain_bits
    total = _bounded(total - total.max(axis=1, keepdims=True), most.value)
    return CourseSaid(total, _chances(given, ways, places, courses, space), given)


def _ways(courses: CourseKnowledge) -> Floats:
    """Shares of the ways, (S, C, W); each sums to one."""
    ranges = [about.ways[way].p for about in courses.courses.values() for way in WAYS]
    shares = drawn(ranges, stream=11).reshape(-1, len(courses.courses), len(WAYS))
    out: Floats = shares / shares.sum(axis=2, keepdims=True)
    return out


def _amounts(
    given: GivenCourse, changes: tuple[Change, ...], ways: Floats, courses: CourseKnowledge
) -> Floats:
    """P(all changes of amount | single cause), (S, C)."""
    strange = courses.model.strange.value
    loose = np.exp(sum(_log_density(c, 0.0, STRANGE_SD, courses) for c in changes))
    each = np.empty((len(courses.courses), len(WAYS)))
    for i, cause in enumerate(courses.courses):
        for k, way in enumerate(WAYS):
            logs: Floats = np.zeros(PATIENTS)
            for one in changes:
                mean, sd = change(cause, way, one.start, one.end, given.onset)
                logs = logs + _log_density(one, mean[0], sd[0], courses)
            weight = patients(cause, given.onset).weight if way == "fades" else 1 / PATIENTS
            each[i, k] = np.sum(weight * np.exp(logs))
    told: Floats = np.einsum("scw,cw->sc", ways, each)
    out: Floats = np.log((1 - strange) * told + strange * loose)
    return out


def _log_density(
    one: Change, mean: Floats | float, sd: Floats | float, courses: CourseKnowledge
) -> Floats:
    """ln of the density of a change, or ln P(at least as low) where nothing is left."""
    error = one.error
    if one.uncertain:
        error = max(error, courses.model.uncertain_error.value)
    spread = np.sqrt(np.square(sd) + error**2)
    z = (_ratio(one) - np.asarray(mean)) / spread
    out: Floats = log_ndtr(z) if one.gone else -0.5 * z**2 - np.log(spread)
    return out


def _ratio(one: Change) -> float:
    """Gone means what the literature calls cleared, however small the lesion was before."""
    return max(one.log_ratio, -CLEARED) if one.gone else one.log_ratio


def _over_space(alone: Floats, given: GivenCourse, space: Hypotheses) -> Floats:
    """From causes, (S, C), to hypotheses, (S, H): pairs follow the more persistent cause."""
    end = given.changes[-1].end
    mean = np.array([expected_log_ratio(c, 0.0, end, given.onset)[0] for c in space.causes])
    first, second = space.pairs.T
    stays = np.where(mean[first] >= mean[second], first, second)
    other = np.log(np.exp(alone).mean(axis=1, keepdims=True))
    out: Floats = np.concatenate([alone, alone[:, stays], other], axis=1)
    return out


def _clearing(logs: Floats, courses: CourseKnowledge, space: Hypotheses) -> Floats:
    """Clearing edema speaks for a cause against another by no more than that one says.

    So osteonecrosis, whose edema clears as well, is not ruled out for transient edema.
    """
    for i, cause in enumerate(space.causes):
        limit = courses.courses[cause].clearing
        if limit is not None:
            rival = logs[:, [space.causes.index(limit.than)]]
            lowest = rival - limit.value * np.log(2)
            logs = np.where(space.member[:, i], np.maximum(logs, lowest), logs)
    return logs


def _places(given: GivenCourse, courses: CourseKnowledge) -> Floats | None:
    """P(a new place within the time of the course | cause), (S, C); None if not looked for."""
    if not given.watched or given.weeks <= 0:
        return None
    year = drawn([about.new_place.p for about in courses.courses.values()], stream=12)
    out: Floats = 1 - (1 - year) ** (given.weeks / YEAR)
    return out


def _places_over_space(chance: Floats, given: GivenCourse, space: Hypotheses) -> Floats:
    first, second = space.pairs.T
    both = 1 - (1 - chance[:, first]) * (1 - chance[:, second])
    p = np.concatenate([chance, both, chance.mean(axis=1, keepdims=True)], axis=1)
    out: Floats = np.log(p if given.places else 1 - p)
    return out


def _bounded(logs: Floats, bits: float) -> Floats:
    """Nothing further below the best than so many bits."""
    out: Floats = np.maximum(logs, logs.max(axis=1, keepdims=True) - bits * np.log(2))
    return out


def kind_of(change: Change) -> Kind:
    """Whether an amount fell, grew or stayed, by the smallest detectable change."""
    if change.log_ratio < -change.sdc:
        return "fell"
    return "grew" if change.log_ratio > change.sdc else "stable"


def chance_of(cause: str, way: Way, one: Change, onset: float | None) -> dict[Kind, float]:
    """P(fell, stable, grew by more than error | cause, way) over the time of a change."""
    mean, sd = change(cause, way, one.start, one.end, onset)
    spread = np.sqrt(sd[0] ** 2 + one.error**2)
    weight = patients(cause, onset).weight if way == "fades" else np.full(PATIENTS, 1 / PATIENTS)
    fell = float(weight @ ndtr((-one.sdc - mean[0]) / spread))
    grew = float(weight @ ndtr((mean[0] - one.sdc) / spread))
    return {"fell": fell, "grew": grew, "stable": max(1 - fell - grew, 0.0)}


def share_below(cause: str, one: Change, onset: float | None) -> float:
    """P(a ratio as low as the measured one or lower | cause), error included, at the middles."""
    total = 0.0
    for way, share in shares_of(course_knowledge().courses[cause]).items():
        mean, sd = change(cause, way, one.start, one.end, onset)
        spread = np.sqrt(sd[0] ** 2 + one.error**2)
        weight = (
            patients(cause, onset).weight if way == "fades" else np.full(PATIENTS, 1 / PATIENTS)
        )
        total += share * float(weight @ ndtr((_ratio(one) - mean[0]) / spread))
    return total


def _chances(
    given: GivenCourse,
    ways: Floats,
    places: Floats | None,
    courses: CourseKnowledge,
    space: Hypotheses,
) -> dict[str, tuple[float, float, float]]:
    whole = given.whole
    if whole is not None:
        kind = kind_of(whole)
        each = np.array(
            [
                [chance_of(cause, way, whole, given.onset)[kind] for way in WAYS]
                for cause in courses.courses
            ]
        )
        p = np.einsum("scw,cw->sc", ways, each)
    elif places is not None:
        p = places if given.places else 1 - places
    else:
        return {}
    low, high = np.percentile(p[1:], (5, 95), axis=0)
    return {
        cause: (
            round(float(min(low[i], p[0, i])), 4),
            round(float(p[0, i]), 4),
            round(float(max(high[i], p[0, i])), 4),
        )
        for i, cause in enumerate(space.causes)
    }

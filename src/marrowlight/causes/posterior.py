"""How probable each cause is, given everything that is known: exact, with ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowlight.causes.case import Case
from marrowlight.causes.course_given import GivenCourse
from marrowlight.causes.course_likelihood import FOLLOWUP, CourseSaid, of_course
from marrowlight.causes.draws import Floats
from marrowlight.causes.hypotheses import Hypotheses, hypotheses
from marrowlight.causes.knowledge import Knowledge, knowledge
from marrowlight.causes.likelihood import (
    DURATION,
    of_duration,
    of_findings,
    of_site,
    settled,
    speaking,
)
from marrowlight.causes.pathway import Entry
from marrowlight.causes.pathway_of import absorbed, pathway_of
from marrowlight.causes.prior import age_and_sex, prior


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything that speaks about the hypotheses of one case.

    log_prior : (S, H), ln P(hypothesis) on the pathway; names : what speaks, N items (ids of
    findings, ``age``, ``sex``, ``pregnancy``, ``bme_site``, ``symptom_duration_weeks``,
    ``course``); logs : (S, H, N), ln P(item | hypothesis) less its mean over the prior, so that
    above zero speaks for a hypothesis; blocks : items that are counted together, with the share of
    all but the strongest; case : with what its numbers settle; entry, stated : the pathway and
    whether the case states it; taken : findings that the pathway already contains; known : the
    knowledge used; course : what a measured course says, if there is one.
    """

    space: Hypotheses
    case: Case
    log_prior: Floats
    names: tuple[str, ...]
    logs: Floats
    blocks: tuple[tuple[NDArray[np.intp], float], ...]
    entry: Entry | None
    stated: bool
    taken: frozenset[str]
    known: Knowledge
    course: CourseSaid | None = None


def evidence_of(
    case: Case, known: Knowledge | None = None, course: GivenCourse | None = None
) -> Evidence:
    """Gather what a case says. The joint must have priors (``knowledge.JOINTS``).

    Where a course is given, findings that say the same are not counted, and the duration of
    symptoms counts as that at the first visit: what came after is in the course.
    """
    known = known or knowledge()
    space = hypotheses(known)
    case = settled(case, known)
    way = pathway_of(case, known)
    entry, stated = way or (None, False)
    taken = absorbed(case, entry)
    start = prior(case, known, entry, taken)
    ids = speaking(case, known, taken)
    said = of_course(course, known) if course is not None else None
    if said is not None:
        ids = [id_ for id_ in ids if id_ not in FOLLOWUP]
    items = age_and_sex(case, known, entry)
    if (site := of_site(case, known)) is not None:
        items["bme_site"] = site
    if (duration := of_duration(_at_first(case, course), known)) is not None:
        items["symptom_duration_weeks"] = duration
    if said is not None:
        items["course"] = said.logs
    parts = [np.broadcast_to(x, start.shape)[:, :, None] for x in items.values()]
    if ids:
        parts.append(of_findings(case, known, ids))
    logs = np.concatenate(parts, axis=2) if parts else np.zeros((*start.shape, 0))
    mean = np.log(np.einsum("sh,shn->sn", start, np.exp(logs)))
    names = (*items, *ids)
    return Evidence(
        space=space,
        case=case,
        log_prior=np.log(np.maximum(start, 1e-12)),
        names=names,
        logs=logs - mean[:, None, :],
        blocks=blocks_of(names, known),
        entry=entry,
        stated=stated,
        taken=taken,
        known=known,
        course=said,
    )


def _at_first(case: Case, course: GivenCourse | None) -> Case:
    """The case with the duration that its symptoms had at the first visit of a course."""
    if course is None or course.onset is None:
        return case
    return replace(case, values={**case.values, DURATION: course.onset})


def blocks_of(
    names: tuple[str, ...], known: Knowledge
) -> tuple[tuple[NDArray[np.intp], float], ...]:
    """Items by group; every item that is in none is a block of its own."""
    share = {g.id: g.share for g in known.groups}
    group = {f: g.id for g in known.groups for f in g.findings}
    members: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        members.setdefault(group.get(name, name), []).append(i)
    return tuple((np.array(m, np.intp), share.get(g, 1.0)) for g, m in members.items())


def counted(logs: Floats, blocks: tuple[tuple[NDArray[np.intp], float], ...]) -> Floats:
    """The sum over items, (..., N) to (...), items of a group not counted twice.

    In a block the strongest reason for and the strongest against count in full, every other by the
    share of the block. So a reason for a hypothesis never lowers it, and the order does not matter.
    """
    total = np.zeros(logs.shape[:-1])
    for members, share in blocks:
        part = logs[..., members]
        if len(members) == 1:
            total += part[..., 0]
            continue
        up, down = np.maximum(part, 0), np.minimum(part, 0)
        best, worst = up.max(axis=-1), down.min(axis=-1)
        total += best + worst + share * (up.sum(axis=-1) - best + down.sum(axis=-1) - worst)
    return total


def shares(log_weights: Floats) -> Floats:
    """Weights on the log scale to shares that sum to one over the last axis."""
    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))
    out: Floats = weights / weights.sum(axis=-1, keepdims=True)
    return out


def posterior(evidence: Evidence) -> Floats:
    """P(hypothesis | all that is known), (S, H): row 0 of the middles, the others of the draws."""
    return shares(evidence.log_prior + counted(evidence.logs, evidence.blocks))


def marginal(space: Hypotheses, posterior: Floats) -> Floats:
    """P(cause is present), alone or with another: (..., H) to (..., C)."""
    out: Floats = posterior @ space.member
    return out

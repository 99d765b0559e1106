"""How common each hypothesis is in a patient like this one, before the findings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from marrowlight.causes.case import Case
from marrowlight.causes.cause import BANDS, Cause
from marrowlight.causes.draws import Floats, drawn
from marrowlight.causes.hypotheses import hypotheses
from marrowlight.causes.knowledge import Knowledge
from marrowlight.causes.pathway import Entry
from marrowlight.causes.table import table

FERTILE = (15.0, 50.0)
"""Ages, in years, at which a stated pregnancy, or its absence, is weighed."""

_EDGES = (0.0, 13.0, 20.0, 40.0, 60.0, 85.0)
"""Where the age bands begin, in years; the last is open and taken to end at 85."""


def age_density(cause: Cause, age: float | Floats) -> Floats:
    """Share of people with this cause per year of age, at ages in years.

    The bands give the density at their middles; between two middles its logarithm is drawn
    straight, so that a child of 12 is not taken for an infant, nor one of 13 for a grown-up.
    """
    width = np.diff(_EDGES)
    density = np.array([cause.ages.bands[band] for band in BANDS]) / width
    out: Floats = np.exp(np.interp(age, np.array(_EDGES[:-1]) + width / 2, np.log(density)))
    return out


def share_of_ages(causes: Sequence[Cause], ages: tuple[float, float]) -> Floats:
    """Share of people with each cause whose age, in years, lies from ``ages[0]`` to ``ages[1]``."""
    years = np.arange(ages[0], min(ages[1], _EDGES[-1] + 0.5)) + 0.5
    return np.array([age_density(cause, years).sum() for cause in causes])


def prior(case: Case, known: Knowledge, entry: Entry | None, taken: frozenset[str]) -> Floats:
    """P(hypothesis) at this joint and on this pathway, age and sex not yet counted.

    Returns (S, H), rows sum to one. entry : the pathway, None for none; taken : findings that its
    shares already contain. Causes without a share on the pathway divide the rest in proportion to
    their priors, P(taken findings | cause) and P(age within the pathway's | cause).
    """
    space = hypotheses(known)
    causes = [known.causes[c] for c in space.causes]
    shares = drawn([c.prior[case.joint].p for c in causes], stream=3)
    shares = shares / shares.sum(axis=1, keepdims=True)
    stated = entry.shares.get(case.joint, {}) if entry else {}
    if stated:
        numbers = table(case.joint, known)
        for finding in sorted(taken):
            shares = shares * numbers.alone[:, :, numbers.column(finding)]
        if entry and _bounded(entry):
            shares = shares * share_of_ages(causes, entry.ages)
        index = [space.causes.index(c) for c in stated]
        given = drawn([s.p for s in stated.values()], stream=4)
        given = given * np.minimum(1.0, 0.97 / given.sum(axis=1, keepdims=True))
        shares[:, index] = 0.0
        shares = shares / shares.sum(axis=1, keepdims=True)
        shares = shares * (1 - given.sum(axis=1, keepdims=True))
        shares[:, index] = given
    other = drawn([known.pairs.other.p], stream=5)
    both = drawn([p.p for p in known.pairs.pairs], stream=6)
    pairs, alone = _split(shares, both, space.pairs)
    named = np.concatenate([alone, pairs], axis=1)
    named = named / named.sum(axis=1, keepdims=True) * (1 - other)
    out: Floats = np.concatenate([named, other], axis=1)
    return out


MOST_IN_PAIRS = 0.9
"""Largest part of a cause's share that may lie in pairs: it can always be there alone. Estimate."""


def _split(shares: Floats, both: Floats, pairs: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Shares of causes, (S, C), to shares of pairs, (S, P), and of causes alone, (S, C).

    A pair takes its part from both of its causes, so that each is present as often as its share
    says, up to the one factor that makes all shares add up to one.
    """
    taken = shares[:, pairs[:, 0]] * both
    member = (pairs[:, :, None] == np.arange(shares.shape[1])).any(axis=1)
    cut = np.minimum(1.0, MOST_IN_PAIRS * shares / np.maximum(taken @ member, 1e-15))
    taken = taken * cut[:, pairs].min(axis=2)
    return taken, shares - taken @ member


def age_and_sex(case: Case, known: Knowledge, entry: Entry | None) -> dict[str, Floats]:
    """ln density of age given the hypothesis, ln P(sex | ...), ln P(pregnancy | ...): each (S, H).

    The shares of a pathway of old people hold for old people: on a pathway with ages of its own,
    age counts only within them. Two causes at once take the mean of the two shares, none of them
    the mean of all causes.
    """
    space = hypotheses(known)
    causes = [known.causes[c] for c in space.causes]
    found: dict[str, Floats] = {}
    if case.age is not None:
        density = np.array([[float(age_density(c, case.age)) for c in causes]])
        if entry and case.joint in entry.shares and _bounded(entry):
            density = density / share_of_ages(causes, entry.ages)
        found["age"] = density
    female = _women(case, causes)
    if case.sex is not None:
        found["sex"] = female if case.sex == "female" else 1 - female
    if _weigh_pregnancy(case):
        pregnant = drawn([c.pregnant.p for c in causes], stream=8)
        found["pregnancy"] = 1 - pregnant if case.pregnancy == "not_pregnant" else pregnant
    return {name: np.log(_over_space(p, known)) for name, p in found.items()}


def _bounded(entry: Entry) -> bool:
    return entry.ages[0] > _EDGES[0] or entry.ages[1] < _EDGES[-1]


def _women(case: Case, causes: list[Cause]) -> Floats:
    """Share of women by cause. Rows without pregnant women hold only beyond the fertile ages."""
    past_or_before = case.age is not None and not FERTILE[0] <= case.age < FERTILE[1]
    rows = [c.share_of_women(case.joint, not_pregnant=past_or_before) for c in causes]
    return drawn([row.p for row in rows], stream=7)


def _weigh_pregnancy(case: Case) -> bool:
    age = case.age
    fertile = age is None or FERTILE[0] <= age < FERTILE[1]
    return case.pregnancy is not None and case.sex != "male" and fertile


def _over_space(alone: Floats, known: Knowledge) -> Floats:
    """From single causes, (S, C), to all hypotheses, (S, H)."""
    pairs = hypotheses(known).pairs
    both = (alone[:, pairs[:, 0]] + alone[:, pairs[:, 1]]) / 2
    return np.concatenate([alone, both, alone.mean(axis=1, keepdims=True)], axis=1)

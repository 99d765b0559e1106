"""Cases and small bodies of knowledge, made for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from marrowlight.causes.case import Case
from marrowlight.causes.case_file import case_from
from marrowlight.causes.finding import Finding
from marrowlight.causes.knowledge import JOINTS, SITE, Knowledge, knowledge
from marrowlight.causes.pathway import Pair, Pairs, Unexplained
from marrowlight.causes.posterior import evidence_of, marginal, posterior
from marrowlight.causes.probability import Chance
from marrowlight.study.study import Joint

DURATION = "symptom_duration_weeks"


def case(joint: str = "knee", **words: Any) -> Case:
    """A case as a file would state it."""
    return case_from({"joint": joint, **words})


def chances(one: Case, known: Knowledge | None = None) -> dict[str, float]:
    """P(cause is present) at the middles."""
    evidence = evidence_of(one, known)
    found = marginal(evidence.space, posterior(evidence))[0]
    return dict(zip(evidence.space.causes, map(float, found), strict=True))


def askable(joint: Joint) -> list[Finding]:
    """Findings that speak about causes and can be present at a joint."""
    return [
        f
        for f in knowledge().findings.values()
        if f.background is not None and (not f.joints or joint in f.joints)
    ]


@st.composite
def cases(draw: st.DrawFn, most: int = 8) -> Case:
    """Any patient at a joint that has priors, with up to ``most`` findings known."""
    joint = draw(st.sampled_from(JOINTS))
    chosen = draw(
        st.lists(st.sampled_from(askable(joint)), max_size=most, unique_by=lambda f: f.id)
    )
    present: set[str] = set()
    absent: set[str] = set()
    for finding in chosen:
        clash = set(finding.excludes) | {
            p for p in present if finding.id in knowledge().findings[p].excludes
        }
        here = not clash & present and draw(st.booleans())
        (present if here else absent).add(finding.id)
    values: dict[str, float | str] = {}
    if draw(st.booleans()):
        values[SITE] = draw(st.sampled_from(knowledge().sites_of(joint)))
    if draw(st.booleans()):
        values[DURATION] = draw(st.floats(0.5, 150))
    return Case(
        joint=joint,
        age=draw(st.none() | st.floats(0, 100)),
        sex=draw(st.sampled_from([None, "female", "male"])),
        present=frozenset(present),
        absent=frozenset(absent),
        values=values,
    )


def small_knowledge(rng: np.random.Generator) -> Knowledge:
    """A few causes, pairs and findings of every kind with numbers drawn at random, no groups."""
    full = knowledge()
    ids = list(rng.choice(sorted(full.causes), size=rng.integers(3, 7), replace=False))

    def chance() -> tuple[float, float, float]:
        low, middle, high = np.sort(rng.uniform(0.02, 0.98, 3))
        return float(low), float(middle), float(high)

    kinds = ["produced", "background", "normal"]
    findings = {}
    for k in range(int(rng.integers(3, 7))):
        kind = kinds[k % 3]
        findings[f"finding_{k}"] = Finding(
            id=f"finding_{k}",
            name=f"finding {k}",
            question="Is it there?",
            kind=kind,
            seen_by="reader",
            background=Chance(p=chance(), source=("estimate",)),
        )
    causes = {}
    for id_ in ids:
        old = full.causes[id_]
        rows = tuple(
            {"finding": f, "p": chance(), "source": ("estimate",)}
            for f in findings
            if rng.random() < 0.7
        )
        changed = old.model_dump() | {
            "findings": rows or ({"finding": "finding_0", "p": chance(), "source": ("estimate",)},),
            "prior": {j: {"p": chance(), "source": ("estimate",)} for j in JOINTS},
        }
        causes[id_] = type(old).model_validate(changed)
    ordered = [(a, b) for a in ids for b in ids if a < b]
    picked = [ordered[i] for i in rng.permutation(len(ordered))[: rng.integers(1, len(ids))]]
    pairs = tuple(
        Pair(first=a, second=b, p=(0.01, float(rng.uniform(0.02, 0.2)), 0.3), source=("estimate",))
        for a, b in picked
    )
    other = Unexplained(
        p=(0.01, float(rng.uniform(0.02, 0.2)), 0.3), text="-", source=("estimate",)
    )
    return replace(
        full,
        causes=causes,
        findings=findings | {SITE: full.findings[SITE]},
        groups=(),
        pathways={},
        pairs=Pairs(version=1, other=other, pairs=pairs),
    )

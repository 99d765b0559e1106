"""The reasons for and against each cause, as weights of evidence."""

from __future__ import annotations

import numpy as np

from marrowlight.causes.course_knowledge import course_knowledge
from marrowlight.causes.draws import Floats
from marrowlight.causes.posterior import Evidence, blocks_of, counted, marginal, shares
from marrowlight.causes.probability import Basis
from marrowlight.causes.ranked import Missing, Weight
from marrowlight.causes.test_to_do import may_be_sought
from marrowlight.causes.what_if import WhatIf

SLIGHT, CLEAR, STRONG = 0.5, 1.58, 3.32
"""Bits from which a reason is named slight, clear (odds times 3) and strong (times 10). The steps
of three and ten are a convention of evidence-based medicine; 0.5 is an estimate."""

ITEMS = {
    "age": "Age",
    "sex": "Sex",
    "pregnancy": "Pregnancy",
    "course": "Course since the last visit",
}
"""Names of what speaks without being a finding."""


def weights(evidence: Evidence) -> Floats:
    """Bits of every item for every cause, (C, N): odds with it over odds without it."""
    logs, start = evidence.logs[0], evidence.log_prior[0]
    space = evidence.space
    whole = _log_odds(marginal(space, shares(start + counted(logs, evidence.blocks))))
    out = np.empty((len(space.causes), len(evidence.names)))
    for n in range(len(evidence.names)):
        rest = [i for i in range(len(evidence.names)) if i != n]
        blocks = blocks_of(tuple(evidence.names[i] for i in rest), evidence.known)
        without = shares(start + counted(logs[:, rest], blocks))
        out[:, n] = (whole - _log_odds(marginal(space, without))) / np.log(2)
    return out


def reasons(
    evidence: Evidence, bits: Floats, cause: str
) -> tuple[tuple[Weight, ...], tuple[Weight, ...]]:
    """For and against one cause, strongest first; bits : one row of ``weights``."""
    made = [
        _weight(evidence, name, float(b), cause)
        for name, b in zip(evidence.names, bits, strict=True)
        if abs(b) >= SLIGHT
    ]
    made.sort(key=lambda w: -abs(w.bits))
    return tuple(w for w in made if w.bits > 0), tuple(w for w in made if w.bits < 0)


def missing(asked: WhatIf, shift: Floats, index: int) -> tuple[Missing, ...]:
    """The three unknown findings that would move a cause most, of those that may be looked for in
    this patient; shift : (U, C) of ``shifts``."""
    known, found, case = asked.evidence.known, [], asked.evidence.case
    order = [int(k) for k in np.argsort(-shift[:, index], kind="stable")]
    for k in [k for k in order if may_be_sought(asked.findings[k], case)][:3]:
        finding = known.findings[asked.findings[k]]
        if shift[k, index] >= 0.01:
            found.append(
                Missing(
                    finding=finding.id,
                    name=finding.name,
                    question=finding.question,
                    shift=round(float(shift[k, index]), 3),
                )
            )
    return tuple(found)


def words_of(bits: float) -> str:
    """``strongly for``, ``against``, ``slightly for``..."""
    way = "for" if bits > 0 else "against"
    size = abs(bits)
    return f"strongly {way}" if size >= STRONG else way if size >= CLEAR else f"slightly {way}"


def _weight(evidence: Evidence, item: str, bits: float, cause: str) -> Weight:
    known = evidence.known
    case, finding, about = evidence.case, known.findings.get(item), known.causes[cause]
    p: tuple[float, float, float] | None = None
    source: tuple[str, ...] = ("estimate",)
    basis: Basis = "estimate"
    if finding is not None and finding.background is not None:
        row = about.given(item, case.joint) or finding.background
        p, source, basis = row.p, row.source, row.basis
        state = "present" if case.state(item) else "absent"
    elif finding is not None:
        value = case.values[item]
        state = value.replace("_", " ") if isinstance(value, str) else f"{value:g}"
        if item == "symptom_duration_weeks":
            state, source = f"{state} weeks", about.course.source
    elif item == "age":
        state, source = f"{case.age:g} years", about.ages.source
    elif item == "sex":
        state, source = str(case.sex), about.share_of_women(case.joint).source
    elif item == "course" and evidence.course is not None:
        state = evidence.course.given.state
        p = evidence.course.p.get(cause)
        source = course_knowledge().courses[cause].source
        basis = "estimate" if source == ("estimate",) else "indirect"
    else:
        state = str(case.pregnancy).replace("_", " ")
    return Weight(
        finding=item,
        name=finding.name if finding else ITEMS[item],
        state=state,
        bits=round(bits, 2),
        words=words_of(bits),
        p=p,
        source=source,
        basis=basis,
    )


def _log_odds(p: Floats) -> Floats:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    out: Floats = np.log(p / (1 - p))
    return out

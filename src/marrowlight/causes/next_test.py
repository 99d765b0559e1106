"""The one next test: what it is expected to settle, weighed by harm, against its burden."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from pydantic import BaseModel

from marrowlight.causes.draws import SEED, Floats
from marrowlight.causes.finding import Finding
from marrowlight.causes.knowledge import Knowledge
from marrowlight.causes.posterior import marginal
from marrowlight.causes.ranked import VALUE
from marrowlight.causes.test_to_do import Test, tests
from marrowlight.causes.what_if import WhatIf

OUTCOMES = 48
"""Imagined results of a test, drawn from what is known now. The same for every test."""

LEAST_GAIN = 0.02
"""Bits, harm-weighted, below which a test is not worth naming. Estimate."""

BURDEN_POWER = 0.5
"""A test of four times the burden must settle twice as much. Estimate."""


class Step(BaseModel):
    """One test, and what it would bring.

    gain_bits : expected fall of the entropy over causes, each weighed by the harm of missing it
    (mean weight 1); asks : ids of findings that it would settle, most telling first; questions :
    the same as questions; between : the causes that it separates; cautions : for this patient.
    """

    model_config = VALUE
    id: str
    name: str
    kind: str
    burden: float
    gain_bits: float
    asks: tuple[str, ...]
    questions: tuple[str, ...]
    between: tuple[str, ...]
    reason: str
    cautions: tuple[str, ...]
    source: tuple[str, ...]


class Ruled(BaseModel):
    """A test that would help and must not be done in this patient."""

    model_config = VALUE
    id: str
    name: str
    why: str
    source: tuple[str, ...]


class NextTest(Step):
    """The best step; others : the runners-up; not_now : what would help and is forbidden here."""

    others: tuple[Step, ...] = ()
    not_now: tuple[Ruled, ...] = ()


def next_test(asked: WhatIf, urgent: Collection[str] = ()) -> NextTest | None:
    """The test with the largest expected gain for its burden; None where none settles more.

    urgent : causes that must be excluded now; a test that can do so comes before all others, first
    for the most probable of them: fluid is drawn before a septic joint is read again.
    """
    case, known = asked.evidence.case, asked.evidence.known
    single = gains(asked)
    steps, ruled = [], []
    for test in tests():
        open_ = [f for f in test.answers if f in asked.findings]
        if not open_ or (test.needs_any and not any(f in case.present for f in test.needs_any)):
            continue
        step = _step(test, open_, asked, single, known)
        if step.gain_bits < LEAST_GAIN and not set(test.clears) & set(urgent):
            continue
        if limit := next((x for x in test.not_if if x.holds(case)), None):
            ruled.append(Ruled(id=test.id, name=test.name, why=limit.text, source=limit.source))
        else:
            steps.append(step)
    if not steps:
        return None
    space = asked.evidence.space
    chance = dict(zip(space.causes, marginal(space, asked.now).tolist(), strict=True))
    pressing = {
        t.id: max((chance.get(c, 0.0) for c in t.clears if c in urgent), default=-1.0)
        for t in tests()
    }
    steps.sort(
        key=lambda s: (
            -pressing[s.id],
            -s.gain_bits / s.burden**BURDEN_POWER,
            s.id,
        )
    )
    return NextTest(**dict(steps[0]), others=tuple(steps[1:4]), not_now=tuple(ruled))


def gains(asked: WhatIf) -> Floats:
    """Expected gain of every unknown finding alone, (U,), harm-weighted bits."""
    now = _entropy(marginal(asked.evidence.space, asked.now), asked)
    both = np.array([[True], [False]])
    out = []
    for k, chance in enumerate(asked.chance()):
        yes, no = _entropy(asked.causes_after([k], both), asked)
        out.append(now - chance * yes - (1 - chance) * no)
    return np.array(out)


def best_questions(asked: WhatIf, most: int = 1) -> list[Finding]:
    """The unknown findings that a person can be asked for, largest gain for its burden first.

    The burden is that of the least test that settles the finding, a question where none is named.
    What only a test that is forbidden in this patient could settle is not asked.
    """
    case, known = asked.evidence.case, asked.evidence.known
    burden = []
    for finding in asked.findings:
        ways = [t for t in tests() if finding in t.answers]
        open_ = [t.burden for t in ways if not any(x.holds(case) for x in t.not_if)]
        burden.append(min(open_, default=np.inf if ways else 1.0))
    worth = gains(asked) / np.array(burden) ** BURDEN_POWER
    order = [int(k) for k in np.argsort(-worth, kind="stable") if np.isfinite(burden[k])]
    return [known.findings[asked.findings[k]] for k in order[:most]]


def _step(test: Test, open_: list[str], asked: WhatIf, single: Floats, known: Knowledge) -> Step:
    columns = sorted((asked.findings.index(f) for f in open_), key=lambda k: -single[k])
    columns = columns[: test.best]
    space = asked.evidence.space
    now = marginal(space, asked.now)
    draw = np.random.default_rng([SEED, 77])
    which = draw.choice(len(asked.now), size=OUTCOMES, p=asked.now / asked.now.sum())
    states = draw.random((OUTCOMES, len(columns))) < asked.present[which][:, columns]
    after = asked.causes_after(columns, states)
    gain = float(_entropy(now, asked) - _entropy(after, asked).mean())
    moved = np.abs(after - now).mean(axis=0)
    between = [space.causes[i] for i in np.argsort(-moved, kind="stable")[:2]]
    names = " from ".join(f"'{known.causes[c].short}'" for c in between)
    case = asked.evidence.case
    return Step(
        id=test.id,
        name=test.name,
        kind=test.kind,
        burden=test.burden,
        gain_bits=round(max(gain, 0.0), 3),
        asks=tuple(asked.findings[k] for k in columns),
        questions=tuple(known.findings[asked.findings[k]].question for k in columns),
        between=tuple(between),
        reason=" ".join(t for t in (f"It separates {names} best.", test.reason) if t),
        cautions=tuple(x.text for x in test.caution if x.holds(case)),
        source=test.source,
    )


def _entropy(p: Floats, asked: WhatIf) -> Floats:
    """Sum over causes of weight times binary entropy, in bits; (..., C) to (...)."""
    known = asked.evidence.known
    harm = np.array([known.causes[c].harm for c in asked.evidence.space.causes], float)
    p = np.clip(p, 1e-9, 1 - 1e-9)
    bits = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    out: Floats = bits @ (harm / harm.mean())
    return out

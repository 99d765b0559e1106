"""Osteonecrosis against transient edema: the same bright marrow, and opposite courses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from marrowlight.causes.case import Case
from marrowlight.causes.flags import check_ids
from marrowlight.causes.knowledge import Knowledge, knowledge
from marrowlight.causes.probability import ESTIMATE, STRICT, Chance, Sourced
from marrowlight.causes.rule import Condition
from marrowlight.causes.yaml_file import YamlFile
from marrowlight.study.study import Joint

Leans = Literal["necrosis", "transient", "neither"]
Strength = Literal["strong", "fair", "weak", "none"]

NECROSIS = "osteonecrosis"
TRANSIENT = ("transient_osteoporosis_bmes", "regional_migratory_osteoporosis")
IN_PLAY = 0.05
"""Probability from which a cause is in play (estimate: one in twenty is worth a look)."""

STRONG, FAIR, WEAK = 10.0, 3.0, 1.5
"""Likelihood ratios from which a criterion is called strong, fair or weak (a convention)."""


WORTH_ASKING = 0.05
"""Bits for an effort of one below which an answer would not change the balance (a convention)."""


class Criterion(Sourced):
    """One row of ``data/necrosis.yaml``.

    reads : a finding, present or absent; or ``limits``: a number that speaks for necrosis from a
    published limit on, by joint; or ``pregnancy``. for_necrosis, for_transient : the chance of it
    in each, where the causes do not state it. sequel : only a later visit shows it. decides : dead
    bone is seen, not inferred. effort : of looking, 1 for a question or the images at hand.
    contrast : it needs a contrast agent, which is not given in pregnancy.
    """

    id: str
    criterion: str = Field(min_length=4)
    for_necrosis: str = Field(min_length=4)
    for_transient: str = Field(min_length=4)
    finding: str | None = None
    limits: dict[Joint, float] = Field(default_factory=dict)
    pregnancy: bool = False
    women_aged: tuple[int, int] | None = None
    p_necrosis: Chance | None = None
    p_transient: Chance | None = None
    sequel: bool = False
    decides: bool = False
    effort: float = Field(default=1, ge=1)
    contrast: bool = False
    ask: str = Field(min_length=8)
    note: str = ""

    @model_validator(mode="after")
    def _reads_something(self) -> Criterion:
        if (self.finding is None) != self.pregnancy:
            raise ValueError("a criterion reads a finding or the pregnancy, one of them")
        if (self.p_necrosis is None) != (self.p_transient is None):
            raise ValueError("chances are given for both or for neither")
        if self.limits and self.p_necrosis is None:
            raise ValueError("a number with limits needs the chance to pass them")
        return self


class Criteria(BaseModel):
    """The file ``necrosis.yaml``. stated : conditions that put both in play at any rank."""

    model_config = STRICT
    version: Literal[1]
    stated: tuple[Condition, ...]
    settled: str
    quiet: str
    caution: str
    criteria: tuple[Criterion, ...] = Field(min_length=3)


class Row(Sourced):
    """One criterion in this patient.

    state : present, absent, unknown, or the number with its unit. leans : which way this state
    points; strength : how far. p_necrosis, p_transient : chance of ``present`` in each, 0 to 1.
    """

    id: str
    criterion: str
    for_necrosis: str
    for_transient: str
    state: str
    leans: Leans
    strength: Strength
    p_necrosis: float
    p_transient: float
    note: str = ""


class Necrosis(BaseModel):
    """Both sides, row by row, the balance in words, and what to do next.

    probability_necrosis, probability_transient : of the ranking. next : what would separate best;
    ask : the finding behind it, None where nothing is left to ask.
    """

    model_config = STRICT
    probability_necrosis: float
    probability_transient: float
    rows: tuple[Row, ...]
    leans: Leans
    balance: str
    next: str
    ask: str | None
    caution: str


@lru_cache(maxsize=1)
def criteria() -> Criteria:
    """The criteria of this package. A file that breaks its rules raises ``KnowledgeError``."""
    data = resources.files("marrowlight.causes").joinpath("data")
    return load_criteria(data.joinpath("necrosis.yaml"), knowledge())


def load_criteria(path: Traversable | Path, known: Knowledge) -> Criteria:
    """Load the criteria and check every id in them; the error names file and line."""
    file = YamlFile(path)
    read = file.parse(Criteria)
    check_ids(file, known)
    for index, row in enumerate(read.criteria):
        where = ("criteria", index, "finding")
        if row.finding is None:
            continue
        if known.findings[row.finding].three_valued == bool(row.limits):
            raise file.fail(
                where, f"'{row.finding}': limits go with a number, and a number needs them."
            )
    return read


def necrosis_or_transient(case: Case, probabilities: Mapping[str, float]) -> Necrosis | None:
    """Osteonecrosis against transient edema, row by row; None where they are not both in play.

    Parameters
    ----------
    case : Case
        What is known.
    probabilities : cause id to probability, 0 to 1
        Of the ranking.
    """
    known, read = knowledge(), criteria()
    if case.joint not in (Joint.HIP, Joint.KNEE, Joint.ANKLE):
        return None
    dead = probabilities.get(NECROSIS, 0.0)
    passing = max(probabilities.get(cause, 0.0) for cause in TRANSIENT)
    stated = any(c.why(case, probabilities, known.findings) is not None for c in read.stated)
    if not stated and min(dead, passing) < IN_PLAY:
        return None
    shown = [c for c in read.criteria if _applies(c, case)]
    rows = {c.id: _row(c, case, known) for c in shown}
    leans, balance = _balance(list(rows.values()))
    next_, ask = _next(shown, rows, case, read)
    return Necrosis(
        probability_necrosis=dead,
        probability_transient=passing,
        rows=tuple(rows.values()),
        leans=leans,
        balance=balance,
        next=next_,
        ask=ask,
        caution=read.caution,
    )


def _applies(row: Criterion, case: Case) -> bool:
    if row.limits and case.joint not in row.limits:
        return False
    if row.women_aged is None or case.pregnancy is not None:
        return True
    low, high = row.women_aged
    return case.sex == "female" and case.age is not None and low <= int(case.age) <= high


def _state(row: Criterion, case: Case, known: Knowledge) -> tuple[bool | None, str]:
    """True, False or None (unknown), and the words for it."""
    if row.finding is None:
        state = None if case.pregnancy is None else case.pregnancy != "not_pregnant"
        return state, "unknown" if state is None else str(case.pregnancy).replace("_", " ")
    if not row.limits:
        state = case.state(row.finding)
        return state, {True: "present", False: "absent", None: "unknown"}[state]
    value = case.values.get(row.finding)
    if not isinstance(value, int | float):
        return None, "unknown"
    return value >= row.limits[case.joint], f"{value:g} {known.findings[row.finding].unit}"


def _chances(row: Criterion, case: Case, known: Knowledge) -> tuple[float, float, list[str]]:
    """Chance of the criterion in necrosis and in transient edema, and where they come from."""
    if row.p_necrosis is not None and row.p_transient is not None:
        pair = (row.p_necrosis, row.p_transient)
        return pair[0].p[1], pair[1].p[1], [key for chance in pair for key in chance.source]
    found, sources = [], []
    for cause in (NECROSIS, TRANSIENT[0]):
        if row.finding is None:
            chance: Chance | None = known.causes[cause].pregnant
        else:
            finding = known.findings[row.finding]
            chance = known.causes[cause].given(row.finding, case.joint) or finding.background
        found.append(0.5 if chance is None else chance.p[1])
        sources += [] if chance is None else list(chance.source)
    return found[0], found[1], sources


def _row(row: Criterion, case: Case, known: Knowledge) -> Row:
    dead, passing, sources = _chances(row, case, known)
    state, words = _state(row, case, known)
    leans, strength = ("neither", "none") if state is None else _lean(dead, passing, state)
    keys = dict.fromkeys([*row.source, *sources])
    measured = [key for key in keys if key != ESTIMATE]
    return Row(
        id=row.id,
        criterion=row.criterion,
        for_necrosis=row.for_necrosis,
        for_transient=row.for_transient,
        state=words,
        leans=leans,
        strength=strength,
        p_necrosis=dead,
        p_transient=passing,
        note=row.note,
        source=tuple(measured) or (ESTIMATE,),
    )


def _lean(dead: float, passing: float, present: bool) -> tuple[Leans, Strength]:
    """Which way a known state points: the likelihood ratio of necrosis against transient edema."""
    ratio = dead / passing if present else (1 - dead) / (1 - passing)
    leans: Leans = "necrosis" if ratio > 1 else "transient"
    size = max(ratio, 1 / ratio)
    if size < WEAK:
        return "neither", "none"
    return leans, "strong" if size >= STRONG else "fair" if size >= FAIR else "weak"


def _balance(rows: list[Row]) -> tuple[Leans, str]:
    """The strongest criteria decide; where they point both ways, nothing is decided."""
    unknown = sum(row.state == "unknown" for row in rows)
    tail = f" {unknown} of {len(rows)} criteria are unknown." if unknown else ""
    said = {side: _list([r for r in rows if r.leans == side]) for side in ("necrosis", "transient")}
    for strength in ("strong", "fair", "weak"):
        sides = {row.leans for row in rows if row.strength == strength}
        if len(sides) == 2:
            text = f"Contradictory: {said['necrosis']} for necrosis, {said['transient']} for"
            return "neither", f"{text} transient edema.{tail}"
        if sides:
            leans = sides.pop()
            name = "necrosis" if leans == "necrosis" else "transient edema"
            other = said["transient" if leans == "necrosis" else "necrosis"]
            against = f", against {other}" if other else ""
            return leans, f"Leans to {name}: {said[leans]}{against}.{tail}"
    return "neither", f"Nothing that is stated separates the two.{tail}"


def _list(rows: list[Row]) -> str:
    order = ("strong", "fair", "weak")
    ranked = sorted(rows, key=lambda row: order.index(row.strength))
    return ", ".join(f"{_lower(r.criterion)} {r.state} ({r.strength})" for r in ranked)


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def _next(
    shown: list[Criterion], rows: Mapping[str, Row], case: Case, read: Criteria
) -> tuple[str, str | None]:
    """What to do: stage a settled necrosis, else the unknown criterion that separates best."""
    if any(c.decides and rows[c.id].leans == "necrosis" for c in shown):
        return read.settled, None
    open_ = [
        c
        for c in shown
        if rows[c.id].state == "unknown" and not c.sequel and not (c.contrast and case.pregnant)
    ]
    gain = {
        c.id: _information(rows[c.id].p_necrosis, rows[c.id].p_transient) / c.effort for c in open_
    }
    best = max(open_, key=lambda c: gain[c.id], default=None)
    if best is None or gain[best.id] < WORTH_ASKING:
        return read.quiet, None
    return best.ask, best.finding


def _information(dead: float, passing: float) -> float:
    """Bits by which the answer is expected to separate the two, both as likely at the start."""

    def entropy(p: float) -> float:
        return -sum(q * math.log2(q) for q in (p, 1 - p) if q > 0)

    return entropy((dead + passing) / 2) - (entropy(dead) + entropy(passing)) / 2

"""The knowledge page of one cause: what to know of it, what speaks for and against it, and sources.

Values only; ``page_markdown`` and the command line write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

from marrowlight.causes.cause import Cause, FindingGiven
from marrowlight.causes.finding import Finding
from marrowlight.causes.knowledge import JOINTS, Knowledge, knowledge
from marrowlight.causes.near import nearest
from marrowlight.causes.probability import ESTIMATE, Basis, Range, Sourced
from marrowlight.causes.reference import Reference
from marrowlight.errors import UsageError
from marrowlight.study.study import Joint

MOST = 8
"""Signs of each kind that a page shows."""

LEAST_BITS = 0.5
"""Signs that say less are left out: they change the odds by less than a factor of 1.4."""

DISCLAIMER = (
    "It supports a reader and replaces none; it is no medical device. Probabilities hold for "
    "people whose MRI shows edema; most are estimates and say so."
)

_GROUPS = {"tumour": "tumor", "primary": "primary edema", "variant": "normal variant"}


def group_name(group: str) -> str:
    """The group of a cause as people read it."""
    return _GROUPS.get(group, group)


def percent(share: float) -> str:
    """A share as people read it: 0.0346 as 3.5%, 0.0005 as 0.05%, 0.9995 as 99.95%."""
    value = 100 * share
    digits = 0 if 10 <= value <= 90 else 2 if value < 0.1 or value > 99.9 else 1
    return f"{value:.{digits}f}%".replace(".0%", "%")


def span(p: Range) -> str:
    """Middle and range: 8.5% (3.4% to 19%)."""
    return f"{percent(p[1])} ({percent(p[0])} to {percent(p[2])})"


def cited(source: Iterable[str], number: Mapping[str, int], *, estimate: bool = True) -> str:
    """`` [1, 2]`` for references by their number on the page, `` (estimate)`` for none."""
    keys = [str(number[key]) for key in source if key != ESTIMATE]
    if keys:
        return f" [{', '.join(keys)}]"
    return " (estimate)" if estimate else ""


def women(cause: Cause, joint: Joint | None, number: Mapping[str, int]) -> tuple[str, ...]:
    """The share of women in words, one line a row that holds at the joint (None: all rows)."""
    rows = [row for row in cause.women if joint is None or row.joint == joint]
    lines = []
    for row in rows or [row for row in cause.women if row.joint is None]:
        whom = [row.joint.value] if row.joint else []
        whom += ["not pregnant"] if row.not_pregnant else []
        words = ", ".join(whom)
        lines.append(
            f"Women{f' ({words})' if whom else ''}: {span(row.p)}"
            f"{f', {row.note}' if row.note else ''}{cited(row.source, number)}"
        )
    return tuple(lines)


@dataclass(frozen=True)
class Sign:
    """How much a finding says about one cause.

    p : P(present | cause), low, middle, high; background : P(present | a cause that says nothing
    of it); bits : log2 of the ratio of the two when it is present, absent_bits : when it is absent.
    Positive speaks for the cause. joint : where the row holds, None everywhere.
    """

    finding: str
    name: str
    joint: Joint | None
    p: Range
    background: Range
    bits: float
    absent_bits: float
    basis: Basis
    source: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Page:
    """A cause, at one joint or (None) everywhere, with the signs that say most.

    present_for, present_against : by weight when the finding is present; absent_against : when it
    is absent. references : by key, in the order in which the page needs them.
    """

    cause: Cause
    joint: Joint | None
    present_for: tuple[Sign, ...]
    present_against: tuple[Sign, ...]
    absent_against: tuple[Sign, ...]
    references: dict[str, Reference]


def page_of(cause: str, joint: Joint | None = None, known: Knowledge | None = None) -> Page:
    """The page of the cause with this id.

    Raises UsageError for an id that is not known, and names the ids that look like it.
    """
    known = known or knowledge()
    if cause not in known.causes:
        near = nearest(cause, known.causes) or _by_name(cause, known)
        raise UsageError(
            f"'{cause}' is no known cause.",
            expected=f"did you mean {' or '.join(near)}?" if near else None,
            do="see all ids with: marrowlight causes list",
        )
    if joint not in (None, *JOINTS):
        raise UsageError(
            f"There are no shares of causes for this joint: {joint}.",
            expected=", ".join(j.value for j in JOINTS),
        )
    one = known.causes[cause]
    signs = tuple(_sign(row, known.findings[row.finding]) for row in _rows(one, joint, known))
    present_for = _strongest(signs, lambda s: s.bits)
    present_against = _strongest(signs, lambda s: -s.bits)
    absent_against = _strongest(signs, lambda s: -s.absent_bits)
    keys = _keys(one, (*present_for, *present_against, *absent_against))
    return Page(
        cause=one,
        joint=joint,
        present_for=present_for,
        present_against=present_against,
        absent_against=absent_against,
        references={key: known.references[key] for key in keys},
    )


def pages(known: Knowledge | None = None) -> tuple[Page, ...]:
    """The pages of all causes, in the order of their files."""
    known = known or knowledge()
    return tuple(page_of(cause, known=known) for cause in known.causes)


def cause_record(cause: Cause) -> dict[str, Any]:
    """One row of ``marrowlight causes list`` for machines."""
    return {
        "id": cause.id,
        "name": cause.name,
        "group": group_name(cause.group),
        "share": {joint.value: list(cause.prior[joint].p) for joint in JOINTS},
        "pattern": cause.course.pattern,
        "weeks": cause.course.weeks.model_dump(),
    }


def page_record(page: Page) -> dict[str, Any]:
    """A page for machines: plain lists, numbers and strings."""
    cause = page.cause
    return {
        **cause_record(cause),
        "joint": page.joint.value if page.joint else None,
        "also_called": list(cause.also_called),
        "harm": cause.harm,
        "summary": cause.summary,
        "places": {joint.value: place.text for joint, place in cause.places.items()},
        "who": cause.who,
        "risk_factors": list(cause.risk_factors),
        "women": [row.model_dump(mode="json") for row in cause.women],
        "ages": cause.ages.model_dump(mode="json"),
        "separates": list(cause.separates),
        "red_flags": list(cause.red_flags),
        "laboratory": cause.laboratory,
        "next_step": cause.next_step,
        "course": cause.course.model_dump(mode="json"),
        "facts": [fact.model_dump(mode="json") for fact in cause.facts],
        "present_for": [_sign_record(s) for s in page.present_for],
        "present_against": [_sign_record(s) for s in page.present_against],
        "absent_against": [_sign_record(s) for s in page.absent_against],
        "references": {key: ref.model_dump() for key, ref in page.references.items()},
        "disclaimer": DISCLAIMER,
    }


def _sign_record(sign: Sign) -> dict[str, Any]:
    return {
        "finding": sign.finding,
        "name": sign.name,
        "joint": sign.joint.value if sign.joint else None,
        "p": list(sign.p),
        "background": list(sign.background),
        "bits": round(sign.bits, 2),
        "absent_bits": round(sign.absent_bits, 2),
        "basis": sign.basis,
        "source": list(sign.source),
        "note": sign.note,
    }


def _rows(cause: Cause, joint: Joint | None, known: Knowledge) -> Iterable[FindingGiven]:
    """The rows that hold: at one joint the one that takes precedence, else all of them.

    A finding without a background is no sign: that there is edema is taken for granted. At one
    joint, a finding that cannot be there (a meniscus at the hip) is none either.
    """
    for row in cause.findings:
        finding = known.findings[row.finding]
        if finding.background is None:
            continue
        there = joint is None or not finding.joints or joint in finding.joints
        if there and (joint is None or row is cause.given(row.finding, joint)):
            yield row


def _sign(row: FindingGiven, finding: Finding) -> Sign:
    assert finding.background is not None
    p, background = row.p[1], finding.background.p[1]
    return Sign(
        finding=finding.id,
        name=finding.name,
        joint=row.joint,
        p=row.p,
        background=finding.background.p,
        bits=log2(p / background),
        absent_bits=log2((1 - p) / (1 - background)),
        basis=row.basis,
        source=row.source,
        note=row.note,
    )


def _strongest(signs: Iterable[Sign], weight: Callable[[Sign], float]) -> tuple[Sign, ...]:
    """The signs of greatest weight, one row a finding, ties in the order of the file."""
    best: dict[str, Sign] = {}
    for sign in sorted(signs, key=weight, reverse=True):
        if weight(sign) >= LEAST_BITS:
            best.setdefault(sign.finding, sign)
    return tuple(best.values())[:MOST]


def _keys(cause: Cause, signs: Iterable[Sign]) -> list[str]:
    """Every reference the page needs, once, in the order in which it needs them."""
    sourced: tuple[Sourced | Sign, ...] = (
        *cause.facts, cause.course, *signs, *(cause.prior[joint] for joint in JOINTS),
        cause.ages, *cause.women, cause.pregnant,
    )  # fmt: skip
    keys = [key for one in sourced for key in one.source if key != ESTIMATE]
    return list(dict.fromkeys([*keys, *cause.read]))


def _by_name(word: str, known: Knowledge) -> tuple[str, ...]:
    """Ids of causes that are called so, or whose name or id holds the word."""
    word = word.lower().replace("_", " ")
    return tuple(
        cause.id
        for cause in known.causes.values()
        if word
        and any(
            word in name.lower().replace("_", " ")
            for name in (cause.id, cause.name, *cause.also_called)
        )
    )[:3]

"""From the leading causes and the standing flags to the care of one patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from marrowlight.care.care import Care, CareOption, Effect, LeftOut, MatchedCaution, SetRight
from marrowlight.care.care_knowledge import CareKnowledge, care_knowledge
from marrowlight.care.care_rules import ListName, OwnList
from marrowlight.care.caution import Caution
from marrowlight.care.option import Certainty, Given, Option
from marrowlight.causes.case import Case
from marrowlight.causes.finding import Finding
from marrowlight.causes.flag import Flag
from marrowlight.causes.knowledge import knowledge

LEADING_FROM = 0.1
"""Probability from which a cause leads. Estimate: below one in ten, care for it is guesswork."""

LEADING_MOST = 3
"""Most causes that care is shown for, so that the list stays short."""

SAFE_STEP = "protect_and_review"
"""The step that all flags share."""

NONE_LEADS = "No cause reaches one in ten, so no options are listed before the next test."

LATER = 5.0
"""Steps of certainty by which an option comes later that a leading cause asks to wait with.
Estimate: after taking load off, before any operation."""

_CERTAINTY: Mapping[Certainty, int] = {
    "high": 0, "moderate": 1, "consensus": 3, "low": 3, "very_low": 4,
}  # fmt: skip


class _Held(NamedTuple):
    why: str | None
    source: tuple[str, ...]
    warned: tuple[MatchedCaution, ...]
    later: bool


def care_for(
    case: Case,
    ranking: Sequence[str],
    probabilities: Mapping[str, float],
    flags: Sequence[Flag],
) -> Care:
    """The care of one patient.

    Parameters
    ----------
    case : Case
    ranking : ids of causes, most probable first
    probabilities : cause id to the probability that it is present, 0 to 1
    flags : what cannot be missed and is not yet excluded

    Returns
    -------
    Care
        Options of the leading causes (at least ``LEADING_FROM``, at most ``LEADING_MOST``), each
        once, by certainty and harm: one step of certainty weighs as much as one step of harm or one
        rank of its cause, and an uncertain effect and an unlicensed use half a step each (an
        estimate), and ``LATER`` steps where a leading cause asks to wait. What was tried and does
        not help comes after that, then what waits for a flag, and last what this patient should
        avoid.
    """
    care = care_knowledge()
    findings = dict(knowledge().findings)
    leading = [c for c in ranking if c in care.plans and probabilities.get(c, 0) >= LEADING_FROM]
    leading = leading[:LEADING_MOST]
    own = [each for each in care.lists if each.when.holds(case)]
    name: ListName = own[0].id if own else "general"

    served = _served(care, case, leading, own)
    gone = {option: row for each in own for row in each.leaves_out for option in row.options}
    held = {key: _held(care, key, flags, leading) for key in served if key not in gone}
    options = [
        _option(care.options[key], served[key], case, findings, hold) for key, hold in held.items()
    ]
    place = {option.id: index for index, option in enumerate(options)}
    options.sort(
        key=lambda one: (*_order(one, leading, held[one.id].later), one.harm, place[one.id])
    )
    return Care(
        list=name,
        first=_first(care, leading, flags),
        options=tuple(options),
        left_out=tuple(
            LeftOut(id=k, name=care.options[k].name, why=gone[k].why, source=gone[k].source)
            for k in served
            if k in gone
        ),
        notes=(
            *(() if leading else (NONE_LEADS,)),
            *(note.text for each in own for note in each.notes),
        ),
        corrections=_corrections(care, leading, {*served} - {*gone}, flags),
    )


def _served(
    care: CareKnowledge, case: Case, leading: Sequence[str], own: Sequence[OwnList]
) -> dict[str, list[tuple[str, Given]]]:
    """Option id to the leading causes that it serves, in their order."""
    served: dict[str, list[tuple[str, Given]]] = {}
    for cause in leading:
        added = [given for each in own for given in each.adds]
        for given in (*care.plans[cause].options, *added):
            joints = care.options[given.option].joints
            if (not joints or case.joint in joints) and _shown(given, case):
                served.setdefault(given.option, []).append((cause, given))
    return served


def _shown(given: Given, case: Case) -> bool:
    if given.unless_absent is not None and case.state(given.unless_absent) is False:
        return False
    if any(case.state(finding) for finding in given.only_if):
        return True
    if given.from_age is not None:
        return case.age is None or case.age >= given.from_age
    return not given.only_if


def _option(
    option: Option,
    rows: Sequence[tuple[str, Given]],
    case: Case,
    findings: dict[str, Finding],
    held: _Held,
) -> CareOption:
    main = next((given for _, given in rows if given.benefit != "none_shown"), rows[0][1])
    matched = [
        MatchedCaution(text=caution.text, level=caution.level, source=caution.source)
        for caution in option.cautions
        if caution.when.holds(case)
    ]
    cautions = sorted({c.text: c for c in (*held.warned, *matched)}.values(), key=lambda c: c.level)
    avoid = any(caution.level == "avoid" for caution in matched)
    return CareOption(
        id=option.id,
        name=option.name,
        kind=option.kind,
        what=option.what,
        for_causes=tuple(cause for cause, _ in rows),
        certainty=main.certainty,
        benefit=main.benefit,
        effect=main.effect,
        sources=main.source,
        effects=tuple(
            Effect(
                cause=cause,
                certainty=given.certainty,
                benefit=given.benefit,
                text=given.effect,
                sources=given.source,
                off_label=given.off_label,
            )
            for cause, given in rows
        ),
        harm=option.harm,
        off_label=any(given.off_label for _, given in rows),
        cautions=tuple(cautions),
        check=() if avoid else _check(option.cautions, case, findings),
        held_back=held.why,
        held_source=held.source,
        avoid=avoid,
    )


def _check(
    cautions: Sequence[Caution], case: Case, findings: dict[str, Finding]
) -> tuple[str, ...]:
    """What would forbid the option and is not known: unknown is not absent."""
    asked = (
        caution.when.asks(findings)
        for caution in cautions
        if caution.level == "avoid" and caution.when.holds(case) is None
    )
    return tuple(dict.fromkeys(asked))


def _held(care: CareKnowledge, option: str, flags: Sequence[Flag], leading: Sequence[str]) -> _Held:
    """Why flags hold an option back, and of what they and the leading causes only warn."""
    own = [hold for hold in care.holds if option in hold.options]
    rows = [hold for flag in flags for hold in own if flag.cause in hold.causes]
    waits = [hold for hold in own if hold.leading and {*leading} & {*hold.causes}]
    rows += [hold for hold in waits if hold not in rows]
    back = [hold for hold in rows if hold.level == "avoid"]
    return _Held(
        why=" ".join(dict.fromkeys(hold.why for hold in back)) or None,
        source=tuple(dict.fromkeys(key for hold in back for key in hold.source)),
        warned=tuple(
            MatchedCaution(text=hold.why, level="caution", source=hold.source)
            for hold in rows
            if hold.level == "caution"
        ),
        later=bool(waits),
    )


def _order(
    option: CareOption, leading: Sequence[str], later: bool
) -> tuple[bool, bool, bool, float]:
    return (
        option.avoid,
        option.held_back is not None,
        option.benefit == "none_shown",
        _CERTAINTY[option.certainty]
        + option.harm
        + leading.index(option.for_causes[0])
        + 0.5 * (option.benefit == "uncertain")
        + 0.5 * option.off_label
        + LATER * later,
    )


def _first(care: CareKnowledge, leading: Sequence[str], flags: Sequence[Flag]) -> tuple[str, ...]:
    if flags:
        flagged = {flag.cause for flag in flags}
        steps = [s for s in care.steps if s.id == SAFE_STEP or flagged & {*s.causes}]
    else:
        wanted = {step for cause in leading for step in care.plans[cause].first}
        steps = [s for s in care.steps if s.id in wanted]
        if any(not step.gives_way for step in steps):
            steps = [step for step in steps if not step.gives_way]
    return tuple(step.text for step in steps)


def _corrections(
    care: CareKnowledge, leading: Sequence[str], options: set[str], flags: Sequence[Flag]
) -> tuple[SetRight, ...]:
    causes = {*leading, *(flag.cause for flag in flags)}

    def shown() -> Iterator[SetRight]:
        for row in care.corrections.values():
            if causes & {*row.causes} or options & {*row.options}:
                yield SetRight(id=row.id, said=row.said, right=row.right, source=row.source)

    return tuple(shown())

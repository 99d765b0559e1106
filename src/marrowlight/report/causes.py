"""The words and bars of the causes section, laid out from an explanation: no files, no HTML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from marrowlight.causes.knowledge import knowledge
from marrowlight.causes.probability import ESTIMATE
from marrowlight.report.amount import THIN
from marrowlight.report.cause_views import (
    Card,
    CareView,
    CausesView,
    CauseView,
    FlagView,
    OptionRow,
    Reasoned,
    SeenRow,
    SideRow,
    Sides,
    SignView,
)
from marrowlight.study.study import Joint, Side

if TYPE_CHECKING:
    from marrowlight.care.care import CareOption
    from marrowlight.causes.necrosis import Necrosis
    from marrowlight.causes.next_test import NextTest
    from marrowlight.causes.ranked import Ranked, Weight
    from marrowlight.explained import Explained
    from marrowlight.explanation import Explanation

FULL_BITS = 5.0
"""Weight of evidence that fills a bar: a factor of 32 on the odds."""

MOST_SIGNS = 6
"""Signs for a cause, and against it, that are shown; the strongest."""

MOST_UNKNOWN = 3
"""Criteria that are not known and always shown, of osteonecrosis against transient edema."""

MOST_QUESTIONS = 3
"""Questions that the next test would answer, which are shown."""

NAMES = ("Charcot",)
"""People whose names begin a term."""

ADULT = 18.0
"""Years."""

_PATTERNS = {
    "resolves": "It comes once and clears.",
    "fluctuates": "It comes and goes.",
    "migrates": "It clears here and may come at a neighboring place.",
    "progresses": "It gets worse if nothing is done.",
    "persists": "It stays.",
}

FIRST_OPTIONS = 6
"""Options of care that are always open; the rest unfolds."""

CERTAINTY = {
    "high": "high", "moderate": "moderate", "low": "low", "very_low": "very low",
    "consensus": "consensus, not tried out",
}  # fmt: skip

BENEFIT = {
    "likely": "benefit likely", "uncertain": "benefit uncertain", "none_shown": "no benefit shown",
}  # fmt: skip


@dataclass
class Cited:
    """Numbers of the references, in the order in which they are cited."""

    keys: list[str] = field(default_factory=list)

    def mark(self, text: str, source: Iterable[str]) -> str:
        """The text with its references: ``... in 47 %. [3, 4]``; an estimate says so."""
        known = [key for key in dict.fromkeys(source) if key in knowledge().references]
        if not known:
            return f"{text} [estimate]" if ESTIMATE in source else text
        self.keys += [key for key in known if key not in self.keys]
        numbers = sorted(self.keys.index(key) + 1 for key in known)
        return f"{text} [{', '.join(map(str, numbers))}]"

    def listed(self) -> tuple[str, ...]:
        """The references themselves, numbered as they were cited."""
        return tuple(knowledge().references[key].cite for key in self.keys)


def share(value: float) -> str:
    """A probability for people: ``62 %``, ``under 1 %``, ``over 99 %``."""
    if 0 < value < 0.01:
        return f"under 1{THIN}%"
    if 0.99 < value < 1:
        return f"over 99{THIN}%"
    return f"{100 * value:.0f}{THIN}%"


def _between(low: float, high: float) -> str:
    if high < 0.005:
        return ""
    return f"{100 * low:.0f} to {100 * high:.0f}{THIN}%"


def causes_view(explained: Explained) -> CausesView:
    """The section for one explained case."""
    cited, told = Cited(), explained.explanation
    flags = tuple(
        FlagView(
            what=flag.what,
            why=_sentence("; ".join(flag.why)),
            rule_out=cited.mark(_sentence(flag.rule_out), flag.source),
            now=flag.urgency == "now",
        )
        for flag in told.flags
    )
    shown = set(told.first_view)
    # In the order in which they stand on the page, so that references are numbered as they are met.
    test, course = _test(told.next_test, cited), _course(told, cited)
    necrosis, care = _sides(told.necrosis, cited), _care(told, cited)
    corrections = tuple(
        Reasoned(one.said, cited.mark(one.right, one.source)) for one in told.corrections
    )
    return CausesView(
        basis=_basis(explained),
        notices=tuple(one.text for one in told.notices),
        flags=flags,
        first=tuple(_cause(one, full=True) for one in told.ranking if one.cause in shown),
        rest=tuple(_cause(one, full=False) for one in told.ranking if one.cause not in shown),
        test=test,
        course=course,
        necrosis=necrosis,
        care=care,
        corrections=corrections,
        seen=_seen_rows(explained),
        sources=cited.listed(),
    )


def _cause(one: Ranked, *, full: bool) -> CauseView:
    return CauseView(
        name=one.name if full else one.short,
        share=share(one.probability),
        range=_between(one.low, one.high),
        low=round(100 * one.low, 2),
        span=round(100 * (one.high - one.low), 2),
        middle=round(100 * one.probability, 2),
        speaks_for=tuple(map(_sign, one.for_[:MOST_SIGNS])) if full else (),
        against=tuple(map(_sign, one.against[:MOST_SIGNS])) if full else (),
        missing=tuple(item.question for item in one.missing) if full else (),
        wide=one.wide,
    )


def _sign(one: Weight) -> SignView:
    return SignView(
        name=one.name,
        state=str(one.state).replace("_", " "),
        words=one.words,
        bits=f"{abs(one.bits):.1f} bits",
        width=round(100 * min(1.0, abs(one.bits) / FULL_BITS), 1),
        estimate=one.basis == ESTIMATE,
    )


def _sides(one: Necrosis | None, cited: Cited) -> Sides | None:
    if one is None:
        return None
    # What is known stands first; of the rest, in the order of the table, only the first few.
    known = [row for row in one.rows if row.state != "unknown"]
    others = [row for row in one.rows if row.state == "unknown"]
    rows = tuple(
        SideRow(
            cited.mark(row.criterion, row.source),
            (row.for_necrosis, row.for_transient, row.state, _leans(row.leans, row.strength)),
        )
        for row in (*known, *others)
    )
    shown = len(known) + MOST_UNKNOWN
    return Sides(
        title="Osteonecrosis or transient edema",
        text=one.balance,
        columns=("Osteonecrosis", "Transient edema", "Here", "Points to"),
        rows=rows[:shown],
        rest=rows[shown:],
        after=tuple(filter(None, (f"Next: {one.next}" if one.next else "", one.caution))),
    )


def _leans(side: str, strength: str) -> str:
    if side == "neither":
        return "–"
    return f"{'osteonecrosis' if side == 'necrosis' else 'transient edema'}, {strength}"


def _option(one: CareOption, cited: Cited) -> OptionRow:
    cautions = [cited.mark(item.text, item.source) for item in one.cautions]
    if one.off_label:
        cautions.append("Outside the license of the drug.")
    if one.check:
        cautions.append(f"To find out first: {'; '.join(one.check)}.")
    return OptionRow(
        name=one.name,
        below=f"for {', '.join(_short(cause) for cause in one.for_causes)}",
        certainty=CERTAINTY[one.certainty],
        benefit=BENEFIT[one.benefit],
        effects=tuple(
            cited.mark(
                each.text
                if len(one.effects) == 1
                else f"{knowledge().causes[each.cause].short}: {each.text}",
                each.sources,
            )
            for each in one.effects
        ),
        cautions=tuple(cautions),
    )


def _seen_rows(explained: Explained) -> tuple[SeenRow, ...]:
    rows = []
    for one in explained.explanation.seen:
        finding = knowledge().findings[one.finding]
        state: str = one.state
        if one.value is not None:
            value = one.value
            state = value.replace("_", " ") if isinstance(value, str) else f"{value:.3g}"
            state += "" if finding.unit in (None, "count", "ratio") else f"{THIN}{finding.unit}"
        used = "yes" if one.finding in explained.filled else "no"
        if one.state == "unknown":
            used = ""
        elif one.finding not in explained.filled and one.finding in explained.stated:
            used = "no, the case says it"
        rows.append(
            SeenRow(
                name=finding.name,
                state=state,
                sure=share(one.sure) if one.sure else "",
                why=_sentence(one.why),
                used=used,
            )
        )
    return tuple(rows)


def _short(cause: str) -> str:
    return _lower(knowledge().causes[cause].short)


def _lower(text: str) -> str:
    """Without a capital at the start, unless the word is an abbreviation or a name."""
    keep = text[:2].isupper() or text.startswith(NAMES)
    return text if keep else text[:1].lower() + text[1:]


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?" else f"{text}."


def _care(told: Explanation, cited: Cited) -> CareView | None:
    if not told.care and not told.care_first:
        return None
    left_out = [Reasoned(one.name, cited.mark(one.why, one.source)) for one in told.care_left_out]
    offered = [one for one in told.care if not one.avoid and not one.held_back]
    return CareView(
        first=told.care_first,
        options=tuple(_option(one, cited) for one in offered[:FIRST_OPTIONS]),
        more=tuple(_option(one, cited) for one in offered[FIRST_OPTIONS:]),
        held=tuple(
            Reasoned(one.name, cited.mark(one.held_back, one.held_source))
            for one in told.care
            if one.held_back and not one.avoid
        ),
        avoid=(
            *(Reasoned(one.name, _against(one, cited)) for one in told.care if one.avoid),
            *left_out,
        ),
        notes=told.care_notes,
        disclaimer=told.care_disclaimer,
    )


def _against(one: CareOption, cited: Cited) -> str:
    """Why an option is not for this patient."""
    reasons = [item for item in one.cautions if item.level == "avoid"]
    return " ".join(cited.mark(item.text, item.source) for item in reasons)


def _test(one: NextTest | None, cited: Cited) -> Card | None:
    if one is None:
        return None
    lines = [cited.mark(_sentence(one.reason), one.source), *map(_sentence, one.cautions)]
    if one.questions:
        lines.append(f"To answer: {' '.join(one.questions[:MOST_QUESTIONS])}")
    lines += [cited.mark(f"Not now: {rule.name}. {rule.why}", rule.source) for rule in one.not_now]
    others = "; ".join(_lower(step.name) for step in one.others)
    return Card(title=one.name, lines=tuple(lines), others=_sentence(others))


def _course(told: Explanation, cited: Cited) -> Card | None:
    one = told.expected_course
    if one is None:
        return None
    low, median, high = one.weeks
    weeks = f"{low:g} to {high:g} weeks, median {median:g}"
    lines = (
        f"{_PATTERNS[one.pattern]} Usual time until it clears or changes: {weeks}.",
        cited.mark(one.text, one.source),
    )
    others = tuple(
        f"{each.name}: {cited.mark(each.text, each.source)}" for each in told.course_of_others
    )
    return Card(title=one.name, lines=lines, folded=others)


def _basis(explained: Explained) -> str:
    """Of whom the section speaks, and on what it rests."""
    told = explained.explanation
    case = told.case
    age = "" if case.age is None else f" of {case.age:g}"
    who = {"female": "a woman", "male": "a man"}.get(case.sex or "", "somebody")
    if case.age is not None and case.age < ADULT:
        who = {"female": "a girl", "male": "a boy"}.get(case.sex or "", "a child")
    pregnancy = ""
    if case.pregnancy and case.pregnancy != "not_pregnant":
        pregnancy = f" ({case.pregnancy.replace('_', ' ')})"
    side = f"{case.side.value} " if case.side in (Side.LEFT, Side.RIGHT) else ""
    joint = "sacroiliac joint" if case.joint is Joint.SACROILIAC else case.joint.value
    text = f"For {who}{age}{pregnancy} with edema at the {side}{joint}"
    if told.pathway:
        how = "as the case states" if told.pathway.stated else "as the findings suggest"
        text += f"; pathway: {_lower(told.pathway.name)}, {how}"
        if told.pathway.counted:
            names = [_lower(knowledge().findings[f].name) for f in told.pathway.counted]
            text += f" (this counts {' and '.join(names)})"
    filled = len(explained.filled)
    text += f". The case states {_count(len(explained.stated))}, the image adds {filled}"
    known = explained.filled | explained.stated
    unused = sum(one.state != "unknown" and one.finding not in known for one in told.seen)
    text += f" and suggests {unused} more that are too uncertain to be used." if unused else "."
    if told.ranking:
        text += " Causes may be present together, so the shares need not add up to 100"
        text += f"{THIN}%."
    return text


def _count(number: int) -> str:
    return f"{number} finding{'' if number == 1 else 's'}"

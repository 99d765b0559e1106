"""What the causes section shows, as text and widths of bars."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FlagView:
    """What must not be missed."""

    what: str
    why: str
    rule_out: str
    now: bool


@dataclass(frozen=True)
class SignView:
    """One finding for or against a cause; width : of its bar, per cent."""

    name: str
    state: str
    words: str
    bits: str
    width: float
    estimate: bool


@dataclass(frozen=True)
class CauseView:
    """One cause as a bar; low, span, middle : per cent of the width."""

    name: str
    share: str
    range: str
    low: float
    span: float
    middle: float
    speaks_for: tuple[SignView, ...] = ()
    against: tuple[SignView, ...] = ()
    missing: tuple[str, ...] = ()
    wide: bool = False


@dataclass(frozen=True)
class Card:
    """A heading and sentences."""

    title: str
    lines: tuple[str, ...]
    others: str = ""
    folded: tuple[str, ...] = ()


@dataclass(frozen=True)
class SideRow:
    """One criterion of osteonecrosis against transient edema."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sides:
    """Osteonecrosis against transient edema."""

    title: str
    text: str
    columns: tuple[str, ...]
    rows: tuple[SideRow, ...]
    rest: tuple[SideRow, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class OptionRow:
    """One option of care."""

    name: str
    below: str
    certainty: str
    benefit: str
    effects: tuple[str, ...]
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class Reasoned:
    """An option that is not offered now, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class CareView:
    """Care: what comes first, options in order, what waits, what is not for this patient."""

    first: tuple[str, ...]
    options: tuple[OptionRow, ...]
    more: tuple[OptionRow, ...]
    held: tuple[Reasoned, ...]
    avoid: tuple[Reasoned, ...]
    notes: tuple[str, ...]
    disclaimer: str


@dataclass(frozen=True)
class SeenRow:
    """One finding that the software looked for in the image."""

    name: str
    state: str
    sure: str
    why: str
    used: str


@dataclass(frozen=True)
class CausesView:
    """The whole section; first : causes of the first view, rest : the others."""

    basis: str
    notices: tuple[str, ...]
    flags: tuple[FlagView, ...]
    first: tuple[CauseView, ...]
    rest: tuple[CauseView, ...]
    test: Card | None
    course: Card | None
    necrosis: Sides | None
    care: CareView | None
    corrections: tuple[Reasoned, ...]
    seen: tuple[SeenRow, ...]
    sources: tuple[str, ...]

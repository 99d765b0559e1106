"""``marrowlight causes``: the causes of edema that are known, and what is known of each."""

from __future__ import annotations

import textwrap
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from marrowlight.causes.page import Page, Sign
    from marrowlight.study.study import Joint

WIDTH = 100
"""Columns of running text."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="The causes of edema, what is known of each, and where it comes from.",
)


class RankedJoint(StrEnum):
    """The joints that have shares of causes; a test holds them equal to those of the knowledge."""

    HIP = "hip"
    KNEE = "knee"
    ANKLE = "ankle"


AtJoint = Annotated[RankedJoint | None, typer.Option("--joint", help="At this joint only.")]


@app.command("list")
def list_causes(joint: AtJoint = None, quiet: opt.Quiet = False, as_json: opt.Json = False) -> int:
    """List the causes: id, group, share by joint, course.

    Example: marrowlight causes list --joint hip

    A share is that of a cause among adults and adolescents with edema on MRI of the joint, before
    anything else is known: the middle, and below it low to high. Weeks are low, median and high.
    With --joint the most frequent comes first.
    """
    from marrowlight.causes.knowledge import JOINTS, knowledge
    from marrowlight.causes.page import cause_record, group_name, percent

    screen = Screen(quiet=quiet, as_json=as_json)
    known = knowledge()
    at = _joint(joint)
    joints = (at,) if at else JOINTS
    causes = list(known.causes.values())
    if at:
        causes.sort(key=lambda cause: cause.prior[at].p[1], reverse=True)
    screen.result(
        {
            "schema": "marrowlight.causes/1",
            "knowledge": known.sha256,
            "joint": at.value if at else None,
            "causes": [cause_record(cause) for cause in causes],
        }
    )
    rows = []
    for cause in causes:
        shares = (cause.prior[j].p for j in joints)
        weeks = cause.course.weeks
        rows.append(
            (
                f"{cause.id}\n{cause.short}",
                group_name(cause.group),
                *(f"{percent(p[1])}\n{_to(p[0], p[2])}" for p in shares),
                f"{cause.course.pattern}\n{weeks.low:g}–{weeks.median:g}–{weeks.high:g} weeks",
            )
        )
    head = ("cause", "group", *(f">{j.value}" for j in joints), "course, weeks")
    screen.table("Causes of bone marrow edema, and their share of it", head, rows)
    screen.say("More of one: marrowlight causes show osteonecrosis")
    return 0


@app.command("show")
def show_cause(
    cause: Annotated[str, typer.Argument(metavar="ID", help="As `causes list` writes it.")],
    joint: AtJoint = None,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Show what is known of one cause, with its references.

    Example: marrowlight causes show osteonecrosis --joint hip

    Signs are sorted by how much they say: bits are log2 of how much more often a finding is present
    with this cause than elsewhere. 1 bit doubles the odds, 3 bits multiply them by 8.
    """
    from marrowlight.causes.knowledge import knowledge
    from marrowlight.causes.page import page_of, page_record

    screen = Screen(quiet=quiet, as_json=as_json)
    page = page_of(cause, _joint(joint))
    screen.result(
        {"schema": "marrowlight.cause/1", "knowledge": knowledge().sha256, **page_record(page)}
    )
    if screen.talks:
        _show(screen, page)
    return 0


def _to(low: float, high: float) -> str:
    """``2.6–14%``: short, so that whole ids fit beside it."""
    from marrowlight.causes.page import percent

    return f"{percent(low).rstrip('%')}–{percent(high)}"


def _joint(joint: RankedJoint | None) -> Joint | None:
    from marrowlight.study.study import Joint

    return Joint(joint.value) if joint else None


def _show(screen: Screen, page: Page) -> None:
    """The page for people."""
    from marrowlight.causes.knowledge import JOINTS
    from marrowlight.causes.page import DISCLAIMER, cited, group_name, span, women

    cause = page.cause
    number = {key: index for index, key in enumerate(page.references, start=1)}
    joints = (page.joint,) if page.joint else JOINTS
    weeks = cause.course.weeks

    screen.say(f"{cause.name}   ({cause.id}, {group_name(cause.group)})")
    if cause.also_called:
        _say(screen, f"Also called: {', '.join(cause.also_called)}.")
    _part(screen, "", [cause.summary])
    _part(
        screen,
        "Where, and its share of all edema there",
        (
            f"{j.value}: {cause.places[j].text}; {span(cause.prior[j].p)}"
            f"{cited(cause.prior[j].source, number)}"
            for j in joints
        ),
    )
    _part(
        screen,
        "Who",
        [
            cause.who,
            *women(cause, page.joint, number),
            *([f"Risk factors: {'; '.join(cause.risk_factors)}."] if cause.risk_factors else []),
        ],
    )
    _part(
        screen,
        f"Course: {cause.course.pattern}, {weeks.low:g} to {weeks.high:g} weeks, "
        f"median {weeks.median:g}",
        [cause.course.text + cited(cause.course.source, number)],
    )
    _part(screen, "What separates it", cause.separates)
    _part(screen, "Red flags", cause.red_flags)
    screen.say("")
    _signs(screen, "Present, it speaks for it", page.present_for, number, absent=False)
    _signs(screen, "Present, it speaks against it", page.present_against, number, absent=False)
    _signs(screen, "Absent, it speaks against it", page.absent_against, number, absent=True)
    _part(screen, "Laboratory", [cause.laboratory])
    _part(screen, "Next step", [cause.next_step])
    facts = (fact.text + cited(fact.source, number) for fact in cause.facts)
    _part(screen, "Figures worth knowing", facts)
    _part(
        screen,
        "References (read as excerpts; an address may be a mirror of the paper named)",
        (
            f"[{number[key]}] {ref.cite}{'' if ref.read == 'excerpt' else ' (recalled)'}"
            f"{f' {ref.url}' if ref.url else ''}"
            for key, ref in page.references.items()
        ),
    )
    _part(screen, "", [DISCLAIMER])


def _part(screen: Screen, title: str, texts: Iterable[str]) -> None:
    """A heading and its lines; nothing where there are none."""
    lines = list(texts)
    if lines:
        screen.say("")
    if lines and title:
        screen.say(title)
    for text in lines:
        _say(screen, text, indent="  " if title else "")


def _say(screen: Screen, text: str, indent: str = "") -> None:
    # Addresses stay whole, so that they can be opened from the terminal.
    wrapped = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + ("  " if indent else ""),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in wrapped:
        screen.say(line)


def _signs(
    screen: Screen, title: str, signs: Sequence[Sign], number: dict[str, int], *, absent: bool
) -> None:
    from marrowlight.causes.page import cited, percent, span

    rows = [
        (
            f"{sign.name}{f' ({sign.joint.value})' if sign.joint else ''}",
            f"{sign.absent_bits if absent else sign.bits:+.1f}",
            span(sign.p),
            percent(sign.background[1]),
            sign.basis + cited(sign.source, number, estimate=False),
        )
        for sign in signs
    ]
    if rows:
        columns = (title, ">bits", ">present with it", ">elsewhere", "basis")
        screen.table("", columns, rows)

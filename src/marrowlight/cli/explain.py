"""``marrowlight explain``: why edema is there, ranked, with reasons."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen

if TYPE_CHECKING:
    from marrowlight.causes.course_meaning import CourseMeaning
    from marrowlight.explanation import Explanation

BAR = 24
"""Characters of a full bar."""


def command(
    cases: Annotated[
        list[Path], typer.Argument(metavar="CASE...", help="Case files, YAML or JSON.")
    ],
    reading: Annotated[
        Path | None,
        typer.Option(
            "--reading",
            metavar="FILE",
            help="reading.json of this patient: what the image shows fills in what the case "
            "leaves unknown.",
        ),
    ] = None,
    course: Annotated[
        Path | None,
        typer.Option(
            "--course",
            metavar="FILE",
            help="course.json of `marrowlight follow`, or its folder: how the edema changed since "
            "earlier visits speaks for and against causes.",
        ),
    ] = None,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Rank what may cause the edema, with reasons, flags, the next test and care.

    Example: marrowlight explain case.yaml --reading out/reading.json --course follow/course.json

    A case file says what is known; what it leaves out is unknown, not absent:

    \b
      joint: hip
      age: 46
      sex: male
      present: [sudden_onset, bme_diffuse]
      absent: [acute_trauma]
      values: {symptom_duration_weeks: 5, bme_site: femoral_head}

    `marrowlight ask` makes one by asking. With --json every case gives one JSON object on a line
    of its own, in the order of the files.
    """
    from marrowlight.causes.case_file import read_case
    from marrowlight.errors import UsageError
    from marrowlight.explain_case import explain

    screen = Screen(quiet=quiet, as_json=as_json)
    for name, given in (("reading", reading), ("course", course)):
        if given is not None and len(cases) > 1:
            raise UsageError(
                f"--{name} was given with {len(cases)} cases.", expected=f"one case for a {name}"
            )
    read = [read_case(path) for path in cases]
    changed = None
    if course is not None:
        from marrowlight.written_file import course_from

        changed = course_from(course)
    for path, case in zip(cases, read, strict=True):
        if reading is not None:
            from marrowlight.explained import explain_reading
            from marrowlight.written_file import reading_from

            explanation = explain_reading(case, reading_from(reading), changed).explanation
        else:
            explanation = explain(case, changed)
        if as_json:
            sys.stdout.write(explanation.model_dump_json(by_alias=True) + "\n")
        else:
            _show(screen, explanation, path.name if len(cases) > 1 else "")
    return 0


def _show(screen: Screen, told: Explanation, name: str) -> None:
    """The explanation for people: flags, bars, reasons, next test, course, first care."""
    if name:
        screen.say(f"== {name}")
    screen.warn([n.text for n in told.notices])
    for flag in told.flags:
        when = "NOW" if flag.urgency == "now" else "soon"
        screen.say(f"Do not miss ({when}): {flag.what}")
        screen.say(f"    why: {'; '.join(flag.why)}")
        screen.say(f"    what rules it out: {flag.rule_out}")
    if told.pathway:
        screen.say(f"Pathway: {told.pathway.name}{'' if told.pathway.stated else ' (inferred)'}")
    for one in told.ranking:
        if one.cause not in told.first_view:
            continue
        filled = round(one.probability * BAR)
        bar = "█" * filled + "·" * (BAR - filled)
        screen.say(
            f"{bar} {_percent(one.probability):>3} % "
            f"({100 * one.low:.0f} to {100 * one.high:.0f})  {one.name}"
        )
        for sign, list_ in (("+", one.for_), ("-", one.against)):
            for weight in list_[:3]:
                screen.say(
                    f"      {sign} {weight.name}: {weight.state} ({weight.words}, "
                    f"{weight.bits:+.1f} bits)"
                )
        if one.wide and one.missing:
            screen.say(f"      ? would narrow it: {one.missing[0].question}")
    if told.next_test:
        screen.say(f"Next: {told.next_test.name}. {told.next_test.reason}")
        for question in told.next_test.questions[:3]:
            screen.say(f"    {question}")
    if told.necrosis:
        screen.say(f"Osteonecrosis or transient edema: {told.necrosis.balance}")
        if told.necrosis.leans == "necrosis":
            screen.say(f"    {told.necrosis.next}")
    if told.course:
        _show_course(screen, told.course)
    if told.expected_course:
        course = told.expected_course
        low, median, high = course.weeks
        screen.say(
            f"Expected course ({course.name}): {course.pattern}, about {median:g} weeks "
            f"({low:g} to {high:g})."
        )
    for step in told.care_first:
        screen.say(f"First: {step}")
    open_ = [o for o in told.care if not o.avoid and not o.held_back]
    options = [o.name for o in open_ if o.benefit != "none_shown"]
    if options:
        screen.say(f"Care to discuss ({told.care_list} list): {'; '.join(options[:6])}")
    vain = [o.name for o in open_ if o.benefit == "none_shown"]
    if vain:
        screen.say(f"No gain was shown for: {'; '.join(vain)}")
    held = [o.name for o in told.care if o.held_back]
    if held:
        screen.say(f"Held back until the flag is cleared: {'; '.join(held)}")
    screen.say(told.disclaimer)


def _show_course(screen: Screen, course: CourseMeaning) -> None:
    """What changed since the earlier visit, and what that means."""
    screen.say(f"Course: {course.state}.")
    for alert in course.alerts:
        screen.say(f"Look: {alert.text}")
        screen.say(f"    why: {' '.join(alert.why)}")
        screen.say(f"    what to do: {alert.do}")
    for one in course.compared:
        screen.say(f"    {one.name}: {one.fits}")
    low, high = course.look_again.weeks
    screen.say(f"Look again in {low:g} to {high:g} weeks: {course.look_again.why}")
    screen.say(course.weeks_text)


def _percent(p: float) -> str:
    """``62``, and never a certainty: ``>99``."""
    return ">99" if p > 0.995 else f"{100 * p:.0f}"

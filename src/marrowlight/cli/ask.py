"""``marrowlight ask``: an interview in the terminal, most informative question first."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.choices import AskJoint

if TYPE_CHECKING:
    from marrowlight.explanation import Explanation
    from marrowlight.interview import BestQuestions, Interview, Question

BAR = 20
"""Width of a bar, characters."""
NAME = 34
SHOWN = 5
"""Causes that are shown after each answer."""


def command(
    start: Annotated[
        Path | None, typer.Argument(metavar="[CASE]", help="A case file to go on from.")
    ] = None,
    joint: Annotated[AskJoint | None, typer.Option("--joint", help="The joint, if known.")] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="CASE.yaml", help="Where the case is saved.")
    ] = Path("case.yaml"),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the case file that is there.")
    ] = False,
    most: Annotated[
        int | None, typer.Option("--most", min=1, help="Stop after this many questions.")
    ] = None,
    quiet: opt.Quiet = False,
) -> int:
    """Ask for what is known of a patient, the most informative question first.

    Example: marrowlight ask --joint hip -o case.yaml

    Enter skips a question, b goes back, q stops. After each answer the five leading causes are
    shown, and what must not be missed. The case is saved at the end; `marrowlight explain
    case.yaml` and `marrowlight read exam/ --case case.yaml` use it.
    """
    from dataclasses import replace

    from marrowlight.causes.case import Case
    from marrowlight.errors import UsageError
    from marrowlight.explain_case import best_questions, explain
    from marrowlight.interview import Interview, case_text
    from marrowlight.report.atomic import check_files, write_together
    from marrowlight.study.study import Joint

    check_files([out], overwrite=overwrite)
    case = Case(joint=Joint.UNKNOWN)
    if start is not None:
        from marrowlight.causes.case_file import read_case

        case = read_case(start)
    if joint is not None:
        if case.joint not in (Joint.UNKNOWN, Joint(joint.value)):
            raise UsageError(
                f"The case is of the {case.joint.value}, and --joint says {joint.value}.",
                where=start,
                do="leave --joint out, or start a new case",
            )
        case = replace(case, joint=Joint(joint.value))
    board = _Board(explain, quiet=quiet)
    done = _ask(Interview.start(case), best_questions, board, most)
    if done.case.joint is Joint.UNKNOWN:
        raise UsageError(
            "The interview ended before the joint was known; nothing was saved.",
            expected="at least the joint",
            do="answer hip, knee or ankle, or give --joint",
        )
    write_together({out: case_text(done.case).encode("utf-8")}, overwrite=overwrite)
    if not quiet:
        _say(f"\nSaved: {out}\nNext: marrowlight explain {out}")
    return 0


class _Board:
    """The leading causes, printed after each answer with how they moved."""

    def __init__(self, explain: Callable[..., Explanation], *, quiet: bool) -> None:
        self.explain = explain
        self.quiet = quiet
        self.before: dict[str, float] = {}
        self.flags: tuple[str, ...] = ()

    def show(self, interview: Interview) -> None:
        """Print the board for what is known now; nothing before the joint is known."""
        if self.quiet or not interview.can_rank:
            return
        found = self.explain(interview.case)
        _say("")
        for one in found.ranking[:SHOWN]:
            _say(_row(one.short, one.probability, one.low, one.high, self.before.get(one.cause)))
        for flag in found.flags:
            mark = "NOW" if flag.urgency == "now" else "SOON"
            new = " (new)" if flag.id not in self.flags else ""
            _say(f"  ! {mark}: {flag.what}{new}")
        self.before = {one.cause: one.probability for one in found.ranking}
        self.flags = tuple(flag.id for flag in found.flags)


def _ask(
    interview: Interview,
    best: BestQuestions,
    board: _Board,
    most: int | None,
) -> Interview:
    """Ask until nothing is left, the person stops, or the input ends."""
    from marrowlight.interview import BACK, STOP, BadAnswer, command_of

    asked = 0
    board.show(interview)
    while most is None or asked < most:
        question = interview.next_question(best)
        if question is None:
            _say(
                "\nNothing that is left to ask would tell much more."
                if interview.can_rank
                else "\nCauses cannot be ranked at this joint, so there is no more to ask."
            )
            break
        answer = _prompt(question)
        command = STOP if answer is None else command_of(answer)
        if command == STOP:
            break
        try:
            if command == BACK:
                interview, asked = interview.back(), max(0, asked - 1)
                board.show(interview)
                continue
            before = interview.case
            interview = interview.answer(question, answer or "")
        except BadAnswer as hint:
            _say(f"  {hint}")
            continue
        asked += 1
        if interview.case != before:
            board.show(interview)
    return interview


def _prompt(question: Question) -> str | None:
    """Print a question and read one line; None at the end of the input."""
    _say(f"\n{question.text}")
    for number, choice in enumerate(question.choices, start=1):
        _say(f"  {number:2d} {choice.replace('_', ' ')}")
    sys.stdout.write(f"  [{question.how}; Enter skips, b back, q stop] > ")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not sys.stdin.isatty():
        _say("")
    return line.strip() if line else None


def _row(name: str, middle: float, low: float, high: float, before: float | None) -> str:
    """One cause: name, bar, share with its range, and how far it moved."""
    full, empty = ("█", "·") if _unicode() else ("#", ".")
    size = round(BAR * middle)
    moved = ""
    if before is not None and round(100 * before) != round(100 * middle):
        moved = f"  was {100 * before:.0f} %"
    bar = full * size + empty * (BAR - size)
    share = f"{100 * middle:3.0f} % ({100 * low:.0f} to {100 * high:.0f})"
    return f"  {name[:NAME]:{NAME}} {bar} {share}{moved}"


def _unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")

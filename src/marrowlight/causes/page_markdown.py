"""The pages of ``docs/causes``, made from the data.

``python -m marrowlight.causes.page_markdown docs/causes`` writes them; a test holds them equal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from marrowlight.causes.knowledge import JOINTS, Knowledge, knowledge
from marrowlight.causes.page import (
    DISCLAIMER,
    Page,
    Sign,
    cited,
    group_name,
    pages,
    percent,
    span,
    women,
)

INDEX = "README.md"

MADE = "<!-- Made from the data files by python -m marrowlight.causes.page_markdown. -->"


def markdown_files(known: Knowledge | None = None) -> dict[str, str]:
    """Name and text of every page, the index among them."""
    known = known or knowledge()
    every = pages(known)
    files = {f"{page.cause.id}.md": page_markdown(page) for page in every}
    return {INDEX: _index(every, known), **files}


def page_markdown(page: Page) -> str:
    """One page as Markdown."""
    cause = page.cause
    number = {key: index for index, key in enumerate(page.references, start=1)}
    weeks = cause.course.weeks
    lines = [MADE, "", f"# {cause.name}", ""]
    if cause.also_called:
        lines += [f"Also called: {', '.join(cause.also_called)}.", ""]
    lines += [
        f"`{cause.id}` · {group_name(cause.group)}",
        "",
        cause.summary,
        "",
        "## Where and who",
        "",
        *_table(
            ("Joint", "Where", "Share of edema there"),
            (
                (
                    joint.value,
                    cause.places[joint].text,
                    span(cause.prior[joint].p) + cited(cause.prior[joint].source, number),
                )
                for joint in JOINTS
            ),
        ),
        "",
        cause.who,
        "",
        *_table(
            ("Age", *cause.ages.bands),
            [
                (
                    "Share" + cited(cause.ages.source, number),
                    *map(percent, cause.ages.bands.values()),
                )
            ],
        ),
        "",
        *_bullets(women(cause, None, number)),
    ]
    if cause.risk_factors:
        lines += ["", f"Risk factors: {'; '.join(cause.risk_factors)}."]
    lines += ["", "## What separates it", "", *_bullets(cause.separates)]
    if cause.red_flags:
        lines += ["", "## Red flags", "", *_bullets(cause.red_flags)]
    lines += ["", "## What speaks for and against it", "", _HOW_TO_READ, ""]
    lines += _signs("Present, it speaks for it", page.present_for, number, absent=False)
    lines += _signs("Present, it speaks against it", page.present_against, number, absent=False)
    lines += _signs("Absent, it speaks against it", page.absent_against, number, absent=True)
    lines += [
        f"Laboratory: {cause.laboratory}",
        "",
        "## Next step",
        "",
        cause.next_step,
        "",
        "## Course",
        "",
        f"It {_PATTERNS[cause.course.pattern]}; usually {weeks.low:g} to {weeks.high:g} weeks, "
        f"median {weeks.median:g}. {cause.course.text}{cited(cause.course.source, number)}",
    ]
    if cause.facts:
        lines += ["", "## Figures worth knowing", ""]
        lines += [f"- {fact.text}{cited(fact.source, number)}" for fact in cause.facts]
    if page.references:
        lines += ["", "## References", "", _READ, ""]
        lines += [
            f"{number[key]}. {ref.cite}{'' if ref.read == 'excerpt' else ' (recalled)'}"
            f"{f' <{ref.url}>' if ref.url else ''}"
            for key, ref in page.references.items()
        ]
    return "\n".join([*lines, "", DISCLAIMER, ""])


_HOW_TO_READ = (
    "Bits are log2 of how much more often the finding is present (or absent) with this cause than "
    "with a cause that says nothing of it: 1 bit doubles the odds, 3 bits multiply them by 8."
)

_READ = (
    "Read as excerpts, mostly abstracts; an address is where it was read, which may be a mirror of "
    "the paper named. 'Recalled' was not read again."
)

_PATTERNS = {
    "resolves": "resolves", "fluctuates": "comes and goes", "migrates": "moves to other places",
    "progresses": "gets worse", "persists": "stays",
}  # fmt: skip


def _index(every: Sequence[Page], known: Knowledge) -> str:
    rows = []
    for page in sorted(every, key=lambda p: p.cause.name.lower()):
        cause = page.cause
        weeks = cause.course.weeks
        rows.append(
            (
                f"[{cause.name}]({cause.id}.md)",
                group_name(cause.group),
                *(percent(cause.prior[joint].p[1]) for joint in JOINTS),
                cause.course.pattern,
                f"{weeks.low:g} to {weeks.high:g}, median {weeks.median:g}",
            )
        )
    head = ("Cause", "Group", *(joint.value for joint in JOINTS), "Course", "Weeks")
    lines = [
        MADE,
        "",
        "# Causes of bone marrow edema",
        "",
        f"{len(every)} causes, {len(known.references)} references. Shares are those of a cause "
        "among adults and adolescents with edema on MRI of the joint, before anything else is "
        "known; their ranges are on the pages. See [how to use them](../how-to/causes.md).",
        "",
        *_table(head, rows),
        "",
        DISCLAIMER,
        "",
    ]
    return "\n".join(lines)


def _signs(
    title: str, signs: Sequence[Sign], number: dict[str, int], *, absent: bool
) -> Iterable[str]:
    if not signs:
        return []
    rows = (
        (
            f"{sign.name}{f' ({sign.joint.value})' if sign.joint else ''}",
            f"{sign.absent_bits if absent else sign.bits:+.1f}",
            span(sign.p),
            percent(sign.background[1]),
            f"{sign.basis}{cited(sign.source, number, estimate=False)}"
            f"{f': {sign.note}' if sign.note else ''}",
        )
        for sign in signs
    )
    return [*_table((title, "Bits", "Present with it", "Elsewhere", "Basis"), rows), ""]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in cells]


def _bullets(texts: Iterable[str]) -> list[str]:
    return [f"- {text}" for text in texts]


def write_pages(folder: Path, known: Knowledge | None = None) -> None:
    """Write every page into the folder. Other files there are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in markdown_files(known).items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/causes"))

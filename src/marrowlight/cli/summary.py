"""The short summary in the terminal after a reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marrowlight.cli.console import Screen
    from marrowlight.explanation import Explanation
    from marrowlight.reading import Reading, Warned
    from marrowlight.result import ReadResult
    from marrowlight.stages import Stages

PARTIAL = frozenset({"series-not-read", "read-in-part", "several-visits", "main-bone-not-read"})
"""Codes of warnings that say that something in the input could not be read."""


def exit_code(reading: Reading) -> int:
    """0 if all of the input was read, 3 if only part of it was."""
    return code_of(reading.warnings)


def code_of(warnings: Sequence[Warned]) -> int:
    """3 if a warning says that something could not be read, else 0."""
    return 3 if any(w.code in PARTIAL for w in warnings) else 0


def show_result(screen: Screen, result: ReadResult, out: Path, stages: Stages) -> None:
    """Table of bones, the largest lesions, warnings, and where the report is."""
    from marrowlight.edema.measurement import IntervalKind
    from marrowlight.report.amount import ml, percent, range_ml

    reading = result.reading
    told = result.explained.explanation if result.explained else None
    machine: dict[str, Any] = {
        "out": str(out),
        "report": str(out / "report.html"),
        "partial": exit_code(reading) == 3,
        "seconds": round(sum(stages.seconds.values()), 2),
        "reading": reading.model_dump(mode="json", by_alias=True),
    }
    if told is not None:
        machine["explanation"] = told.model_dump(mode="json", by_alias=True)
    screen.result(machine)
    rows = []
    for region in reading.regions:
        for bone in region.bones:
            rows.append(
                (
                    f"{bone.name}, {bone.side.value}" if bone.side != "unknown" else bone.name,
                    ml(bone.edema.volume_mm3),
                    range_ml(bone.edema, IntervalKind.READER_AGREEMENT),
                    range_ml(bone.edema, IntervalKind.REPEATABILITY),
                    percent(bone.edema.bone_share),
                    str(len(bone.edema.lesions)),
                    ml(bone.edema.cyst_volume_mm3),
                )
            )
    screen.say(reading.summary)
    screen.table(
        f"Edema on series {reading.primary_series}",
        ("bone", ">edema", ">another reader (95 %)", ">repeated (95 %)", ">of bone", ">lesions",
         ">cyst"),
        rows,
    )  # fmt: skip
    if told is not None:
        show_causes(screen, told)
    screen.warn([w.text for w in reading.warnings])
    screen.say(f"Report: {out / 'report.html'}")


def show_causes(screen: Screen, told: Explanation) -> None:
    """What must not be missed, and the leading causes; the report has the rest."""
    from marrowlight.report.causes import share

    for flag in told.flags:
        screen.say(f"Not to be missed ({flag.urgency}): {flag.what}")
    first = [one for one in told.ranking if one.cause in told.first_view]
    if first:
        rows = [
            (one.name, share(one.probability), f"{100 * one.low:.0f} to {100 * one.high:.0f} %")
            for one in first
        ]
        screen.table("Why it may be there", ("cause", ">probability", ">range"), rows)
    screen.warn([notice.text for notice in told.notices])

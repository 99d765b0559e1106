"""The short summary in the terminal after a reading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marrowlight.cli.console import Screen
    from marrowlight.edema.measurement import Volumes
    from marrowlight.reading import Reading
    from marrowlight.result import ReadResult
    from marrowlight.stages import Stages

PARTIAL = frozenset({"series-not-read", "read-in-part"})
"""Codes of warnings that say that something in the input could not be read."""


def exit_code(reading: Reading) -> int:
    """0 if all of the input was read, 3 if only part of it was."""
    return 3 if any(w.code in PARTIAL for w in reading.warnings) else 0


def ml(volume_mm3: float) -> str:
    """A volume in ml for people: 0.54 ml, 12.3 ml."""
    amount = volume_mm3 / 1000
    return f"{amount:.2f} ml" if amount < 10 else f"{amount:.1f} ml"


def _interval(volumes: Volumes, kind: str) -> str:
    for one in volumes.intervals:
        if one.kind.value == kind:
            return f"{ml(one.low_mm3)} to {ml(one.high_mm3)}"
    return "not measured"


def show_result(screen: Screen, result: ReadResult, out: Path, stages: Stages) -> None:
    """Table of bones, the largest lesions, warnings, and where the report is."""
    reading = result.reading
    screen.result(
        {
            "out": str(out),
            "report": str(out / "report.html"),
            "partial": exit_code(reading) == 3,
            "seconds": round(sum(stages.seconds.values()), 2),
            "reading": reading.model_dump(mode="json", by_alias=True),
        }
    )
    rows = []
    for region in reading.regions:
        for bone in region.bones:
            share = bone.edema.bone_share
            rows.append(
                (
                    f"{bone.name}, {bone.side.value}" if bone.side != "unknown" else bone.name,
                    ml(bone.edema.volume_mm3),
                    _interval(bone.edema, "reader_agreement"),
                    _interval(bone.edema, "repeatability"),
                    "" if share is None else f"{share:.1%}",
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
    screen.warn([w.text for w in reading.warnings])
    screen.say(f"Report: {out / 'report.html'}")

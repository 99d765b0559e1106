"""Is the pattern of a course recognised: does it fade, fluctuate, migrate or progress?

    python -m benchmarks.follow_patterns [--seeds 50] [--images 0]

For each pattern one person a seed, whose edema takes the course of a cause of that pattern in the
model of ``marrowlight.simulate``. Volumes by bone at the visits are the true ones with the noise of
the software's own repeatability (``course/smallest_change.yaml``, same protocol). With
``--images N`` they are, of N people for each pattern, what ``follow`` makes of their scans, bones
given; changes are then judged as those of patients are, by the wider error of a human reader.

The pattern is told from what changed beyond the smallest detectable change, by a rule that has
nothing to tune. Beside it stands how often the course speaks for its own cause, by the likelihood
that `explain --course` uses; that one was written from the literature, not from the simulation.

The courses are made up: this tests the chain, not how patients do.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.detection_statistics import wilson
from benchmarks.stamp import RESULTS, stamp
from marrowlight.causes.case import Case
from marrowlight.causes.course_given import Z_95, given_course
from marrowlight.causes.course_likelihood import of_course
from marrowlight.causes.hypotheses import hypotheses
from marrowlight.causes.knowledge import knowledge
from marrowlight.course.course import (
    Amount,
    BoneCourse,
    Course,
    Fate,
    LesionAt,
    LesionTrack,
    Step,
    Verdict,
    VisitUsed,
)
from marrowlight.course.smallest_change import SmallestChange, smallest_change, verdict
from marrowlight.edema.detection import detection_limits
from marrowlight.phantom.visits import PhantomVisit, phantom_visits, write_visits
from marrowlight.simulate.drive import drives
from marrowlight.study.study import Joint, Side

PATTERNS = ("resolves", "fluctuates", "migrates", "progresses")

WEEKS: dict[str, tuple[float, ...]] = {
    "usual": (0, 4, 8, 16),
    "year": (0, 8, 16, 24, 32, 40, 52),
}
"""Schedules of visits. Four visits are few for a disease that comes and goes within months: up and
down have to be seen both."""

WANTED = 0.9
IMAGED = {"pixel_mm": 1.0, "slice_mm": 3.5, "gap_mm": 0.5}


def causes_of(pattern: str) -> tuple[str, ...]:
    """Causes of a pattern that a knee can be followed for over months.

    Osteonecrosis is left out: its edema comes late and ebbs, which the knowledge knows. So is
    calcific tendinitis, which is over between two visits.
    """
    left_out = ("osteonecrosis", "calcific_tendinitis_enthesopathy")
    return tuple(c for c, d in drives().items() if d.pattern == pattern and c not in left_out)


def recognised(course: Course) -> str:
    """The pattern, from what changed beyond the smallest detectable change and nothing else.

    migrates : the edema that was there at first fell, and there is a new place; fluctuates : it
    rose from one visit to another and fell between others; resolves, progresses : it fell, or
    grew, from the first to the last visit and never went the other way.
    """
    given = given_course(course, Case(joint=course.joint))
    rose, fell = (any(getattr(c, name) for c in given.changes) for name in ("grew", "fell"))
    whole = given.whole
    if given.places and (fell or (whole is not None and whole.fell)):
        return "migrates"
    if rose and fell:
        return "fluctuates"
    if whole is not None and whole.fell:
        return "resolves"
    if whole is not None and whole.grew:
        return "progresses"
    return "cannot be told"


def speaks_for(course: Course, cause: str) -> float:
    """Bits by which a course speaks for a cause against the mean of all others."""
    known = knowledge()
    said = of_course(given_course(course, Case(joint=course.joint)), known)
    if said is None:
        return 0.0
    causes = list(hypotheses(known).causes)
    likelihood = np.exp(said.logs[:, : len(causes)]).mean(axis=0)
    own = causes.index(cause)
    return float(np.log2(likelihood[own] / np.delete(likelihood, own).mean()))


def with_noise(visits: Sequence[PhantomVisit], seed: int) -> Course:
    """The course that volumes with the noise of measuring would make."""
    rng = np.random.default_rng([seed, 21])
    floor = detection_limits()[0].mm3
    volumes: dict[str, list[float]] = {}
    for bone in visits[0].bones:
        volumes[bone] = []
        for visit in visits:
            true = visit.bones[bone]
            sdc = smallest_change(max(true, floor), matched=True, given_by="phantom").log_ratio
            seen = true * math.exp(rng.normal(0, sdc / Z_95 / math.sqrt(2)))
            volumes[bone].append(seen if seen >= floor else 0.0)
    bones = tuple(_bone(bone, ml, visits, floor) for bone, ml in volumes.items())
    total = [sum(at) for at in zip(*volumes.values(), strict=True)]
    return Course(
        summary="Made of true volumes and noise.",
        joint=Joint.KNEE,
        side=Side.RIGHT,
        visits=tuple(
            VisitUsed(
                index=n, name=v.name, weeks=v.weeks, weeks_source="given", joint=Joint.KNEE,
                side=Side.RIGHT, role=None, plane=None, spacing_mm=(0.5, 0.5, 3.5),
                slice_thickness_mm=3.0, reading_id=v.name, from_reading=False,
            )
            for n, v in enumerate(visits)
        ),
        bones=bones,
        total=_bone("all", total, visits, floor),
        registration=(),
        protocol_match="matched",
    )  # fmt: skip


def of_images(visits: Sequence[PhantomVisit], folder: Path) -> Course:
    """The course that ``follow`` makes of the scans, bones given."""
    from marrowlight.follow_visits import follow
    from marrowlight.read_study import read
    from marrowlight.study.open import open_study

    results = []
    for visit in write_visits(visits, folder):
        at = folder / visit.name
        bones = at / "truth" / "bones.nii.gz"
        results.append(read(open_study(at / "dicom"), bones=bones, bone_labels="registry"))
    return follow(results, weeks=[visit.weeks for visit in visits], pictures=False).course


def _bone(
    bone: str, volumes: Sequence[float], visits: Sequence[PhantomVisit], floor: float
) -> BoneCourse:
    def change(one: int, other: int) -> tuple[float, SmallestChange, Verdict]:
        low, high = (max(volumes[n], floor) for n in (one, other))
        sdc = smallest_change(math.sqrt(low * high), matched=True, given_by="phantom")
        told = verdict(volumes[one], volumes[other], sdc, floor_mm3=floor)
        return math.log(high / low), sdc, told

    steps = []
    for n in range(len(visits) - 1):
        ratio, sdc, told = change(n, n + 1)
        steps.append(
            Step(
                from_visit=n, to_visit=n + 1, weeks=visits[n + 1].weeks - visits[n].weeks,
                log_ratio=ratio, sdc_log_ratio=sdc.log_ratio, sdc_basis=sdc.basis, verdict=told,
                floor_mm3=floor,
            )
        )  # fmt: skip
    ratio, sdc, told = change(0, len(visits) - 1)
    first = next((n for n, v in enumerate(volumes) if v > 0), None)
    lesions: tuple[LesionTrack, ...] = ()
    if bone != "all" and first is not None:
        at = tuple(
            LesionAt(
                visit=n, lesion_id=f"{bone}-{n}" if v > 0 else None, bone=bone, side=Side.RIGHT,
                volume_mm3=v, fate=_fate(n, first, v),
            )
            for n, v in enumerate(volumes)
            if n >= first
        )  # fmt: skip
        lesions = (
            LesionTrack(
                track_id=f"T-{bone}", bone=bone, side=Side.RIGHT, at=at, volume_mm3=tuple(volumes),
                log_ratio=ratio, sdc_log_ratio=sdc.log_ratio, verdict=told,
            ),
        )  # fmt: skip
    return BoneCourse(
        bone=bone, side=Side.RIGHT, volume_mm3=tuple(volumes),
        amounts=tuple(Amount(volume_mm3=v) for v in volumes), log_ratio=ratio,
        sdc_log_ratio=sdc.log_ratio, sdc_basis=sdc.basis, verdict=told, steps=tuple(steps),
        lesions=lesions,
    )  # fmt: skip


def _fate(n: int, first: int, volume: float) -> Fate:
    if volume <= 0:
        return Fate.GONE
    return Fate.NEW if n == first and n > 0 else Fate.KEPT


def run(seeds: int, images: int) -> dict[str, object]:
    """All patterns at all schedules: how many of the seeds were recognised, as what else."""
    table = []
    for pattern in PATTERNS:
        causes = causes_of(pattern)
        for schedule, weeks in WEEKS.items():
            for imaged in (False, True) if images and schedule == "usual" else (False,):
                said: Counter[str] = Counter()
                misses, bits = [], []
                for seed in range(images if imaged else seeds):
                    cause = causes[seed % len(causes)]
                    options = IMAGED if imaged else {}
                    visits = phantom_visits(cause, weeks, seed=1000 + seed, **options)
                    if imaged:
                        with tempfile.TemporaryDirectory() as folder:
                            course = of_images(visits, Path(folder))
                    else:
                        course = with_noise(visits, seed)
                    best = recognised(course)
                    said[best] += 1
                    bits.append(speaks_for(course, cause))
                    if best != pattern:
                        misses.append({"cause": cause, "seed": 1000 + seed, "said": best})
                right, total = said[pattern], sum(said.values())
                low, high = wilson(right, total)
                table.append(
                    {
                        "pattern": pattern, "schedule": schedule, "weeks": list(weeks),
                        "from": "images" if imaged else "volumes with noise", "seeds": total,
                        "right": right, "share": round(right / total, 3),
                        "interval": [round(low, 3), round(high, 3)], "said": dict(said),
                        "for_its_cause": sum(b > 0 for b in bits) / total,
                        "bits": round(float(np.median(bits)), 2),
                        "misses": misses,
                    }
                )  # fmt: skip
                print(
                    f"{pattern:11s} {schedule:6s} {table[-1]['from']:18s} {right}/{total} "
                    f"{dict(said)} bits {table[-1]['bits']}",
                    flush=True,
                )
    return {"table": table}


def report(found: dict[str, object]) -> str:
    """The table as Markdown."""
    lines = [
        "# Recognising the pattern of a course",
        "",
        "Knees made up by `marrowlight simulate`: a test of the chain, not of patients.",
        f"Wanted: {WANTED:.0%} of the seeds. Commit {found['commit']}, {found['date']}.",
        "",
        "| Pattern | Visits, weeks | From | Recognised | 95 % interval | Taken for | "
        "Course speaks for its cause (median) |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["table"]:  # type: ignore[attr-defined]
        weeks = ", ".join(f"{w:g}" for w in row["weeks"])
        other = ", ".join(f"{k} {n}" for k, n in row["said"].items() if k != row["pattern"])
        lines.append(
            f"| {row['pattern']} | {weeks} | {row['from']} | {row['right']}/{row['seeds']} "
            f"({row['share']:.0%}) | {row['interval'][0]:.0%}–{row['interval'][1]:.0%} | "
            f"{other or '-'} | {row['for_its_cause']:.0%} ({row['bits']:+.1f} bits) |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--images", type=int, default=0, help="people a pattern, imaged and read")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    found = {**stamp(), **run(options.seeds, options.images)}
    found["seconds"] = round(time.perf_counter() - start, 1)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "follow_patterns.json").write_text(json.dumps(found, indent=2) + "\n")
    (RESULTS / "follow_patterns.md").write_text(report(found))
    print(report(found))
    best: dict[str, float] = {}
    for row in found["table"]:  # type: ignore[attr-defined]
        best[row["pattern"]] = max(best.get(row["pattern"], 0.0), row["share"])
    if low := [pattern for pattern, share in best.items() if share < WANTED]:
        sys.exit(f"below {WANTED:.0%} at every schedule: {', '.join(low)}")


if __name__ == "__main__":
    main()

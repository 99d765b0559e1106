"""Visits: the same person scanned again over weeks, while edema takes the course of a cause.

    for visit in phantom_visits("bone_contusion", (0, 4, 8, 16), seed=3):
        visit.phantom.volume(), visit.truth["bones"]

How the edema changes comes from ``marrowlight.simulate``: a teaching and test model, so these are
made-up people, which is what a test with known truth needs.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import OutputExists, UsageError
from marrowlight.phantom.anatomy import make_anatomy, movement
from marrowlight.phantom.model import joint_model
from marrowlight.phantom.phantom import Phantom, make_phantom
from marrowlight.phantom.spec import EdemaSpec, PhantomSpec, Repeat, Shape
from marrowlight.phantom.write import write_phantom
from marrowlight.simulate.drive import Drive, drive_of, drives
from marrowlight.simulate.simulation import LABEL, Simulation, simulate
from marrowlight.study.study import Joint, Side

Pattern = Literal["resolves", "fluctuates", "migrates", "progresses"]

EXAMPLE: dict[str, str] = {
    "resolves": "bone_contusion",
    "fluctuates": "osteoarthritis_bml",
    "migrates": "regional_migratory_osteoporosis",
    "progresses": "infection_osteomyelitis_septic_arthritis",
}
"""A cause for each pattern, where a pattern is asked for in place of a cause."""

TRUTH = "course_truth.json"
"""What is known of all visits together, beside their folders."""

TURN_DEG, SHIFT_MM, AIM_MM = 3.0, 12.0, 4.0
"""SD of how a joint lies at a later visit: rotation about each axis, place in the scanner, and how
far the field of view misses it. Estimates; each is cut off at twice that."""

SMALLEST_MM3 = 30.0
"""Less edema than this is not put in: it could not be told from a vein. Unit: mm³."""

STRENGTH = 0.4
"""Share of water in the middle of a lesion, the same at every visit: what changes is its volume."""

LARGEST_SHARE = 0.8
"""A lesion never takes more than this of what its place in the phantom can hold."""

ROOM_MM3 = {
    "patella": 9_000.0, "talar_head": 18_000.0, "fibular_head": 3_000.0, "navicular": 3_000.0,
    "lateral_malleolus": 3_000.0,
}  # fmt: skip
"""Marrow around the small places. Unit: mm³."""

DEEP = (
    "distal_femur", "proximal_tibia", "intertrochanteric", "femoral_neck", "greater_trochanter",
    "calcaneus", "talar_body", "patella",
)  # fmt: skip
"""Places whose edema does not stand on a joint surface."""

USUAL_ROOM_MM3 = {Joint.KNEE: 42_000.0, Joint.HIP: 42_000.0, Joint.ANKLE: 26_000.0}


@dataclass(frozen=True, eq=False)
class PhantomVisit:
    """One visit.

    Parameters
    ----------
    name : str
        ``week_004``.
    weeks : float
        Since the first visit.
    spec : PhantomSpec
    lesions : tuple of dict
        ``site``, ``bone`` and exact ``volume_mm3`` of every place of the course, 0 where there is
        no edema now; in the same order at every visit, so that an index is one lesion.
    from_first : (4, 4) float64
        RAS mm of the first visit to RAS mm of this one: the true motion of all bones.
    """

    name: str
    weeks: float
    spec: PhantomSpec
    lesions: tuple[dict[str, Any], ...]
    from_first: NDArray[np.float64]
    _cause: str = field(repr=False)
    _pattern: str = field(repr=False)

    @cached_property
    def phantom(self) -> Phantom:
        """The joint, scanned; made when first asked for (seconds), then kept."""
        return make_phantom(self.spec, make_anatomy(self.spec))

    @property
    def volume_mm3(self) -> float:
        """Of all edema, exact."""
        return float(sum(one["volume_mm3"] for one in self.lesions))

    @property
    def bones(self) -> dict[str, float]:
        """Exact volume of edema, mm³, of every bone of the joint that has edema at any visit."""
        out: dict[str, float] = {}
        for one in self.lesions:
            out[one["bone"]] = out.get(one["bone"], 0.0) + one["volume_mm3"]
        return out

    @property
    def truth(self) -> dict[str, Any]:
        """Of this visit as plain values; the images need not be made for it."""
        return {
            "visit": self.name,
            "weeks": self.weeks,
            "course": self._cause,
            "pattern": self._pattern,
            "label": LABEL,
            "edema_volume_mm3": self.volume_mm3,
            "bones": [{"bone": bone, "volume_mm3": v} for bone, v in self.bones.items()],
            "lesions": list(self.lesions),
            "from_first_ras_mm": [[round(float(v), 6) for v in row] for row in self.from_first],
        }


def phantom_visits(
    course: str,
    weeks: Sequence[float] = (0, 4, 8, 16),
    *,
    joint: Joint | str = Joint.KNEE,
    seed: int = 1,
    care: Sequence[str] = (),
    **options: Any,
) -> tuple[PhantomVisit, ...]:
    """Visits of one person; quick, as nothing is imaged before ``visit.phantom`` is asked for.

    Parameters
    ----------
    course : str
        A cause that can be simulated, or a pattern: resolves, fluctuates, migrates, progresses.
    weeks : sequence of float
        Of the visits, rising from 0, which is when the edema is first seen.
    joint : Joint
    seed : int
        Person, course, and noise and position of every visit.
    care : sequence of str
        As ``simulate`` takes it, its weeks counted from the first visit.
    options
        Any other of ``PhantomSpec``: side, sequence, pixel_mm ... the same at every visit.

    Raises
    ------
    UsageError
        For an unknown course or joint, or weeks that do not rise from 0.
    """
    joint = Joint(joint)
    drive = drive_of(EXAMPLE.get(course, course)) if course in EXAMPLE else _drive(course)
    weeks = _checked(weeks)
    first = simulate(drive.cause, 1, seed=seed).first_seen_weeks
    treated = tuple(_later(one, first) for one in care)
    run = simulate(drive.cause, max(first + weeks[-1], 1), treated, seed=seed)
    model = joint_model(joint, seed)
    base = PhantomSpec(joint=joint, seed=seed, **options)
    center = _middle(model.center_ras_mm, base.side)
    visits = []
    for number, week in enumerate(weeks):
        lesions, wanted = _lesions(run, drive, joint, first + week)
        repeat = None if number == 0 else _repeat(seed, number, week)
        visits.append(
            PhantomVisit(
                name=f"week_{week:03g}" if week == int(week) else f"week_{week:05.1f}",
                weeks=week,
                spec=replace(base, edema=wanted, repeat=repeat),
                lesions=tuple(
                    {"site": site, "bone": model.site(site).bone, "volume_mm3": volume}
                    for site, volume in lesions
                ),
                from_first=np.eye(4) if repeat is None else movement(repeat, center),
                _cause=drive.cause,
                _pattern=drive.pattern,
            )
        )
    return tuple(visits)


def write_visits(
    visits: Sequence[PhantomVisit], folder: str | Path, *, overwrite: bool = False
) -> Iterator[PhantomVisit]:
    """Write each visit as a phantom into ``folder/week_000``..., and what is true of all.

    Yields each visit once it is written; ``course_truth.json`` comes last. Raises OutputExists
    before anything is written if the folder holds a course already and overwrite is false.
    """
    out = Path(folder)
    held = [name for name in (TRUTH, *(v.name for v in visits)) if (out / name).exists()]
    if held and not overwrite:
        raise OutputExists(
            f"The folder already holds {', '.join(held)}.",
            where=out,
            do="choose another folder, or overwrite it (--overwrite)",
        )
    for old in _visits_in(out / TRUTH):
        shutil.rmtree(out / old, ignore_errors=True)
    (out / TRUTH).unlink(missing_ok=True)
    for visit in visits:
        phantom = visit.phantom
        phantom.truth["visit"] = visit.truth
        write_phantom(phantom, out / visit.name, overwrite=overwrite)
        # Images of one visit are large; all of them need not be kept at once.
        visit.__dict__.pop("phantom", None)
        yield visit
    text = json.dumps(course_truth(visits), indent=2) + "\n"
    (out / TRUTH).write_text(text, encoding="utf-8")


def course_truth(visits: Sequence[PhantomVisit]) -> dict[str, Any]:
    """What is true of all visits together, as plain values."""
    last = visits[-1].truth
    return {
        "schema": "marrowlight.phantom_course/1",
        "label": LABEL,
        "course": last["course"],
        "pattern": last["pattern"],
        "weeks": [visit.weeks for visit in visits],
        "volume_mm3": [visit.volume_mm3 for visit in visits],
        "bones": [
            {"bone": bone, "volume_mm3": [visit.bones[bone] for visit in visits]}
            for bone in visits[0].bones
        ],
        "lesions": [
            {
                "site": one["site"],
                "bone": one["bone"],
                "volume_mm3": [visit.lesions[index]["volume_mm3"] for visit in visits],
            }
            for index, one in enumerate(visits[0].lesions)
        ],
        "visits": [visit.truth for visit in visits],
    }


def _visits_in(truth: Path) -> list[str]:
    """Folders of an earlier course, which must not stay among those of a new one."""
    try:
        found = json.loads(truth.read_text(encoding="utf-8"))["visits"]
        names = [str(one["visit"]) for one in found]
    except (OSError, ValueError, LookupError, TypeError):
        return []
    return [name for name in names if re.fullmatch(r"week_[0-9.]+", name)]


def _drive(course: str) -> Drive:
    try:
        return drive_of(course)
    except UsageError as error:
        raise UsageError(
            error.found,
            where="--course",
            expected=error.expected or ", ".join((*drives(), *get_args(Pattern))),
        ) from None


def _checked(weeks: Sequence[float]) -> tuple[float, ...]:
    out = tuple(float(week) for week in weeks)
    if not out or out[0] != 0 or any(not b > a for a, b in pairwise(out)):
        raise UsageError(
            f"The visits are in weeks {', '.join(f'{week:g}' for week in out) or '(none)'}.",
            where="--weeks",
            expected="weeks that rise from 0, e.g. 0 4 8 16",
        )
    return out


def _later(care: str, first: float) -> str:
    name, _, start = care.partition(":")
    try:
        return f"{name}:{first + float(start)}" if start else name
    except ValueError:
        return care


def _lesions(
    run: Simulation, drive: Drive, joint: Joint, week: float
) -> tuple[list[tuple[str, float]], tuple[EdemaSpec, ...]]:
    """(place, exact mm³) of every lesion, 0 where there is none; and what to make of it."""
    shares: list[tuple[str, NDArray[np.float64]]]
    if drive.path:
        path = drive.path[joint.value]  # type: ignore[index]
        shares = list(zip(path, run.lesion_ml * 1000, strict=False))
    else:
        places = drive.places[joint.value]  # type: ignore[index]
        shares = [(site, share * run.total_ml * 1000) for site, share in places.items()]
    lesions: list[tuple[str, float]] = []
    wanted: list[EdemaSpec] = []
    for site, course in shares:
        # Where a place is too small for the peak, all of its course is made smaller, in proportion.
        most = LARGEST_SHARE * ROOM_MM3.get(site, USUAL_ROOM_MM3[joint])
        fits = min(1.0, most / max(float(course.max()), 1.0))
        exact = round(fits * float(np.interp(week, run.weeks, course)), 1)
        exact = exact if exact >= SMALLEST_MM3 else 0.0
        lesions.append((site, exact))
        if exact > 0:
            shape = Shape.BLOB if site in DEEP else Shape.SUBCHONDRAL
            wanted.append(EdemaSpec(site, exact, STRENGTH, shape, outline=len(lesions)))
    return lesions, tuple(wanted)


def _repeat(seed: int, number: int, week: float) -> Repeat:
    rng = np.random.default_rng([seed, 12, number])

    def draw(sd: float) -> tuple[float, float, float]:
        a, b, c = (sd * np.clip(rng.standard_normal(3), -2, 2)).round(4).tolist()
        return a, b, c

    return Repeat(number, round(week * 7), draw(TURN_DEG), draw(SHIFT_MM), draw(AIM_MM))


def _middle(center: tuple[float, float, float], side: Side) -> NDArray[np.float64]:
    x, y, z = center
    return np.array([-x if side is Side.LEFT else x, y, z], dtype=float)

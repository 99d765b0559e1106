"""Made visits of one knee: two bones that move between visits, with edema that comes and goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.course.amounts import Rules
from marrowlight.course.compare import compare
from marrowlight.course.course import LeftOutVisit, SdcBasis, Verdict
from marrowlight.course.course_result import CourseResult
from marrowlight.course.register import BoneTransform
from marrowlight.course.visit import Visit
from marrowlight.edema.lesions import assign_to_bones, split_lesions
from marrowlight.reading import Versions
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint, Side
from tests.report.example import bone, edema, lesion, reading, region

SAGITTAL = Grid(
    (96, 112, 18),
    np.array([[0, 0, -3.5, 30], [-0.8, 0, 0, 40], [0, -0.8, 0, 40], [0, 0, 0, 1]]),
)
SHIFT = np.array(
    [[1, 0, 0, 2.0], [0, 0.9962, -0.0872, 3.0], [0, 0.0872, 0.9962, -1.5], [0, 0, 0, 1]]
)
"""RAS mm of a later visit to RAS mm of the first: turned by 5 degrees and moved."""

BONES = (LabelledBone(1, "femur", Side.LEFT), LabelledBone(2, "tibia", Side.LEFT),
         LabelledBone(3, "patella", Side.LEFT))  # fmt: skip
FEMUR, TIBIA = (-4.0, -2.0, 9.0), (3.0, 6.0, -27.0)


@dataclass(frozen=True)
class Plan:
    """One visit: weeks, and the radius in mm of the edema of femur and tibia."""

    weeks: float
    femur: float
    tibia: float = 0.0
    image: bool = True
    moved: bool = False
    name: str = ""


TWO = (Plan(0, 9.0, 4.0), Plan(14, 5.0, 8.0, moved=True))
FOUR = (
    Plan(0, 9.0),
    Plan(4, 10.0, moved=True),
    Plan(8.3, 7.0, 5.0),
    Plan(26, 0.0, 8.0, moved=True),
)


def followed(plans: Sequence[Plan] = TWO, **more: object) -> CourseResult:
    """Compare made visits; bones are laid on each other by what is known of them."""
    visits = [visit(number, plan) for number, plan in enumerate(plans, start=1)]
    moved = [plan.moved for plan in plans]
    later = iter([m for _ in BONES for m in moved[1:]])

    def register(*_args: object, bone: str) -> BoneTransform:
        return known(bone, moved=next(later))

    return compare(visits, register=register, rules=RULES, **more)  # type: ignore[arg-type]


def known(bone: str, *, moved: bool) -> BoneTransform:
    refused = bone == "patella"
    return BoneTransform(
        bone, SHIFT if moved else np.eye(4), 0.31, 0.94, 5.0, 3.9, not refused,
        "too little of it is seen at both visits" if refused else "",
    )  # fmt: skip


@dataclass(frozen=True)
class Noise:
    """A smallest detectable change of a factor of 2.2."""

    log_ratio: float = math.log(2.2)
    basis: SdcBasis = SdcBasis.READER


def judged(before: float, after: float, noise: Noise, *, floor_mm3: float) -> Verdict:
    """The plainest rules."""
    if max(before, after) <= 0:
        return Verdict.ABSENT
    if min(before, after) < floor_mm3:
        return Verdict.NEW if after > before else Verdict.RESOLVED
    change = math.log(after / before)
    if abs(change) <= noise.log_ratio:
        return Verdict.STABLE
    return Verdict.GREW if change > 0 else Verdict.SHRANK


RULES = Rules(lambda _volume, matched: Noise(), judged)
LEFT_OUT = (LeftOutVisit(name="visit-b", reason="it has no fluid-sensitive series"),)


def visit(number: int, plan: Plan) -> Visit:
    """One visit, measured in its own mask."""
    grid = SAGITTAL
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    at = grid.to_ras(index)
    if plan.moved:
        at = at @ SHIFT[:3, :3].T + SHIFT[:3, 3]
    labels = np.zeros(grid.shape, np.uint8)
    labels[_egg(at, (0, 0, 12), (24, 27, 21))] = 1
    labels[_egg(at, (0, 4, -28), (23, 22, 14)) & (labels == 0)] = 2
    labels[_egg(at, (0, 33, 14), (12, 5, 12)) & (labels == 0)] = 3
    marked = _egg(at, FEMUR, (plan.femur, 1.3 * plan.femur, plan.femur)) & (labels == 1)
    marked |= _egg(at, TIBIA, (plan.tibia,) * 3) & (labels == 2)
    rng = np.random.default_rng(number)
    voxels = (rng.normal(100, 9, grid.shape) * (0.35 + 0.5 * (labels > 0)) + 130 * marked) * number
    bones = BoneMap(labels, grid, BONES, "mask given by the user")
    return Visit(
        name=plan.name or f"visit-{number}",
        weeks=plan.weeks,
        weeks_source="given",
        joint=Joint.KNEE,
        side=Side.LEFT,
        bones=bones,
        edema=marked,
        reading=_reading(number, labels, marked, grid),
        image=voxels.astype(np.float32) if plan.image else None,
        scanner={"manufacturer": "Maker", "field_t": 3.0},
        patient="a",
    )


def _reading(number: int, labels: NDArray[np.uint8], marked: NDArray[np.bool_], grid: Grid):  # type: ignore[no-untyped-def]
    owner = assign_to_bones(marked, labels, grid)
    found = split_lesions(owner, None, grid)
    rows = []
    for label in BONES:
        mine = tuple(
            lesion(
                n, len(one.edema) * grid.voxel_volume_mm3,
                tuple(grid.to_ras(one.edema.mean(axis=0)).tolist()), bone=label.bone,
            )
            for n, one in enumerate(found, start=1)
            if one.label == label.label
        )  # fmt: skip
        rows.append(bone(label.bone, label.label, edema(sum(x.volume_mm3 for x in mine), mine)))
    return reading(
        region(*rows),
        reading_id=f"{number:016x}",
        warnings=(),
        versions=Versions(software="0.1.0", parameters=None, weights=None, knowledge="cd" * 32),
    )


def _egg(
    at: NDArray[np.float64], middle: tuple[float, float, float], radii: tuple[float, ...]
) -> NDArray[np.bool_]:
    if min(radii) <= 0:
        return np.zeros(at.shape[:-1], bool)
    inside: NDArray[np.bool_] = (((at - middle) / radii) ** 2).sum(axis=-1) <= 1
    return inside

"""Compare visits: lay bone on bone, follow lesions, and say what changed beyond noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from marrowlight.course.amounts import Rules, bone_course, lesion_tracks
from marrowlight.course.course import (
    BoneCourse,
    Course,
    LeftOutVisit,
    Limit,
    Registration,
    VisitUsed,
)
from marrowlight.course.course_result import CourseResult
from marrowlight.course.limits import (
    bone_words,
    bones_limit,
    matched,
    protocol_limits,
    view_limit,
    visits_words,
)
from marrowlight.course.match import Seen, match
from marrowlight.course.sentence import summary_sentence
from marrowlight.course.smallest_change import UNCERTAIN_BELOW_MM3
from marrowlight.course.view import InView, Matrix, Voxels, in_view, shared_share
from marrowlight.course.visit import BoneKey, Visit
from marrowlight.errors import InputError
from marrowlight.study.study import Joint, Side

if TYPE_CHECKING:
    from marrowlight.course.register import BoneTransform

Register = Callable[..., "BoneTransform"]
"""As ``register_bone``."""

Tell = Callable[[str], None]
"""Told what is done next."""

LEAST_SHARED = 0.1
"""A bone is compared only if at least this share of what one visit shows of it lies in the field of
view of the other. Estimate."""

TOTAL = "all"
"""Name of all bones together."""


@dataclass
class _Laid:
    """Bones laid on each other. All by bone; matrices and comparable also by visit."""

    shown: dict[BoneKey, dict[int, int]]
    """Label of the bone at each visit that shows it."""
    matrices: dict[BoneKey, dict[int, Matrix]] = field(default_factory=dict)
    transforms: dict[tuple[int, BoneKey], BoneTransform] = field(default_factory=dict)
    registrations: list[Registration] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)


def compare(
    visits: Sequence[Visit],
    *,
    left_out: Sequence[LeftOutVisit] = (),
    limits: Sequence[Limit] = (),
    register: Register | None = None,
    rules: Rules | None = None,
    progress: Tell | None = None,
) -> CourseResult:
    """What changed over the visits of one joint of one patient.

    Parameters
    ----------
    visits : at least two, of one joint and side; put in the order of their weeks
    left_out : visits that could not be used, for the record
    limits : known beforehand; those of the comparison itself are added
    register, rules : how bones are laid on each other and how change is told from noise; the
        package's own unless given
    progress : told what is done next

    Every image is judged against its own normal marrow beforehand: intensities are never compared.

    Raises
    ------
    InputError
        If there are fewer than two visits.
    """
    if len(visits) < 2:
        raise InputError(
            f"{len(visits) or 'No'} visit can be compared.", expected="at least two visits"
        )
    tell = progress or (lambda _text: None)
    start = min(v.weeks for v in visits)
    visits = [replace(v, weeks=v.weeks - start) for v in sorted(visits, key=lambda v: v.weeks)]
    joint, side = _joint(visits), _side(visits)
    rules = rules or _own_rules()
    voxels = {n: Voxels.of(visit) for n, visit in enumerate(visits)}
    laid = _lay(visits, voxels, side, register or _own_register(), tell)
    tell("compare the visits")
    found: list[Limit] = [*limits, *protocol_limits(visits)]
    found += bones_limit(visits, laid.shown, side) + laid.limits
    views: dict[BoneKey, dict[int, InView]] = {}
    for key, matrices in laid.matrices.items():
        at = sorted(matrices)
        view = in_view(visits, key, at, laid.shown[key], matrices, voxels)
        views[key] = view
        found += view_limit(
            key,
            side,
            {n: view[n].of_bone for n in at},
            {n: view[n].of_edema for n in at},
        )
    comparable = {key: sorted(view) for key, view in views.items()}
    tracks = lesion_tracks(
        match(
            _by_visit(views),
            comparable,
            slice_mm={n: v.slice_mm for n, v in enumerate(visits)},
            least_mm3=max(UNCERTAIN_BELOW_MM3, *(v.floor_mm3 for v in visits)),
        ),
        visits,
        comparable,
        rules,
    )
    bones = tuple(
        bone_course(
            key,
            visits,
            {n: view[n].edema_mm3 for n in view},
            rules,
            [t for t in tracks if BoneKey(t.bone, t.side) == key],
        )
        for key, view in views.items()
    )
    total = _total(visits, views, side, rules)
    same = all(matched(one, other) for one in visits for other in visits)
    course = Course(
        summary=summary_sentence(bones, [v.weeks for v in visits], side),
        joint=joint,
        side=side,
        visits=tuple(_used(n, v) for n, v in enumerate(visits)),
        left_out=tuple(left_out),
        bones=bones,
        total=total,
        registration=tuple(laid.registrations),
        protocol_match="matched" if same else "different",
        limits=tuple(dict.fromkeys(found)),
    )
    return CourseResult(course, tuple(visits), laid.transforms, laid.matrices)


def _lay(
    visits: Sequence[Visit],
    voxels: Mapping[int, Voxels],
    side: Side,
    register: Register,
    tell: Tell,
) -> _Laid:
    """Lay every bone on the first visit that shows it."""
    shown: dict[BoneKey, dict[int, int]] = {}
    for n, visit in enumerate(visits):
        for key, bone in visit.keys(side).items():
            shown.setdefault(key, {})[n] = bone.label
    laid = _Laid(shown)
    for key, labels in shown.items():
        first, *later = labels
        matrices: dict[int, Matrix] = {first: np.eye(4)}
        fixed = visits[first]
        for n in later:
            tell(f"lay the {bone_words(key, side)} of visit {n + 1} on visit {first + 1}")
            moving = visits[n]
            one = register(
                fixed.bones.labels == labels[first],
                fixed.bones.grid,
                moving.bones.labels == labels[n],
                moving.bones.grid,
                bone=key.bone,
            )
            trial = {first: np.eye(4), n: np.asarray(one.matrix, np.float64)}
            accepted, reason = one.accepted, one.reason
            if accepted and not _overlapping(visits, first, n, voxels, labels, trial):
                accepted = False
                reason = "The fields of view hardly overlap at this bone."
            if accepted:
                matrices[n] = trial[n]
                laid.transforms[n, key] = one
            else:
                laid.limits.append(_refused(key, side, n, reason))
            laid.registrations.append(_registration(n, key, one, accepted, reason))
        laid.matrices[key] = matrices
    return laid


def _overlapping(
    visits: Sequence[Visit],
    one: int,
    other: int,
    voxels: Mapping[int, Voxels],
    labels: Mapping[int, int],
    matrices: Mapping[int, Matrix],
) -> bool:
    there = shared_share(visits, one, other, voxels, labels, matrices)
    back = shared_share(visits, other, one, voxels, labels, matrices)
    # A small field of view may lie wholly within a large one; both see enough of it then.
    return max(there, back) >= LEAST_SHARED


def _refused(key: BoneKey, side: Side, visit: int, reason: str) -> Limit:
    why = reason.strip().rstrip(".") or "The bone does not lie on that of the first visit"
    what = f"the {bone_words(key, side)} of {visits_words([visit])} was not compared"
    return Limit(
        code="registration-refused",
        text=f"{why}; so {what}.",
        visits=(visit,),
    )


def _registration(
    visit: int, key: BoneKey, one: BoneTransform, accepted: bool, reason: str
) -> Registration:
    def known(value: float) -> float | None:
        return float(value) if np.isfinite(value) else None

    matrix = np.asarray(one.matrix, np.float64)
    return Registration(
        visit=visit,
        bone=key.bone,
        side=key.side,
        mean_surface_distance_mm=known(one.mean_surface_distance_mm),
        overlap=known(one.overlap),
        rotation_deg=known(one.rotation_deg),
        translation_mm=known(one.translation_mm),
        accepted=accepted,
        reason=reason,
        matrix=tuple(tuple(row) for row in matrix.tolist()) if accepted else None,
    )


def _by_visit(views: Mapping[BoneKey, Mapping[int, InView]]) -> dict[int, list[Seen]]:
    seen: dict[int, list[Seen]] = {}
    for view in views.values():
        for n, one in view.items():
            seen.setdefault(n, []).extend(one.lesions)
    return {n: sorted(many, key=lambda s: -s.volume_mm3) for n, many in seen.items()}


def _total(
    visits: Sequence[Visit],
    views: Mapping[BoneKey, Mapping[int, InView]],
    side: Side,
    rules: Rules,
) -> BoneCourse:
    """All bones that can be compared at every visit."""
    whole = [view for view in views.values() if len(view) == len(visits)]
    volumes = {n: sum(v[n].edema_mm3 for v in whole) for n in range(len(visits))} if whole else {}
    return bone_course(BoneKey(TOTAL, side), visits, volumes, rules)


def _used(index: int, visit: Visit) -> VisitUsed:
    series = visit.series
    return VisitUsed(
        index=index,
        name=visit.name,
        weeks=visit.weeks,
        weeks_source=visit.weeks_source,
        joint=visit.joint,
        side=visit.side,
        role=series.role if series else None,
        plane=series.plane if series else None,
        spacing_mm=_rounded(visit.bones.grid.spacing),
        slice_thickness_mm=series.slice_thickness_mm if series else None,
        reading_id=visit.reading.reading_id,
        from_reading=visit.from_reading,
    )


def _joint(visits: Sequence[Visit]) -> Joint:
    return next((v.joint for v in visits if v.joint is not Joint.UNKNOWN), Joint.UNKNOWN)


def _side(visits: Sequence[Visit]) -> Side:
    return next((v.side for v in visits if v.side is not Side.UNKNOWN), Side.UNKNOWN)


def _own_register() -> Register:
    from marrowlight.course.register import register_bone

    return register_bone


def _own_rules() -> Rules:
    from marrowlight.course.smallest_change import smallest_change, verdict

    return Rules(smallest_change, verdict)


def _rounded(spacing: tuple[float, float, float]) -> tuple[float, float, float]:
    i, j, k = (round(mm, 6) for mm in spacing)
    return i, j, k

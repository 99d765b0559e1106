"""What a measured course says to causes: changes with their error, and new places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from marrowlight.causes.case import Case
from marrowlight.causes.look import MM3_PER_ML
from marrowlight.course.course import BoneCourse, Course, Fate, LesionTrack, Step, Verdict
from marrowlight.errors import NotThisJoint
from marrowlight.study.study import Joint, Side

DURATION = "symptom_duration_weeks"

RESOLVED, MIGRATED = "bme_resolved_on_followup", "bme_migrated_on_followup"
"""Findings that a course settles."""

Z_95 = 1.96
"""A smallest detectable change is this many SD of the difference of two measurements."""

_DOWN = (Verdict.SHRANK, Verdict.RESOLVED)
_UP = (Verdict.GREW, Verdict.NEW)


@dataclass(frozen=True)
class Change:
    """What the amount of edema that was there at first did between two visits.

    start, end : weeks after the first visit; log_ratio : ln(after / before); error : SD of it by
    measurement; sdc : smallest detectable change of it; gone : nothing could be told from none at
    ``end``, so that log_ratio is an upper limit.
    """

    start: float
    end: float
    log_ratio: float
    error: float
    sdc: float
    verdict: Verdict
    gone: bool = False

    @property
    def weeks(self) -> float:
        """Length of the interval."""
        return self.end - self.start

    @property
    def uncertain(self) -> bool:
        """Below what can be told, or seen too differently."""
        return self.verdict is Verdict.UNCERTAIN

    @property
    def fell(self) -> bool:
        """Fell by more than the smallest detectable change."""
        return self.verdict in _DOWN

    @property
    def grew(self) -> bool:
        """Grew by more than the smallest detectable change."""
        return self.verdict in _UP


@dataclass(frozen=True)
class NewPlace:
    """Edema where there was none: in another bone, or moved within one. within : the latter."""

    track: str
    bone: str
    side: Side
    weeks: float
    volume_mm3: float
    within: bool

    def __str__(self) -> str:
        place = f"elsewhere in the {name_of(self.bone)}" if self.within else name_of(self.bone)
        return f"{place}, {self.volume_mm3 / MM3_PER_ML:.1f} ml at week {self.weeks:g}"


@dataclass(frozen=True)
class GivenCourse:
    """A measured course as causes read it.

    changes : from visit to visit, of the edema that was there at first; whole : last visit against
    the first; places : new places; watched : edema at the first visit, so that a new place
    would be a second one; onset : weeks from onset to the first visit, None if unknown; measured :
    the course itself.
    """

    joint: Joint
    weeks: float
    changes: tuple[Change, ...]
    whole: Change | None
    places: tuple[NewPlace, ...]
    watched: bool
    onset: float | None
    measured: Course

    @property
    def speaks(self) -> bool:
        """Whether there is anything to weigh."""
        return bool(self.changes) or (self.watched and self.weeks > 0)

    @property
    def state(self) -> str:
        """In a few words, such as ``10% left after 26 weeks; new place: tibia``."""
        parts = []
        if self.whole is not None:
            span = f"after {self.whole.weeks:g} weeks"
            if self.whole.uncertain:
                parts.append(f"change uncertain {span}")
            elif self.whole.gone:
                parts.append(f"gone {span}")
            elif not (self.whole.fell or self.whole.grew):
                parts.append(f"unchanged {span}")
            else:
                parts.append(f"{amount(self.whole.log_ratio)} {span}")
        if self.places:
            bones = dict.fromkeys(name_of(p.bone) for p in self.places)
            parts.append(f"new place: {', '.join(bones)}")
        return "; ".join(parts) or f"no edema over {self.weeks:g} weeks"


def given_course(course: Course, case: Case) -> GivenCourse:
    """A measured course as causes read it, for one patient.

    The duration of symptoms is taken as that at the last visit, or at the first where it is shorter
    than the time between them. Raises NotThisJoint if course and case are of another joint or side.
    """
    _same_joint(course, case)
    weeks = tuple(v.weeks for v in course.visits)
    places = new_places(course)
    span = weeks[-1] - weeks[0] if weeks else 0.0
    changes = [c for s in course.total.steps if (c := _step(course, s, places)) is not None]
    whole = _whole(course, changes, places)
    first = next((v for v in course.total.volume_mm3 if v is not None), 0.0)
    floor = course.total.steps[0].floor_mm3 if course.total.steps else 0.0
    return GivenCourse(
        joint=course.joint,
        weeks=span,
        changes=tuple(changes),
        whole=whole,
        places=places,
        watched=first >= floor > 0,
        onset=onset_of(case, span),
        measured=course,
    )


def with_course(case: Case, given: GivenCourse) -> Case:
    """The case with the findings that a course settles, where the case says nothing itself.

    They serve flags and criteria; the likelihood counts the course instead of them.
    """
    whole = given.whole
    if whole is None or whole.uncertain:
        return case
    if case.state(RESOLVED) is None and whole.gone:
        case = case.but(RESOLVED, True)
    if case.state(MIGRATED) is None and given.places and whole.fell:
        case = case.but(MIGRATED, True)
    return case


def onset_of(case: Case, span: float) -> float | None:
    """Weeks from onset to the first visit; span : weeks from it to the last."""
    stated = case.values.get(DURATION)
    if not isinstance(stated, int | float) or stated <= 0:
        return None
    return float(stated - span if stated > span else stated)


def new_places(course: Course) -> tuple[NewPlace, ...]:
    """Where edema appeared beyond measurement error, away from where it was before.

    A lesion counts if it is new, in a bone that showed none at its visits before, or if it moved
    within its bone or from another. Each bone counts once, by its largest lesion.
    """
    found: dict[tuple[str, Side, bool], NewPlace] = {}
    for bone in course.bones:
        for track in bone.lesions:
            place = _place(course, bone, track)
            if place is None:
                continue
            key = (place.bone, place.side, place.within)
            if key not in found or place.volume_mm3 > found[key].volume_mm3:
                found[key] = place
    return tuple(sorted(found.values(), key=lambda p: (p.weeks, -p.volume_mm3)))


def _place(course: Course, bone: BoneCourse, track: LesionTrack) -> NewPlace | None:
    first = min((at.visit for at in track.at if at.volume_mm3 > 0), default=None)
    fate = next((at.fate for at in track.at if at.visit == first), None)
    if first is None or fate not in (Fate.NEW, Fate.MOVED, Fate.MOVED_BONE):
        return None
    before = [v for v in bone.volume_mm3[:first] if v is not None]
    if not before:
        return None
    floor = max((s.floor_mm3 for s in bone.steps), default=0.0)
    within = max(before) >= floor
    if within and fate is Fate.NEW:
        return None
    surely = track.verdict in _UP if within else _rose(bone, first)
    if not surely:
        return None
    start = course.visits[0].weeks
    return NewPlace(
        track=track.track_id,
        bone=bone.bone,
        side=bone.side,
        weeks=course.visits[first].weeks - start,
        volume_mm3=max(v or 0.0 for v in track.volume_mm3),
        within=within,
    )


def _rose(bone: BoneCourse, visit: int) -> bool:
    return bone.verdict in _UP or any(
        s.verdict in _UP and s.from_visit < visit <= s.to_visit for s in bone.steps
    )


def _step(course: Course, step: Step, places: Sequence[NewPlace]) -> Change | None:
    if step.weeks <= 0:
        return None
    start = course.visits[0].weeks
    return _change(
        course,
        (step.from_visit, step.to_visit),
        (course.visits[step.from_visit].weeks - start, course.visits[step.to_visit].weeks - start),
        step.log_ratio,
        step.sdc_log_ratio,
        step.verdict,
        step.floor_mm3,
        places,
    )


def _whole(course: Course, changes: Sequence[Change], places: Sequence[NewPlace]) -> Change | None:
    """Last visit against the first, of those that show all bones."""
    if not changes:
        return None
    shown = [i for i, v in enumerate(course.total.volume_mm3) if v is not None]
    floor = max(s.floor_mm3 for s in course.total.steps)
    return _change(
        course,
        (shown[0], shown[-1]),
        (changes[0].start, changes[-1].end),
        course.total.log_ratio,
        course.total.sdc_log_ratio,
        course.total.verdict,
        floor,
        places,
    )


def _change(
    course: Course,
    visits: tuple[int, int],
    weeks: tuple[float, float],
    log_ratio: float | None,
    sdc: float,
    verdict: Verdict,
    floor: float,
    places: Sequence[NewPlace],
) -> Change | None:
    """The change of the edema that was there at first: less what is at new places."""
    before, after = (course.total.volume_mm3[v] for v in visits)
    if log_ratio is None or before is None or after is None:
        return None
    if places:
        counted = [b for b in course.bones if None not in b.volume_mm3]  # these make the total
        tracks = {t.track_id: t for b in counted for t in b.lesions}
        for place in places:
            if place.track not in tracks:
                continue
            there = tracks[place.track].volume_mm3
            before -= there[visits[0]] or 0.0
            after -= there[visits[1]] or 0.0
        log_ratio = math.log(max(after, floor, 1e-3) / max(before, floor, 1e-3))
        verdict = _verdict(before, after, log_ratio, sdc, floor)
    if before < floor:
        return None
    return Change(
        start=weeks[0],
        end=weeks[1],
        log_ratio=log_ratio,
        error=sdc / Z_95,
        sdc=sdc,
        verdict=verdict,
        gone=after < floor,
    )


def _verdict(before: float, after: float, log_ratio: float, sdc: float, floor: float) -> Verdict:
    """As ``course`` gives it, for what is left without the new places."""
    if max(before, after) < MM3_PER_ML:
        return Verdict.UNCERTAIN
    if abs(log_ratio) <= sdc:
        return Verdict.STABLE if after >= floor else Verdict.UNCERTAIN
    if after < floor:
        return Verdict.RESOLVED
    return Verdict.GREW if log_ratio > 0 else Verdict.SHRANK


def _same_joint(course: Course, case: Case) -> None:
    other_side = Side.UNKNOWN not in (case.side, course.side) and case.side is not course.side
    if course.joint is not case.joint or other_side:
        raise NotThisJoint(
            f"The course is of the {_called(course.joint, course.side)}, the case of the "
            f"{_called(case.joint, case.side)}.",
            where="course",
            expected=f"a course of the {_called(case.joint, case.side)}",
            do="give the course that belongs to this case, or correct joint and side in the case",
        )


def _called(joint: Joint, side: Side) -> str:
    name = "sacroiliac joint" if joint is Joint.SACROILIAC else joint.value
    return f"{side.value} {name}" if side in (Side.LEFT, Side.RIGHT) else name


def name_of(bone: str) -> str:
    """A bone in words."""
    return bone.replace("_", " ")


def amount(log_ratio: float) -> str:
    """What became of an amount, in words: ``10% left``, ``x2.2``."""
    ratio = math.exp(log_ratio)
    if ratio >= 1:
        return f"x{ratio:.1f}"
    return f"{100 * ratio:.0f}% left" if ratio >= 0.01 else "under 1% left"

"""The words and numbers of the page of a comparison: no files, no pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marrowlight.course.course import BoneCourse, Course, Fate, LesionAt, LesionTrack, Verdict
from marrowlight.course.limits import bone_words
from marrowlight.course.visit import BoneKey
from marrowlight.edema.measurement import Lesion
from marrowlight.report.amount import MM3_PER_ML, THIN, digits, ml, mm
from marrowlight.report.follow_words import BASIS, FATES, MARKS, MEANINGS, WORDS
from marrowlight.report.page import ROLES, as_sentence, place_text
from marrowlight.report.sentence import region_name
from marrowlight.study.study import Side

NO_VALUE = "–"


@dataclass(frozen=True)
class Chip:
    """The verdict on one bone. mark : a sign that needs no color; kind : for the style."""

    name: str
    kind: str
    mark: str
    word: str
    change: str
    """``5.2 to 1.7 ml, × 0.33``."""
    meaning: str


@dataclass(frozen=True)
class Cell:
    """A volume at one visit, and its interval."""

    volume: str
    interval: str


@dataclass(frozen=True)
class BoneLine:
    """One bone in the table of bones."""

    name: str
    cells: tuple[Cell, ...]
    ratio: str
    noise: str
    kind: str
    mark: str
    verdict: str
    basis: str


@dataclass(frozen=True)
class StepLine:
    """The change from one visit to the next."""

    name: str
    between: str
    ratio: str
    noise: str
    kind: str
    mark: str
    verdict: str


@dataclass(frozen=True)
class TrackLine:
    """One lesion over all visits."""

    id: str
    bone: str
    place: str
    cells: tuple[Cell, ...]
    """Its volume and what became of it."""
    origin: str
    kind: str
    mark: str
    verdict: str


@dataclass(frozen=True)
class VisitLine:
    """One visit in the table of visits."""

    number: int
    name: str
    weeks: str
    weeks_short: str
    image: str
    grid: str
    reading: str


@dataclass(frozen=True)
class LaidLine:
    """How one bone of one visit lies on the first."""

    bone: str
    visit: int
    cells: tuple[str, ...]
    accepted: bool
    reason: str


@dataclass(frozen=True)
class FollowPage:
    """Everything the page says in words and tables."""

    title: str
    chips: tuple[Chip, ...]
    visits: tuple[VisitLine, ...]
    bones: tuple[BoneLine, ...]
    total: BoneLine | None
    steps: tuple[StepLine, ...]
    tracks: tuple[TrackLine, ...]
    unchanged: str
    """Bones without edema at any visit."""
    limits: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    laid: tuple[LaidLine, ...]
    bases: tuple[str, ...]
    floor: str


def follow_page(course: Course, lesions: Sequence[Mapping[str, Lesion]]) -> FollowPage:
    """The words of a course.

    lesions : those of the reading of each visit by id, for the names of their places.
    """
    held = [b for b in course.bones if any(b.volume_mm3)]
    empty = [b for b in course.bones if b not in held]
    shown = sum(any(b.volume_mm3) for b in course.bones) > 1
    floors = [s.floor_mm3 for b in course.bones for s in b.steps]
    bases = dict.fromkeys(b.sdc_basis for b in (*course.bones, course.total) if b.steps)
    return FollowPage(
        title=_title(course),
        chips=tuple(_chip(b, name_of(b, course.side)) for b in _by_change(held)),
        visits=_visit_lines(course),
        bones=tuple(_bone_line(b, name_of(b, course.side)) for b in held),
        total=_bone_line(course.total, "All bones") if shown and course.total.steps else None,
        steps=tuple(line for b in held for line in _steps(b, course)),
        tracks=tuple(
            _track(t, course, lesions)
            for b in course.bones
            for t in sorted(b.lesions, key=lambda t: -max(v or 0 for v in t.volume_mm3))
        ),
        unchanged=_unchanged(empty, course.side),
        limits=tuple(as_sentence(one.text) for one in course.limits),
        left_out=tuple((one.name, as_sentence(one.reason)) for one in course.left_out),
        laid=_laid_lines(course),
        bases=tuple(BASIS[basis] for basis in bases),
        floor=ml(max(floors)) if floors else "",
    )


def name_of(bone: BoneCourse, side: Side) -> str:
    """A bone for people, with a capital."""
    return _capital(bone_words(BoneKey(bone.bone, bone.side), side))


def ratio_words(log_ratio: float | None) -> str:
    """``× 0.33``; a dash where it is not known."""
    return NO_VALUE if log_ratio is None else f"×{THIN}{digits(math.exp(log_ratio))}"


def noise_words(sdc_log_ratio: float) -> str:
    """The smallest detectable change as a range of ratios: ``× 0.45 to × 2.2``."""
    return f"{ratio_words(-sdc_log_ratio)} to {ratio_words(sdc_log_ratio)}"


def weeks_words(weeks: float) -> str:
    """``1 week``, ``6 weeks``, ``6.4 weeks``."""
    text = f"{weeks:.1f}".removesuffix(".0")
    return f"{text} week{'' if text == '1' else 's'}"


def _title(course: Course) -> str:
    span = course.visits[-1].weeks - course.visits[0].weeks
    where = region_name(course.joint, course.side)
    return f"{where}: {len(course.visits)} visits over {weeks_words(span)}"


def _by_change(bones: Sequence[BoneCourse]) -> list[BoneCourse]:
    """Those that changed first, by how much edema they ever held."""
    quiet = (Verdict.STABLE, Verdict.UNCERTAIN, Verdict.ABSENT)
    return sorted(bones, key=lambda b: (b.verdict in quiet, -max(v or 0.0 for v in b.volume_mm3)))


def _chip(bone: BoneCourse, name: str) -> Chip:
    known = [v for v in bone.volume_mm3 if v is not None]
    change = f"{_volume(known[0])} to {_volume(known[-1])}"
    if len(known) < 2:
        change = f"{_volume(known[0])}, seen at one visit only"
    elif _has_ratio(bone.verdict) and bone.log_ratio is not None:
        change += f", {ratio_words(bone.log_ratio)}"
    word = WORDS[bone.verdict] if len(known) > 1 else "not compared"
    return Chip(name, bone.verdict.value, MARKS[bone.verdict], word, change, MEANINGS[bone.verdict])


def _has_ratio(verdict: Verdict) -> bool:
    """A ratio to nothing says little."""
    return verdict not in (Verdict.NEW, Verdict.RESOLVED, Verdict.ABSENT)


def _bone_line(bone: BoneCourse, name: str) -> BoneLine:
    compared = bone.log_ratio is not None
    cells = tuple(
        Cell(_volume(v), _interval(a.low_mm3, a.high_mm3) if v else "")
        for v, a in zip(bone.volume_mm3, bone.amounts, strict=True)
    )
    return BoneLine(
        name=name,
        cells=cells,
        ratio=ratio_words(bone.log_ratio) if _has_ratio(bone.verdict) else NO_VALUE,
        noise=noise_words(bone.sdc_log_ratio) if compared else NO_VALUE,
        kind=bone.verdict.value if compared else "uncertain",
        mark=MARKS[bone.verdict] if compared else "",
        verdict=WORDS[bone.verdict] if compared else "not compared",
        basis=BASIS[bone.sdc_basis] if compared else "",
    )


def _steps(bone: BoneCourse, course: Course) -> list[StepLine]:
    if len(bone.steps) < 2:
        return []
    return [
        StepLine(
            name=name_of(bone, course.side),
            between=f"{step.from_visit + 1} to {step.to_visit + 1}, {weeks_words(step.weeks)}",
            ratio=ratio_words(step.log_ratio) if _has_ratio(step.verdict) else NO_VALUE,
            noise=noise_words(step.sdc_log_ratio),
            kind=step.verdict.value,
            mark=MARKS[step.verdict],
            verdict=WORDS[step.verdict],
        )
        for step in bone.steps
    ]


def _track(
    track: LesionTrack, course: Course, lesions: Sequence[Mapping[str, Lesion]]
) -> TrackLine:
    at = {one.visit: one for one in track.at}
    first = min(at, default=0)
    cells = []
    for n, volume in enumerate(track.volume_mm3):
        if volume is None:
            cells.append(Cell(NO_VALUE, "not compared"))
        elif volume > 0:
            cells.append(Cell(ml(volume), _fate(at.get(n), first)))
        else:
            gone = at.get(n)
            cells.append(Cell("none", FATES[gone.fate] if gone and n != first else ""))
    shown = next((one for one in track.at if one.volume_mm3 > 0), None)
    key = BoneKey(track.bone, track.side)
    return TrackLine(
        id=track.track_id,
        bone=_capital(bone_words(key, course.side)),
        place=_place(shown, lesions) if shown else NO_VALUE,
        cells=tuple(cells),
        origin=f"from {', '.join(track.from_tracks)}" if track.from_tracks else "",
        kind=track.verdict.value,
        mark=MARKS[track.verdict],
        verdict=WORDS[track.verdict],
    )


def _fate(one: LesionAt | None, first: int) -> str:
    if one is None or (one.visit == first == 0):
        return ""
    return "" if one.fate is Fate.KEPT else FATES[one.fate]


def _place(one: LesionAt, lesions: Sequence[Mapping[str, Lesion]]) -> str:
    """The zone that most of a lesion lies in, or its place in words of the scanner."""
    own = lesions[one.visit].get(one.lesion_id or "")
    if own is not None and own.zones:
        best = max(own.zones, key=lambda zone: zone.share_of_lesion)
        if best.share_of_lesion >= 0.5:
            return best.name
    words = place_text(one.centroid_ras_mm) if one.centroid_ras_mm else NO_VALUE
    return f"{words} (mm)" if one.centroid_ras_mm else words


def _visit_lines(course: Course) -> tuple[VisitLine, ...]:
    lines = []
    for number, visit in enumerate(course.visits, start=1):
        role = ROLES[visit.role] if visit.role else "masks only"
        plane = f", {visit.plane.value}" if visit.plane else ""
        grid = " × ".join(f"{s:.2g}" for s in visit.spacing_mm)
        given = ", as given" if visit.weeks_source == "given" else ", by the dates"
        read = "an earlier reading" if visit.from_reading else "read from the images"
        lines.append(
            VisitLine(
                number=number,
                name=visit.name,
                weeks=f"{weeks_words(visit.weeks)}{given if number > 1 else ''}",
                weeks_short=weeks_words(visit.weeks) if number > 1 else "the first",
                image=f"{role}{plane}",
                grid=f"{grid}{THIN}mm",
                reading=f"{read}, {visit.reading_id}",
            )
        )
    return tuple(lines)


def _laid_lines(course: Course) -> tuple[LaidLine, ...]:
    def number(value: float | None, unit: str) -> str:
        return NO_VALUE if value is None else f"{mm(value)}{THIN}{unit}"

    return tuple(
        LaidLine(
            bone=_capital(bone_words(BoneKey(one.bone, one.side), course.side)),
            visit=one.visit + 1,
            cells=(
                NO_VALUE
                if one.mean_surface_distance_mm is None
                else f"{one.mean_surface_distance_mm:.2f}{THIN}mm",
                NO_VALUE if one.overlap is None else f"{one.overlap:.2f}",
                number(one.rotation_deg, "°"),
                number(one.translation_mm, "mm"),
            ),
            accepted=one.accepted,
            reason=as_sentence(one.reason),
        )
        for one in course.registration
    )


def _unchanged(bones: Sequence[BoneCourse], side: Side) -> str:
    """Bones without edema, and those of which nothing can be said."""
    told = ""
    for words, compared in (("No edema at any visit", True), ("Not compared", False)):
        names = [
            bone_words(BoneKey(b.bone, b.side), side)
            for b in bones
            if (b.log_ratio is not None) == compared
        ]
        if names:
            listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
            told += f" {words}: {listed}."
    return told.strip()


def _volume(volume_mm3: float | None) -> str:
    if volume_mm3 is None:
        return NO_VALUE
    return ml(volume_mm3) if volume_mm3 > 0 else "none"


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    return f"{digits(low / MM3_PER_ML) if low >= 0.5 else '0'} to {ml(high)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

"""The words and numbers of the report, laid out from a reading: no files, no pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from marrowlight.anatomy.surface import SUBCHONDRAL_MM
from marrowlight.edema.detection import detection_limits
from marrowlight.edema.measurement import Edge, Interval, IntervalKind, Lesion, Volumes
from marrowlight.reading import Reading, Region, SeriesReading
from marrowlight.report.amount import THIN, interval_of, ml, mm, mm3, percent, range_ml
from marrowlight.report.sentence import bone_name, finding, not_read_name, region_name
from marrowlight.study.series import Role

FIRST_LESIONS = 12
"""Rows of the lesion table that are always open; the rest unfolds."""

ROLES = {
    Role.STIR: "STIR",
    Role.T2_FS: "T2, fat-suppressed",
    Role.PD_FS: "PD, fat-suppressed",
    Role.DIXON_WATER: "Dixon, water",
    Role.GRE_FS: "Gradient echo, fat-suppressed",
    Role.T1: "T1",
    Role.T2: "T2",
    Role.PD: "PD",
    Role.CONTRAST: "Contrast-enhanced",
    Role.OTHER: "Other",
}
_EDGES = {Edge.SHARP: "sharp", Edge.ILL_DEFINED: "ill-defined", Edge.UNKNOWN: "–"}


@dataclass(frozen=True)
class Amounts:
    """The amounts of one bone, region or lesion, as text."""

    ml: str
    mm3: str
    reader: str
    repeat: str
    share: str
    cyst: str
    load: str
    expected: str


@dataclass(frozen=True)
class BoneRow:
    """One bone in the table of bones."""

    name: str
    amounts: Amounts
    lesions: int
    size: str
    confidence: str
    """Empty where the user gave the bones."""


@dataclass(frozen=True)
class LesionRow:
    """One lesion in the table of lesions; ``at`` is its centre in RAS mm."""

    id: str
    bone: str
    amounts: Amounts
    extent: str
    contrast: str
    edge: str
    surface: str
    subchondral: str
    cyst_share: str
    place: str
    at: tuple[float, float, float]


@dataclass(frozen=True)
class Strip:
    """A value and its intervals on one axis from 0, in per cent of the width."""

    value: float
    reader: tuple[float, float] | None
    repeat: tuple[float, float] | None
    end: str


@dataclass(frozen=True)
class RegionView:
    """One joint of one side."""

    name: str
    finding: str
    amounts: Amounts
    lesion_count: int
    bones: tuple[BoneRow, ...]
    first_lesions: tuple[LesionRow, ...]
    more_lesions: tuple[LesionRow, ...]
    more_ml: str
    strip: Strip | None
    limit: str
    evidence: str
    found: bool
    unlisted: str
    trusted: bool
    """Whether the network found the bones, so that each has a confidence."""
    not_read: tuple[tuple[str, str], ...]
    """Bones of the joint that were not read, and why."""


@dataclass(frozen=True)
class SeriesRow:
    """One series in the table of series read beside each other."""

    id: str
    role: str
    plane: str
    description: str
    grid: str
    primary: bool
    amounts: tuple[tuple[str, Amounts, int], ...]


def page_title(reading: Reading) -> str:
    """``Left knee``; of several regions, all of them: ``Left knee and right knee``."""
    names = [region_name(r.joint, r.side) for r in reading.regions] or ["No region"]
    return " and ".join([names[0], *(name[0].lower() + name[1:] for name in names[1:])])


def region_view(region: Region) -> RegionView:
    """One region as text."""
    edema = region.edema
    lesions = [_lesion_row(one, region) for one in edema.lesions]
    more = edema.lesions[FIRST_LESIONS:]
    return RegionView(
        name=region_name(region.joint, region.side),
        finding=_capital(finding(region)),
        amounts=amounts(edema, edema.bone_share),
        lesion_count=len(lesions),
        bones=tuple(
            BoneRow(
                _capital(bone_name(bone, region.side)),
                amounts(bone.edema, bone.edema.bone_share),
                len(bone.edema.lesions),
                ml(bone.volume_mm3),
                "" if bone.confidence is None else percent(bone.confidence),
            )
            for bone in region.bones
        ),
        first_lesions=tuple(lesions[:FIRST_LESIONS]),
        more_lesions=tuple(lesions[FIRST_LESIONS:]),
        more_ml=ml(sum(one.volume_mm3 for one in more)),
        strip=_strip(edema),
        limit=mm3(edema.smallest_counted_mm3)
        if edema.smallest_counted_mm3 >= 9.95
        else f"{mm(edema.smallest_counted_mm3)}{THIN}mm³",
        evidence="; ".join((*region.joint_evidence, *region.side_evidence)),
        found=edema.volume_mm3 > 0,
        unlisted=ml(edema.unlisted_volume_mm3) if edema.unlisted_volume_mm3 >= 0.5 else "",
        trusted=any(bone.confidence is not None for bone in region.bones),
        not_read=tuple(
            (not_read_name(one, region.side), as_sentence(one.reason)) for one in region.not_read
        ),
    )


def amounts(volumes: Volumes, share: float | None) -> Amounts:
    """The amounts of a measurement as text; a dash is not measured."""
    return Amounts(
        ml=ml(volumes.volume_mm3) if volumes.volume_mm3 else "none",
        mm3=mm3(volumes.volume_mm3) if volumes.volume_mm3 else "",
        reader=range_ml(volumes, IntervalKind.READER_AGREEMENT),
        repeat=range_ml(volumes, IntervalKind.REPEATABILITY),
        share=percent(share),
        cyst=ml(volumes.cyst_volume_mm3) if volumes.cyst_volume_mm3 else "none",
        load="–" if volumes.load_mm3 is None else ml(volumes.load_mm3),
        expected="–" if volumes.expected_volume_mm3 is None else ml(volumes.expected_volume_mm3),
    )


def series_rows(series: Sequence[SeriesReading]) -> tuple[SeriesRow, ...]:
    """The series that edema was read on, the primary one first."""
    ordered = sorted(series, key=lambda one: not one.primary)
    return tuple(
        SeriesRow(
            id=one.id,
            role=ROLES[one.role],
            plane=one.plane.value,
            description=one.description,
            grid=grid_text(one.shape, one.spacing_mm),
            primary=one.primary,
            amounts=tuple(
                (
                    region_name(r.joint, r.side),
                    amounts(r.edema, r.edema.bone_share),
                    len(r.edema.lesions),
                )
                for r in one.regions
            ),
        )
        for one in ordered
    )


def bases(reading: Reading) -> tuple[tuple[str, str], ...]:
    """What each kind of interval was derived from, in the words of the reading."""
    words = {
        IntervalKind.READER_AGREEMENT: "Another reader would draw",
        IntervalKind.REPEATABILITY: "The same measurement again would give",
    }
    out: dict[IntervalKind, str] = {}
    for region in reading.regions:
        for one in region.edema.intervals:
            out.setdefault(one.kind, f"{percent(one.level)} interval. {one.basis}")
    return tuple((words[kind], text) for kind, text in out.items())


def detection_text(reading: Reading) -> str:
    """How small a lesion is still found, where the finder was at work."""
    if all(region.edema.detection_limit_mm3 is None for region in reading.regions):
        return ""
    stated, *_ = limits = detection_limits()
    small, large = (pick(one.mm3 for one in limits) for pick in (min, max))
    return (
        f"On phantom knees, 95 of 100 lesions of {mm3(stated.mm3)} were found when water stood in "
        f"place of {percent(stated.strength)} of the marrow; from {mm3(small)} to {mm3(large)} "
        "with other strengths and noise. On patients this was not measured."
    )


def grid_text(shape: tuple[int, int, int], spacing: tuple[float, float, float] | None) -> str:
    """``336 × 336 × 23 voxels of 0.60 × 0.60 × 3.30 mm``."""
    voxels = " × ".join(map(str, shape))
    if spacing is None:
        return f"{voxels} voxels"
    return f"{voxels} voxels of {' × '.join(f'{s:.2f}' for s in spacing)}{THIN}mm"


def place_text(ras: tuple[float, float, float]) -> str:
    """A place in words of the scanner: ``R 12 A 34 S 5``."""
    names = (("R", "L"), ("A", "P"), ("S", "I"))
    return " ".join(
        f"{pair[value < 0]}{THIN}{abs(value):.0f}" for value, pair in zip(ras, names, strict=True)
    )


def as_sentence(text: str) -> str:
    """With a capital first and a full stop last."""
    text = _capital(text.strip())
    return text if not text or text[-1] in ".!?" else f"{text}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lesion_row(lesion: Lesion, region: Region) -> LesionRow:
    names = {(b.bone, b.side): bone_name(b, region.side) for b in region.bones}
    name = names.get((lesion.bone, lesion.side), lesion.bone)
    size = lesion.extent_mm
    if lesion.contacts_surface:
        surface = "touches it"
    elif lesion.distance_to_surface_mm is None:
        surface = "–"
    else:
        surface = f"{mm(lesion.distance_to_surface_mm)}{THIN}mm away"
    return LesionRow(
        id=lesion.id,
        bone=_capital(name),
        amounts=amounts(lesion, lesion.bone_share),
        extent=" × ".join(
            mm(v) for v in (size.right_left, size.anterior_posterior, size.superior_inferior)
        ),
        contrast="–" if lesion.contrast is None else f"{lesion.contrast:.1f}",
        edge=_EDGES[lesion.edge],
        surface=surface,
        subchondral=""
        if lesion.subchondral_share is None
        else f"{percent(lesion.subchondral_share)} within {SUBCHONDRAL_MM:g}{THIN}mm",
        cyst_share=percent(lesion.cyst_share) if lesion.cyst_share else "none",
        place=place_text(lesion.centroid_ras_mm),
        at=lesion.centroid_ras_mm,
    )


def _strip(volumes: Volumes) -> Strip | None:
    reader = interval_of(volumes, IntervalKind.READER_AGREEMENT)
    repeat = interval_of(volumes, IntervalKind.REPEATABILITY)
    highs = [one.high_mm3 for one in (reader, repeat) if one is not None]
    end = max([volumes.volume_mm3, *highs]) * 1.04
    if not highs or end <= 0:
        return None

    def part(one: Interval | None) -> tuple[float, float] | None:
        if one is None:
            return None
        return round(100 * one.low_mm3 / end, 2), round(100 * (one.high_mm3 - one.low_mm3) / end, 2)

    return Strip(round(100 * volumes.volume_mm3 / end, 2), part(reader), part(repeat), ml(end))
